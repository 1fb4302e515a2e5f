"""What is measured.  Each mode yields samples: flat dictionaries with `mode`, `system`, `round`,
`clients`, `workers` and figures.  Rounds are paired: within one round the systems follow each other
directly, and a ratio is only ever taken to the bare limit of the same round."""
import sys
import time

import against
import machines
import process
from generator import Generator, Trouble, figures
from systems import KINDS, SYSTEMS


def _session(bench, name, clients, workers, cores, work, **settings):
    """Starts the system, gives `work(server)` its samples; trouble is reported and leaves a gap."""
    system = SYSTEMS.get(name) or KINDS[name]
    clients = min(clients, system.most)
    base = {"system": name, "clients": clients, "workers": 1 if system.single else workers}
    try:
        with system.start(bench.folder, cores, workers, clients, **settings) as server:
            for sample in work(server, clients):
                bench.add({**base, **sample})
    except (Trouble, RuntimeError, OSError, ValueError) as trouble:
        bench.trouble(f"{name}, {clients} clients: {trouble}")


def _order(systems, round_number):
    """Bare and ours take turns in being first; so do the two builds and the control."""
    if "before" in systems:
        first = round_number % len(systems)
        return systems[first:] + systems[:first]
    if round_number % 2 and len(systems) > 1:
        return [systems[1], systems[0]] + systems[2:]
    return systems


def talk(bench, parts, round_number):
    """`one`: a line at a time.  `window`: 64 lines in flight of 4 speakers.  `open`: lines at fixed
    times, at half of the bare limit's saturation, or of the system's own if that is less."""

    def work(server, clients):
        seconds = bench.seconds
        with Generator(server, bench.generator_cores, clients) as generator:
            generator.connect()
            memory = process.pss_bytes(server.pids)
            generator.run(seconds=0.3, window=4, speakers=4)
            if "one" in parts:
                answer = generator.run(seconds=seconds, bytes=bench.bytes)
                yield {"mode": "one", "pss": memory, **figures(answer)}
            if "window" in parts or "open" in parts:
                long = max(seconds, 5) if "window" in parts and not bench.quick else seconds
                answer = generator.run(seconds=long, window=64, speakers=4, bytes=bench.bytes)
                full = figures(answer)
                if "window" in parts:
                    yield {"mode": "window", "pss": memory, **full}
            if "open" in parts:
                if server.system.name == "bare" and not bench.rate:
                    bench.rate = full["lines_s"] / 2
                rate = min(full["lines_s"] / 2, bench.rate or full["lines_s"])
                if server.system.name.startswith("chatroom") and bench.rate:
                    rate = bench.rate
                answer = generator.run(seconds=seconds, rate=f"{rate:.1f}", speakers=4,
                                       bytes=bench.bytes)
                yield {"mode": "open", "pss": memory, "rate": rate, **figures(answer)}

    for name in _order([n for n in bench.systems if n not in WEB_ALONE], round_number):
        _session(bench, name, bench.clients, bench.workers, bench.server_cores, work)


WEB_ALONE = ("node-ws", "bare-web", "chatroom-web")  # systems that serve nothing but browsers


def _web_systems(bench):
    """Those that were named, and the likes of those that were named."""
    names = [n if n in WEB_ALONE else SYSTEMS[n].web for n in bench.systems if n in SYSTEMS]
    return list(dict.fromkeys(n for n in names if n))


def web(bench, round_number):
    """Browsers, logged in: a line at a time, and 64 in flight."""

    def work(server, clients):
        with Generator(server, bench.generator_cores, clients) as generator:
            generator.connect()
            memory = process.pss_bytes(server.pids)
            generator.run(seconds=0.3, window=4, speakers=4)
            for mode, settings in (("web-one", {}), ("web-window", {"window": 64, "speakers": 4})):
                answer = generator.run(seconds=bench.seconds, bytes=bench.bytes, **settings)
                yield {"mode": mode, "pss": memory, **figures(answer)}

    for name in _order(_web_systems(bench), round_number):
        _session(bench, name, bench.clients, bench.workers, bench.server_cores, work)


def _ours(bench, login):
    """Modes that ask what a client costs compare the bare limit and ourselves."""
    name = "chatroom-login" if login else "chatroom"
    wanted = [n for n in bench.systems if n in ("bare", "chatroom", "chatroom-login")]
    return ["bare"] * ("bare" in wanted) + [name] * (len(wanted) > ("bare" in wanted))


WARM_LINES = 150000  # more than the ledger has entries, and more bytes than a ring


def _warm(bench, server):
    """Writes every ring round once, so that its pages are not charged to the clients that follow."""
    with Generator(server, bench.generator_cores, 8) as generator:
        generator.connect()
        lines, deadline = 0, time.monotonic() + 30
        while lines < WARM_LINES:
            if time.monotonic() > deadline:
                raise Trouble(f"only {lines} lines in 30 s of warming the rings")
            lines += generator.run(seconds=0.5, window=256, speakers=4, bytes=64)["lines"]
        generator.run(seconds=0.5, window=256, speakers=4, bytes=900)
    time.sleep(0.5)


