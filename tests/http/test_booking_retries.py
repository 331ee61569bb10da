"""Idempotency-Key: the same key gives the same answer, and nothing happens twice."""
import json
import threading
import time

import pytest

from booking_support import (at, book, cars, from_now, offer, order, post, post_keyed, rows, seen,
                             status_of)
from stores import IS_POSTGRESQL
from support import assert_problem, at_once, http_answer, wait_until


@pytest.fixture
def pod(start, clock):
    return start.pod("kayak", "--prefix", "/kayak", clock=clock)


def slow(seconds):
    def script(sock, _received):
        time.sleep(seconds)
        sock.sendall(http_answer())
        return True
    return script


def test_the_same_bytes_again(pod):
    first = post_keyed(pod, "k1", order(reference="R"))
    assert first.status == 201
    for path in ("/bookCar", "/bookCar", "/bookCar/"):
        assert seen(post_keyed(pod, "k1", order(reference="R"), path)) == seen(first)
    assert pod.metric("booking_index_periods") == pod.metric("booking_bookings_total") == 1
    assert pod.metric("booking_replays_total") == 3
    assert seen(post_keyed(pod, "k2", order(reference="R"))) != seen(first)


def test_without_a_key_each_is_another_booking(pod):
    assert book(pod)[0] != book(pod)[0]


@pytest.mark.parametrize("other", [
    order(0, 2), order(reference="R"), order(hold_seconds=60), {}, b"", b"nonsense",
    json.dumps(order()).encode() + b" "])
def test_another_body_under_the_key(pod, other):
    first = post_keyed(pod, "k", order())
    assert_problem(post_keyed(pod, "k", other), 422, "idempotency-key-reused", "Idempotency-Key")
    assert seen(post_keyed(pod, "k", order())) == seen(first)


def test_another_path_under_the_key(pod):
    first, _ = book(pod, hold_seconds=60)
    other, _ = book(pod, hold_seconds=60)
    headers = {"Idempotency-Key": "k"}
    confirmed = pod.ask(first + "/confirm", "POST", headers=headers)
    assert confirmed.status == 200
    for path in (other + "/confirm", "/bookCar"):
        assert_problem(pod.ask(path, "POST", headers=headers, body=""), 422,
                       "idempotency-key-reused", "Idempotency-Key")
    assert status_of(pod, other) == "held"
    assert seen(pod.ask(first + "/confirm", "POST", headers=headers)) == seen(confirmed)
    assert seen(pod.ask(first + "/confirm/", "POST", headers=headers)) == seen(confirmed)


def test_a_confirmation_again_after_the_cancellation(pod):
    location, _ = book(pod, hold_seconds=60)
    headers = {"Idempotency-Key": "k"}
    confirmed = pod.ask(location + "/confirm", "POST", headers=headers)
    assert pod.ask(location, "DELETE").status == 200
    assert seen(pod.ask(location + "/confirm", "POST", headers=headers)) == seen(confirmed)
    assert_problem(pod.ask(location + "/confirm", "POST"), 409, "booking-cancelled")
    assert status_of(pod, location) == "cancelled"


def test_a_confirmation_again_under_another_key(pod):
    """The answer to the first was lost, and the partner asks anew."""
    location, _ = book(pod, hold_seconds=60)
    answers = [pod.ask(location + "/confirm", "POST", headers={"Idempotency-Key": key})
               for key in ("one", "two", "two", "one")]
    assert [answer.status for answer in answers] == [200] * 4
    assert len({answer.body for answer in answers}) == 1
    booked, _ = book(pod)
    answer = pod.ask(booked + "/confirm", "POST", headers={"Idempotency-Key": "three"})
    assert (answer.status, status_of(pod, booked)) == (200, "booked")


def test_get_and_delete_pass_the_key_over(pod):
    location, _ = book(pod)
    headers = {"Idempotency-Key": "k"}
    assert pod.ask(location, headers=headers).status == 200
    assert pod.ask(location, "DELETE", headers=headers).status == 200
    assert pod.ask(location, headers=headers).status == 200
    assert post_keyed(pod, "k", order()).status == 201


@pytest.mark.parametrize("refused,status", [
    (order(price=1), 409), (order(carid="1-XXX-333"), 409), (order(location="ZZZ"), 404),
    (order(carid="nowhere"), 404), ({}, 400), (b"", 400), (order(hold_seconds=0), 400)])
