"""PostgreSQL's server is killed under load and started again, or its standby is promoted: what was
answered is there once, and the engines serve again."""
import random
import threading
import time

import pytest

import stores
from booking_support import cars, order, overlapping, post_keyed, seen
from soak_support import LOST, SEED, client_of, number, working
from support import BUILD, wait_until

pytestmark = pytest.mark.skipif(b"libpq.so" not in (BUILD / "booking-main").read_bytes(),
                                reason="this booking-main keeps bookings in SQLite only")

KILLS = number("SOAK_SERVER_KILLS", 2)            # whole: 20
PROMOTIONS = number("SOAK_SERVER_PROMOTIONS", 1)  # whole: 20
PARTNERS = 4  # of each engine
FLEET = 60
DAYS = 600


class Orders:
    """What was asked for and answered: every order has a key of its own, and goes on being asked
    for until it is known what became of it."""

    def __init__(self):
        self.lock, self.answers, self.refused, self.waited = threading.Lock(), {}, 0, 0

    def count(self):
        """Towards the end of a long run no car may be left for many of them."""
        with self.lock:
            return len(self.answers) + self.refused

    def partner(self, engine, name):
        def work(stopped):
            chances, client, count = random.Random(f"{SEED}-{name}"), client_of(engine), 0
            while not stopped.is_set():
                count += 1
                key, first = f"{name}-{count}", chances.randrange(DAYS)
                self.book(client, key, order(first, first + 1, reference=key))
            client.close()
        return work

    def book(self, client, key, fields):
        """Also when the partner is told to stop: nothing is left unknown."""
        end = time.monotonic() + 120
        while time.monotonic() < end:
            try:
                answer = client.post(fields, key)
            except LOST:
                continue
            if answer.status == 201:
                with self.lock:
                    self.answers[key] = (fields, answer)
                return
            if answer.status == 409 and b"request-in-progress" not in answer.body:
                with self.lock:
                    self.refused += 1
                return
            assert answer.status in (409, 503), answer
            assert answer.status == 409 or b"store-unavailable" in answer.body, answer
            with self.lock:
                self.waited += 1
            time.sleep(0.05)
        raise AssertionError(f"{key} was never answered")


def check(database, engines, orders):
    """All of them, through the engine that did not answer them."""
    assert not overlapping(database)
    assert not database.rows("SELECT reference FROM all_bookings GROUP BY reference"
                             " HAVING count(*) > 1")
    kept = dict(database.rows("SELECT reference, id FROM all_bookings"))
    assert kept == {key: answer.headers["Location"].rsplit("/", 1)[1]
                    for key, (_, answer) in orders.answers.items()}
    assert database.rows("SELECT coalesce(max(number) - count(*), 0) FROM events"
                         " WHERE number > (SELECT min(number) - 1 FROM events)") == [(0,)]
    some = random.Random(SEED).sample(sorted(orders.answers), min(50, len(orders.answers)))
    for key in some:
        fields, answer = orders.answers[key]
        assert seen(post_keyed(engines[len(key) % 2], key, fields)) == seen(answer)
    for engine in engines:
        wait_until(lambda one=engine: one.metric("booking_index_periods") == len(kept),
                   what="the events")
        assert engine.metric("booking_index_repairs_total") == 0


def serve_again(engines, orders):
    """Each answers an order that is new, one way or the other; returns how long that took."""
    begun = time.monotonic()
    for which, engine in enumerate(engines):
        key, first = f"again-{which}-{begun}", random.Random(begun).randrange(DAYS)
        client = client_of(engine)
        orders.book(client, key, order(first, first + 1, reference=key))
        client.close()
    return time.monotonic() - begun


@pytest.fixture
def server():
    with stores.killable_server() as own:
        yield own


def test_the_server_is_killed_and_started_again(server, start, fleet, say):
    adapter, path, orders = start.adapter(), fleet(*cars(FLEET)), Orders()
    database = stores.Postgresql(server, "fleet")
    engines = [start.engine(adapter, "--database", database.url, "--fleet", path)
               for _ in range(2)]
    longest = 0
    with working(*(orders.partner(engine, f"{which}-{partner}")
                   for which, engine in enumerate(engines) for partner in range(PARTNERS))):
        for _ in range(KILLS):
            count = orders.count()
            wait_until(lambda before=count: orders.count() > before + 20, what="the partners' work")
            server.kill()
            wait_until(lambda before=orders.waited: orders.waited > before, what="a refusal")
            server.start()
            longest = max(longest, serve_again(engines, orders))
    check(database, engines, orders)
    say(f"{KILLS} kills of the server, {len(orders.answers)} bookings answered, {orders.waited} times "
        f"asked again, {orders.refused} without a car, serving again within {longest:.1f} s")


def test_the_standby_is_promoted(server, start, fleet, say):
    """Synchronous: what was answered is on both. A new standby takes the dead one's place."""
    adapter, path, orders = start.adapter(), fleet(*cars(FLEET)), Orders()
    primary, standby = server, server.standby(stores.new_folder())
    made, longest = [standby], 0
    try:
        url = primary.url("fleet", others=[standby])
        engines = [start.engine(adapter, "--database", url, "--fleet", path) for _ in range(2)]
        with working(*(orders.partner(engine, f"{which}-{partner}")
                       for which, engine in enumerate(engines) for partner in range(PARTNERS))):
            for turn in range(PROMOTIONS):
                count = orders.count()
                wait_until(lambda before=count: orders.count() > before + 20,
                           what="the partners' work")
                primary.kill()
                standby.promote()
                longest = max(longest, serve_again(engines, orders))
                if turn + 1 < PROMOTIONS:
                    primary, standby = standby, standby.standby(
                        stores.new_folder(), name=f"standby_{turn}", port=primary.port)
                    made.append(standby)
        check(stores.Postgresql(standby, "fleet"), engines, orders)
    finally:
        for one in start.started[:]:
            if one is not adapter:
                start.forget(one)
        for one in made:
            one.remove()
    say(f"{PROMOTIONS} standbys promoted, {len(orders.answers)} bookings answered, {orders.waited} times "
        f"asked again, serving again within {longest:.1f} s")
