"""scripts/bench machines: one room over two machines, here two servers over one redis-server, all on
the same cores.

  machines-window   so many lines on their way that the pace is set by the last receiver: `local` is one
                    server without a relay, `far` two servers, and a line is over when the far one's
                    people have it, too
  machines-open     half of that many lines a second, 10,000 at most: the time to people here, and to people there
  machines-here     people of one server alone, `alone`, and of one that has a relay, `relayed`, with
                    nobody on the far one: what the relay costs those who are here.  CPU is that of
                    the server's other processes"""
import contextlib
import socket
import time

import process
from generator import Generator, Trouble, figures
from systems import SYSTEMS, ChatroomLogin

PEOPLE = 16     # of each machine: few, so that the way between the machines is what is measured
WINDOW = 1024   # lines on their way
SPEAKERS = 4
NODES = "chatroom:nodes"


class Machine(ChatroomLogin):
    """One of the machines of a room."""

    def __init__(self, node, engine):
        self.name, self.node, self.engine = f"chatroom-{node}", node, engine

    def command(self, folder, port, workers, clients, **settings):
        command = super().command(folder, port, workers, clients, **settings)
        with open(command[-1], "a") as f:
            f.write(f"node = {self.node}\nrelay = redis://127.0.0.1:{self.engine}\n")
        return command


