"""scripts/bench: Chatroom beside the bare limit and other servers.

Runs each system in turn, several rounds, server and generator pinned to cores of their own, and
prints one table for each mode, then the bars.  With --against DIR it compares two builds of Chatroom
instead: each round runs the one of DIR, this one, and the one of DIR once more as a control.  A run
ends by itself, and ends all that it started."""
import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time

import against
import modes
import report
import systems

PARTS = ("one", "window", "open", "idle", "scale", "workers", "kinds", "web", "machines")
TALKERS = ["bare", "chatroom", "redis", "nats", "ngircd", "ncat", "node-ws"]


class Bench:
    """Settings of this run, and the samples in the order in which they are taken."""

    def __init__(self, options):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        cores = sorted(os.sched_getaffinity(0))[:4]
        self.all_cores, self.against = cores, options.against
        half = max(len(cores) // 2, 1)
        self.server_cores = options.server_cores or cores[:half]
        self.generator_cores = options.generator_cores or cores[half:] or cores
        self.quick, self.bytes, self.clients = options.quick, options.bytes, options.clients
        self.seconds = options.seconds or (1 if options.quick else 3)
        self.workers = options.workers or len(self.server_cores)
        self.idle_clients = min(3000 if options.quick else 15000, limit - 1000)
        sizes = options.sizes or ([1000, 5000] if options.quick else
                                  [1000, 5000, 10000, 19000, 100000])
        self.sizes = [n for n in sizes if n + 500 <= limit]
        self.systems, self.rate = [], 0
        self.folder = ".build/bench/run"
        self.round, self.samples, self.troubles = 0, [], []
        os.makedirs(self.folder, exist_ok=True)

    def add(self, sample):
        sample["round"] = self.round
        self.samples.append(sample)
        print(report.progress(sample), flush=True)
        if sample.get("wrong"):
            self.trouble(f"{sample['system']}, {sample['mode']}: {sample['wrong']}")

    def trouble(self, text):
        self.troubles.append(text)
        print(f"bench: {text}", flush=True)


def cores_list(text):
    return [int(core) for core in text.split(",")]


def options_parse():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__.split("\n\n")[1],
        epilog="CHATROOM_MASTER names our server's binary (./chatroom-master).")
    parser.add_argument("parts", nargs="*", metavar="PART", help=" ".join(PARTS) + " all (default)")
    parser.add_argument("--quick", action="store_true", help="about a minute: see that it works")
    parser.add_argument("--rounds", type=int, help="5; quick: 1")
    parser.add_argument("--systems", default=",".join(TALKERS),
                        help="of " + ",".join(systems.SYSTEMS))
    parser.add_argument("--against", metavar="DIR",
                        help="before against after: another checkout (its path from this one, or absolute), "
                        "whose server is built there; "
                        "parts: " + " ".join(against.PARTS))
    parser.add_argument("--clients", type=int, default=1000, help="in one, window, open, web, workers; in machines of those who are alone here")
    parser.add_argument("--sizes", type=cores_list, help="clients in scale: 1000,5000,...")
    parser.add_argument("--seconds", type=float, help="of a run; 3")
    parser.add_argument("--bytes", type=int, default=64, help="of a line")
    parser.add_argument("--workers", type=int, help="of the servers; one per core they have")
    parser.add_argument("--server-cores", type=cores_list)
    parser.add_argument("--generator-cores", type=cores_list)
    parser.add_argument("--json", help=".build/bench/results.json, or against.json")
    parser.add_argument("--svg", help=".build/bench/results.svg, or against.svg")
    options = parser.parse_args()
    known = against.PARTS if options.against else PARTS
    if not options.parts or "all" in options.parts:
        options.parts = known
    for part in options.parts:
        if part not in known:
            parser.error(f"no such part: {part}")
    for name in options.systems.split(","):
        if name not in systems.SYSTEMS:
            parser.error(f"no such system: {name}")
    if options.against and not os.path.exists(os.path.join(options.against, "Makefile")):
        parser.error(f"--against: no checkout in {options.against}")
    stem = ".build/bench/" + ("against" if options.against else "results")
    options.json, options.svg = options.json or stem + ".json", options.svg or stem + ".svg"
    return options


def systems_choose(options):
    """The names of the systems that this run compares, ready to be started."""
    if options.against:
        against.prepare(options.against, options.parts)
        return list(against.NAMES)
    wanted = options.systems.split(",")
    systems.install(wanted + ["redis"] * ("machines" in options.parts))
    return systems.ready_to_run(wanted)


def machine(bench):
    model = "unknown"
    with open("/proc/cpuinfo") as f:
        for line in f:
            if line.startswith("model name"):
                model = line.partition(":")[2].strip()
                break
    return {"cpu": model, "kernel": platform.release(), "server_cores": bench.server_cores,
            "generator_cores": bench.generator_cores, "workers": bench.workers,
            "descriptors": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
            "bytes": bench.bytes, "date": time.strftime("%Y-%m-%d")}


def main():
    options = options_parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that servers are ended
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))  # servers inherit it
    bench = Bench(options)
    bench.systems = systems_choose(options)
    try:
        modes.run(bench, set(options.parts), options.rounds or (1 if options.quick else 5))
    except KeyboardInterrupt:
        bench.trouble("interrupted: what follows is what there was until then")
    results = {"machine": machine(bench), "samples": bench.samples, "troubles": bench.troubles,
               "bars": report.bars(bench.samples)}
    print(against.text(results) if options.against else report.text(results))
    with open(options.json, "w") as f:
        json.dump(results, f, indent=1)
    subprocess.run([sys.executable, "scripts/bench-plot", options.json, options.svg])
    print(f"\nnumbers: {options.json}   plot: {options.svg}")
    return 1 if bench.troubles else 0


if __name__ == "__main__":
    sys.exit(main())
