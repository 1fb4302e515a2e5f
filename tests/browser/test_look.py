"""The page is looked at by axe-core, which finds what keeps people out; pictures of it are left in .build/browser/."""
import os

import axe
import page
import room
import scene

PICTURES = os.path.join(room.PROJECT, ".build/browser")
WIDE, NARROW = (1100, 720), (360, 740)
TALK = {"en": [("ann", "Has anybody seen the new terminal?"), ("bob", "Which one?"),
               ("ann", "https://example.org/terminal"), ("黛西", "大家好! 我也在看。"),
               ("bob", "Hello 黛西. Nice to see you here."), ("ann", "/me pours some tea")],
        "zh": [("小明", "大家晚上好!"), ("黛西", "你好, 今天忙吗?"), ("小明", "还好。明天去爬山, 一起吗?"),
               ("bob", "Count me in!"), ("黛西", "几点出发? 早上七点可以吗?"), ("小明", "/me 泡了一壶茶")]}


class Look(scene.Scene):
    def scene(self, language):
        self.room = self.server(language=language)
        telnets = {}
        for name, line in TALK[language]:
            if name not in telnets:
                telnets[name] = self.telnet(self.room)
                telnets[name].type(f"login {name}")
            telnets[name].type(line)
            telnets[name].sees(f"* {name} {line[4:]}" if line.startswith("/me ") else f"{name}: {line}")
        browser = self.browser(language={"en": "en-US", "zh": "zh-CN"}[language])
        browser.screen(*WIDE)
        browser.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
        self.page = page.Page(browser, self.room.page)
        return browser, telnets

    def shows(self, name):
        """A picture; and nothing serious is wrong with it."""
        self.page.browser.picture(f"{PICTURES}/{name}.png")
        with self.subTest(name):
            faults = axe.faults(self.page.browser)
            self.assertEqual(faults, [], "\n".join(faults))

    def everywhere(self, name):
        browser = self.page.browser
        for scheme in "light", "dark":
            browser.media(prefers_color_scheme=scheme, prefers_reduced_motion="reduce")
            browser.screen(*WIDE)
            self.shows(f"{name}-wide-{scheme}")
            browser.screen(*NARROW, phone=True)
            self.shows(f"{name}-narrow-{scheme}")
            width, held = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
            self.assertLessEqual(width, held, "it is wider than a phone")

    def test_english(self):
        browser, telnets = self.scene("en")
        self.page.ask_name()
        self.everywhere("name")
        browser.screen(*WIDE)
        self.page.login("carol")
        self.page.say("What a pleasant room.")
        telnets["bob"].type("/msg carol Welcome! Just for you.")
        self.page.sees("Just for you.")
        self.page.say("/msg nobody hello")
        self.page.sees("nobody")
        self.everywhere("talk")
        self.page.open_people()
        self.shows("people-narrow-dark")
        browser.media(prefers_color_scheme="light", prefers_reduced_motion="reduce")
        self.shows("people-narrow-light")

    def test_chinese(self):
        self.scene("zh")
        self.page.ask_name()
        self.shows("chinese-name")
        self.page.login("小红")
        self.page.say("我来了!")
        self.page.sees("我来了!")
        self.everywhere("chinese")
        self.assertEqual(self.page.browser.run("return document.documentElement.lang.slice(0, 2)"), "zh")
