"""Samples in, tables and bars out.

A figure of a row is the median over the rounds; a ratio is the median of the rounds' own ratios to
the bare limit of the same round, never a ratio of medians."""
from statistics import median

import machines

# What a sample must share with a bare sample, besides mode and round, to be compared with it.
ALIKE = {"scale": ("clients",), "workers-one": ("workers",), "workers-window": ("workers",)}

TITLES = {
    "one": "one line at a time",
    "window": "64 lines in flight, 4 speakers",
    "open": "open loop at half of saturation",
    "web-one": "browsers, one line at a time; ratios to bare-web, which sends the same frames",
    "web-window": "browsers, 64 lines in flight, 4 speakers; ratios to bare-web",
    "idle": "idle clients, logged in",
    "scale": "scale: clients logged in, one line at a time",
    "workers-one": "workers, one line at a time",
    "workers-window": "workers, 64 lines in flight",
    "kinds-one": "kinds of receivers, one line at a time; ratios to direct",
    "kinds-window": "kinds of receivers, 64 lines in flight; ratios to direct",
    **machines.TITLES,
}

# Columns: heading, width, figure, factor, digits, and whether the ratio to bare follows.
SPEED = [("deliveries/s", 12, "deliveries_s", 1, 0, True),
         ("CPU us/dlv", 10, "cpu_us", 1, 2, True),
         ("sends/dlv", 9, "sends", 1, 3, False)]
LATENCY = [("p50 ms", 8, "receiver_p50", 1e-3, 2, False),
           ("p99", 8, "receiver_p99", 1e-3, 2, False),
           ("max", 8, "receiver_max", 1e-3, 2, False),
           ("last p50", 8, "last_p50", 1e-3, 2, False),
           ("last p99", 8, "last_p99", 1e-3, 2, True),
           ("last max", 8, "last_max", 1e-3, 2, False)]
TAIL = [("PSS MB", 7, "pss", 1e-6, 1, False), ("gen %", 6, "generator", 100, 0, False)]
CLIENT = [("user B/cl", 9, "user_bytes", 1, 0, False), ("kernel B/cl", 11, "kernel_bytes", 1, 0, False)]
COLUMNS = {
    "idle": CLIENT + [("shared", 7, "shared_bytes", 1, 0, False), ("private", 7, "private_bytes", 1, 0, False),
                      ("reserved", 8, "reserved_bytes", 1, 0, False),
                      ("wake-ups/s", 10, "wakeups_s", 1, 2, False),
                      ("CPU s/s", 8, "idle_cpu", 1, 4, False),
                      ("accept s", 8, "accept_s", 1, 2, True), ("login s", 8, "login_s", 1, 2, False)],
    "scale": [("accepts/s", 9, "accepts_s", 1, 0, True), ("us/accept", 9, "accept_cpu_us", 1, 1, True),
              ("logins/s", 9, "logins_s", 1, 0, False)] + CLIENT + SPEED + [LATENCY[4]] + [TAIL[1]],
}
for talk in ("one", "window", "open", "web-one", "web-window"):
    COLUMNS[talk] = SPEED + LATENCY + TAIL
for scaled in ("workers-one", "workers-window", "kinds-one", "kinds-window"):
    COLUMNS[scaled] = SPEED + [LATENCY[4], TAIL[1]]
COLUMNS.update(machines.COLUMNS)


def progress(s):
    if "cpu_us" in s:
        figures = "  {deliveries_s:>12,.0f} deliveries/s  {cpu_us:.2f} us".format(**s)
    elif "ns" in s:
        figures = "  {ns:.1f} ns a line".format(**s)
    else:
        figures = "  {user_bytes:.0f} B/client".format(**s)
    return ("  round {round} {mode:<14} {system:<14} {clients:>6} clients".format(**s) + figures +
            noise(s))


def of(samples, mode, system, **alike):
    """The samples of one row; `chatroom` also means its login mode where only that was run."""
    found = [s for s in samples if s["mode"] == mode and s["system"] == system and
             all(s[k] == v for k, v in alike.items())]
    if not found and system == "chatroom":
        return of(samples, mode, "chatroom-login", **alike)
    return found


def value(samples, mode, system, figure, **alike):
    found = [s[figure] for s in of(samples, mode, system, **alike) if figure in s]
    return median(found) if found else None


def _peer(mode):
    """What the figures of a mode are compared with."""
    if mode.startswith("machines"):
        return machines.peer(mode)
    return "direct" if mode.startswith("kinds") else "bare-web" if mode.startswith("web") else "bare"


def ratio(samples, mode, system, figure, to=None, alike=None, **chosen):
    """Median over the rounds of figure(system) / figure(to); None without a common round."""
    to = to or _peer(mode)
    alike = ALIKE.get(mode, ()) if alike is None else alike
    ratios = []
    for s in of(samples, mode, system, **chosen):
        for b in of(samples, mode, to, round=s["round"], **{k: s[k] for k in alike}):
            if b[figure]:
                ratios.append(s[figure] / b[figure])
    return median(ratios) if ratios else None


