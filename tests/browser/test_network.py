"""Networks go, workers die, the server is upgraded and resized, and the page goes on."""
import re
import time

import page
import process
import room
import scene

AWAY = 10  # seconds
RETURN = 30  # within which a page has found its way back


class Network(scene.Scene):
    def speech(self, telnet):
        """What was said, in the room's order; `telnet` listens, and has typed nothing that looks like it."""
        return [text for text in re.findall(r"^\w+: (.*)$", telnet.text(), re.M)]

    def saw(self, person, wanted):
        """Each of these lines once, in this order."""
        lines = person.lines()
        places = {text: [i for i, line in enumerate(lines) if text in line] for text in wanted}
        self.assertEqual([text for text in wanted if len(places[text]) != 1], [], "\n".join(lines))
        self.assertEqual(sorted(wanted, key=lambda text: places[text]), wanted, "\n".join(lines))

    def test_ten_seconds_without_a_network(self):
        """Of one browser the connection is cut and others are refused.  Two find that they are offline; before, one's
        connection goes silent, and of the other only what the server answers is lost.  Meanwhile each says a line, the
        last one that the server has taken; others talk, and the workers of all are killed."""
        server = self.server()
        ear, tess = self.telnet(server).login("ear"), self.telnet(server).login("tess")
        wires = {name: self.wire(server) for name in ("cut", "silent", "unanswered")}
        people = {name: self.person(name, wire.url) for name, wire in wires.items()}
        tess.type("before all")
        for person in people.values():
            person.sees("before all")
        start = time.monotonic()
        wires["cut"].cut()
        wires["silent"].silence(room.Wire.UP, room.Wire.DOWN)
        wires["unanswered"].silence(room.Wire.DOWN)
        for name, person in people.items():
            person.say(f"first of {name}")
        ear.sees("unanswered: first of unanswered")
        for name in "silent", "unanswered":
            people[name].browser.network(False)
        for name, person in people.items():
            person.say(f"second of {name}")
            tess.type(f"/msg {name} for {name} alone")
            server.kill_worker_of(name)
            tess.type(f"the worker of {name} is dead")
        for second in range(AWAY):
            tess.type(f"second {second} without them")
            ear.sees(f"tess: second {second} without them")
            process.until(lambda: time.monotonic() >= start + second + 1, "the clock stands still")
        self.assertNotIn("second of", ear.text())
        for name, person in people.items():
            wires[name].mend()
            person.browser.network(True)
        for name in people:
            process.until(lambda: f"{name}: second of {name}\n" in ear.text(), ear.text, RETURN)
        tess.type("after all")
        ear.sees("tess: after all")
        for name, person in people.items():
            person.sees("after all", RETURN)
            self.saw(person, self.speech(ear))
            self.saw(person, [f"for {name} alone"])
            self.assertEqual(re.findall(rf"^{name}.*", ear.text(), re.M), [
                f"{name} has entered the room.", f"{name}: first of {name}", f"{name}: second of {name}"])

    def test_an_upgrade_and_a_resize(self):
        server = self.server()
        tess, anna = self.telnet(server).login("tess"), self.person("anna", server.page)
        before = anna.lines()
        said = []
        for change in (server.upgrade, lambda: server.reload(workers="5"), lambda: server.reload(workers="1"),
                       lambda: server.kill_worker(0), server.upgrade):
            tess.type(f"before change {len(said)}")
            change()
            anna.say(f"after change {len(said)}")
            said += [f"before change {len(said)}", f"after change {len(said)}"]
            tess.sees("anna: " + said[-1])
            anna.sees(said[-1])
        self.saw(anna, said)
        self.assertEqual(len(anna.lines()), len(before) + len(said), "\n".join(anna.lines()))
        self.assertEqual(anna.sockets(), 1, "it has connected again")

    def test_a_restart(self):
        """The server ends and begins anew, and knows nobody: the page comes back under its name by itself."""
        server = self.server()
        anna = self.person("anna", server.page)
        anna.say("before the restart")
        anna.sees("before the restart")
        server.restart()
        tess = self.telnet(server).login("tess")
        anna.say("after the restart")
        process.until(lambda: "anna: after the restart\n" in tess.text(), tess.text, RETURN)
        anna.sees("after the restart")
        anna.people("anna", "tess")
        self.saw(anna, ["before the restart", "after the restart"])
