import re
import signal
import socket
import subprocess
import threading
import time

import pytest

import stores
from clock import Clock
from starting import Starter, ending


def pytest_configure(config):
    config.addinivalue_line("markers", "sqlite_only: of what other databases do not have")
    stores.share_server()


def pytest_make_parametrize_id(val):
    """Names of tests have no time of day in them: the workers of a run, which collect their tests
    each for itself, would not agree on the names when a minute ends just then."""
    if isinstance(val, str):
        named = re.sub(r"[0-9]{4}-[0-9]{2}-(%00)?[0-9]{2}(T|%20)[0-9:]+", "TIME", val)
        return named if named != val else None
    return None


def pytest_collection_modifyitems(items):
    for item in items:
        if stores.IS_POSTGRESQL and item.get_closest_marker("sqlite_only"):
            item.add_marker(pytest.mark.skip(reason="of SQLite alone"))


@pytest.fixture
def make_certificate(tmp_path):
    """Makes one of an address, which nobody signed but itself: its file and its key's."""
    def make(address="127.0.0.1"):
        files = tmp_path / "certificate.pem", tmp_path / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=unit",
                        "-addext", f"subjectAltName=IP:{address}", "-out", files[0],
                        "-keyout", files[1]], check=True, capture_output=True)
        return files
    return make


@pytest.fixture(autouse=True)
def _taken():
    """Databases to be given back. Set up before all else, so that engines have ended by then."""
    taken = []
    yield taken
    for database in taken:
        stores.give_back(database)


@pytest.fixture
def database(_taken, tmp_path):
    """One that several engines may use."""
    if not stores.IS_POSTGRESQL:
        return stores.Sqlite(tmp_path / "booking.db")
    _taken.append(stores.take())
    return _taken[-1]


@pytest.fixture
def start():
    """Starts services for one test."""
    with ending() as started:
        yield Starter(started)


@pytest.fixture
def clock():
    """A wall clock for one test: start.pod("kayak", clock=clock)."""
    return Clock()


@pytest.fixture(scope="session")
def _shared():
    with ending() as started:
        yield Starter(started)


@pytest.fixture(scope="session")
def kayak(_shared):
    """A kayak pod that many tests ask; none may disturb it."""
    return _shared.pod("kayak", "--channel", "kayak", "--prefix", "/kayak")


@pytest.fixture(scope="session")
def airbnb(_shared):
    return _shared.pod("airbnb", "--channel", "airbnb")


@pytest.fixture(scope="session")
def pods(kayak, airbnb):
    return {"kayak": kayak, "airbnb": airbnb}


@pytest.fixture
def fleet(tmp_path):
    """Writes a fleet file of lines without the heading."""
    def write(*lines):
        path = tmp_path / "fleet.csv"
        path.write_text("\n".join(("carid,category,location,day_price,hour_price,currency",
                                   *lines)) + "\n")
        return path
    return write


@pytest.fixture(scope="session", autouse=True)
def stopping_adapters(request):
    """Two adapters told to stop while a client stays, one idle and one with half a request. That
    takes ten seconds, so it is begun before the first test; returns how to get the results."""
    if not any("stopping_adapters" in item.fixturenames and item.name.endswith("_at_most")
               for item in request.session.items):
        yield None
        return
    with ending() as started:
        starter, results = Starter(started), []

        def stop(partner, sent):
            adapter = starter.adapter(partner)
            with socket.create_connection((adapter.address, adapter.port)) as sock:
                sock.sendall(sent)
                begun = time.monotonic()
                adapter.signal(signal.SIGTERM)
                adapter.wait()
                results.append((adapter, time.monotonic() - begun))

        threads = [threading.Thread(target=stop, args=arguments) for arguments in (
            ("kayak", b""), ("airbnb", b"POST /formatCarInfo HTTP/1.1\r\nHost: x\r\n"
                                       b"Content-Length: 100\r\n\r\n{"))]
        for thread in threads:
            thread.start()

        def all_results():
            for thread in threads:
                thread.join()
            assert len(results) == len(threads)
            return results

        yield all_results
        for thread in threads:
            thread.join()