def _rows(samples, mode):
    seen = {}
    for s in samples:
        if s["mode"] == mode:
            seen[(s["clients"] if mode == "scale" else 0, s["system"], s["workers"], s["clients"])] = s
    order = {}
    for s in samples:
        order.setdefault(s["system"], len(order))
    return sorted(seen, key=lambda k: (k[0], order[k[1]], k[2]))


def cell(x, width, digits):
    return f"{'-' if x is None else format(x, f',.{digits}f'):>{width}}"


def table(samples, mode):
    columns = COLUMNS[mode]
    lines = [f"\n{TITLES[mode]}",
             f"{'':<15}{'clients':>8}{'w':>3} " +
             " ".join(f"{h:>{w}}" + (f" x {_peer(mode)}" if r else "") for h, w, _, _, _, r in columns)]
    for _, system, workers, clients in _rows(samples, mode):
        alike = {"workers": workers, "clients": clients}
        cells = []
        for _, width, figure, factor, digits, ratioed in columns:
            x = value(samples, mode, system, figure, **alike)
            cells.append(cell(None if x is None else x * factor, width, digits))
            if ratioed:
                cells.append(cell(ratio(samples, mode, system, figure, **alike), 6, 2))
        lines.append(f"{system:<15}{clients:>8}{workers:>3} " + " ".join(cells))
    return "\n".join(lines)


def _bar(out, name, got, relation, limit):
    """relation None: no bar, only what the bare limit itself reaches there."""
    if got is None:
        return
    met = relation is None or (got <= limit if relation == "<=" else got >= limit)
    out.append({"bar": name, "got": round(got, 3), "relation": relation, "limit": limit, "met": met})


def _talk_bars(out, samples):
    for mode, name, peers in (("one", "one line at a time", {"redis": 2.2, "nats": 1.2}),
                              ("window", "64 in flight", {"redis": 1.9})):
        _bar(out, f"{name}: CPU/delivery x bare", ratio(samples, mode, "chatroom", "cpu_us"), "<=", 1.1)
        _bar(out, f"{name}: deliveries/s x bare",
             ratio(samples, mode, "chatroom", "deliveries_s"), ">=", 0.95)
        for peer, limit in peers.items():
            _bar(out, f"{name}: deliveries/s x {peer}",
                 ratio(samples, mode, "chatroom", "deliveries_s", to=peer), ">=", limit)
    _bar(out, "open loop: p99 to the last receiver x bare",
         ratio(samples, "open", "chatroom", "last_p99"), "<=", 1.2)
    for peer in ("redis", "nats", "ngircd", "ncat"):
        _bar(out, f"open loop: p99 to the last receiver x {peer}",
             ratio(samples, "open", "chatroom", "last_p99", to=peer), "<=", 1.0)


def _web_bars(out, samples):
    for mode, what, peers in (("web-one", "one line at a time", 2.5), ("web-window", "64 in flight", 4)):
        _bar(out, f"browsers, {what}: CPU/delivery x bare-web",
             ratio(samples, mode, "chatroom-web", "cpu_us"), "<=", 1.05)
        _bar(out, f"browsers, {what}: deliveries/s x node-ws",
             ratio(samples, mode, "chatroom-web", "deliveries_s", to="node-ws"), ">=", peers)


def _growth(samples, system, figure, sizes):
    """figure at the largest size by that at the smallest, median over the rounds."""
    found = of(samples, "scale", system)
    small = {s["round"]: s[figure] for s in found if s["clients"] == sizes[0]}
    steps = [s[figure] / small[s["round"]] for s in found
             if s["clients"] == sizes[-1] and small.get(s["round"])]
    return median(steps) if steps else None


def _scale_bars(out, samples):
    sizes = sorted({s["clients"] for s in of(samples, "scale", "chatroom")})
    if len(sizes) < 2:
        return
    name = f"{sizes[-1]:,} clients:"
    for figure, what in (("user_bytes", "user memory"), ("kernel_bytes", "kernel memory"),
                         ("cpu_us", "CPU/delivery")):
        _bar(out, f"{name} {what} x that at {sizes[0]:,}",
             _growth(samples, "chatroom", figure, sizes), "<=", 1.1)
        if figure != "user_bytes":
            _bar(out, f"{name} {what}, the same of the bare limit",
                 _growth(samples, "bare", figure, sizes), None, None)
    _bar(out, f"{name} accepts/s x bare",
         ratio(samples, "scale", "chatroom", "accepts_s", clients=sizes[-1]), ">=", 0.7)


