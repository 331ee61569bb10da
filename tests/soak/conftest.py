"""The long tests. Each has a short form, which runs with those over HTTP, and a whole one, which
`make soak` runs: the same code with other numbers, see soak_support.py."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import stores  # noqa: E402
from starting import Starter, ending  # noqa: E402


@pytest.fixture
def start():
    """Starts services for one test."""
    with ending() as started:
        yield Starter(started)


@pytest.fixture
def database(tmp_path):
    return tmp_path / "booking.db"


@pytest.fixture(params=["sqlite", "postgresql"])
def either_database(request, tmp_path):
    if request.param == "sqlite":
        yield stores.Sqlite(tmp_path / "booking.db")
        return
    database = stores.take()
    yield database
    stores.give_back(database)


@pytest.fixture
def fleet(tmp_path):
    """Writes a fleet file of these lines, without the heading."""
    from booking_support import fleet_text

    def write(*lines):
        path = tmp_path / "fleet.csv"
        path.write_text(fleet_text(*lines))
        return path
    return write


@pytest.fixture
def say(capsys):
    """Prints a figure even when the test passes."""
    def say_it(text):
        with capsys.disabled():
            print(f"\n  {text}", end="", flush=True)
    return say_it
