"""A browser and a GNU telnet in GBK talk."""
import re

import page
import scene


class Talk(scene.Scene):
    def setUp(self):
        self.room = self.server()

    def test_with_a_telnet_in_gbk(self):
        anna = self.person("anna", self.room.page)
        tess = self.telnet(self.room).login("黛西")
        anna.sees("黛西 has entered the room.")
        anna.people("anna", "黛西")
        tess.type("你好, anna")
        anna.sees("你好, anna")
        anna.say("早上好! <b>1 & 2</b>")
        tess.sees("anna: 早上好! <b>1 & 2</b>")
        anna.sees("早上好! <b>1 & 2</b>")
        anna.say("/me 喝茶")
        tess.sees("* anna 喝茶")
        tess.type("/nick 小红")
        anna.sees("小红")
        anna.people("anna", "小红")
        tess.type("/quit")
        anna.sees("小红 has left the room.")
        anna.people("anna")

    def test_private_lines(self):
        """Of a private line others see nothing; it is plain that it is private."""
        anna, bert = [self.person(name, self.room.page) for name in ("anna", "bert")]
        tess = self.telnet(self.room).login("黛西")
        anna.say("/msg 黛西 悄悄话")
        tess.sees("[anna] 悄悄话")
        tess.type("/reply 知道了")
        tess.sees("[to anna] 知道了")
        for text in "悄悄话", "知道了":
            self.assertIn("黛西", anna.sees(text))
            self.assertTrue(anna.is_private(text), anna.text())
        anna.say("/msg nobody hello")
        anna.sees('There is no "nobody" here.')
        anna.say("to all")
        bert.sees("to all")
        self.assertFalse(bert.is_private("to all"))
        self.assertEqual([line for line in bert.lines() if "悄悄话" in line or "知道了" in line], [])

    def test_earlier_lines(self):
        tess = self.telnet(self.room).login("tess")
        for line in range(30):
            tess.type(f"earlier line {line}.")
        tess.sees("tess: earlier line 29.")
        anna = self.person("anna", self.room.page)
        anna.sees("earlier line 29.")
        seen = re.findall(r"earlier line (\d+)\.", anna.text())
        self.assertEqual(seen, [str(line) for line in range(10, 30)])

    def test_a_name_that_is_taken(self):
        self.telnet(self.room).login("anna")
        other = page.Page(self.browser(), self.room.page)
        other.enter("anna")
        other.refused("taken")
        other.enter("not a name")
        other.refused("name")
        other.login("bert")

    def test_its_name_is_remembered(self):
        """After the page is loaded again it is in the room by itself, without a coming and a going."""
        anna, tess = self.person("anna", self.room.page), self.telnet(self.room).login("tess")
        anna.browser.open(self.room.page)
        tess.type("welcome back")
        anna.sees("welcome back")
        anna.say("thank you")
        tess.sees("anna: thank you")
        self.assertNotIn("anna has", tess.text())
