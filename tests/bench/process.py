"""What the kernel knows about a server: CPU time, memory, wake-ups.

A server is everything in one session (it is started with setsid), so masters, workers and threads
are all counted, and nothing else."""
import glob
import os
import signal
import time

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


def _stat(pid):
    """Fields of /proc/PID/stat from the state on, or None when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()
    except OSError:
        return None


def session_pids(session):
    pids = []
    for path in glob.glob("/proc/[0-9]*"):
        fields = _stat(os.path.basename(path))
        if fields and int(fields[3]) == session and fields[0] != "Z":
            pids.append(int(os.path.basename(path)))
    return sorted(pids)


def named(pids, name):
    """Those of the processes that call themselves so."""
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm") as f:
                if f.read().strip() == name:
                    found.append(pid)
        except OSError:
            pass
    return found


def cpu_seconds(pids):
    """User and system time of all threads: to the nanosecond where the kernel tells, else in
    clock ticks.  The server's sockets' softirq work on loopback is in it; its idle time is not."""
    total = 0
    for pid in pids:
        threads = glob.glob(f"/proc/{pid}/task/*/schedstat")
        for path in threads:
            try:
                with open(path) as f:
                    total += int(f.read().split()[0]) / 1e9
            except OSError:
                pass
        fields = None if threads else _stat(pid)
        total += (int(fields[11]) + int(fields[12])) / TICK if fields else 0
    return total


def pss_bytes(pids, field="Pss"):
    """Proportional set size: pages that several processes share are counted once in the sum.  Only
    pages that were touched count.  field: Pss_Anon is what a process has for itself, Pss_Shmem the
    segment's part."""
    total = 0
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                total += sum(int(line.split()[1]) for line in f if line.startswith(field + ":"))
        except OSError:
            pass
    return total * 1024


def _slab_bytes():
    """Objects in use where root may see them: what was freed before, and lies ready in slabs, makes
    the first thousand clients seem cheaper than they are."""
    try:
        with open("/proc/slabinfo") as f:
            caches = [line.split() for line in f.readlines()[2:]]  # below the version and the heads
        return sum(int(used) * int(pages) * PAGE // int(per_slab)
                   for _, used, _, _, per_slab, pages, *_ in caches)
    except PermissionError:
        with open("/proc/meminfo") as f:
            return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Slab:"))


def reserved_bytes():
    """Shared memory of the whole machine, touched or not: what was reserved for a segment is taken
    from others at once."""
    with open("/proc/meminfo") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith("Shmem:"))


def kernel_bytes():
    """Slab and TCP buffers of the whole machine; both ends of each loopback connection."""
    with open("/proc/net/sockstat") as f:
        tcp = next(line.split() for line in f if line.startswith("TCP:"))
    return _slab_bytes() + int(tcp[tcp.index("mem") + 1]) * PAGE


def machine_seconds():
    """(stolen by the hypervisor, busy, all) seconds of all cores since the machine started."""
    with open("/proc/stat") as f:
        user, nice, system, idle, wait, irq, softirq, stolen = map(
            int, f.readline().split()[1:9])
    busy = user + nice + system + irq + softirq
    return [ticks / TICK for ticks in (stolen, busy, busy + idle + wait + stolen)]


def wakeups(pids):
    """Voluntary context switches by pid, over all its threads."""
    counts = {}
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/status"):
            with open(path) as f:
                n = next(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt"))
            counts[pid] = counts.get(pid, 0) + n
    return counts


def session_end(process, patience=8):
    """SIGTERM to the server's first process; what is left of its session is killed, by pid."""
    process.terminate()
    try:
        process.wait(patience)
    except Exception:
        pass
    for _ in range(100):
        left = session_pids(process.pid)
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if not left:
            break
        time.sleep(0.02)
    process.wait()
