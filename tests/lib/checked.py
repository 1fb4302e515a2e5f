"""What the Python tests of a whole service have in common: a failed check, and waiting."""
import time

PATIENCE = 60  # seconds in which anything expected must have come


class Failed(Exception):
    pass


def check(good, why):
    """`why` is a text, or makes one."""
    if not good:
        raise Failed(why if isinstance(why, str) else why())


def wait(true, why):
    """Waits until true() is so, and returns its value."""
    end = time.monotonic() + PATIENCE
    while True:
        value = true()
        if value:
            return value
        check(time.monotonic() < end, why)
        time.sleep(0.05)
