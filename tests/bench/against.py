"""scripts/bench --against DIR: the Chatroom built in DIR, `before`, beside this one, `after`.

Each round runs before, after and before once more, `again`, directly one after the other, each with a
server of its own; which of the three is first changes from round to round.  A ratio is only taken
within a round.  again/before compares a program with itself, so its spread is the machine's own: a
difference between the builds that is no larger than that is not one."""
import os
import subprocess
from statistics import median

import report
from systems import SYSTEMS, Chatroom

NAMES = ("before", "after", "again")
PARTS = ("one", "window")
FIGURES = (("deliveries/s", "deliveries_s", 0), ("CPU us a delivery", "cpu_us", 3))


def prepare(directory):
    """Builds DIR with its own Makefile and makes three systems of the two programs.  Raises
    CalledProcessError."""
    subprocess.run(["make", "-s", "-C", directory, "all"], check=True)
    other = os.path.join(directory, "chatroom-master")
    for name, program in zip(NAMES, (other, Chatroom.program, other)):
        system = Chatroom()
        system.name, system.program = name, program
        SYSTEMS[name] = system


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


def text(results):
    samples = results["samples"]
    rounds = len({s["round"] for s in samples})
    out = [_table(samples, mode) for mode in PARTS if any(s["mode"] == mode for s in samples)]
    out.append(f"\nMedians over {rounds} round{'s' * (rounds != 1)}; ratios are of one round.  after/before "
               "says something where it leaves\nthe spread of before/before, which is one program beside "
               "itself.\n" + report.verdicts(results))
    return "\n".join(out)
