"""Stopping takes ten seconds at most; the store may take longer."""
import json
import signal
import sqlite3
import time

import pytest

from booking_support import order, rows
from soak_support import WHOLE
from support import wait_until


@pytest.mark.skipif(not WHOLE, reason="takes twelve seconds")
def test_an_order_that_waits_for_an_import_longer_than_the_stopping_takes(start, database):
    """Its car has changed by the time it is written; there is no adapter to ask any more."""
    engine = start.pod("kayak", "--database", f"sqlite:{database}")
    importing = sqlite3.connect(database, isolation_level=None)
    importing.execute("UPDATE meta SET value = ? WHERE name = 'import'", (time.time() + 60,))
    importing.execute("BEGIN IMMEDIATE")
    importing.execute("UPDATE cars SET day_price = day_price + 1")
    with engine.connect() as sock:
        body = json.dumps(order()).encode()
        sock.sendall(b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s"
                     % (len(body), body))
        wait_until(lambda: engine.metric("booking_claims") == 1, 2, "the claim")
        time.sleep(0.3)
        engine.signal(signal.SIGINT)
        time.sleep(10.5)
        assert engine.running()
        importing.execute("COMMIT")
        importing.close()
        assert engine.wait() == 0, engine.stderr()
        assert not sock.recv(65536)
    assert rows(database, "SELECT count(*) FROM all_bookings") == [(0,)]
