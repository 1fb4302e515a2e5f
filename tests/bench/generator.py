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
    """`server.far_port`, where there is one: the upper half of the clients are on that other server.
    `server.beside`: processes that work for the run and are not the server's."""

    def __init__(self, server, cores, clients, speakers=4):
        self.server, self.clients = server, clients
        self.beside, far = getattr(server, "beside", []), getattr(server, "far_port", None)
        children = max(len(cores), -(-clients // PER_CHILD))
        if clients < children * speakers:
            children = 1
        if far:
            children += children % 2
        self.process = subprocess.Popen(
            [GENERATOR, "-t", server.system.protocol, "-p", str(server.port), "-n", str(clients),
             "-s", str(speakers), "-j", str(children), "-c", ",".join(map(str, cores))]
            + (["-f", str(far)] if far else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            start_new_session=True)
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
        """The answer, with what happened meanwhile: `cpu`, seconds that the server spent; `stolen`
        and `others`, the shares of the machine that its host and other programs took."""
        own = process.session_pids(self.process.pid)
        machine = process.machine_seconds()
        own += self.beside
        cpu, cpu_own = process.cpu_seconds(self.server.pids), process.cpu_seconds(own)
        answer = self._answer(words, patience)
        answer["cpu"] = process.cpu_seconds(self.server.pids) - cpu
        cpu_own = process.cpu_seconds(own) - cpu_own
        stolen, busy, spent = (b - a for a, b in zip(machine, process.machine_seconds()))
        spent = max(spent, 1 / process.TICK)
        answer["stolen"] = stolen / spent
        answer["others"] = max(busy - answer["cpu"] - cpu_own, 0) / spent
        return answer

    def _answer(self, words, patience):
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
        return answer

    def connect(self):
        """Accept and login; answers of both.  Every client must have come through."""
        patience = 60 + self.clients / 200
        accept = self._ask("accept", patience)
        login = self._ask("login", patience)
        if login["closed"]:
            raise Trouble(f"{login['closed']} of {self.clients} clients were not let in")
        self._ask("habit", patience)
        return accept, login

    def run(self, **settings):
        words = " ".join(f"{k}={v}" for k, v in settings.items())
        return self._ask("run " + words, settings["seconds"] + 40)


def figures(answer):
    """What a run means, in the units of the table: per second, microseconds, sends."""
    deliveries = max(answer["deliveries"], 1)
    wrong = {k: answer[k] for k in ("lost", "gaps", "torn", "closed") if answer[k]}
    latencies = {k: v for k, v in answer.items() if k.startswith(("receiver_", "last_", "near_", "far_"))}
    return {"lines_s": answer["lines"] / answer["seconds"],
            "deliveries_s": answer["deliveries"] / answer["seconds"],
            "cpu_us": answer["cpu"] * 1e6 / deliveries,
            "sends": answer["segments"] / deliveries,
            "generator": answer["busiest"], "stolen": answer["stolen"],
            "others": answer["others"], "wrong": wrong, **latencies}
