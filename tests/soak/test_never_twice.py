"""Clients of two engines race for the last cars, on either kind of database."""
import json
import time

import pytest

from booking_support import at, cars, overlapping, rows
from soak_support import ROUNDS, client_of
from support import assert_problem, at_once

CLIENTS = 64


@pytest.mark.parametrize("count", [1, 7])
def test_never_the_same_car_twice(either_database, start, fleet, say, count):
    adapter = start.adapter()
    engines = [start.engine(adapter, "--database", either_database.url, "--channel", channel,
                            "--fleet", fleet(*cars(count))) for channel in ("one", "two")]
    clients = [client_of(engines[number % 2]) for number in range(CLIENTS)]
    begun = time.monotonic()
    for turn in range(ROUNDS):
        order = {"pickup_at": at(hours=2 * turn), "return_at": at(hours=2 * turn + 2)}
        answers = at_once(CLIENTS, lambda number, order=order: clients[number].post(order))
        taken = [json.loads(answer.body)["carid"] for answer in answers if answer.status == 201]
        assert sorted(taken) == [f"car-{number:04}" for number in range(count)], (turn, answers)
        for answer in answers:
            if answer.status != 201:
                assert_problem(answer, 409, "car-unavailable")
    seconds = time.monotonic() - begun
    for client in clients:
        client.close()
    assert rows(either_database, "SELECT count(*) FROM all_bookings") == [(ROUNDS * count,)]
    assert not overlapping(either_database)
    conflicts = sum(engine.metric("booking_conflicts_total") for engine in engines)
    assert all(engine.metric("booking_index_repairs_total") == 0 for engine in engines)
    say(f"{type(either_database).__name__}: {CLIENTS} clients of two engines, {count} free, {ROUNDS} rounds: {ROUNDS * count} booked, "
        f"{ROUNDS * (CLIENTS - count)} refused, {conflicts:.0f} conflicts, {seconds:.1f} s")