class Pair:
    """Two machines over an engine of their own: `near`, where the speakers are, and `far`; a server as
    Generator needs it.  people_far: whether half of the clients are there."""

    def __init__(self, bench, clients, workers, people_far):
        def start(system):
            return stack.enter_context(system.start(bench.folder, bench.all_cores, workers, clients))

        with contextlib.ExitStack() as stack:
            self.engine = start(SYSTEMS["redis"])
            self.near, self.far = (start(Machine(node, self.engine.port)) for node in ("near", "far"))
            self._linked(2)
            self._stack = stack.pop_all()
        self.system, self.port = self.near.system, self.near.port
        self.far_port = self.far.port if people_far else None
        self.out, self.into = (process.named(s.pids, "relay") for s in (self.near, self.far))
        self.pids = [p for p in self.near.pids if p not in self.out]
        self.beside = self.out + self.far.pids + self.engine.pids

    def _linked(self, machines, patience=10):
        """Both are in the room when both are among the engine's nodes."""
        deadline = time.monotonic() + patience
        with socket.create_connection(("127.0.0.1", self.engine.port), patience) as s:
            while time.monotonic() < deadline:
                s.sendall(f"HLEN {NODES}\r\n".encode())
                if s.recv(64) == f":{machines}\r\n".encode():
                    return
                time.sleep(0.05)
        raise RuntimeError(f"the machines found no way to each other in {patience} s")

    def cpu(self):
        """Seconds that were spent between them: by the near relay, the far relay, the engine."""
        return [process.cpu_seconds(p) for p in (self.out, self.into, self.engine.pids)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._stack.close()


def _speak(bench, generator, mode, pair=None, **settings):
    """A sample of one run.  pair: what was spent between the machines is in it, in us a line."""
    before = pair.cpu() if pair else []
    answer = generator.run(seconds=bench.seconds, bytes=bench.bytes,
                           **{"speakers": SPEAKERS, **settings})
    spent = [(b - a) * 1e6 / max(answer["lines"], 1) for a, b in zip(before, pair.cpu() if pair else [])]
    return {"mode": mode, **figures(answer),
            **dict(zip(("relay_out_us", "relay_in_us", "engine_us"), spent))}


def _alone(bench, clients):
    return SYSTEMS["chatroom-login"].start(bench.folder, bench.all_cores, _workers(bench), clients)


def _workers(bench):
    return max(len(bench.all_cores) // 2, 1)


def _local(bench):
    with _alone(bench, PEOPLE) as server, \
            Generator(server, bench.all_cores, PEOPLE, SPEAKERS) as generator:
        generator.connect()
        generator.run(seconds=0.5, window=WINDOW, speakers=SPEAKERS)
        yield _speak(bench, generator, "machines-window", window=WINDOW)


def _far(bench):
    with Pair(bench, 2 * PEOPLE, _workers(bench), people_far=True) as pair, \
            Generator(pair, bench.all_cores, 2 * PEOPLE, SPEAKERS) as generator:
        generator.connect()
        generator.run(seconds=0.5, window=WINDOW, speakers=SPEAKERS)
        full = _speak(bench, generator, "machines-window", pair, window=WINDOW)
        yield full
        rate = min(full["lines_s"], 20000) / 2  # 20,000 is what is asked of two cores
        half = _speak(bench, generator, "machines-open", pair, rate=f"{rate:.1f}")
        yield {**half, "rate": rate, "far_more": half["far_p99"] - half["near_p99"]}


def _here(bench, relayed):
    with (Pair(bench, bench.clients, _workers(bench), people_far=False) if relayed
          else _alone(bench, bench.clients)) as server, \
            Generator(server, bench.all_cores, bench.clients, SPEAKERS) as generator:
        generator.connect()
        generator.run(seconds=0.5, window=4, speakers=SPEAKERS)
        pair = server if relayed else None
        yield _speak(bench, generator, "machines-here-one", pair, speakers=1)
        yield _speak(bench, generator, "machines-here-window", pair, window=64)


def run(bench, round_number):
    """One round; whichever is first changes from round to round."""
    parts = [("local", PEOPLE, lambda: _local(bench)), ("far", 2 * PEOPLE, lambda: _far(bench)),
             ("alone", bench.clients, lambda: _here(bench, False)),
             ("relayed", bench.clients, lambda: _here(bench, True))]
    if round_number % 2:
        parts = [parts[k] for k in (1, 0, 3, 2)]
    for name, clients, samples in parts:
        try:
            for sample in samples():
                bench.add({"system": name, "clients": clients, "workers": _workers(bench), **sample})
        except (Trouble, RuntimeError, OSError, ValueError) as trouble:
            bench.trouble(f"machines, {name}: {trouble}")


# ---- the report's part ----

TITLES = {
    "machines-window": f"two machines, {WINDOW} lines in flight; ratios to one machine alone",
    "machines-open": "two machines, half of that many lines a second, 10,000 at most",
    "machines-here-one": "people of one machine, one line at a time; ratios to it without a relay",
    "machines-here-window": "people of one machine, 64 lines in flight; ratios to it without a relay",
}
SPENT = [("out us/line", 11, "relay_out_us", 1, 2, False), ("in us/line", 10, "relay_in_us", 1, 2, False),
         ("engine", 7, "engine_us", 1, 2, False)]
COLUMNS = {
    "machines-window": [("lines/s", 10, "lines_s", 1, 0, True)] + SPENT,
    "machines-open": [("lines/s", 10, "lines_s", 1, 0, False), ("here p50 ms", 11, "near_p50", 1e-3, 2, False),
                      ("p99", 8, "near_p99", 1e-3, 2, False), ("there p50", 9, "far_p50", 1e-3, 2, False),
                      ("p99", 8, "far_p99", 1e-3, 2, False)] + SPENT,
}
for _mode in ("machines-here-one", "machines-here-window"):
    COLUMNS[_mode] = [("deliveries/s", 12, "deliveries_s", 1, 0, True), ("CPU us/dlv", 10, "cpu_us", 1, 3, True),
                      ("p99 ms", 8, "receiver_p99", 1e-3, 2, True)] + SPENT


def peer(mode):
    """What the figures of a mode are compared with."""
    return "alone" if mode.startswith("machines-here") else "local"


def bars(bar, value, ratio, samples):
    """bar, value, ratio: report's, the samples are passed on."""
    local = value(samples, "machines-window", "local", "lines_s")
    if local:
        bar("two machines: lines/s that reach the far one",
            value(samples, "machines-window", "far", "lines_s"), ">=", min(20000, 0.9 * local))
        bar("two machines: that x local", ratio(samples, "machines-window", "far", "lines_s"), None, None)
    more = value(samples, "machines-open", "far", "far_more")
    bar("two machines, half load: p99 there is later by ms", more and more / 1e3, "<=", 2)
    for figure, what in (("relay_out_us", "near"), ("relay_in_us", "far")):
        bar(f"two machines: CPU of the {what} relay, us a line",
            value(samples, "machines-window", "far", figure), "<=", 5)
    for mode, what in (("machines-here-one", "one line at a time"), ("machines-here-window", "64 in flight")):
        bar(f"people here, {what}: CPU/delivery x without a relay",
            ratio(samples, mode, "relayed", "cpu_us"), "<=", 1.05)
