"""The servers that are compared: how each is installed, configured, started and spoken to.

Adding a server is adding a class and its row in SYSTEMS."""
import os
import shutil
import socket
import subprocess
import time

import process


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class System:
    """A server to start.  `protocol` is the generator's; `most` the clients it can hold;
    `package` the Debian package of `program`; `web` names its like that serves browsers."""

    name = program = package = protocol = web = None
    most = 10**9
    single = False  # it has one thread, whatever `workers` says

    def available(self):
        return shutil.which(self.program) is not None

    def needs(self):
        """What scripts/install-deps is to install."""
        return [f"{self.program}:{self.package}"] if self.package else []

    def command(self, folder, port, workers, clients, **settings):
        raise NotImplementedError

    def start(self, folder, cores, workers, clients, **settings):
        return Server(self, folder, cores, workers, clients, settings)


class Server:
    """A running System, pinned to `cores`; in a `with` block, ended at its end."""

    def __init__(self, system, folder, cores, workers, clients, settings):
        os.makedirs(folder, exist_ok=True)
        self.system, self.log = system, os.path.join(folder, system.name + ".log")
        self.port = free_port()
        command = system.command(folder, self.port, workers, clients, **settings)
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["taskset", "-c", ",".join(map(str, cores))] + command,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            self._wait_ready()
        except Exception:
            process.session_end(self.process)
            raise
        self.pids = process.session_pids(self.process.pid)

    def _wait_ready(self, patience=10):
        """It is ready when its port answers; the connection is closed at once."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                time.sleep(0.2)  # it closes that connection, and all its processes have started
                return
            except OSError:
                time.sleep(0.02)
        with open(self.log, errors="replace") as log:
            raise RuntimeError(f"{self.system.name} did not start: {log.read()[-500:].strip()}")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        process.session_end(self.process)


class Bare(System):
    name, program, protocol, web = "bare", ".build/bench/bare", "open", "bare-web"
    speaks = "-g"

    def command(self, folder, port, workers, clients, **settings):
        return [os.path.abspath(self.program), self.speaks, "-w", str(workers), "-p", str(port)]


class BareWeb(Bare):
    """It sends frames of the form and length that ours have."""

    name, protocol, web, speaks = "bare-web", "web", None, "-f"


class Chatroom(System):
    """Our open room: a line goes to everyone exactly as typed."""

    name, protocol, login, web = "chatroom", "guest", "no", "chatroom-web"
    program = os.environ.get("CHATROOM_MASTER", "./chatroom-master")

    def command(self, folder, port, workers, clients, announce_max=1, room_for=1,
                **settings):
        path = os.path.join(folder, self.name + ".conf")
        with open(path, "w") as f:
            f.write(f"{self.listen(port)}workers = {workers}\nlogin = {self.login}\n"
                    f"max_clients = {room_for * clients + 64}\nannounce_max = {announce_max}\n"
                    "history = 0\nflood_rate = 0\nconnect_rate = 0\nlogin_timeout = 0\n")
        return [os.path.abspath(self.program), "-c", path]

    def listen(self, port):
        return f"listen = 127.0.0.1:{port}\n"


class ChatroomLogin(Chatroom):
    name, protocol, login, web = "chatroom-login", "login", "yes", None


class ChatroomWeb(ChatroomLogin):
    """Browsers, logged in; telnet has an address too, because ours always has."""

    name, protocol = "chatroom-web", "web"

    def listen(self, port):
        return f"listen = 127.0.0.1:0\nweb = 127.0.0.1:{port}\n"


class ChatroomKind(ChatroomLogin):
    """The same, with receivers for which the server does more than send lines from its ring."""

    def __init__(self, kind):
        self.name, self.protocol = "direct" if kind == "login" else kind, kind

    def command(self, folder, port, workers, clients, **settings):
        # a long half-typed line takes a buffer, of the first quarter of max_clients / 8
        return super().command(folder, port, workers, clients, room_for=36, **settings)


class NodeWs(System):
    """Node's `ws` as Debian packages it; nodejs of another origin does not look there by itself."""

    name = web = "node-ws"
    program, package, protocol, single = "nodejs", "nodejs", "web", True
    modules = "/usr/share/nodejs"

    def available(self):
        return super().available() and os.path.exists(self.modules + "/ws")

    def needs(self):
        return super().needs() + [f"{self.modules}/ws:node-ws"]

    def command(self, folder, port, workers, clients, **settings):
        return ["env", "NODE_PATH=" + self.modules, self.program,
                os.path.abspath("tests/bench/node-ws.js"), str(port)]


