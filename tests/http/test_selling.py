"""What is sold and for how long: periods, days, and the end of holds."""
import datetime
import json

import pytest

from booking_support import book, from_now, offer, order, post, status_of
from support import assert_problem, wait_until


@pytest.fixture
def pod(start, clock):
    return start.pod("kayak", clock=clock)


def next_year(text):
    return f"{datetime.date.today().year + 1}-{text}"


# --- holds ----------------------------------------------------------------------------------------

def test_a_hold_lasts_at_least_what_was_asked_for(start, clock):
    stand_in = start.stand_in()
    engine = start.engine(stand_in, clock=clock)
    for into_second in (0, 0.001, 0.5, 0.999):
        clock.stop(into_second)
        assert post(engine, order(0, 2, hold_seconds=60)).status == 201
        told = json.loads(stand_in.received[-1].body)["expires_at"]
        ends = datetime.datetime.fromisoformat(told).timestamp()
        assert 60 <= ends - clock.now() <= 61


def test_a_hold_ends_at_its_return_at_the_latest(start):
    stand_in = start.stand_in()
    engine = start.engine(stand_in)
    return_at = from_now(minutes=5)
    answer = post(engine, {"pickup_at": from_now(hours=-1), "return_at": return_at,
                           "hold_seconds": 86400})
    assert answer.status == 201
    assert json.loads(stand_in.received[-1].body)["expires_at"] == return_at


def test_a_hold_whose_pickup_has_come_is_released(pod):
    fields = {"pickup_at": from_now(hours=-1), "return_at": from_now(hours=5)}
    answer = post(pod, {**fields, "carid": "1-XXX-333", "hold_seconds": 600})
    assert answer.status == 201
    location = answer.headers["Location"]
    assert_problem(post(pod, {**fields, "carid": "1-XXX-333"}), 409, "car-unavailable")
    for _ in range(2):
        answer = pod.ask(location, "DELETE")
        assert answer.status == 200 and json.loads(answer.body)["status"] == "cancelled"
    assert post(pod, {**fields, "carid": "1-XXX-333"}).status == 201


def test_releasing_an_expired_hold_is_the_same_as_having_released_it(pod, clock):
    clock.stop()
    location, _ = book(pod, 0, 3, hold_seconds=1)
    clock.move(60)
    wait_until(lambda: status_of(pod, location) == "expired", what="the expiry")
    for _ in range(2):
        answer = pod.ask(location, "DELETE")
        assert answer.status == 200 and json.loads(answer.body)["status"] == "expired"


# --- periods --------------------------------------------------------------------------------------

@pytest.mark.parametrize("hours", [(-3, -1), (-23, -22)])
def test_the_past_is_not_sold(pod, hours):
    fields = {"pickup_at": from_now(hours=hours[0]), "return_at": from_now(hours=hours[1])}
    assert_problem(post(pod, fields), 400, "invalid-request", "return_at", "ahead of now")
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    assert_problem(pod.ask("/bookCar?" + query), 400, "invalid-request", "return_at",
                   "ahead of now")


# The demo fleet's cheapest car is 55 a day.
@pytest.mark.parametrize("pickup_at,return_at,price", [
    ("10-30T18:00:00+02:00", "10-31T18:00:00+01:00", 55),
    ("10-30T18:00:00+02:00", "10-31T18:01:00+01:00", 110),
    ("03-27T18:00:00+01:00", "03-28T18:00:00+02:00", 55),
    ("10-30T18:00:00+02:00", "10-31T19:00:00+02:00", 110),
])
def test_days_are_counted_by_the_clock_on_the_wall(pod, pickup_at, return_at, price):
    fields = {"pickup_at": next_year(pickup_at), "return_at": next_year(return_at)}
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    answer = pod.ask("/bookCar?" + query.replace("+", "%2B"))
    assert answer.status == 200 and json.loads(answer.body)["price"] == price
    assert_problem(post(pod, {**fields, "price": price + 55}), 409, "price-changed", "price")
    answer = post(pod, {**fields, "price": price})
    assert answer.status == 201 and json.loads(answer.body)["price"] == price


def test_ninety_days_are_counted_so_too(pod):
    fields = {"pickup_at": next_year("08-10T10:00:00+02:00"),
              "return_at": next_year("11-08T10:00:00+01:00")}
    answer = post(pod, fields)
    assert answer.status == 201 and json.loads(answer.body)["price"] == 90 * 55
    fields["return_at"] = next_year("11-08T10:01:00+01:00")
    assert_problem(post(pod, fields), 400, "invalid-request", "return_at", "90 days")


def test_an_offer_without_times_is_a_day(pod):
    assert json.loads(pod.ask("/bookCar").body)["price"] == 55
    assert offer(pod) == "1-XXX-333"


# --- what is said ---------------------------------------------------------------------------------

@pytest.mark.parametrize("query", ["&", "location=NCE&&category=ECMR", "=NCE"])
def test_a_parameter_without_a_name(pod, query):
    assert_problem(pod.ask("/bookCar?" + query), 400, "invalid-request", None, "name=value")


def test_a_path_that_is_not_there_lists_each_path_once(pod):
    detail = json.loads(pod.ask("/nowhere").body)["detail"]
    assert detail == ("Check the path; this service has /bookCar, /offers, /bookings, "
                      "/bookings/{id}, /bookings/{id}/confirm, /changes.")


@pytest.mark.parametrize("price", ["1e400", "-1e999"])
def test_a_number_beyond_any(pod, price):
    body = json.dumps(order(price=1)).replace('"price": 1', f'"price": {price}')
    assert_problem(post(pod, body.encode()), 400, "invalid-request",
                   detail="The body has a number that is too large: line 1, column ")
