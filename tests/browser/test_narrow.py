"""The page on a phone."""
import page
import scene

NARROW, WIDE = (360, 740), (1100, 720)
FOCUSED = "return document.activeElement.closest(arguments[0]) !== null"


class Narrow(scene.Scene):
    def setUp(self):
        self.browser_ = self.browser()
        self.browser_.screen(*NARROW, phone=True)
        self.page = page.Page(self.browser_, self.server().page).login("ann")

    def test_what_lies_under_the_people_is_out_of_reach(self):
        run = self.browser_.run
        self.page.open_people()
        self.assertTrue(run(FOCUSED, page.PEOPLE))
        for under in page.LINE, "#send", page.TOGGLE:
            self.assertFalse(run("document.querySelector(arguments[0]).focus();" + FOCUSED, under))
        self.browser_.screen(*WIDE)  # turned: nothing lies over it
        self.page.until("document.querySelector(arguments[0]).focus();" + FOCUSED, page.LINE)
        self.page.say("still here")
        self.page.sees("still here")

    def test_what_one_does_is_one_row(self):
        self.page.say("/me waves")
        self.page.sees("waves")
        height, line = self.browser_.run("""
            const text = document.querySelector(".me .text");
            return [text.offsetTop - text.parentElement.offsetTop, parseFloat(getComputedStyle(text).lineHeight)]""")
        self.assertLess(height, line, "its mark has a row of its own")
