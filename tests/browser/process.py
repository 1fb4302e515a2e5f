"""What the tests start, and how they wait."""
import os
import re
import signal
import subprocess
import tempfile
import time

PATIENCE = 20  # seconds in which anything expected must have come


def until(true, why, seconds=PATIENCE):
    """Waits until true() is so, and returns its value; `why` is a text, or makes one."""
    end = time.monotonic() + seconds
    while True:
        value = true()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(why if isinstance(why, str) else str(why()))
        time.sleep(0.02)


class Group:
    """A program, and what it starts, in a process group that does not outlive the test, however that ends."""

    def __init__(self, command, output, **options):
        self.process = subprocess.Popen(command, stdin=output, stdout=output, stderr=output, start_new_session=True,
                                        **options)
        self.pid = self.process.pid
        # It reads from a pipe, whose other end is the test's alone.
        self.guard = subprocess.Popen(["sh", "-c", f"read end; kill -KILL -- -{self.pid}"], stdin=subprocess.PIPE,
                                      stderr=subprocess.DEVNULL, start_new_session=True)

    def end(self, number=signal.SIGTERM):
        """Sends the signal; what is left of the group at the end is killed.  Returns the exit status."""
        os.kill(self.pid, number)
        try:
            return self.process.wait(PATIENCE)
        finally:
            self.guard.stdin.close()
            self.guard.wait()
            self.process.wait()


class Process(Group):
    """Has a log of what it says."""

    def __init__(self, command, **options):
        self.log = tempfile.NamedTemporaryFile(prefix="chatroom-browser-log-")
        super().__init__(command, self.log, **options)

    def said(self):
        with open(self.log.name, errors="replace") as log:
            return log.read()

    def logged(self, pattern, after=0):
        """The first match in its log from the character `after` on; waits for it."""
        def found():
            match = re.compile(pattern, re.M).search(self.said(), after)
            if not match and self.process.poll() is not None:
                raise AssertionError(f"{self.process.args[0]} ended, and said:\n{self.said()}")
            return match
        return until(found, lambda: f"no {pattern} in the log:\n{self.said()}")