def _worker_bars(out, samples):
    for mode, what in (("workers-one", "one line at a time"), ("workers-window", "64 in flight")):
        for system in ("chatroom", "bare"):
            one = {s["round"]: s["deliveries_s"] for s in of(samples, mode, system, workers=1)}
            steps = [s["deliveries_s"] / one[s["round"]]
                     for s in of(samples, mode, system, workers=2) if one.get(s["round"])]
            got, ours = median(steps) if steps else None, system == "chatroom"
            _bar(out, f"2 workers x 1, {what}" + ("" if ours else ", the same of the bare limit"),
                 got, *((">=", 1.8) if ours else (None, None)))


def _kind_bars(out, samples):
    """What is done for a receiver costs at most half as much as a direct one does."""
    for mode, what in (("kinds-one", "one at a time"), ("kinds-window", "64 in flight")):
        for kind in dict.fromkeys(s["system"] for s in samples if s["mode"] == mode):
            if kind != "direct":
                _bar(out, f"{kind}, {what}: CPU/delivery x direct",
                     ratio(samples, mode, kind, "cpu_us"), "<=", 1.5)
                _bar(out, f"{kind}, {what}: deliveries/s x direct",
                     ratio(samples, mode, kind, "deliveries_s"), ">=", 1 / 1.5)


def bars(samples):
    out = []
    _talk_bars(out, samples)
    _web_bars(out, samples)
    for system, kind in (("chatroom", "clients"), ("chatroom-web", "browsers")):
        people = value(samples, "idle", system, "clients")
        if people:
            _bar(out, f"idle, {people:,.0f} {kind}: user bytes each",
                 value(samples, "idle", system, "user_bytes"), "<=", 512)
    _bar(out, "idle: wake-ups a second of a process",
         value(samples, "idle", "chatroom", "wakeups_s"), "<=", 1)
    _scale_bars(out, samples)
    _worker_bars(out, samples)
    _kind_bars(out, samples)
    machines.bars(lambda *b: _bar(out, *b), value, ratio, samples)
    return out


def generator_verdict(samples):
    """Whether the generator, and not a server, was what set the pace."""
    spoke = [s for s in samples if "generator" in s]
    busy = [s for s in spoke if s["generator"] >= 0.9]
    if not spoke:
        return "No lines were sent, so the generator could not be a limit."
    if not busy:
        top = max(s["generator"] for s in spoke)
        return (f"The generator was not the limit: its busiest process used {top:.0%} of its core "
                "at most.")
    where = sorted({f"{s['system']} ({s['mode']})" for s in busy})
    return ("THE GENERATOR WAS A LIMIT (a process at 90 % of its core or more) with: "
            + ", ".join(where) + ". Those rates are lower bounds.")


NOISE = 0.03  # of the machine's time


def noise(s):
    """The shares of the machine that other programs and its host took during a run, where they are
    large enough to spoil it; "" where they are not."""
    parts = [f"{taker} took {s[key]:.0%}" for key, taker in (("stolen", "host"), ("others", "others"))
             if s.get(key, 0) > NOISE]
    return "  (" + ", ".join(parts) + ")" if parts else ""


def noise_verdict(samples):
    """Says when other programs or the host took so much of the machine that no figure is valid."""
    runs = [s for s in samples if "others" in s]
    noisy = [s for s in runs if noise(s)]
    if not runs:
        return "Whether the machine was free was not looked at."
    if not noisy:
        return f"The machine was free: other programs and its host took at most {NOISE:.0%}."
    return (f"THE MACHINE WAS BUSY in {len(noisy)} of {len(runs)} runs: other programs took up "
            f"to {max(s['others'] for s in runs):.0%} of it, its host up to "
            f"{max(s['stolen'] for s in runs):.0%}. These figures decide nothing.")


def verdicts(results):
    """What a reader must know before believing the figures: the limits of this run, its troubles."""
    samples = results["samples"]
    return "\n".join([generator_verdict(samples), noise_verdict(samples)] +
                     [f"TROUBLE: {t}" for t in results["troubles"]])


def text(results):
    samples = results["samples"]
    out = [table(samples, mode) for mode in TITLES if any(s["mode"] == mode for s in samples)]
    out.append("\nsends/dlv: data segments that reached the receivers, which on loopback are the "
               "server's sends.\nkernel B/cl: both ends of a connection, the generator's too.  user B/cl: pages touched, "
               "shared and private;\nreserved: shared memory that is taken for them, touched or not.\n"
               + verdicts(results))
    if results["bars"]:
        out.append("")
    for b in results["bars"]:
        verdict = "    " if b["relation"] is None else "PASS" if b["met"] else "MISS"
        out.append(f"{verdict}  {b['bar']:<58} {b['got']:>9,.3f}" +
                   (f" (bar: {b['relation']} {b['limit']})" if b["relation"] else ""))
    return "\n".join(out)
