"""Counts the system calls of running processes, with perf where it may, else with strace."""
import contextlib
import pathlib
import re
import shutil
import signal
import subprocess
import time

TRACEPOINT = "raw_syscalls:sys_enter"


def counter():
    """The name of what counts here, or None. perf is better: it hardly slows what it watches."""
    if shutil.which("perf"):
        tried = subprocess.run(["perf", "stat", "-x,", "-e", TRACEPOINT, "true"],
                               capture_output=True, text=True)
        if re.search(rf"^\d+,.*{TRACEPOINT}", tried.stderr, re.MULTILINE):
            return "perf"
    return "strace" if shutil.which("strace") else None


@contextlib.contextmanager
def counted(program, pids, folder, first_threads=False):
    """Counts while the block runs; the list that it yields then holds the number. With strace of
    the processes' first threads alone, if so asked.

    The counter itself is stopped with SIGINT, as from a terminal."""
    count = []
    output = pathlib.Path(folder, "syscalls")
    names = [str(pid) for pid in pids]
    if program == "perf":
        command = ["perf", "stat", "-x,", "-e", TRACEPOINT, "-o", output, "-p", ",".join(names)]
    else:
        # It attaches to the threads that run already only with -f.
        follow = [] if first_threads else ["-f"]
        command = ["strace", "-c", *follow, "-o", output, *(f"--attach={name}" for name in names)]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        time.sleep(0.5)  # for it to attach
        yield count
        process.send_signal(signal.SIGINT)
        process.wait(10)
    text = output.read_text()
    if program == "perf":
        count.append(int(re.search(rf"^(\d+),.*{TRACEPOINT}", text, re.MULTILINE)[1]))
    else:
        count.append(sum(by_name(text).values()))


def by_name(summary):
    """The calls of each name in what `strace -c` wrote."""
    rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", summary, re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}
