"""The room's page in a browser, as a person uses it: all that the tests know of its elements is here."""
import process
from webdriver import ENTER

LINE, NAME, WRONG, DOOR, TOGGLE, PEOPLE = "#line", "#name", "#wrong", "#door", "#toggle", "#people"
# Counts the WebSockets that the page opens: one, while it notices nothing.
COUNTED = """
    window.sockets = 0;
    window.WebSocket = class extends WebSocket { constructor(...given) { super(...given); window.sockets++; } };
"""


class Page:
    def __init__(self, browser, url):
        self.browser = browser
        browser.command("Page.addScriptToEvaluateOnNewDocument", source=COUNTED)
        browser.open(url)

    def ask_name(self):
        """Waits for the dialog that asks for one's name."""
        self.until("return document.querySelector(arguments[0]).checkVisibility()", NAME)

    def enter(self, name):
        self.ask_name()
        self.browser.run("document.querySelector(arguments[0]).select()", NAME)
        self.browser.type(NAME, name + ENTER)

    def login(self, name):
        self.enter(name)
        self.until("return !document.querySelector(arguments[0]).open", DOOR)
        self.sees(name) # has come
        return self

    def refused(self, sentence):
        """By the dialog, which stays."""
        self.until("return document.querySelector(arguments[0]).innerText.includes(arguments[1])", WRONG, sentence)

    def door_says(self, sentence):
        """The dialog of a visit's end."""
        self.until("""
            const door = document.querySelector(arguments[0]);
            return door.open && door.innerText.includes(arguments[1])""", DOOR, sentence)

    def until(self, script, *arguments):
        """Waits until the script returns true."""
        process.until(lambda: self.browser.run(script, *arguments),
                      lambda: f"never: {script} {arguments}\n{self.text()}")

    def say(self, text):
        self.browser.type(LINE, text + ENTER)

    def typed(self):
        return self.browser.run("return document.querySelector(arguments[0]).value", LINE)

    def rows(self):
        """The log's entries in order: [text, whether it is a private line]."""
        return self.browser.run("""
            return [...document.querySelectorAll("[role=log] #rows .row")].map(row =>
                [row.innerText.replace(/\\s+/g, " ").trim(), row.classList.contains("msg")])""")

    def lines(self):
        return [text for text, _ in self.rows()]

    def text(self):
        return "\n".join(self.lines())

    def sees(self, text, seconds=process.PATIENCE):
        """Waits for an entry with this text, which is returned."""
        return process.until(lambda: [line for line in self.lines() if text in line],
                             lambda: f"the page does not show {text!r}, but\n{self.text()}", seconds)[0]

    def is_private(self, text):
        return [private for line, private in self.rows() if text in line] == [True]

    def links(self):
        return self.browser.run("""
            return [...document.querySelectorAll("[role=log] a")].map(a => [a.innerText, a.href, a.rel, a.target])""")

    def people(self, *names):
        """Waits until the list of people is this."""
        self.until("""
            return [...document.querySelectorAll("#names .name")].map(e => e.textContent).sort().join() ==
                [...arguments].sort().join()""", *names)

    def open_people(self):
        self.browser.click(TOGGLE)
        self.until("return document.querySelector(arguments[0]).checkVisibility({visibilityProperty: true})", PEOPLE)

    def sockets(self):
        return self.browser.run("return window.sockets")
