"""Counts the instructions that a request takes, with valgrind's callgrind. They hardly vary. Only the
loop's thread is counted: it serves the requests, and what the store's threads do grows with time.
"""
import concurrent.futures
import re
import shutil

import services
from loader import Load

PROCESSES = ("engine", "adapter")
# Counted in two runs of different lengths: their difference has no start in it.
FEW, MANY = 200, 1200
FIRST_THREAD = "-01"  # as callgrind names its file
# callgrind counts the processor's string instructions as one for each byte: libmicrohttpd's zeroing
# of its pool would be a quarter of all. Without them libc uses vectors, as for shorter texts.
LONG_MOVES = ("GLIBC_TUNABLES=glibc.cpu.x86_rep_stosb_threshold=1000000000"
              ":glibc.cpu.x86_rep_movsb_threshold=1000000000")


def countable():
    return shutil.which("valgrind") is not None


def callgrind_file(folder, name, requests=MANY):
    return folder / str(requests) / f"{name}.callgrind{FIRST_THREAD}"


def _count_run(start, folder, requests):
    """[engine's, adapter's], from start to end of a pod that serves so many requests."""
    outputs = [callgrind_file(folder, name, requests) for name in PROCESSES]
    outputs[0].parent.mkdir()
    under = [("env", LONG_MOVES, "valgrind", "--fair-sched=yes", "--tool=callgrind",
              "--separate-threads=yes", f"--callgrind-out-file={str(output).removesuffix(FIRST_THREAD)}")
             for output in outputs]
    with services.serving(start, outputs[0].parent / "pod", under_front=under[0],
                          under_adapter=under[1]) as service, Load(service, 1) as load:
        load.measure(f"count {requests}")
    return [int(re.search(r"^(?:totals|summary): (\d+)", output.read_text(), re.MULTILINE)[1])
            for output in outputs]


def count(start, folder):
    """{process: instructions a request} of a pod that `start` starts, on one connection."""
    with concurrent.futures.ThreadPoolExecutor() as both:
        few, many = both.map(lambda requests: _count_run(start, folder, requests), (FEW, MANY))
    return {name: round((many[position] - few[position]) / (MANY - FEW))
            for position, name in enumerate(PROCESSES)}
