"""Several engines on one database, and a new fleet under engines that run."""
import json
import threading
import time

import pytest

from clock import Clock
from booking_support import (book, cars, fleet_text, offer, order, overlapping, post, post_keyed,
                             rows, run_command, seen, status_of)
from support import PATIENCE, Engine, assert_problem, at_once, http_answer, wait_until


@pytest.fixture
def engines(start, clock, database):
    """Two engines of one partner each on the demo fleet, and on one clock."""
    return [start.engine(start.adapter(partner), "--database", database.url, "--channel", partner,
                         clock=clock) for partner in ("kayak", "airbnb")]


# --- each other's changes -------------------------------------------------------------------------

def test_changes_are_seen(engines, clock):
    one, two = engines
    clock.stop()
    location, booked = book(one)
    assert booked["carid"] == "1-XXX-333"
    wait_until(lambda: offer(two) == "1-XXX-334", what="the booking in the other engine")
    assert one.ask(location, "DELETE").status == 200
    wait_until(lambda: offer(two) == "1-XXX-333", what="the cancellation in the other engine")
    held, _ = book(two, hold_seconds=600)
    wait_until(lambda: offer(one) == "1-XXX-334", what="the hold in the other engine")
    assert two.ask(held + "/confirm", "POST").status == 200
    brief, _ = book(one, hold_seconds=2)
    wait_until(lambda: offer(two) == "2-YYY-101", what="the second hold")
    clock.move(60)
    wait_until(lambda: offer(one) == offer(two) == "1-XXX-334", what="the expiry in both engines")
    assert status_of(one, brief) == "expired"


def test_the_last_car_before_the_news_is_there(engines):
    """The index of the second engine still offers the car: its store knows better."""
    one, two = engines
    for turn in range(20):
        fields = dict(first=2 * turn, last=2 * turn + 1, carid="1-XXX-333")
        book(one, **fields)
        answer = post(two, order(**fields))
        assert_problem(answer, 409, "car-unavailable")
    for engine in engines:
        assert engine.metric("booking_index_repairs_total") == 0
        wait_until(lambda engine=engine: engine.metric("booking_index_periods") == 20, what="events")


def test_the_next_car_before_the_news_is_there(engines):
    """Without a carid it goes round again with another car."""
    one, two = engines
    got = [book(engine)[1]["carid"] for _ in range(3) for engine in engines]
    assert got == ["1-XXX-333", "1-XXX-334", "2-YYY-101", "1-XXX-335", "2-YYY-102", "2-YYY-103"]
    assert two.metric("booking_conflicts_total") + one.metric("booking_conflicts_total") < 12


def test_one_restarts_while_the_other_books(start, fleet, database):
    adapter = start.adapter()
    arguments = ("--database", database.url, "--fleet", fleet(*cars(100)))
    steady = start.engine(adapter, *arguments)
    booked = []
    stop = threading.Event()

    def go_on():
        while not stop.is_set() and len(booked) < 95:
            booked.append(book(steady)[0])
            time.sleep(0.01)
    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        for _ in range(4):
            other = start.engine(adapter, *arguments)
            booked.append(book(other)[0])
            other.kill()
    finally:
        stop.set()
        thread.join()
    other = start.engine(adapter, *arguments)
    assert other.metric("booking_index_periods") == len(booked) == len(set(booked))
    assert all(status_of(other, location) == "booked" for location in booked)
    assert not overlapping(database)


# --- a new fleet ----------------------------------------------------------------------------------

def import_lines(tmp_path, database, *lines, options=()):
    path = tmp_path / "new.csv"
    path.write_text(fleet_text(*lines))
    return run_command("import", path, "--database", database.url, "--force", *options)


def test_an_import_is_followed(engines, database, tmp_path):
    one, two = engines
    location, _ = book(one)
    status, printed, wrong = import_lines(
        tmp_path, database, "new-1,ECMR,LYS,20,,EUR", "1-XXX-333,ECMR,NCE,30.00,10.00,EUR")
    assert (status, wrong) == (0, "")
    assert printed == "1 added, 1 changed, 6 withdrawn, 0 unchanged\n"
    for engine in engines:
        wait_until(lambda engine=engine: offer(engine, 5, 6) == "new-1", what="the new fleet")
        wait_until(lambda engine=engine: offer(engine, 5, 6, location="NCE") == "1-XXX-333",
                   what="the car's change")
        assert offer(engine, location="NCE") is None
        assert_problem(post(engine, order(carid="1-XXX-334")), 409, "car-unavailable")
        assert engine.metric("booking_cars") == 2
    assert json.loads(one.ask(location).body)["price"] == 55
    assert book(two, 5, 6, location="NCE", price=30)[1]["costs"] == "10 euros an hour"


