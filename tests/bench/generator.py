"""The load generator as an object: commands in, results out, with the server's CPU time beside."""
import json
import selectors
import subprocess

import process

PER_CHILD = 9500  # clients of one generator process, well inside its descriptor limit
GENERATOR = ".build/bench/gen"


class Trouble(Exception):
    """The generator or the server did not do what the benchmark needs."""


class Generator:
    def __init__(self, server, cores, clients, speakers=4):
        self.server, self.clients = server, clients
        children = max(len(cores), -(-clients // PER_CHILD))
        if clients < children * speakers:
            children = 1
        self.process = subprocess.Popen(
            [GENERATOR, "-t", server.system.protocol, "-p", str(server.port), "-n", str(clients),
             "-s", str(speakers), "-j", str(children), "-c", ",".join(map(str, cores))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.answers = selectors.DefaultSelector()
        self.answers.register(self.process.stdout, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def _ask(self, words, patience):
        """The answer, with what happened meanwhile: `cpu`, seconds that the server spent, and
        `stolen`, the share of the machine's time that its host took away."""
        before, ticks = process.cpu_seconds(self.server.pids), process.machine_ticks()
        self.process.stdin.write(words + "\n")
        if not self.answers.select(patience):
            self.process.kill()
            raise Trouble(f"no answer to `{words}` in {patience:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            raise Trouble(f"the generator ended at `{words}`")
        answer = json.loads(line)
        if "error" in answer:
            raise Trouble(f"{words}: {answer['error']}")
        answer["cpu"] = process.cpu_seconds(self.server.pids) - before
        stolen, spent = (b - a for a, b in zip(ticks, process.machine_ticks()))
        answer["stolen"] = stolen / max(spent, 1)
        return answer

    def connect(self):
        """Accept and login; answers of both.  Every client must have come through."""
        patience = 60 + self.clients / 200
        accept = self._ask("accept", patience)
        login = self._ask("login", patience)
        if login["closed"]:
            raise Trouble(f"{login['closed']} of {self.clients} clients were not let in")
        return accept, login

    def run(self, **settings):
        words = " ".join(f"{k}={v}" for k, v in settings.items())
        return self._ask("run " + words, settings["seconds"] + 40)


def figures(answer):
    """What a run means, in the units of the table: per second, microseconds, sends."""
    deliveries = max(answer["deliveries"], 1)
    wrong = {k: answer[k] for k in ("lost", "gaps", "torn", "closed") if answer[k]}
    latencies = {k: v for k, v in answer.items() if k.startswith(("receiver_", "last_"))}
    return {"lines_s": answer["lines"] / answer["seconds"],
            "deliveries_s": answer["deliveries"] / answer["seconds"],
            "cpu_us": answer["cpu"] * 1e6 / deliveries,
            "sends": answer["segments"] / deliveries,
            "generator": answer["busiest"], "stolen": answer["stolen"], "wrong": wrong, **latencies}