def _memory(server):
    """Bytes of the server's processes (those touched; shared and private ones of them), of shared
    memory reserved, and of the kernel."""
    return {"user_bytes": process.pss_bytes(server.pids),
            "shared_bytes": process.pss_bytes(server.pids, "Pss_Shmem"),
            "private_bytes": process.pss_bytes(server.pids, "Pss_Anon"),
            "reserved_bytes": process.reserved_bytes(), "kernel_bytes": process.kernel_bytes()}


def idle(bench, round_number):
    """Memory and wake-ups of clients that are logged in and send nothing; browsers answer pings."""

    def work(server, clients):
        _warm(bench, server)
        memory = _memory(server)
        with Generator(server, bench.generator_cores, clients) as generator:
            accept, login = generator.connect()
            time.sleep(1)  # the handshakes' buffers are freed
            grown = {k: (v - memory[k]) / clients for k, v in _memory(server).items()}
            before, cpu = process.wakeups(server.pids), process.cpu_seconds(server.pids)
            span = 3 if bench.quick else 10
            time.sleep(span)
            after = process.wakeups(server.pids)
            yield {"mode": "idle", **grown,
                   "wakeups_s": max(after[p] - before[p] for p in after) / span,
                   "idle_cpu": (process.cpu_seconds(server.pids) - cpu) / span,
                   "accept_s": accept["seconds"], "login_s": login["seconds"],
                   "stolen": login["stolen"], "others": login["others"]}

    web_ours = [n for n in _web_systems(bench) if n == "chatroom-web"]
    for name in _order(_ours(bench, login=True) + web_ours, round_number):
        _session(bench, name, bench.idle_clients, bench.workers, bench.server_cores, work,
                 announce_max=1000)


def scale(bench, round_number):
    """The same at growing numbers of clients: accepting, memory, cost of a line."""

    def work(server, clients):
        _warm(bench, server)
        user, kernel = process.pss_bytes(server.pids), process.kernel_bytes()
        with Generator(server, bench.generator_cores, clients) as generator:
            accept, login = generator.connect()
            time.sleep(0.5)
            grown = process.pss_bytes(server.pids) - user
            grown_kernel = process.kernel_bytes() - kernel
            generator.run(seconds=0.3)
            answer = generator.run(seconds=bench.seconds, bytes=bench.bytes)
            yield {"mode": "scale", "accepts_s": clients / accept["seconds"],
                   "accept_cpu_us": accept["cpu"] * 1e6 / clients,
                   "logins_s": clients / login["seconds"],
                   "user_bytes": grown / clients, "kernel_bytes": grown_kernel / clients,
                   **figures(answer)}

    for clients in bench.sizes:
        for name in _order(_ours(bench, login=True), round_number):
            _session(bench, name, clients, bench.workers, bench.server_cores, work)


def workers(bench, round_number):
    """One worker on one core, then two on two."""
    if len(bench.server_cores) < 2:
        bench.trouble("workers: only one core for the server, left out")
        return

    def work(server, clients):
        with Generator(server, bench.generator_cores, clients) as generator:
            generator.connect()
            generator.run(seconds=0.3, window=4, speakers=4)
            for mode, settings in (("workers-one", {}),
                                   ("workers-window", {"window": 64, "speakers": 4})):
                answer = generator.run(seconds=bench.seconds, bytes=bench.bytes, **settings)
                yield {"mode": mode, **figures(answer)}

    for name in _order(_ours(bench, login=False), round_number):
        for count in (1, 2):
            _session(bench, name, bench.clients, count, bench.server_cores[:count], work)


KINDS_CLIENTS = 500  # more long half-typed lines at once than these need more descriptors


def kinds(bench, round_number):
    """Receivers with times, with somebody ignored, with a half-typed line, beside direct ones."""

    def work(server, clients):
        with Generator(server, bench.generator_cores, clients) as generator:
            generator.connect()
            generator.run(seconds=0.3, window=4, speakers=4)
            for mode, settings in (("kinds-one", {}),
                                   ("kinds-window", {"window": 64, "speakers": 4})):
                answer = generator.run(seconds=bench.seconds, bytes=bench.bytes, **settings)
                yield {"mode": mode, **figures(answer)}

    names = list(KINDS)
    first = round_number % len(names)
    for name in names[first:] + names[:first]:
        _session(bench, name, min(bench.clients, KINDS_CLIENTS), bench.workers,
                 bench.server_cores, work)


def run(bench, part, rounds):
    for number in range(rounds):
        bench.round = number
        if part & {"one", "window", "open"}:
            talk(bench, part, number)
        if "publish" in part:
            against.publish(bench, bench.against)
        for mode in (web, idle, scale, workers, kinds):
            if mode.__name__ in part:
                mode(bench, number)
        if "machines" in part:
            machines.run(bench, number)
        sys.stdout.flush()
