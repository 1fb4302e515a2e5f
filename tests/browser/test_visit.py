"""How visits end, and what a page does while nobody looks at it."""
import process
import page
import scene


class Visit(scene.Scene):
    def setUp(self):
        self.room = self.server()
        self.tess = self.telnet(self.room).login("tess")
        self.anna = self.person("anna", self.room.page)

    def test_quit(self):
        self.anna.say("/quit")
        self.tess.sees("anna has left the room.")
        self.anna.ask_name()
        self.assertEqual(self.anna.sockets(), 1, "it comes back unasked")
        self.anna.login("bert")
        self.tess.sees("bert has entered the room.")

    def test_kicked(self):
        """The reason is shown, and the page comes back only when it is told to."""
        self.room.control("kick", "anna", "be kind")
        self.tess.sees("anna was asked to leave.")
        self.anna.door_says("be kind")
        self.assertEqual(self.anna.sockets(), 1, "it comes back unasked")
        self.anna.login("anna")
        self.tess.sees("anna has entered the room.")

    def test_another_tab(self):
        """A duplicated tab takes the place over, without a going and a coming; the first does not fight for it."""
        browser = self.anna.browser
        first = browser.tabs()[-1]
        browser.run("window.open(location.href)")
        second = process.until(lambda: set(browser.tabs()) - {first}, "there is no second tab").pop()
        self.anna.door_says("another tab")
        self.assertEqual(self.anna.sockets(), 1)
        browser.tab(second)
        self.anna.say("from the second tab")
        self.tess.sees("anna: from the second tab")
        self.assertNotIn("anna has left", self.tess.text())

    def test_lines_while_nobody_looks(self):
        """Another tab lies over the page: its title counts what is said, and a mark stands before the first line."""
        browser = self.anna.browser
        first = browser.tabs()[-1]
        browser.tab()
        for line in "one", "two", "three":
            self.tess.type(line)
        process.until(lambda: "(3) Chatroom" in browser.titles(), lambda: f"titles: {browser.titles()}")
        browser.tab(first)
        self.anna.until("return document.title == 'Chatroom'")
        self.anna.until("return document.querySelector('#mark').nextElementSibling.innerText.includes('one')")

    def test_read_aloud(self):
        """New lines are put into one small live region: what is said while it is little, else how much it is."""
        self.tess.type("listen")
        self.anna.until("return document.querySelector('#aloud').textContent == 'tess listen'")
        for line in range(30):
            self.tess.type(f"line {line}")
        self.anna.until("return /^\\d+ new lines$/.test(document.querySelector('#aloud').textContent)")
        self.anna.until("return document.querySelector('[role=log]').getAttribute('aria-live') == 'off'")

    def test_names_are_completed(self):
        self.anna.people("anna", "tess")
        self.anna.browser.type(page.LINE, "/msg te\ue004hello\ue007")
        self.tess.sees("[anna] hello")

    def test_scrolled_up(self):
        """The page stays where one reads, says how many lines came below, and goes there by a click."""
        for line in range(60):
            self.tess.type(f"line {line}")
        self.anna.sees("line 59")
        self.anna.browser.run("document.querySelector('[role=log]').scrollTop = 0")
        self.anna.until("return document.querySelector('#jump').checkVisibility()")
        self.tess.type("far below")
        self.anna.sees("far below")
        self.assertEqual(self.anna.browser.run("return document.querySelector('[role=log]').scrollTop"), 0)
        self.anna.until("return document.querySelector('#jump').innerText.includes('1')")
        self.anna.browser.click("#jump")
        self.anna.until("const log = document.querySelector('[role=log]');"
                        "return log.scrollTop + log.clientHeight > log.scrollHeight - 5")


class Open(scene.Scene):
    def test_a_room_without_names(self):
        server = self.server(login="no")
        guest = page.Page(self.browser(), server.page)
        guest.until("return !document.querySelector(arguments[0]).open", page.DOOR)
        telnet = self.telnet(server)
        telnet.sees("Welcome to Chatroom")
        telnet.type("from telnet")
        guest.sees("from telnet")
        guest.say("from a page")
        telnet.sees("from a page")
        guest.sees("from a page")
