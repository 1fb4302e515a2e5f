"""What each test with a browser begins with."""
import atexit
import functools
import unittest

import elsewhere
import page
import room
import webdriver


@functools.cache
def driver():
    one = webdriver.Driver()
    atexit.register(one.close)
    return one


class Scene(unittest.TestCase):
    """What a test opens is closed at its end, the last first."""

    longMessage = False

    def opened(self, thing):
        self.addCleanup(thing.close)
        return thing

    def server(self, **settings):
        return self.opened(room.Server(**settings))

    def telnet(self, server):
        return self.opened(room.Telnet(server.telnet))

    def wire(self, server):
        return self.opened(room.Wire(server.web))

    def site(self):
        return self.opened(elsewhere.Site())

    def browser(self, *arguments, **options):
        return self.opened(driver().browser(*arguments, **options))

    def person(self, name, url):
        return page.Page(self.browser(), url).login(name)
