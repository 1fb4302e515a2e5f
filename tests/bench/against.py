"""scripts/bench --against DIR: the Chatroom built in DIR, `before`, beside this one, `after`.

Each round runs before, after and before once more, `again`, directly one after the other, each with a
server of its own; which of the three is first changes from round to round.  A ratio is only taken
within a round.  again/before compares a program with itself, so its spread is the machine's own: a
difference between the builds that is no larger than that is not one.

Part `publish` does the same with the two builds' `micro`: nanoseconds to publish a line, with all that
is rendered for it.  Its bar is for what a further encoding may cost."""
import os
import re
import subprocess
from statistics import median

import report
from systems import SYSTEMS, Chatroom

NAMES = ("before", "after", "again")
PARTS = ("one", "window", "publish")
PUBLISH_MOST = 2.5  # times what it was
MICRO = re.compile(r"publish +(\d+) producers? +batches of +(\d+) +([0-9.]+) ns a line")
FIGURES = (("deliveries/s", "deliveries_s", 0), ("CPU us a delivery", "cpu_us", 3))


def prepare(directory, parts):
    """Builds DIR with its own Makefile and makes three systems of the two programs.  Raises
    CalledProcessError."""
    subprocess.run(["make", "-s", "-C", directory, "all"], check=True)
    if "publish" in parts:
        subprocess.run(["make", "-s", "-f", "tests/bench/bench.mk", "-C", directory,
                        "bench-programs"], check=True)
    other = os.path.join(directory, "chatroom-master")
    for name, program in zip(NAMES, (other, Chatroom.program, other)):
        system = Chatroom()
        system.name, system.program = name, program
        SYSTEMS[name] = system


def publish(bench, directory):
    """One round of `micro`; a sample for each of its lines."""
    for name in NAMES[bench.round % 3:] + NAMES[:bench.round % 3]:
        program = os.path.join("." if name == "after" else directory, ".build/bench/micro")
        said = subprocess.run(["taskset", "-c", ",".join(map(str, bench.all_cores)), program],
                              check=True, capture_output=True, text=True).stdout
        for producers, batch, ns in MICRO.findall(said):
            bench.add({"mode": f"publish {producers}x{batch}", "system": name, "clients": int(producers),
                       "workers": int(producers), "ns": float(ns)})


def _ratios(samples, mode, name, figure):
    """The rounds' ratios of `name` to `before`, in rising order."""
    before = {s["round"]: s[figure] for s in report.of(samples, mode, "before")}
    return sorted(s[figure] / before[s["round"]] for s in report.of(samples, mode, name)
                  if before.get(s["round"]))


def _spread(ratios):
    """`median (least .. most)` of ratios in rising order."""
    if not ratios:
        return "-"
    return f"{median(ratios):.3f} ({ratios[0]:.3f} .. {ratios[-1]:.3f})"


def _table(samples, mode):
    lines = [f"\n{report.TITLES[mode]}", f"{'':<18}{'before':>12}{'after':>12}  "
             f"{'after/before (least .. most)':>30}  {'before/before (least .. most)':>30}"]
    for heading, figure, digits in FIGURES:
        cells = "".join(report.cell(report.value(samples, mode, name, figure), 12, digits)
                        for name in ("before", "after"))
        after, again = (_spread(_ratios(samples, mode, name, figure)) for name in ("after", "again"))
        lines.append(f"{heading:<18}{cells}  {after:>30}  {again:>30}")
    return "\n".join(lines)


def _publish_table(samples):
    modes = list(dict.fromkeys(s["mode"] for s in samples if "ns" in s))
    if not modes:
        return []
    lines = [f"\n{'ns to publish a line':<28}{'before':>8}{'after':>8}  "
             f"{'after/before (least .. most)':>30}  {'before/before (least .. most)':>30}"]
    for mode in modes:
        _, producers, batch = re.split("[ x]", mode)
        cells = "".join(report.cell(report.value(samples, mode, name, "ns"), 8, 1)
                        for name in ("before", "after"))
        ratios, again = (_ratios(samples, mode, name, "ns") for name in ("after", "again"))
        met = "PASS" if ratios and median(ratios) <= PUBLISH_MOST else "MISS"
        lines.append(f"{producers + ' producers, batches of ' + batch:<28}{cells}  {_spread(ratios):>30}  "
                     f"{_spread(again):>30}  {met} (bar: <= {PUBLISH_MOST})")
    return ["\n".join(lines)]


def text(results):
    samples = results["samples"]
    rounds = len({s["round"] for s in samples})
    out = _publish_table(samples)
    out += [_table(samples, mode) for mode in report.TITLES if any(s["mode"] == mode for s in samples)]
    out.append(f"\nMedians over {rounds} round{'s' * (rounds != 1)}; ratios are of one round.  after/before "
               "says something where it leaves\nthe spread of before/before, which is one program beside "
               "itself.\n" + report.verdicts(results))
    return "\n".join(out)