def test_cars_that_are_gone_keep_their_bookings_and_come_back(engines, database, tmp_path):
    one, _ = engines
    location, _ = book(one, carid="1-XXX-334")
    old = rows(database, "SELECT carid, category, location, day_price, hour_price FROM cars")
    assert import_lines(tmp_path, database, *cars(1))[0] == 0
    wait_until(lambda: offer(one) == "car-0000", what="the new fleet")
    assert json.loads(one.ask(location).body)["carid"] == "1-XXX-334"
    lines = [f"{carid},{category},{place},{day / 100},{hour / 100},EUR"
             for carid, category, place, day, hour in old]
    status, printed, _ = import_lines(tmp_path, database, *lines)
    assert (status, printed) == (0, "7 added, 0 changed, 1 withdrawn, 0 unchanged\n")
    wait_until(lambda: offer(one) == "1-XXX-333", what="the old fleet")
    assert_problem(post(one, order(carid="1-XXX-334")), 409, "car-unavailable")
    assert one.ask(location, "DELETE").status == 200
    assert book(one, carid="1-XXX-334")[0]


def test_the_lag_behind_another_engines_events_is_measured(start, database):
    """The other's clock is a minute ahead, so its events seem to be as late as that."""
    ahead = Clock()
    ahead.move(60)
    adapter = start.adapter()
    one = start.engine(adapter, "--database", database.url)
    two = start.engine(adapter, "--database", database.url, clock=ahead)
    count = two.metric("booking_event_lag_seconds_count")
    total = two.metric("booking_event_lag_seconds_sum")
    book(one)
    wait_until(lambda: two.metric("booking_event_lag_seconds_count") == count + 1, what="the event")
    assert 60 <= two.metric("booking_event_lag_seconds_sum") - total <= 60 + PATIENCE


def test_a_dry_run_only_reports(engines, database, tmp_path):
    before = rows(database, "SELECT * FROM cars")
    status, printed, _ = import_lines(tmp_path, database, "new-1,ECMR,LYS,20,,EUR",
                                      options=["--dry-run"])
    assert status == 0 and "1 added, 0 changed, 7 withdrawn, 0 unchanged" in printed
    assert rows(database, "SELECT * FROM cars") == before
    assert offer(engines[0]) == "1-XXX-333"


def test_the_same_fleet_again(engines, database, tmp_path):
    lines = [f"{carid},{category},{place},{day / 100},{hour / 100},EUR" for
             carid, category, place, day, hour in
             rows(database, "SELECT carid, category, location, day_price, hour_price FROM cars")]
    last = engines[0].metric("booking_last_event")
    status, printed, _ = import_lines(tmp_path, database, *lines)
    assert (status, printed) == (0, "0 added, 0 changed, 0 withdrawn, 7 unchanged\n")
    book(engines[0])
    wait_until(lambda: engines[0].metric("booking_last_event") > last, what="the next event")
    assert engines[0].metric("booking_last_event") == last + 1


@pytest.mark.parametrize("lines", [
    ("a,ECMR,NCE,20,,EUR", "b,ECMR,NCE,x,,EUR"), ("a,ECMR,NCE,20,,EUR", "a,ECMR,NCE,20,,EUR"),
    ("a,ECMR,NCE,20,,EUR", "b,ECMR,NCE,20,,USD"), ()])
def test_an_invalid_file_changes_nothing(engines, database, tmp_path, lines):
    status, printed, wrong = import_lines(tmp_path, database, *lines)
    assert (status, printed) == (1, "")
    assert "new.csv:" in wrong
    assert offer(engines[0]) == "1-XXX-333"
    assert rows(database, "SELECT count(*) FROM cars WHERE offered = 1") == [(7,)]