def test_a_refused_request_frees_its_key(pod, refused, status):
    taken, _ = book(pod, carid="1-XXX-333")
    assert post_keyed(pod, "k", refused).status == status
    assert post_keyed(pod, "k", refused).status == status
    pod.ask(taken, "DELETE")
    first = post_keyed(pod, "k", order())
    assert first.status == 201
    assert seen(post_keyed(pod, "k", order())) == seen(first)


def test_the_same_request_once_there_is_a_car(pod):
    taken, _ = book(pod, carid="1-XXX-333")
    mine = order(carid="1-XXX-333")
    assert_problem(post_keyed(pod, "k", mine), 409, "car-unavailable")
    pod.ask(taken, "DELETE")
    first = post_keyed(pod, "k", mine)
    assert first.status == 201
    pod.ask(first.headers["Location"], "DELETE")
    assert seen(post_keyed(pod, "k", mine)) == seen(first)  # as it was, not as it is


@pytest.mark.parametrize("answer,status", [
    (http_answer(b"{}", "500 Oops"), 502), (http_answer(b"nonsense"), 502), (None, 504)])
def test_an_adapter_in_trouble_frees_the_key(start, answer, status):
    stand_in = start.stand_in()
    turns = []

    def script(sock, _received):
        turns.append(1)
        if len(turns) == 1:
            if answer is None:
                stand_in.stopped.wait()
                return False
            sock.sendall(answer)
        else:
            sock.sendall(http_answer())
        return True
    stand_in.script = script
    engine = start.engine(stand_in)
    assert post_keyed(engine, "k", order()).status == status
    first = post_keyed(engine, "k", order())
    assert first.status == 201
    assert seen(post_keyed(engine, "k", order())) == seen(first)


def test_in_flight(start):
    go_on = threading.Event()
    engine = start.engine(start.stand_in(
        lambda sock, _received: go_on.wait() and sock.sendall(http_answer()) is None))
    first = []
    thread = threading.Thread(target=lambda: first.append(post_keyed(engine, "k", order())))
    thread.start()
    wait_until(lambda: engine.metric("booking_claims") == 1, what="the claim")
    for fields in (order(), order(0, 2), {}):
        answer = post_keyed(engine, "k", fields)
        assert_problem(answer, 409, "request-in-progress", "Idempotency-Key")
    go_on.set()
    other = post_keyed(engine, "l", order())
    thread.join()
    assert first[0].status == other.status == 201
    assert seen(post_keyed(engine, "k", order())) == seen(first[0])


def test_many_at_once_under_one_key(start, fleet):
    engine = start.engine(start.stand_in(slow(0.1)), "--fleet", fleet(*cars(50)))
    answers = at_once(32, lambda _: post_keyed(engine, "k", order()))
    assert {answer.status for answer in answers} <= {201, 409}
    assert len({answer.body for answer in answers if answer.status == 201}) == 1
    for answer in answers:
        if answer.status == 409:
            assert_problem(answer, 409, "request-in-progress", "Idempotency-Key")
    assert engine.metric("booking_index_periods") == 1


def test_in_two_engines_at_once(start, fleet, database):
    """Engines know nothing of each other's requests: whoever commits first has answered for all."""
    stand_in = start.stand_in(slow(0.2))
    arguments = ("--database", database.url, "--channel", "one")
    engines = [start.engine(stand_in, *arguments, "--fleet", fleet(*cars(50))) for _ in range(2)]
    for turn in range(5):
        answers = at_once(2, lambda number, key=f"k{turn}": post_keyed(
            engines[number], key, order()))
        assert [answer.status for answer in answers] == [201, 201]
        assert seen(answers[0]) == seen(answers[1])
    held = [book(engines[0], hold_seconds=60)[0] for _ in range(5)]
    for turn, location in enumerate(held):
        answers = at_once(2, lambda number, path=location + "/confirm", key=f"c{turn}": engines[
            number].ask(path, "POST", headers={"Idempotency-Key": key}))
        assert [answer.status for answer in answers] == [200, 200]
        assert seen(answers[0]) == seen(answers[1])
    assert rows(database, "SELECT count(*) FROM all_bookings") == [(10,)]
    for engine in engines:
        wait_until(lambda engine=engine: engine.metric("booking_index_periods") == 10, what="events")


