"""What processes used, read from /proc: CPU, memory, descendants."""
import contextlib
import dataclasses
import os
import pathlib

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    """The fields of /proc/PID/stat from the third on: the second may contain anything."""
    return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def with_descendants(pids):
    """These and all that they started, nginx's workers say."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError):  # ended meanwhile
                children.setdefault(int(_stat(entry)[1]), []).append(int(entry))
    found = list(pids)
    for pid in found:
        found += children.get(pid, [])
    return found


@dataclasses.dataclass
class Cpu:
    """Seconds of all threads. The kernel knows the total by the nanosecond, and samples at its
    ticks how it divides into user and system."""
    total: float = 0
    user: float = 0
    system: float = 0

    def since(self, before):
        user, system = self.user - before.user, self.system - before.system
        total = self.total - before.total or user + system
        share = user / (user + system) if user + system else 0
        return Cpu(total, total * share, total * (1 - share))


def cpu(pids):
    used = Cpu()
    for pid in pids:
        fields = _stat(pid)
        used.user += int(fields[11]) / TICKS
        used.system += int(fields[12]) / TICKS
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):  # no such file in this kernel, or the thread ended
                used.total += int((task / "schedstat").read_text().split()[0]) / 1e9
    return used


def memory_mebibytes(pids):
    """Proportional set size: what processes share is counted once."""
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024
