"""The room that a test's browsers talk in: a server, people with GNU telnet, and the network between."""
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading

import process

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MASTER = os.environ.get("CHATROOM_MASTER", os.path.join(PROJECT, ".build/release/chatroom-master"))
ADDRESS = r"127\.0\.0\.1:(\d+)"


class Server:
    """A real one, in a folder of its own; an upgrade takes the binary that lies there."""

    def __init__(self, **settings):
        self.folder = tempfile.mkdtemp(prefix="chatroom-browser-")
        self.binary = shutil.copy(MASTER, self.folder)
        self.settings = {"listen": "127.0.0.1:0", "web": "127.0.0.1:0", "metrics": "127.0.0.1:0", "workers": "2",
                         "encoding": "gbk", "control": f"{self.folder}/control", **settings}
        self.start()

    def start(self):
        self.configure()
        self.process = process.Process([self.binary, "-c", f"{self.folder}/chatroom.conf"])
        self.said, self.logged = self.process.said, self.process.logged
        self.telnet = int(self.logged(r" ready: [^\n]*listening on " + ADDRESS)[1])
        self.web = int(self.logged(r" browsers: http://" + ADDRESS)[1])
        self.metrics = int(self.logged(r" metrics: http://" + ADDRESS)[1])
        self.page = f"http://127.0.0.1:{self.web}/"

    def restart(self):
        self.settings.update(listen=f"127.0.0.1:{self.telnet}", web=f"127.0.0.1:{self.web}")
        self.stop()
        self.start()

    def configure(self, **settings):
        self.settings.update(settings)
        with open(f"{self.folder}/chatroom.conf", "w") as conf:
            for key, values in self.settings.items():
                for value in values if isinstance(values, list) else [values]:
                    conf.write(f"{key} = {value}\n")

    def signal(self, number, answer):
        """Sends it, and waits for the line of the log that answers."""
        start = len(self.said())
        os.kill(self.process.pid, number)
        return self.logged(answer, start)

    def reload(self, **settings):
        self.configure(**settings)
        self.signal(signal.SIGHUP, " reloaded: ")

    def upgrade(self):
        self.signal(signal.SIGUSR2, " upgraded: ")

    def kill_worker(self, number):
        """It is replaced."""
        pid = re.findall(rf" worker {number}: pid (\d+)$", self.said(), re.M)[-1]
        start = len(self.said())
        os.kill(int(pid), signal.SIGKILL)
        self.logged(rf" worker {number}: pid \d+", start)

    def kill_worker_of(self, name):
        """The worker that let `name` in."""
        self.kill_worker(self.logged(rf" worker (\d+): client \S+ is {name}$")[1])

    def control(self, *command):
        tool = os.path.join(os.path.dirname(MASTER), "chatroom-ctl")
        subprocess.run([tool, "-s", self.settings["control"], *command], check=True, timeout=process.PATIENCE,
                       stdout=subprocess.DEVNULL)

    def stop(self):
        status = self.process.end()
        if status:
            raise AssertionError(f"the server's exit status is {status}:\n{self.said()}")

    def close(self):
        self.stop()
        shutil.rmtree(self.folder)


class Telnet:
    """GNU telnet on a terminal of its own, in GBK."""

    def __init__(self, port, charset="gbk"):
        self.charset, self.screen, self.at = charset, "", 0
        keyboard, terminal = os.openpty()
        self.keyboard = keyboard
        self.process = process.Group(["inetutils-telnet", "-E", "127.0.0.1", str(port)], terminal)
        os.close(terminal)
        self.bytes = bytearray()
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        try:
            while data := os.read(self.keyboard, 65536):
                self.bytes += data
        except OSError: # the program has ended
            pass

    def type(self, line):
        os.write(self.keyboard, (line + "\r").encode(self.charset))

    def text(self):
        return bytes(self.bytes).decode(self.charset, "replace").replace("\r\n", "\n")

    def sees(self, line):
        """A whole line, behind the one it saw last."""
        def found():
            text = self.text()
            place = re.compile(rf"^{re.escape(line)}$", re.M).search(text, self.at)
            if place:
                self.at = place.end()
            return place
        process.until(found, lambda: f"telnet does not show {line!r}, but\n{self.text()}")

    def login(self, name):
        self.sees('Use "login <nick>"')
        self.type(f"login {name}")
        self.sees(f"{name} has entered the room.")
        return self

    def close(self):
        self.process.end(signal.SIGKILL)
        self.reader.join()
        os.close(self.keyboard)


class Wire:
    """The network between a browser and the server.  cut(): its connections end.  silence(): what goes UP to the
    server, or DOWN from it, by the connections of now arrives nowhere any more, and neither side learns of it.  From
    either on new connections are refused, until mend()."""

    UP, DOWN = 0, 1

    def __init__(self, port):
        self.behind, self.refuses, self.pairs, self.silent = port, False, [], set()
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}/"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError: # closed
                return
            with self.lock:
                if self.refuses:
                    near.close()
                    continue
                pair = near, socket.create_connection(("127.0.0.1", self.behind))
                self.pairs.append(pair)
            for direction in self.UP, self.DOWN:
                threading.Thread(target=self.carry, args=(pair, direction), daemon=True).start()

    def carry(self, pair, direction):
        source, target = pair[direction], pair[1 - direction]
        try:
            while data := source.recv(65536):
                if (pair, direction) not in self.silent:
                    target.sendall(data)
            if (pair, direction) not in self.silent:
                target.shutdown(socket.SHUT_WR)
        except OSError:
            self.end(pair)

    @staticmethod
    def end(pair):
        for each in pair:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            self.refuses = True
            for pair in self.pairs:
                self.end(pair)

    def silence(self, *directions):
        with self.lock:
            self.refuses = True
            self.silent.update((pair, direction) for pair in self.pairs for direction in directions)

    def mend(self):
        self.refuses = False

    def close(self):
        self.cut()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for pair in self.pairs:
            for each in pair:
                each.close()
