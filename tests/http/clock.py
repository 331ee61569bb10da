"""A service's wall clock, in a test's hands.

A clock runs beside the real one until the test moves it, or stops it, at any moment and for every
service that was started with it. Only the wall clock: what a service waits for by the monotonic
clock, its timeouts among them, takes the time it takes. See clock.c.
"""
import mmap
import os
import pathlib
import shlex
import subprocess
import tempfile
import time

from support import BUILD, SANITIZER_ENVIRONMENT

SOURCE = pathlib.Path(__file__).with_suffix(".c")
LIBRARY = BUILD / "tests" / "clock.so"
NANOSECONDS = 1_000_000_000


def _build():
    """Builds what is preloaded, unless it is there. Several at once do no harm: each puts a whole
    file in the place."""
    if LIBRARY.exists() and LIBRARY.stat().st_mtime >= SOURCE.stat().st_mtime:
        return
    LIBRARY.parent.mkdir(exist_ok=True)
    own = LIBRARY.with_suffix(f".{os.getpid()}")
    subprocess.run([*shlex.split(os.environ.get("CC", "cc")), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-Wall",
                    "-Wextra", "-fPIC", "-shared", "-o", own, SOURCE], check=True)
    own.replace(LIBRARY)


class Clock:
    def __init__(self):
        _build()
        self.file = tempfile.NamedTemporaryFile(prefix="booking-test-clock-")
        self.file.truncate(8)
        self.word = memoryview(mmap.mmap(self.file.fileno(), 8)).cast("q")
        self.environment = {
            "LD_PRELOAD": str(LIBRARY), "TEST_CLOCK": self.file.name,
            # A sanitizer wants to be the first library unless it is told that all is well.
            "ASAN_OPTIONS": SANITIZER_ENVIRONMENT["ASAN_OPTIONS"] + ":verify_asan_link_order=0"}

    def _nanoseconds(self):
        value = self.word[0]
        return value // 2 if value % 2 else time.time_ns() + value // 2

    def now(self):
        """What it shows, in seconds."""
        return self._nanoseconds() / NANOSECONDS

    def move(self, seconds):
        """On, or back where they are negative; it goes on running, or standing still."""
        self.word[0] += 2 * round(seconds * NANOSECONDS)

    def stop(self, into_second=0):
        """It stands still from now on, at that fraction of its present second: 0.9 is late in it."""
        second = self._nanoseconds() // NANOSECONDS
        self.word[0] = 2 * (second * NANOSECONDS + round(into_second * NANOSECONDS)) + 1

    def run(self):
        """It runs again, from what it shows."""
        self.word[0] = 2 * (self._nanoseconds() - time.time_ns())
