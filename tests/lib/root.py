"""A root of its own for a service, and what boots it."""
import ctypes
import fcntl
import os
import re
import socket
import struct
import subprocess
import tempfile
import time

from checked import Failed, check, wait

# What the machine's own programs keep of any package that came and went; and its user, which stays.
KEPT = re.compile(r"^(/var/lib/dpkg/|/var/log/dpkg\.log|/var/cache/(man|debconf|ldconfig)/|/etc/ld\.so\.cache$"
                  r"|/var/lib/(logrotate|systemd/deb-systemd-helper-enabled)(/|$)|/etc/systemd/system/multi-user\.target\.wants$"
                  r"|/etc/(passwd|group|shadow|gshadow|subuid|subgid)-?$|/etc/\.pwd\.lock$|/var/log/(faillog|lastlog)$|/packages/)")


class Root:
    """Namespaces with an overlay of a root; its first process ends with this one, and ends all others."""

    SETUP = """
        set -e
        mount -t tmpfs tmpfs "$T"
        mkdir "$T/upper" "$T/work" "$T/root"
        mount -t overlay overlay -o "lowerdir=$ROOT,upperdir=$T/upper,workdir=$T/work" "$T/root"
        cd "$T/root"
        mkdir -p packages # is seen at /proc/PID/root once a process is in the root
        rm -f usr/sbin/policy-rc.d var/lib/man-db/auto-update # which takes seconds at each step
    """
    # invoke-rc.d takes it for a system that was booted by sysvinit.
    SYSVINIT = """
        mount -t proc proc proc
        for folder in run tmp dev; do mount -t tmpfs tmpfs $folder; done
        for device in null zero full random urandom tty; do : >dev/$device; mount --bind /dev/$device dev/$device; done
        ln -s /proc/self/fd dev/fd
        mkdir -m 1777 dev/shm
        mkdir run/lock
        [ -e sbin/init ] || ln -s /bin/true sbin/init
        rm -f sbin/runlevel
        printf '#!/bin/sh\\necho N 2\\n' >sbin/runlevel
        chmod 755 sbin/runlevel
        echo ready
        exec chroot . perl -e '$SIG{CHLD} = "IGNORE"; <STDIN>' # reaps
    """
    SYSTEMD = """
        systemd-nspawn --quiet --register=no --keep-unit --boot --directory="$T/root" \
            </dev/null >"$T/console" 2>&1 &
        echo ready
        cat
    """

    def __init__(self, lower, systemd):
        self.lower, self.systemd, self.is_up = lower.rstrip("/"), systemd, False
        self.folder = tempfile.mkdtemp(prefix="chatroom-package-")
        self.unshare = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--propagation", "private",
             "--mount-proc", "sh", "-c", self.SETUP + (self.SYSTEMD if systemd else self.SYSVINIT)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env=dict(os.environ, T=self.folder, ROOT=lower))

    @staticmethod
    def child(pid, name=None):
        """The child of that name, or any; waits for it."""
        end = time.monotonic() + 20
        while time.monotonic() < end:
            try:
                for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
                    if name in (None, open(f"/proc/{child}/comm").read().strip()):
                        return int(child)
            except FileNotFoundError:
                check(os.path.exists(f"/proc/{pid}"), f"process {pid} has ended before it had a child {name or ''}")
            time.sleep(0.01)
        raise Failed(f"process {pid} has no child {name}")

    def up(self):
        said = self.unshare.stdout.readline().strip()
        check(said == "ready", said)
        self.first = self.pid = self.child(self.unshare.pid)
        if self.systemd:
            self.pid = self.child(self.child(self.first, "systemd-nspawn"), "systemd")
        wait(lambda: os.path.isdir(self.path("/packages")), "no process in the root")
        if self.systemd:
            wait(lambda: not self.fails("systemctl is-system-running | grep -E 'running|degraded'"),
                      "systemd does not come up")
        self.is_up = True
        return "with systemd" if self.systemd else "with sysvinit"

    def why_not(self):
        """What systemd-nspawn said, if it began."""
        if not (self.systemd and hasattr(self, "first")):
            return ""
        console = self.beside("console")
        return open(console).read().strip() if os.path.exists(console) else ""

    def leave_network(self):
        """From here on this process and what it runs are in a network of the root's own."""
        libc = ctypes.CDLL(None, use_errno=True)
        with open(f"/proc/{self.pid}/ns/net") as net:
            check(libc.setns(net.fileno(), 0) == 0, "setns")
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            up = struct.pack("16sH14x", b"lo", 0x41)  # IFF_UP, IFF_RUNNING
            fcntl.ioctl(any_socket, 0x8914, up)  # SIOCSIFFLAGS

    def begin(self, command):
        environment = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root",
                       "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive"}
        return subprocess.Popen(["nsenter", "-t", str(self.pid), "-m", "-p", "-r", "-w", "sh", "-c", command],
                                env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True)

    def end(self, process, command):
        said = process.communicate(timeout=600)[0]
        check(process.returncode == 0, f"{command}: status {process.returncode}\n{said}")
        return said

    def run(self, command):
        return self.end(self.begin(command), command)

    def fails(self, command):
        process = self.begin(command)
        process.communicate(timeout=60)
        return process.returncode != 0

    def path(self, path):
        return f"/proc/{self.pid}/root{path}"

    def changes(self):
        """Paths that differ from the root below."""
        found = subprocess.run(["find", ".", "-mindepth", "1", "-printf", "/%P\\n"], cwd=self.beside("upper"),
                               check=True, stdout=subprocess.PIPE, text=True).stdout
        return set(path for path in found.splitlines() if not KEPT.match(path))

    def beside(self, name):
        """In the folder of the overlay's layers, which this process's namespace does not show; this process may
        be in a chroot itself."""
        return f"/proc/{self.unshare.pid}/root{self.folder}/{name}"

    def close(self):
        self.unshare.stdin.close()
        self.unshare.wait()
        os.rmdir(self.folder)
