"""A browser that a test drives: Debian's Chromium, by its chromedriver, which speaks the WebDriver protocol
(https://www.w3.org/TR/webdriver2/); what that lacks is asked for by Chromium's own commands
(https://chromedevtools.github.io/devtools-protocol/)."""
import base64
import http.client
import json
import os
import shutil
import tempfile

import process

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key of a reference to an element, by the standard
SECONDS = 60  # that an answer of the driver may take on a busy machine
ENTER = "\ue007"
# As root there is no sandbox; a container's /dev/shm may be small; nothing is asked of other machines.
ARGUMENTS = ["--headless=new", "--window-size=1100,860", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu",
             "--no-proxy-server", "--disable-component-update", "--disable-sync", "--no-first-run", "--mute-audio",
             "--hide-scrollbars", "--disable-breakpad", "--disable-crash-reporter"]


class Driver:
    """One chromedriver, and the browsers that it has started; one that is no longer used serves again."""

    def __init__(self):
        if not shutil.which("chromedriver"):
            raise RuntimeError("There is no chromedriver here (Debian: apt-get install chromium-driver).")
        self.folder = tempfile.mkdtemp(prefix="chatroom-browser-")
        # Chromium writes into its home, and asks a session's bus that is not there.
        environment = dict(os.environ, HOME=self.folder, TMPDIR=self.folder, DBUS_SESSION_BUS_ADDRESS="disabled:")
        self.process = process.Process(["chromedriver", "--port=0"], env=environment)
        self.port = int(self.process.logged(r"started successfully on port (\d+)")[1])
        self.browsers = []

    def browser(self, *arguments, language="en-US"):
        arguments = [f"--lang={language}", f"--accept-lang={language}", *arguments]
        for browser in self.browsers:
            if not browser.used and browser.arguments == arguments:
                browser.used = True
                return browser
        self.browsers.append(Browser(self.port, arguments))
        return self.browsers[-1]

    def close(self):
        for browser in self.browsers:
            browser.quit()
        self.process.end()
        shutil.rmtree(self.folder, ignore_errors=True)


class Browser:
    def __init__(self, port, arguments):
        self.arguments, self.used, self.session = arguments, True, "/session"
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": ARGUMENTS + arguments},
                  "goog:loggingPrefs": {"browser": "ALL"}, "unhandledPromptBehavior": "ignore"}
        self.session += "/" + self.ask("POST", "", capabilities={"alwaysMatch": wanted})["sessionId"]

    def ask(self, method, path, **parameters):
        body = json.dumps(parameters) if method == "POST" else None
        self.connection.request(method, self.session + path, body, {"Content-Type": "application/json"})
        value = json.load(self.connection.getresponse())["value"]
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{method} {path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def open(self, url):
        self.ask("POST", "/url", url=url)

    def run(self, script, *arguments):
        """The body of a function, and its arguments; a promise that it returns is waited for."""
        return self.ask("POST", "/execute/sync", script=script, args=list(arguments))

    def command(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", cmd=command, params=parameters)

    def find(self, css):
        return self.ask("POST", "/element", using="css selector", value=css)[ELEMENT]

    def click(self, css):
        """As a person does: fails where something lies over it."""
        self.ask("POST", f"/element/{self.find(css)}/click")

    def type(self, css, keys):
        self.ask("POST", f"/element/{self.find(css)}/value", text=keys)

    def picture(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def console(self):
        """What the page's console has shown since the last call: errors of scripts, refused loads."""
        return [entry["message"] for entry in self.ask("POST", "/se/log", type="browser")]

    def media(self, **features):
        """media(prefers_color_scheme="dark")"""
        self.command("Emulation.setEmulatedMedia", media="", features=[
            {"name": name.replace("_", "-"), "value": value} for name, value in features.items()])

    def screen(self, width, height, phone=False):
        self.command("Emulation.setDeviceMetricsOverride", width=width, height=height,
                     deviceScaleFactor=2 if phone else 1, mobile=phone)
        self.command("Emulation.setTouchEmulationEnabled", enabled=phone)

    def network(self, on):
        self.command("Network.emulateNetworkConditions", offline=not on, latency=0, downloadThroughput=-1,
                     uploadThroughput=-1)

    def tab(self, handle=None):
        """Goes on in that tab, or in a new one; returns its handle."""
        handle = handle or self.ask("POST", "/window/new", type="tab")["handle"]
        self.ask("POST", "/window", handle=handle)
        return handle

    def tabs(self):
        return self.ask("GET", "/window/handles")

    def titles(self):
        """Of all tabs, without looking at one."""
        targets = self.command("Target.getTargets")["targetInfos"]
        return [target["title"] for target in targets if target["type"] == "page"]

    def close(self):
        """Is as new, for the next test: what was set belonged to its tabs, what was stored to the server's port."""
        new, *old = [self.tab(), *self.tabs()]
        for handle in old:
            if handle != new:
                self.tab(handle)
                self.ask("DELETE", "/window")
        self.tab(new)
        self.used = False

    def quit(self):
        self.ask("DELETE", "")
        self.connection.close()
