"""Partners of two channels work on one fleet through four engines on PostgreSQL. Meanwhile nothing
happens, or the server is killed and started again, or its standby is promoted. Afterwards a program
of its own holds what partners were told against the database."""
import contextlib
import random
import subprocess
import sys
import time

import pytest

import stores
from booking_support import cars, order
from checker import __file__ as CHECKER
from histories import DAYS, History, Partner
from soak_support import SEED, WHOLE, client_of, number, working
from support import BUILD, at_once, wait_until

pytestmark = pytest.mark.skipif(b"libpq.so" not in (BUILD / "booking-main").read_bytes(),
                                reason="this booking-main keeps bookings in SQLite only")

CLIENTS = number("SOAK_CLIENTS", 8)               # of each engine; whole: 64
SECONDS = number("SOAK_SECONDS", 2)               # whole: 60
KILLS = number("SOAK_SERVER_KILLS", 2)            # whole: 20
PROMOTIONS = number("SOAK_SERVER_PROMOTIONS", 1)  # whole: 20
FLEET = 100
SHOWS, SHOWS_AT_LAST = 0.1, 0.5  # seconds until a change shows elsewhere: median, 99 of 100
# Each spoils the database a little more, and the checker must say what is wrong. In the order from
# its last look to its first. `kept` are bookings of which nothing is known but that they were made.
KEPT = ("WITH kept AS (SELECT max(number) AS number, car FROM events"
        " GROUP BY booking_id, car HAVING count(*) = 1 AND booking_id <> '') ")
SPOILT = [
    (KEPT + "UPDATE events SET pickup_at = o.pickup_at, return_at = o.return_at FROM events o WHERE"
     " events.number = (SELECT max(number) FROM kept WHERE car = 1) AND o.number ="
     " (SELECT min(number) FROM kept WHERE car = 1)", "sold twice"),
    ("UPDATE events SET number = -number;" + KEPT + "UPDATE events SET number = CASE number"
     " WHEN (SELECT max(number) FROM kept) THEN last ELSE CASE WHEN number <"
     " (SELECT max(number) FROM kept) THEN -number - 1 ELSE -number END END FROM event_counter",
     "another order"),
    ("UPDATE event_counter SET last = last + 1", "the events have gaps"),
    ("UPDATE bookings SET reference = 'nobody' WHERE number = (SELECT max(number) FROM bookings"
     " WHERE state = 2)", "answered, and not there"),
    ("UPDATE answers SET body = body || ' ' WHERE number = (SELECT max(number) FROM answers)",
     "kept is another answer"),
]
CHANGES = number("SOAK_CHANGES", 5)               # whole: 300
SERVING_AGAIN = 5  # seconds after the database, in the whole form


@pytest.fixture
def server():
    with stores.killable_server() as own:
        yield own


class Run:
    """Four engines, two of each channel, and their partners."""

    def __init__(self, start, url, fleet):
        self.history, self.chances = History(), random.Random(SEED)
        self.start, self.longest, self.turn = start, 0, 0
        self.engines = [(channel, start.pod(channel, "--database", url, "--channel", channel,
                                            "--fleet", fleet(*cars(FLEET))))
                        for channel in ("kayak", "airbnb") for _ in range(2)]
        self.partners = [self.partner(which, f"{which}-{client}")
                         for which in range(4) for client in range(CLIENTS)]

    def partner(self, which, name):
        """The engine of that number is its first one."""
        channel, engine = self.engines[which]
        other = self.engines[which ^ 1][1]
        return Partner(self.history, name, channel, [engine, other])

    def progress(self):
        """Waits until the partners got somewhere, and a random time more."""
        before = self.history.known + self.history.refused
        wait_until(lambda: self.history.known + self.history.refused > before + 20,
                   what="the partners' work")
        time.sleep(self.chances.uniform(0, 0.3))

    def trouble(self, before, long):
        """Waits until somebody got no answer; if long, so many that all have given up once."""
        wanted = before + (len(self.partners) if long else 1)
        wait_until(lambda: self.history.unsure >= wanted, what="questions without an answer")

    def serve_again(self):
        """Each engine answers an order that is new; how long that took is kept."""
        begun, self.turn = time.monotonic(), self.turn + 1

        def ask(which):
            partner = Partner(self.history, f"again-{self.turn}-{which}", self.engines[which][0],
                              [self.engines[which][1]])
            partner.order(which * 7 + self.turn % DAYS)
            partner.close()
            return time.monotonic() - begun
        took = at_once(4, ask)
        assert all(isinstance(seconds, float) for seconds in took), took
        self.longest = max(self.longest, *took)

    def working(self):
        return working(*(partner.work for partner in self.partners))

    def check(self, database, path):
        """After the work; ends the engines, whose last holds still run out. The figures."""
        for partner in self.partners:
            partner.repeat()
        self.history.write(path)
        for _, engine in self.engines:
            assert engine.metric("booking_index_repairs_total") == 0
            self.start.forget(engine)
        status, figures, wrong = run_checker(path, database)
        assert status == 0, wrong[-4000:]
        return figures.strip()


