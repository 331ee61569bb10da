"""Clients of two engines and an operator at the command line race for the same cars: orders, blocks,
moves, extensions. On either kind of database."""
import json
import random
import time

from booking_support import at, cars, overlapping, rows, run_command
from soak_support import ROUNDS, SEED, client_of
from support import at_once, wait_until

CLIENTS, CARS = 32, 4


class Race:
    """What each booking and block must be: by its id, its car and its period."""

    def __init__(self, database, engines):
        self.database, self.engines = database, engines
        self.clients = [client_of(engines[number % 2]) for number in range(CLIENTS)]
        self.expected, self.refused, self.acts = {}, 0, 0
        self.chances, self.command_seconds = random.Random(SEED), 0.1

    def order_while_commands_start(self, number, fields, share):
        """A command takes as long to start as many orders take: they are spread over that time."""
        time.sleep(share * self.command_seconds)
        self.order(number, fields)

    def order(self, number, fields):
        answer = self.clients[number].post(fields)
        if answer.status == 201:
            booking = answer.headers["Location"].rsplit("/", 1)[1]
            self.expected[booking] = (json.loads(answer.body)["carid"], fields["pickup_at"],
                                      fields["return_at"])
            return
        assert answer.status == 409, answer
        self.refused += 1

    def act(self, *words):
        begun = time.monotonic()
        status, printed, wrong = run_command(*words, "--reason", "race", "--json",
                                             "--database", self.database.url)
        self.command_seconds = time.monotonic() - begun
        if status:
            assert status == 1 and "in the way; nothing was changed" in wrong, wrong
            self.refused += 1
            return None
        self.acts += 1
        return json.loads(printed)["booking"]

    def take(self, booking):
        if booking:
            self.expected[booking["id"]] = tuple(
                booking[name] for name in ("carid", "pickup_at", "return_at"))

    def turn(self, hour):
        """Over two hours: one booking wants to move, one to be longer, a car goes to the workshop,
        and clients want two hours or the second of them."""
        first = self.chances.uniform(0, 1.5)  # when the first client comes, in a command's time
        begin, middle, end = (at(hours=hour + later) for later in range(3))
        moves = self.prepare("car-0000", begin, end)
        grows = self.prepare("car-0001", begin, middle)
        works = [
            lambda: self.take(self.act("change", moves, "--car", "car-0002")),
            lambda: self.take(self.act("change", grows, "--return", end)),
            lambda: self.take(self.act("block", "car-0003", "--from", middle, "--to", end)),
            *(lambda number=number, share=first + self.chances.uniform(0, 0.5): self.order_while_commands_start(
                number, {"pickup_at": middle if number % 3 else begin, "return_at": end}, share)
              for number in range(CLIENTS))]
        results = at_once(len(works), lambda number: works[number]())
        wrong = [result for result in results if result]
        assert not wrong, wrong
        self.fill(middle, end)

    def prepare(self, carid, begin, end):
        """Books that car, of which both engines then know."""
        answer = self.clients[0].post({"pickup_at": begin, "return_at": end, "carid": carid})
        assert answer.status == 201, answer
        booking = answer.headers["Location"].rsplit("/", 1)[1]
        self.expected[booking] = (carid, begin, end)
        return booking

    def fill(self, begin, end):
        """What is free can be booked, by either engine, and nothing else: each learns of it."""
        wanted = {"pickup_at": begin, "return_at": end}

        def full():
            for number in (0, 1):
                self.order(number, wanted)
            return self.free(begin, end) == 0
        wait_until(full, what="the last free car to be offered")
        before = len(self.expected)
        for number in (0, 1):
            self.order(number, wanted)
        assert len(self.expected) == before

    def free(self, begin, end):
        taken = {carid for carid, first, last in self.expected.values() if first < end and begin < last}
        return CARS - len(taken)

    def check(self):
        assert not overlapping(self.database)
        there = {booking: (carid, minute(first), minute(last)) for booking, carid, first, last in rows(
            self.database, "SELECT b.id, c.carid, b.pickup_at, b.return_at FROM all_bookings b"
                           " JOIN cars c ON c.number = b.car WHERE b.state IN (2, 5)")}
        assert there == self.expected
        assert all(engine.metric("booking_index_repairs_total") == 0 for engine in self.engines)


def minute(number):
    return time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime(number * 60))


def test_never_twice_beside_an_operator(either_database, start, fleet, say):
    adapter = start.adapter()
    race = Race(either_database, [start.engine(adapter, "--database", either_database.url, "--channel", channel,
                                        "--fleet", fleet(*cars(CARS))) for channel in ("one", "two")])
    begun = time.monotonic()
    for turn in range(ROUNDS):
        race.turn(2 * turn)
    race.check()
    for client in race.clients:
        client.close()
    assert race.acts, "an operator who is always too late races with nobody"
    say(f"{type(either_database).__name__}: {CLIENTS} clients of two engines and an operator, {CARS} cars, "
        f"{ROUNDS} rounds: {len(race.expected)} there, of them {race.acts} acts of the operator, "
        f"{race.refused} refused, {time.monotonic() - begun:.1f} s")
