"""People who talk, and judge what they hear."""
import base64
import collections
import json
import os
import re
import selectors
import socket
import struct
import time

from checked import PATIENCE, check


class Person:
    """By telnet, in line mode.  What it hears: ("said", WHO, TEXT), ("came", WHO) or ("told", TEXT)."""

    def __init__(self, name, address):
        self.name, self.rest = name, b""
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.enter()

    def send(self, data):
        try:
            sent = self.socket.send(data)
        except ConnectionError:
            sent = -1
        check(sent == len(data), f"{self.name} was disconnected, or is not read from")

    def enter(self):
        self.send(b"login %s\r\n" % self.name.encode())

    def say(self, text):
        self.send(b"%s\r\n" % text.encode())

    def hear(self):
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        check(data, lambda: f"{self.name} was disconnected")
        self.rest += data
        return list(self.words())

    def words(self):
        *lines, self.rest = self.rest.split(b"\n")
        for line in lines:
            line = line.decode().rstrip("\r")
            speech = re.match(r"(p\d+): (.*)", line)
            if speech:
                yield "said", speech[1], speech[2]
            elif line.endswith(" has entered the room."):
                yield "came", line.split(" ")[0]
            elif line.endswith(" has left the room.") or line.startswith("*** ") and " earlier line" not in line:
                yield "told", line


class Browser(Person):
    """By WebSocket."""

    def enter(self):
        self.frames = False  # behind the head of the answer
        self.send(b"GET /chat HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" % base64.b64encode(os.urandom(16)))

    def frame(self, opcode, payload):
        mask = os.urandom(4)
        check(len(payload) < 126, "a long frame")
        self.send(bytes([0x80 | opcode, 0x80 | len(payload)]) + mask +
                  bytes(b ^ mask[i % 4] for i, b in enumerate(payload)))

    def do(self, what, **more):
        self.frame(1, json.dumps({"do": what, **more}).encode())

    def say(self, text):
        self.do("say", text=text)

    def next_frame(self):
        """The opcode and payload of a frame that has come whole, or None."""
        if len(self.rest) < 2:
            return None
        head, n = 2, self.rest[1]
        if n == 126:
            head, n = 4, struct.unpack("!H", self.rest[2:4])[0] if len(self.rest) >= 4 else 65536
        check(n != 127, f"{self.name} was sent a frame of more than 64K")
        if len(self.rest) < head + n:
            return None
        opcode, payload = self.rest[0] & 15, self.rest[head:head + n]
        self.rest = self.rest[head + n:]
        return opcode, payload

    def words(self):
        if not self.frames:
            head, end, rest = self.rest.partition(b"\r\n\r\n")
            if not end:
                return
            check(head.startswith(b"HTTP/1.1 101"), f"{self.name} was answered: {head.decode()}")
            self.frames, self.rest = True, rest
        while frame := self.next_frame():
            opcode, payload = frame
            if opcode == 9:
                self.frame(10, payload)
            elif opcode == 1:
                yield from self.event(json.loads(payload))
            else:
                yield "told", f"frame {opcode}: {payload}"

    def event(self, event):
        if event["ev"] == "hello":
            self.do("login", name=self.name)
        elif event["ev"] == "say":
            yield "said", event["who"], event["text"]
        elif event["ev"] == "join":
            yield "came", event["who"]
        elif event["ev"] in ("leave", "sys", "error", "skipped", "dropped"):
            yield "told", json.dumps(event)


class People:
    """They say `rate` lines a second together.  A line is its speaker's next number.  What a person hears is judged when it
    comes: all hear the same lines in the same order, a speaker's without a gap, and none twice.  The end of a
    connection, or a word of the server's own, fails the test."""

    def __init__(self, count, address, browsers=0, web=None, rate=100):
        self.rate, self.select = rate, selectors.DefaultSelector()
        self.order, self.spoken = [], collections.Counter()  # what was heard by at least one, and a speaker's lines in it
        self.last, self.said = 0, collections.Counter()  # what was said
        self.greeted, self.everyone = set(), []
        self.silence, self.last_heard = 0.0, time.monotonic()  # the longest that nobody heard a line
        for i in range(count):
            p = Browser(f"p{i}", web) if i < browsers else Person(f"p{i}", address)
            p.heard = 0
            self.everyone.append(p)
            self.select.register(p.socket, selectors.EVENT_READ, p)
        self.until(lambda: len(self.greeted) == count, "not all could log in")

    # ---- hearing ----

    def judge(self, p, speech):
        if p.heard == len(self.order):
            who, number = speech
            self.spoken[who] += 1
            check(number == str(self.spoken[who]),
                  f"{p.name} heard {who}'s line {number} instead of {self.spoken[who]}")
            self.order.append(speech)
            now = time.monotonic()
            self.silence, self.last_heard = max(self.silence, now - self.last_heard), now
        check(self.order[p.heard] == speech,
              lambda: f"{p.name} heard {speech} where others heard {self.order[p.heard]}")
        p.heard += 1

    def read(self, seconds):
        for key, _ in self.select.select(seconds):
            p = key.data
            for what, *more in p.hear():
                check(what != "told", lambda: f"{p.name} was told: {more[0]}")
                if what == "said":
                    self.judge(p, tuple(more))
                elif more[0] == p.name:
                    self.greeted.add(p.name)

    def until(self, true, why):
        """Listens, and says nothing."""
        end = time.monotonic() + PATIENCE
        while not true():
            check(time.monotonic() < end, why)
            self.read(0.1)

    def missing(self):
        """Of the lines that were said, the number that not everybody has heard."""
        return self.last - min(p.heard for p in self.everyone)

    def listen(self):
        """Until everybody has heard everything."""
        self.until(lambda: self.missing() == 0, lambda: f"{self.missing()} lines were not heard by everybody")
        check(self.spoken == self.said, "other lines were heard than said")

    def pause_ends(self):
        """The time in which nobody spoke is no silence of the server's."""
        self.last_heard = time.monotonic()

    # ---- speaking ----

    def say(self):
        p = self.everyone[self.last % len(self.everyone)]
        self.last += 1
        self.said[p.name] += 1
        p.say(str(self.said[p.name]))

    def talk_until(self, true, why, seconds=PATIENCE):
        """Looks at true() some hundred times a second."""
        start, first = time.monotonic(), self.last
        while not true():
            now = time.monotonic() - start
            check(now < seconds, why)
            while self.last - first < now * self.rate:
                self.say()
            self.read(0.005)

    def talk(self, seconds):
        end = time.monotonic() + seconds
        self.talk_until(lambda: time.monotonic() >= end, "")

    def talk_while(self, root, command):
        """While the command runs in the root, and for at least a second; then everybody has heard everything."""
        process, end = root.begin(command), time.monotonic() + 1
        self.talk_until(lambda: process.poll() is not None and time.monotonic() > end, f"{command}: does not end")
        self.listen()
        return root.end(process, command)

    def leave(self):
        for p in self.everyone:
            p.socket.close()