def run_checker(path, database):
    done = subprocess.run([sys.executable, "-B", CHECKER, path,
                           database.server.socket_url(database.name)],
                          text=True, capture_output=True, check=False)
    return done.returncode, done.stdout, done.stderr


def test_four_engines_on_one_fleet(server, start, fleet, say, tmp_path):
    database = stores.Postgresql(server, "fleet")
    run = Run(start, database.url, fleet)
    with run.working():
        run.progress()
        time.sleep(SECONDS)
    figures = run.check(database, tmp_path / "history")
    say(f"4 engines, {CLIENTS} clients each, {SECONDS} s: {figures}")
    for spoil, what in [] if WHOLE else SPOILT:  # takes long with much in it
        database.run(spoil)
        status, _, wrong = run_checker(tmp_path / "history", database)
        assert status == 1 and what in wrong, (spoil, wrong[-4000:])


def test_the_server_is_killed_and_started_again(server, start, fleet, say, tmp_path):
    database = stores.Postgresql(server, "fleet")
    run = Run(start, database.url, fleet)
    with run.working():
        for turn in range(KILLS):
            run.progress()
            before = run.history.unsure
            server.kill()
            run.trouble(before, long=turn % 2 == 1)
            server.start()
            run.serve_again()
    figures = run.check(database, tmp_path / "history")
    say(f"{KILLS} kills of the server, serving again within {run.longest:.1f} s: {figures}")
    assert not WHOLE or run.longest < SERVING_AGAIN


def test_the_standby_is_promoted(server, start, fleet, say, tmp_path):
    """Synchronous: what was answered is on both. A new standby takes the dead one's place."""
    primary, standby = server, server.standby(stores.new_folder())
    with contextlib.ExitStack() as made:
        made.callback(standby.remove)
        run = Run(start, primary.url("fleet", others=[standby]), fleet)
        with run.working():
            for turn in range(PROMOTIONS):
                run.progress()
                primary.kill()
                standby.promote()
                run.serve_again()
                if turn + 1 < PROMOTIONS:
                    primary, standby = standby, standby.standby(
                        stores.new_folder(), name=f"standby_{turn}", port=primary.port)
                    made.callback(standby.remove)
        figures = run.check(stores.Postgresql(standby, "fleet"), tmp_path / "history")
    say(f"{PROMOTIONS} standbys promoted, serving again within {run.longest:.1f} s: {figures}")
    assert not WHOLE or run.longest < SERVING_AGAIN


def test_a_change_shows_in_the_other_pods_offers(server, start, fleet, say):
    """A booking and a cancellation by turns, of the only car. The time counts from the answer."""
    url, path = server.url("fleet"), fleet(*cars(1))
    one, two = (client_of(start.pod(channel, "--database", url, "--channel", channel,
                                    "--fleet", path)) for channel in ("kayak", "airbnb"))
    chances, took = random.Random(SEED), []

    def shows(day, status):
        begun = time.monotonic()
        query = "&".join(f"{name}={value}" for name, value in order(day, day + 1).items())
        wait_until(lambda: two.ask(f"/bookCar?{query}").status == status, what="the change")
        took.append(time.monotonic() - begun)

    for turn in range(CHANGES):
        time.sleep(chances.uniform(0, 0.1))  # in no step with the other's looking
        answer = one.post(order(turn, turn + 1))
        assert answer.status == 201, answer
        shows(turn, 404)
        assert one.ask(answer.headers["Location"], "DELETE").status == 200
        shows(turn, 200)
    one.close()
    two.close()
    took.sort()
    median, late = took[len(took) // 2], took[int(len(took) * 0.99)]
    say(f"{len(took)} changes showed in the other pod's offers after {median * 1000:.0f} ms at the"
        f" median, {late * 1000:.0f} ms at p99")
    assert not WHOLE or (median <= SHOWS and late <= SHOWS_AT_LAST)