def test_another_currency_while_no_booking_is_under_way(engines, database, tmp_path):
    """Whoever has booked is to pay what was agreed. What is over is shown in its own currency."""
    one, _ = engines
    assert import_lines(tmp_path, database, "y,ECMR,TYO,5500,,JPY")[0] == 0
    wait_until(lambda: offer(one) == "y", what="the new fleet")
    answer = post(one, order(0, 2, price=11000))
    assert answer.status == 201 and b'"price":11000,"currency":"yen"' in answer.body
    status, _, wrong = import_lines(tmp_path, database, "e,ECMR,NCE,55,,EUR")
    assert status == 1 and "EUR" in wrong
    assert offer(one, 3, 4) == "y"
    location = answer.headers["Location"]
    assert one.ask(location, "DELETE").status == 200
    assert import_lines(tmp_path, database, "e,ECMR,NCE,55,,EUR")[0] == 0
    wait_until(lambda: offer(one) == "e", what="the euro fleet")
    assert b'"price":11000,"currency":"yen","status":"cancelled"' in one.ask(location).body


def test_a_booking_shows_what_was_booked(engines, database, tmp_path):
    """Price, place and category are kept with it; the import says whom its changes concern."""
    one, _ = engines
    location, _ = book(one, 0, 2, carid="1-XXX-333")
    other, _ = book(one, 0, 2, carid="1-XXX-334")
    wanted = one.ask(location).body
    status, _, wrong = import_lines(tmp_path, database, "1-XXX-333,CDAR,LYS,99,10.00,EUR")
    assert status == 0
    assert "warning: 1 bookings or holds are of cars that now stand elsewhere" in wrong
    assert "warning: 1 bookings or holds are of cars that are withdrawn" in wrong
    wait_until(lambda: offer(one, 5, 6, location="LYS") == "1-XXX-333", what="the new fleet")
    assert one.ask(location).body == wanted
    assert status_of(one, other) == "booked"
    # The adapter is told the place and the category that were booked, too.
    assert rows(database, "SELECT location, category, total, currency FROM bookings"
                " WHERE car = 1") == [("NCE", "ECMR", 11000, "EUR")]


def test_a_price_that_changed_on_the_way(start, fleet, database, tmp_path):
    """The fleet is replaced while the adapter writes: the car is sold at its new price or not at
    all, and is still offered afterwards."""
    go_on = threading.Event()
    stand_in = start.stand_in(
        lambda sock, received: go_on.wait() and sock.sendall(http_answer()) is None)
    engine = start.engine(stand_in, "--database", database.url, "--fleet",
                          fleet("a,ECMR,NCE,50,,EUR"))
    answers = []
    thread = threading.Thread(target=lambda: answers.append(post(engine, order(price=50))))
    thread.start()
    wait_until(lambda: engine.metric("booking_claims") == 1, what="the claim")
    assert import_lines(tmp_path, database, "a,ECMR,NCE,60,,EUR")[0] == 0
    wait_until(lambda: "fleet loaded" in engine.stderr(), what="the new fleet")
    go_on.set()
    thread.join()
    assert answers[0].status == 409, answers
    assert engine.metric("booking_claims") == engine.metric("booking_index_periods") == 0
    assert post(engine, order(price=60)).status == 201
    assert engine.metric("booking_cars") == 1


def test_a_location_that_changed_on_the_way(start, fleet, database, tmp_path):
    """Who asked for a car in Nice does not get one in Paris."""
    go_on = threading.Event()
    stand_in = start.stand_in(
        lambda sock, received: go_on.wait() and sock.sendall(http_answer()) is None)
    engine = start.engine(stand_in, "--database", database.url, "--fleet",
                          fleet("a,ECMR,NCE,50,,EUR", "b,ECMR,NCE,90,,EUR"))
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(post(engine, order(location="NCE"))))
    thread.start()
    wait_until(lambda: engine.metric("booking_claims") == 1, what="the claim")
    assert import_lines(tmp_path, database, "a,ECMR,PAR,50,,EUR", "b,ECMR,NCE,90,,EUR")[0] == 0
    wait_until(lambda: "fleet loaded" in engine.stderr(), what="the new fleet")
    go_on.set()
    thread.join()
    assert answers[0].status == 201
    assert rows(database, "SELECT c.location FROM bookings b JOIN cars c ON c.number = b.car"
                ) == [("NCE",)]


