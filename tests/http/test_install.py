"""The systemd units that make install puts beside the binaries, and that systemd takes them."""
import os
import shutil
import subprocess

import pytest

from support import BUILD, ROOT

UNITS = ["booking-main@.service", "booking-adapter@.service"]


@pytest.fixture
def prefix(tmp_path):
    """Where the units are installed, and the binaries as they are."""
    subprocess.run(["make", "-s", "-C", ROOT, "install-units", f"PREFIX={tmp_path}"], check=True,
                   env={"PATH": os.environ["PATH"]}, capture_output=True, timeout=60)
    (tmp_path / "bin").mkdir()
    for name in ("booking-main", "adapter-kayak"):
        (tmp_path / "bin" / name).symlink_to(BUILD / name)
    return tmp_path


def test_units_name_the_installed_binaries(prefix):
    for unit in UNITS:
        text = (prefix / "lib" / "systemd" / "system" / unit).read_text()
        assert f"ExecStart={prefix}/bin/" in text and "/usr/local" not in text


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
def test_systemd_takes_the_units(prefix):
    folder = prefix / "lib" / "systemd" / "system"
    paths = [folder / unit.replace("@.", "@kayak.") for unit in UNITS]
    for unit, path in zip(UNITS, paths):
        path.symlink_to(unit)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", *paths], capture_output=True,
                          text=True, check=False, timeout=60)
    assert not [line for line in done.stderr.splitlines() if "booking-" in line], done.stderr