class Redis(System):
    name, program, package, protocol, single = "redis", "redis-server", "redis-server", "resp", True

    def command(self, folder, port, workers, clients, **settings):
        return [self.program, "--bind", "127.0.0.1", "--port", str(port), "--save", "",
                "--appendonly", "no", "--maxclients", str(clients + 64), "--dir", folder,
                "--client-output-buffer-limit", "pubsub 0 0 0"]


class Nats(System):
    name, program, package, protocol = "nats", "nats-server", "nats-server", "nats"

    def command(self, folder, port, workers, clients, **settings):
        path = os.path.join(folder, "nats.conf")
        with open(path, "w") as f:
            f.write(f'listen: "127.0.0.1:{port}"\nmax_connections: {clients + 64}\n'
                    'ping_interval: "1h"\nwrite_deadline: "60s"\n')
        return [self.program, "-c", path]


class Ngircd(System):
    name, program, package, protocol, single = "ngircd", "ngircd", "ngircd", "irc", True

    def available(self):
        return os.path.exists("/usr/sbin/ngircd") or super().available()

    def command(self, folder, port, workers, clients, **settings):
        path = os.path.abspath(os.path.join(folder, "ngircd.conf"))
        with open(path, "w") as f:
            f.write("[Global]\nName = bench.localhost\nListen = 127.0.0.1\n"
                    f"Ports = {port}\nServerUID = nobody\nServerGID = nogroup\n"
                    "[Limits]\nMaxConnections = 0\nMaxConnectionsIP = 0\nMaxJoins = 0\n"
                    "MaxPenaltyTime = 0\nPingTimeout = 3600\nPongTimeout = 3600\n"
                    "[Options]\nDNS = no\nIdent = no\nPAM = no\n")
        return [shutil.which(self.program) or "/usr/sbin/ngircd", "-n", "-f", path]


class Ncat(System):
    name, program, package, protocol, single = "ncat", "ncat", "ncat", "ncat", True
    most = 900  # it waits with select()

    def command(self, folder, port, workers, clients, **settings):
        return [self.program, "-l", "--chat", "-m", "2000", "127.0.0.1", str(port)]


SYSTEMS = {s.name: s for s in
           (Bare(), BareWeb(), Chatroom(), ChatroomLogin(), ChatroomWeb(), Redis(), Nats(), Ngircd(),
            Ncat(), NodeWs())}
KINDS = {s.name: s for s in map(ChatroomKind, (
    "login", "stamps", "ignore", "keys", "keys-60", "keys-1000"))}


def install(names):
    """Installs the Debian packages of those that are missing, without starting their services."""
    missing = [SYSTEMS[n] for n in names if SYSTEMS[n].needs() and not SYSTEMS[n].available()]
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not missing or root and not shutil.which("sudo"):
        return
    print("bench: installing", *(system.name for system in missing), flush=True)
    script = ("p=/usr/sbin/policy-rc.d; if [ ! -e $p ]; then"
              " printf '#!/bin/sh\\nexit 101\\n' >$p; chmod +x $p; trap 'rm -f $p' EXIT; fi;"
              " sh scripts/install-deps "
              + " ".join(need for system in missing for need in system.needs()))
    subprocess.run(root + ["sh", "-c", script], stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def ready_to_run(names):
    """Those of the names that can be started here; says which can't."""
    able = [n for n in names if SYSTEMS[n].available()]
    for n in names:
        if n not in able:
            print(f"bench: {n} is left out: {SYSTEMS[n].program} is not here", flush=True)
    return able
