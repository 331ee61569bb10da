"""A large fleet with a booking for each car: how much memory, how soon ready, and how long the loop
stands still while all of the fleet changes."""
import pathlib
import re
import sqlite3
import threading
import time

import pytest

from booking_support import at, offer, order, overlapping, post, rows, run_command
from soak_support import CARS, Client, working
from support import SANITIZED, Engine, wait_until

MEBIBYTES_MAX, READY_MAX, GAP_MAX = 400, 5, 0.050

# Each car one booking, of one to fourteen days within a year from the first day that is asked for.
BOOKINGS = """
    INSERT INTO bookings (id, car, pickup_at, return_at, state, expires_at, channel, reference,
                          day_price, hour_price, total, currency, location, category, created_at)
    SELECT printf('%022d', number), number, pickup_at, pickup_at + 1440 * (1 + number % 14), 2, 0,
           'default', '', day_price, hour_price, day_price * (1 + number % 14), 'EUR', location,
           category, 1
    FROM (SELECT *, ? + (number * 7919 % 365) * 1440 AS pickup_at FROM cars)"""
EVENTS = """
    INSERT INTO events (kind, car, pickup_at, return_at, expires_at, booking_id, at)
    SELECT 1, car, pickup_at, return_at, expires_at, id, 1 FROM bookings ORDER BY number"""


def write_fleet(path, dearer):
    """A fleet whose cars all have another price when `dearer` is another."""
    with open(path, "w", encoding="ascii") as file:
        file.write("carid,category,location,day_price,hour_price,currency\n")
        for number in range(CARS):
            file.write(f"{number:08},{'CE'[number % 2]}{'CD'[number // 2 % 2]}MR,"
                       f"L{number % 200:03},{30 + number * 31 % 90 + dearer}.{number % 100:02},,EUR\n")
    return path


def minutes(timestamp):
    return int(time.mktime(time.strptime(timestamp, "%Y-%m-%dT%H:%M:00Z")) - time.timezone) // 60


@pytest.fixture
def large(database, tmp_path):
    status, printed, wrong = run_command("import", write_fleet(tmp_path / "first.csv", 0),
                                         "--database", f"sqlite:{database}", "--create",
                                         timeout=120)
    assert (status, wrong) == (0, ""), wrong
    assert printed.startswith(f"{CARS} added")
    with sqlite3.connect(database) as connection:
        connection.execute(BOOKINGS, (minutes(at()),))
        connection.execute(EVENTS)
    connection.close()
    assert rows(database, "SELECT count(*) FROM bookings") == [(CARS,)]
    return database


def peak_mebibytes(engine):
    status = pathlib.Path(f"/proc/{engine.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def loop_of(engine):
    """The engine's first thread."""
    return f"{engine.process.pid}/task/{engine.process.pid}"


def waited(thread):
    """Seconds that a thread could have run and there was no processor for it."""
    return int(pathlib.Path("/proc", thread, "schedstat").read_text().split()[1]) / 1e9


class Asking:
    """Asks for one thing continually and keeps how long each answer took; and how long if the
    machine had been the engine's and the client's alone, without what their threads waited for a
    processor."""

    def __init__(self, engine, port, path):
        self.client, self.path, self.wrong = Client(engine.address, port), path, []
        self.loop = loop_of(engine)
        self.seconds, self.own = [], []

    def __call__(self, stopped):
        while not stopped.is_set():
            others = waited(self.loop) + waited("thread-self")
            begun = time.monotonic()
            answer = self.client.ask(self.path)
            seconds = time.monotonic() - begun
            others = waited(self.loop) + waited("thread-self") - others
            self.seconds.append(seconds)
            self.own.append(max(seconds - others, 0))
            if answer.status != 200:
                self.wrong.append(answer)
            time.sleep(0.001)
        self.client.close()

    def figures(self):
        ordered = sorted(self.seconds)
        return (f"{len(ordered)} answers, longest {1000 * ordered[-1]:.1f} ms "
                f"({1000 * max(self.own):.1f} without waiting for a processor), "
                f"99.9 % within {1000 * ordered[len(ordered) * 999 // 1000]:.1f} ms")


def start_large(start, adapter, database):
    """The engine, and the seconds until it was ready: all, and without waiting for a processor."""
    begun = time.monotonic()
    engine = start._add(Engine(adapter.url, "--database", f"sqlite:{database}"))

    def ready():
        assert engine.running(), engine.stderr()
        try:
            return engine.operator("/readyz").status == 200
        except OSError:
            return False
    wait_until(ready, 120, "ready")
    seconds = time.monotonic() - begun
    return engine, seconds, max(seconds - waited(loop_of(engine)), 0)


def test_a_large_fleet(start, large, tmp_path, say):
    adapter = start.adapter()
    engine, ready, own = start_large(start, adapter, large)
    resident = engine.resident_mebibytes()
    say(f"{CARS} cars and {CARS} bookings: ready in {ready:.2f} s ({own:.2f} without waiting "
        f"for a processor), {resident:.0f} MiB resident, {peak_mebibytes(engine):.0f} at most so far")
    assert engine.metric("booking_cars") == engine.metric("booking_index_periods") == CARS
    before = offer(engine)

    changed = write_fleet(tmp_path / "second.csv", 1)
    loops = Asking(engine, engine.admin_port, "/healthz")
    offers = Asking(engine, engine.port, "/bookCar")
    longest_order = 0
    with working(loops, offers):
        time.sleep(0.5)
        quiet = loops.figures()
        loops.seconds.clear()
        loops.own.clear()
        begun = time.monotonic()
        done = []
        importer = threading.Thread(target=lambda: done.append(run_command(
            "import", changed, "--database", f"sqlite:{large}", timeout=120)))
        importer.start()
        turn = 0
        # "fleet loaded" is what the engine says when it has put the new one to use.
        while importer.is_alive() or "fleet loaded" not in engine.stderr():
            assert time.monotonic() < begun + 120, engine.stderr()
            asked = time.monotonic()
            answer = post(engine, order(turn % 300, turn % 300 + 1, location="L001"),
                          timeout=60)
            assert answer.status == 201, answer
            longest_order = max(longest_order, time.monotonic() - asked)
            turn += 1
            time.sleep(0.02)
        imported = time.monotonic() - begun
        importer.join()
        time.sleep(0.5)
    assert done[0][:2] == (0, f"0 added, {CARS} changed, 0 withdrawn, 0 unchanged\n"), done
    say(f"the loop by itself (/healthz): {quiet}")
    say(f"while all of the fleet changed, {imported:.1f} s: /healthz {loops.figures()}")
    say(f"offers (through the adapter): {offers.figures()}; {turn} orders, the longest "
        f"{longest_order:.2f} s")
    say(f"{engine.resident_mebibytes():.0f} MiB afterwards, {peak_mebibytes(engine):.0f} at most")
    assert not loops.wrong and not offers.wrong, (loops.wrong[:1], offers.wrong[:1])
    assert offer(engine) is not None and before is not None
    assert engine.metric("booking_index_repairs_total") == 0
    assert engine.metric("booking_cars") == CARS
    assert engine.metric("booking_index_periods") == CARS + turn
    assert not overlapping(large)

    start.forget(engine)
    again, ready, own_again = start_large(start, adapter, large)
    say(f"started again: ready in {ready:.2f} s ({own_again:.2f}), "
        f"{again.resident_mebibytes():.0f} MiB resident")
    if not SANITIZED:
        assert max(resident, again.resident_mebibytes()) <= MEBIBYTES_MAX
        assert max(own, own_again) <= READY_MAX
        assert max(loops.own) <= GAP_MAX
