"""Long answers of the desk and what goes wrong: readers that are slow or leave, too many at once, a
database that does not answer, a stop in between."""
import contextlib
import json
import signal
import socket
import sqlite3

import pytest

from booking_support import at, book, fleet_text, order
from booking_support import post as post_order
from desk_support import REASON, cars, get, post, refused, table
from support import PATIENCE, at_once, wait_until

# Their fleet file, of more than 5 MB, is larger than what the kernel and the engine hold for a reader.
CARS = 50_000


def ask_for_all(engine):
    """A client that has asked for all cars and reads no further than the answer's status."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.settimeout(PATIENCE)
    sock.connect((engine.address, engine.desk_port))
    sock.sendall(f"GET /api/cars?format=csv HTTP/1.1\r\nHost: {engine.address}\r\n"
                 "Connection: close\r\n\r\n".encode())
    return sock, sock.recv(12)


@contextlib.contextmanager
def reading(engine):
    """Such a client, whose answer has begun."""
    sock, status = ask_for_all(engine)
    with sock:
        assert status == b"HTTP/1.1 200"
        yield sock


@contextlib.contextmanager
def reading_soon(engine):
    """The same, where a place may yet be somebody's who has just left."""
    def ask():
        sock, status = ask_for_all(engine)
        if status == b"HTTP/1.1 200":
            return sock
        sock.close()
        assert status == b"HTTP/1.1 503"
        return None

    with wait_until(ask, what="a place for a long answer") as sock:
        yield sock


def rest_of(sock):
    received = b""
    while chunk := sock.recv(65536):
        received += chunk
    return received


def test_two_long_answers_at_once(start, tmp_path):
    """One engine for all of it, since so many cars take their time to load."""
    (tmp_path / "fleet.csv").write_text(fleet_text(
        *(f"{number:064},ECMR,{'L' * 32},50,,EUR" for number in range(CARS))))
    pod = start.pod("kayak", "--fleet", tmp_path / "fleet.csv")
    with reading(pod), reading(pod) as second:
        answer = pod.desk("/api/cars?format=csv")
        refused(answer, 503, "overloaded")
        assert answer.headers["Retry-After"]
        assert get(pod, "/cars?limit=1")["next"]  # what is short goes on
        assert post_order(pod, order(0, 1)).status == 201
        assert rest_of(second).endswith(b"0\r\n\r\n")
        wait_until(lambda: pod.desk("/api/bookings?format=csv").status == 200)
    # Those that left have made room.
    wait_until(lambda: pod.desk("/api/bookings?format=csv").status == 200)
    with reading_soon(pod), reading_soon(pod):
        pass
    wait_until(lambda: pod.desk("/api/cars?format=csv").body.count(b"\n") == CARS + 1)
    # A stop waits for no reader, who is told that it is not whole.
    with reading_soon(pod) as sock:
        pod.signal(signal.SIGINT)
        assert pod.wait() == 0
        with contextlib.suppress(ConnectionError):
            assert not rest_of(sock).endswith(b"0\r\n\r\n")


def test_an_export_is_one_state(start, fleet):
    """Cars are booked and moved while it is read: each booking is there once."""
    pod = start.pod("kayak", "--fleet", fleet(*cars(40).splitlines()[1:]))
    made = [book(pod, day, day + 1, carid=f"car-{car:03}")[0].rsplit("/", 1)[1]
            for car in range(20) for day in range(5)]

    def work(number):
        if number == 0:
            return [table(pod.desk("/api/bookings?format=csv").body) for _ in range(10)]
        for step, identity in enumerate(made[number::4]):
            answer = post(pod, f"/bookings/{identity}/change", {
                "carid": f"car-{20 + (step * 4 + number) // 5:03}", "reason": REASON})
            assert answer.status in (200, 409), answer
        return []
    results = at_once(4, work)
    assert len(results[0]) == 10
    for lines in results[0]:
        assert sorted(line["id"] for line in lines) == sorted(made)


def test_many_at_once(start, fleet):
    """More than may wait: each is answered, and those that are not let in are told so."""
    pod = start.pod("kayak", "--fleet", fleet(*cars(200).splitlines()[1:]))
    paths = ["/api/cars?limit=200", f"/api/calendar?from={at(0)}&to={at(92)}&limit=200",
             f"/api/occupancy?from={at(0)}&days=92", "/api/day", "/api/bookings"]
    answers = at_once(60, lambda number: pod.desk(paths[number % len(paths)]))
    for answer in answers:
        if answer.status != 200:
            refused(answer, 503, "overloaded")
    assert sum(answer.status == 200 for answer in answers) >= 32


@pytest.mark.sqlite_only
def test_a_change_that_gets_no_lock(start, fleet, database):
    """Somebody else writes and does not end. Nothing is done, the answer comes all the same, and
    when he has ended all goes on."""
    pod = start.pod("kayak", "--database", database.url, "--fleet", fleet("a,ECMR,NCE,55,,EUR"))
    location, _ = book(pod)
    path = "/bookings/" + location.rsplit("/", 1)[1]
    other = sqlite3.connect(database.path, timeout=PATIENCE, isolation_level=None)
    with contextlib.closing(other):
        other.execute("BEGIN IMMEDIATE")
        answer = post(pod, path + "/cancel", {"reason": REASON})
        assert json.loads(answer.body)["type"] in ("urn:problem-type:too-slow",
                                                   "urn:problem-type:store-unavailable")
        assert answer.status == 503 and "whether" in json.loads(answer.body)["detail"]
        assert get(pod, path)["booking"]["status"] == "booked"  # who reads needs no lock
        other.execute("ROLLBACK")
    wait_until(lambda: post(pod, path + "/cancel", {"reason": REASON}).status == 200)


def test_stopping_answers_what_is_asked(start, fleet):
    """Whoever was let in has an answer, or an end of the connection, never silence."""
    pod = start.pod("kayak", "--fleet", fleet(*cars(200).splitlines()[1:]))

    def ask(number):
        if number == 0:
            pod.signal(signal.SIGINT)
            return None
        try:
            return pod.desk(f"/api/calendar?from={at(0)}&to={at(92)}&limit=200").status
        except OSError:
            return None
    statuses = at_once(20, ask)
    assert set(statuses) <= {None, 200, 503}, statuses
    assert pod.wait() == 0
