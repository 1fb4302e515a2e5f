"""One room over two machines: a browser on one, a telnet in GBK on the other."""
import os
import signal

import engine
import room
import scene

PICTURES = os.path.join(room.PROJECT, ".build/browser")


class Machines(scene.Scene):
    def setUp(self):
        engine_of_all = self.opened(engine.Engine())
        self.paris, self.london = [self.server(node=name, relay=engine_of_all.url) for name in ("paris", "london")]
        for server in self.paris, self.london:
            server.logged("relay: the link to .* is up")

    def test_across(self):
        anna = self.person("anna", self.paris.page)
        tess = self.telnet(self.london).login("黛西")
        anna.sees("黛西@london has entered the room.")
        anna.people("anna", "黛西@london")
        tess.type("你好, 巴黎")
        self.assertIn("黛西@london", anna.sees("你好, 巴黎"))
        anna.say("早上好, 伦敦!")
        tess.sees("anna@paris: 早上好, 伦敦!")
        tess.type("/msg anna@paris 悄悄话")
        tess.sees("[to anna@paris] 悄悄话")
        anna.sees("悄悄话")
        self.assertTrue(anna.is_private("悄悄话"), anna.text())
        anna.say("/msg 黛西@london 知道了")
        tess.sees("[anna@paris] 知道了")
        tess.type("/nick 小红")
        anna.people("anna", "小红@london")
        os.makedirs(PICTURES, exist_ok=True)
        anna.browser.picture(f"{PICTURES}/machines.png")
        self.paris.kill_worker_of("anna")
        tess.type("你还在吗?")
        anna.sees("你还在吗?")
        self.assertEqual(len([line for line in anna.lines() if "你还在吗?" in line]), 1)

    def test_a_machine_that_ends(self):
        """Its people are gone from the list; it comes back, and they are there again."""
        anna = self.person("anna", self.paris.page)
        self.telnet(self.london).login("tess")
        anna.people("anna", "tess@london")
        self.london.restart()
        anna.sees("london is out of reach")
        anna.people("anna")
        anna.sees("london is back")
        tess = self.telnet(self.london).login("tess")
        anna.people("anna", "tess@london")
        tess.type("again")
        anna.sees("again")

    def test_a_death_of_the_relay(self):
        anna = self.person("anna", self.paris.page)
        tess = self.telnet(self.london).login("tess")
        anna.people("anna", "tess@london")
        for server in self.paris, self.london:
            pid = int(server.logged(r" relay: pid (\d+)$")[1])
            start = len(server.said())
            os.kill(pid, signal.SIGKILL)
            server.logged(r"relay: the link to .* is up", start)
        anna.say("after that")
        tess.sees("anna@paris: after that")
        tess.type("and back")
        anna.sees("and back")
        anna.people("anna", "tess@london")