def test_across_a_restart(start, database):
    adapter = start.adapter()
    arguments = ("--database", database.url, "--prefix", "/p")
    engine = start.engine(adapter, *arguments)
    first = post_keyed(engine, "k", order(hold_seconds=600))
    prefixed = post_keyed(engine, "l", order(), "/p/bookCar")
    confirm = first.headers["Location"] + "/confirm"
    confirmed = engine.ask(confirm, "POST", headers={"Idempotency-Key": "c"})
    engine.kill()
    engine = start.engine(adapter, *arguments)
    assert seen(post_keyed(engine, "k", order(hold_seconds=600))) == seen(first)
    assert seen(post_keyed(engine, "l", order(), "/p/bookCar")) == seen(prefixed)
    assert seen(engine.ask(confirm, "POST", headers={"Idempotency-Key": "c"})) == seen(confirmed)
    assert_problem(post_keyed(engine, "k", order()), 422, "idempotency-key-reused",
                   "Idempotency-Key")
    assert offer(engine) == "2-YYY-101"


def test_the_bytes_are_the_first_ones_whatever_the_adapter_says_now(start, database):
    arguments = ("--database", database.url)
    turns = []

    def script(sock, _received):
        turns.append(1)
        sock.sendall(http_answer(b'{ "turn" : %d }' % len(turns), content_type="application/x+json"))
        return True
    stand_in = start.stand_in(script)
    engine = start.engine(stand_in, *arguments)
    first = post_keyed(engine, "k", order())
    assert first.body == b'{ "turn" : 1 }'
    assert first.headers["Content-Type"] == "application/x+json"
    assert seen(post_keyed(engine, "k", order())) == seen(first)
    engine.kill()
    engine = start.engine(stand_in, *arguments)
    assert seen(post_keyed(engine, "k", order())) == seen(first)
    assert len(turns) == 1


def test_the_key_comes_before_the_clock(start, database):
    """An order of a period that is long past is given its answer again all the same."""
    import hashlib
    pod = start.pod("kayak", "--database", database.url)
    mine = order(hold_seconds=600)
    first = post_keyed(pod, "k", mine)
    stale = {"pickup_at": "2020-01-01T10:00:00Z", "return_at": "2020-01-02T10:00:00Z"}
    assert_problem(post_keyed(pod, "l", stale), 400, "invalid-request", "pickup_at")
    # As if it had been made when its time was to come.
    digest = hashlib.sha256(b"POST /bookCar\n" + json.dumps(stale).encode())
    database.run("UPDATE answers SET request = ? WHERE key = 'k'",
                 digest.hexdigest() if IS_POSTGRESQL else digest.digest())
    assert seen(post_keyed(pod, "k", stale)) == seen(first)


def test_a_hold_that_has_expired_is_answered_as_it_was(pod, clock):
    clock.stop()
    first = post_keyed(pod, "k", order(hold_seconds=1))
    clock.move(60)
    wait_until(lambda: status_of(pod, first.headers["Location"]) == "expired", what="the expiry")
    assert seen(post_keyed(pod, "k", order(hold_seconds=1))) == seen(first)


def test_keys_belong_to_a_channel(start, database):
    adapter = start.adapter()
    one, two = (start.engine(adapter, "--database", database.url, "--channel", channel)
                for channel in ("one", "two"))
    first = post_keyed(one, "k", order())
    second = post_keyed(two, "k", order())
    assert first.status == second.status == 201
    assert first.headers["Location"] != second.headers["Location"]
    assert seen(post_keyed(one, "k", order())) == seen(first)
    assert seen(post_keyed(two, "k", order())) == seen(second)


def test_a_key_whose_request_was_not_answered(start, fleet):
    """The partner hangs up, and asks again: it is booked once."""
    engine = start.engine(start.stand_in(slow(0.3)), "--fleet", fleet(*cars(5)))
    body = json.dumps(order()).encode()
    with engine.connect() as sock:
        sock.sendall(b"POST /bookCar HTTP/1.1\r\nHost: x\r\nIdempotency-Key: k\r\n"
                     b"Content-Length: %d\r\n\r\n%s" % (len(body), body))
    answer = post_keyed(engine, "k", order())
    while answer.status == 409:
        time.sleep(0.05)
        answer = post_keyed(engine, "k", order())
    assert answer.status == 201
    assert engine.metric("booking_index_periods") == 1


def test_a_period_in_other_words_is_another_request(pod):
    first = post_keyed(pod, "k", order())
    other = dict(order(), pickup_at=at(0, hours=1).replace("Z", "+01:00"))
    assert_problem(post_keyed(pod, "k", other), 422, "idempotency-key-reused", "Idempotency-Key")
    assert first.status == 201 and from_now(days=1) < at(0)
