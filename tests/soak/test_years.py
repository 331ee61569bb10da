"""Years of bookings that are over: they cost neither the start nor a commit anything.

What is compared is counted, not timed: bytes that the start reads, bytes that a booking writes to
the log, beside the same on a database without a past. The whole form prints times as well.
"""
import pathlib
import sqlite3
import time

from booking_support import at, cars, rows
from soak_support import PAST, WHOLE, client_of
from support import SANITIZED

FLEET, ACTIVE, ORDERS = 1000, 1000, 300

COLUMNS = """id, car, pickup_at, return_at, state, expires_at, channel, reference, day_price,
    hour_price, total, currency, location, category, created_at"""

# A few minutes each, one after the other on each car, long ago.
PAST_BOOKINGS = f"""
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT ?)
    INSERT INTO past_bookings ({COLUMNS}, ended_at)
    SELECT substr(hex(randomblob(11)), 1, 22), 1 + i % {FLEET}, i, i + 1, 2, 0, 'default',
           'reference-' || i, 5000, NULL, 5000, 'EUR', 'NCE', 'ECMR', 1,
           (SELECT value FROM meta WHERE name = 'time') FROM n"""
ACTIVE_BOOKINGS = f"""
    WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n LIMIT {ACTIVE})
    INSERT INTO bookings ({COLUMNS})
    SELECT printf('%022d', i), 1 + i, 60000000, 60001440, 2, 0, 'default', '', 5000, NULL, 5000,
           'EUR', 'NCE', 'ECMR', 1 FROM n"""


def fill(database, past):
    connection = sqlite3.connect(database, isolation_level=None)
    connection.executescript("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144")
    connection.execute("BEGIN")
    connection.execute(ACTIVE_BOOKINGS)
    if past:
        connection.execute("DROP INDEX past_bookings_id")
        connection.execute(PAST_BOOKINGS, (past,))
        connection.execute("CREATE UNIQUE INDEX past_bookings_id ON past_bookings (id)")
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def bytes_read(engine):
    text = pathlib.Path(f"/proc/{engine.process.pid}/io").read_text()
    return int(dict(line.split(": ") for line in text.splitlines())["rchar"])


def measure(start, adapter, database, fleet, past):
    """(bytes read by the start, bytes a booking adds to the log, seconds of the start, of a
    booking)"""
    arguments = ("--database", f"sqlite:{database}", "--fleet", fleet(*cars(FLEET)))
    start.forget(start.engine(adapter, *arguments))  # makes the tables
    fill(database, past)
    begun = time.monotonic()
    engine = start.engine(adapter, *arguments)
    seconds = time.monotonic() - begun
    read = bytes_read(engine)
    assert engine.metric("booking_index_periods") == ACTIVE
    log = pathlib.Path(f"{database}-wal")
    # A reader, so that the log is not written over from its beginning on.
    reader = sqlite3.connect(database, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM cars").fetchall()
    client, before, begun = client_of(engine), log.stat().st_size, time.monotonic()
    for number in range(ORDERS):
        assert client.post({"pickup_at": at(number), "return_at": at(number + 1)}).status == 201
    each = (time.monotonic() - begun) / ORDERS
    written = (log.stat().st_size - before) / ORDERS
    client.close()
    reader.close()
    assert rows(database, "SELECT count(*) FROM past_bookings") == [(past,)]
    start.forget(engine)
    return read, written, seconds, each


def test_what_is_over_costs_nothing(start, fleet, tmp_path, say):
    adapter = start.adapter()
    none = measure(start, adapter, tmp_path / "none.db", fleet, 0)
    years = measure(start, adapter, tmp_path / "years.db", fleet, PAST)
    size = (tmp_path / "years.db").stat().st_size / 2**20
    for name, one in (("no past", none), (f"{PAST} past bookings, {size:.0f} MiB", years)):
        say(f"{name}: start read {one[0] / 1024:.0f} KiB in {one[2]:.2f} s; a booking wrote "
            f"{one[1] / 1024:.1f} KiB to the log in {1000 * one[3]:.2f} ms")
    assert years[0] < none[0] + 256 * 1024
    assert years[1] < 1.1 * none[1]
    if WHOLE and not SANITIZED:
        assert years[2] < 1