def test_imports_drop_no_request(start, fleet, database, tmp_path):
    adapter = start.adapter()
    engine = start.engine(adapter, "--database", database.url, "--fleet",
                          fleet(*cars(400)))
    stop = threading.Event()
    answers = {"offer": [], "book": []}

    def ask():
        while not stop.is_set():
            answers["offer"].append(engine.ask("/bookCar"))

    def book_on():
        number = 0
        while not stop.is_set():
            first = number % 40
            answer = post_keyed(engine, f"{threading.get_ident()}-{number}", order(first, first + 1))
            answers["book"].append(answer)
            if number % 3 == 0 and answer.status == 201:
                assert engine.ask(answer.headers["Location"], "DELETE").status == 200
            number += 1

    threads = [threading.Thread(target=work, daemon=True) for work in (ask, ask, book_on, book_on)]
    for thread in threads:
        thread.start()
    turn = 0
    while turn < 8 or len(answers["book"]) <= 100:
        lines = cars(400 - 20 * (turn % 2), f"{50 + turn}.00") + [f"extra-{turn},CDMR,PAR,60,,EUR"]
        assert import_lines(tmp_path, database, *lines)[0] == 0
        time.sleep(0.15)
        turn += 1
    stop.set()
    for thread in threads:
        thread.join()
    assert {answer.status for answer in answers["offer"]} == {200}
    refused = [answer for answer in answers["book"] if answer.status != 201]
    assert not refused, (len(refused), refused[0])
    assert not overlapping(database)
    assert engine.metric("booking_index_repairs_total") == 0
    wait_until(lambda: engine.metric("booking_cars") == len(lines), what="the last fleet")
    held = rows(database, "SELECT count(*) FROM bookings WHERE state = 2")[0][0]
    assert engine.metric("booking_index_periods") == held
    assert json.loads(engine.ask("/bookCar").body)["price"] == min(49 + turn, 60)


def test_orders_wait_for_a_new_fleet(start, fleet, database, tmp_path):
    """Between the import's commit and the moment when the engine has loaded the new fleet, each car
    it can propose is of another price."""
    engine = start.engine(start.adapter(), "--database", database.url, "--fleet",
                          fleet(*cars(9000)))
    for turn in range(1, 4):
        assert import_lines(tmp_path, database, *cars(9000, f"{50 + turn}.00"))[0] == 0
        answers = at_once(4, lambda number, turn=turn: post(engine, order(4 * turn, 4 * turn + 1)))
        assert [json.loads(answer.body).get("price") for answer in answers] == [50 + turn] * 4
    assert engine.metric("booking_cars") == 9000
    assert engine.metric("booking_claims") == 0


# --- the fleet option -----------------------------------------------------------------------------

def test_the_fleet_only_into_an_empty_database(start, fleet, database):
    adapter = start.adapter()
    arguments = ("--database", database.url, "--fleet")
    engine = start.engine(adapter, *arguments, fleet(*cars(2, "70.00")))
    assert offer(engine) == "car-0000"
    engine.kill()
    other = fleet("other,ECMR,NCE,1.00,,EUR")
    engine = start.engine(adapter, *arguments, other)
    assert offer(engine) == "car-0000"
    assert rows(database, "SELECT count(*) FROM cars") == [(2,)]
    engine.kill()
    engine = start.engine(adapter, "--database", database.url)
    assert offer(engine) == "car-0000"


def test_engines_that_start_at_once_on_a_new_database(start, fleet, database):
    adapter = start.adapter()
    path = fleet(*cars(2000))
    engines = [start._add(Engine(adapter.url, "--database", database.url, "--fleet", path))
               for _ in range(4)]
    for engine in engines:
        engine.wait_ready()
        assert engine.running(), engine.stderr()
        assert offer(engine) == "car-0000"
    assert rows(database, "SELECT count(*) FROM cars") == [(2000,)]
    assert rows(database, "SELECT count(*) FROM events WHERE kind = 3")[0][0] <= 1
    first = post_keyed(engines[0], "k", order())
    assert seen(post_keyed(engines[3], "k", order())) == seen(first)
