"""What the figures depend on: the machine and the versions of what was measured on it."""
import os
import pathlib
import platform
import re
import subprocess

LIBRARIES = ("libmicrohttpd", "libcurl", "jansson", "sqlite3")


def library_versions():
    versions = {}
    for name in LIBRARIES:
        done = subprocess.run(["pkg-config", "--modversion", name], capture_output=True, text=True)
        versions[name] = done.stdout.strip() or "unknown"
    versions["libc"] = platform.libc_ver()[1] or "unknown"
    return versions


def busy():
    """Whether so much else runs here that times say little; to be asked before a run."""
    return os.getloadavg()[0] > os.cpu_count() / 4


def describe():
    """[(what, value)]"""
    cpu = re.search(r"^model name\s*: (.*)$", pathlib.Path("/proc/cpuinfo").read_text(),
                    re.MULTILINE)
    compiler = subprocess.run([os.environ.get("CC", "cc"), "--version"], capture_output=True,
                              text=True).stdout.splitlines()
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return [
        ("processor", cpu[1] if cpu else platform.machine()),
        ("cores", str(os.cpu_count())),
        ("memory", f"{memory:.0f} GiB"),
        ("kernel", platform.release()),
        ("compiler", compiler[0] if compiler else "unknown"),
        ("libraries", ", ".join(f"{name} {v}" for name, v in library_versions().items())),
        ("load average before the run", f"{os.getloadavg()[0]:.1f}"),
    ]
