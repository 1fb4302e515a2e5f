"""No page of another site speaks in the room through its visitor's browser, whatever it sends to whichever port."""
import re

import process
import scene
from elsewhere import SAID

NAME = "evil.test"
RESOLVES = f"--host-resolver-rules=MAP {NAME} 127.0.0.1"


class Origin(scene.Scene):
    def attack(self, server, browser, host):
        """From a page of that host, to each port, and to one where what is sent can be seen."""
        site, target = self.site(), self.site()
        for script in "attack", "attack_from_nowhere":
            browser.open(f"http://{host}:{site.port}/")
            start, heard = len(server.said()), len(target.heard)
            ports = server.telnet, server.web, server.metrics, target.port
            seen = browser.run(f"return {script}(arguments[0])", [f"{host}:{port}" for port in ports])
            for port, outcomes in zip(ports[:-1], seen):
                self.assertNotIn("open", outcomes, f"a WebSocket of {host} to port {port} was opened")
                self.assertNotIn("late", outcomes, f"port {port} leaves some without an answer: {outcomes}")
            # What the page has no answer to (a beacon, a form) may be on its way still.
            process.until(lambda: self.reached(target.heard[heard:]), lambda: target.heard[heard:])
            process.until(lambda: server.said()[start:].count("it speaks HTTP") >= 8, "few came to telnet's port")

    def reached(self, made):
        return (sum(SAID in body.replace("+", " ") for *_, body in made) >= 7
                and sum(upgrade == "websocket" for _, _, upgrade, _ in made) >= 2)

    def nothing_is_said(self, server, telnet):
        """What telnet shows is its own line alone.  (An open room announces a connection that says nothing for a
        second, and browsers open some ahead.)"""
        start = len(telnet.text())
        for host in "127.0.0.1", "localhost", NAME:
            with self.subTest(host):
                self.attack(server, self.browser(RESOLVES), host)
        telnet.type("end")
        process.until(lambda: telnet.text()[start:].count("end\n") == 2, telnet.text)
        seen = re.sub(r"127\.0\.0\.1 has (entered|left) the room\.\n", "", telnet.text()[start:])
        self.assertEqual(set(seen.split("\n")) - {"end", "ann: end", ""}, set())

    def test_in_a_room_with_names(self):
        server = self.server()
        self.nothing_is_said(server, self.telnet(server).login("ann"))

    def test_in_an_open_room(self):
        server = self.server(login="no")
        telnet = self.telnet(server)
        telnet.sees("Welcome to Chatroom")
        telnet.type("first")
        process.until(lambda: telnet.text().count("first\n") == 2, telnet.text)
        self.nothing_is_said(server, telnet)

    def test_a_name_that_is_rebound(self):
        """The page is of another site at the room's very port, whose name then leads to the room."""
        server, site = self.server(), self.site()
        telnet, browser = self.telnet(server).login("ann"), self.browser(RESOLVES)
        browser.open(f"http://{NAME}:{site.port}/")
        start = len(telnet.text())
        site.close()
        server.reload(web=[f"127.0.0.1:{server.web}", f"127.0.0.1:{site.port}"])
        seen = browser.run("""
            return Promise.all([fetch("/").then(answer => answer.status), fetch("/chat").then(answer => answer.status),
                fetch("/", {method: "POST", body: said}).then(answer => answer.status),
                socket(`ws://${location.host}/chat`)])""")
        self.assertEqual(seen, [421, 421, 400, "closed"])
        telnet.type("end")
        telnet.sees("ann: end")
        self.assertEqual(telnet.text()[start:], "end\nann: end\n")
