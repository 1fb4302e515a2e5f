"""What is typed: while an input method composes, too long, and what would be code if it were no text."""
import page
import scene


class Input(scene.Scene):
    def setUp(self):
        self.room = self.server()
        self.anna = self.person("anna", self.room.page)
        self.tess = self.telnet(self.room).login("tess")

    def key(self, key, code):
        for kind in "rawKeyDown", "keyUp":
            self.anna.browser.command("Input.dispatchKeyEvent", type=kind, key=key, code=key,
                                      windowsVirtualKeyCode=code)

    def test_enter_while_composing_does_not_send(self):
        browser = self.anna.browser
        browser.click(page.LINE)
        browser.command("Input.imeSetComposition", text="ni hao", selectionStart=6, selectionEnd=6)
        self.key("Enter", 13)
        self.key("Enter", 229)
        self.assertIn("ni hao", self.anna.typed())
        browser.command("Input.insertText", text="你好") # the input method's choice
        self.key("Enter", 229) # as Safari sends the key that ended it: no longer composing
        self.assertEqual(self.anna.typed(), "你好")
        self.key("Enter", 13)
        self.tess.sees("anna: 你好")
        self.anna.sees("你好")
        self.assertEqual(self.anna.typed(), "")
        self.assertEqual((self.tess.text().count("anna: "), self.anna.text().count("ni hao")), (1, 0))

    def test_a_line_that_is_too_long(self):
        """It is refused with a sentence, and is not lost."""
        line = "x" * 1100
        self.anna.browser.click(page.LINE)
        self.anna.browser.command("Input.insertText", text=line)
        self.key("Enter", 13)
        self.anna.sees("That line is too long.")
        self.assertEqual(self.anna.typed(), line)
        self.anna.browser.run("document.querySelector(arguments[0]).value = ''", page.LINE)
        self.anna.say("after it")
        self.tess.sees("anna: after it")
        self.assertNotIn("xxxx", self.tess.text())

    def test_lines_are_text(self):
        """Whatever it looks like; but a link of http or https can be clicked."""
        self.tess.type('<img src=x onerror="window.bad = 1"> javascript:alert(1) https://example.org/?a=1&b=2.')
        self.anna.sees("javascript:alert(1)")
        url = "https://example.org/?a=1&b=2"
        self.assertEqual(self.anna.links(), [[url, url, "noopener noreferrer", "_blank"]])
        self.assertFalse(self.anna.browser.run("return window.bad || document.querySelector('[role=log] img')"))
