"""Booking, holding, confirming, cancelling and showing."""
import datetime
import json
import re
import threading

import pytest

from booking_support import (at, book, cars, from_now, offer, order, post, rows,
                             status_of)
from support import KAYAK_LINE, AIRBNB_LINE, assert_problem, http_answer, wait_until

SOME_ID = "A" * 22
KAYAK = ('{{"carid":"1-XXX-333","price":{price},"currency":"euro","status":"{status}",'
         '"message":"welcome to kayak","payment_method":"visa","pickup_at":"{pickup_at}",'
         '"return_at":"{return_at}","location":"NCE","category":"ECMR","booking_id":"{id}"}}')
AIRBNB = ('{{"carid":"1-XXX-333","status":"{status}","costs":"10 euros an hour",'
          '"payment_method":"paypal airbnb","price":{price},"currency":"EUR","pickup_at":"{pickup_at}",'
          '"return_at":"{return_at}","location":"NCE","category":"ECMR","booking_id":"{id}"}}')
FORMATS = [("kayak", KAYAK), ("airbnb", AIRBNB)]


@pytest.fixture
def pod(start, clock):
    """A kayak pod with the demo fleet for one test alone, on that test's clock."""
    return start.pod("kayak", clock=clock)


def words(form, status, location, price=165):
    """What the partner is told of a booking of three days."""
    return form.format(status=status, price=price, id=location.rsplit("/", 1)[1],
                       pickup_at=at(0), return_at=at(3)).encode()


def told(answer):
    """The answer's body, but for when a hold ends: that is known to a minute."""
    body, count = re.subn(rb'"expires_at":"[0-9-]{10}T[0-9:]{8}Z",', b"", answer.body)
    assert count == (json.loads(body)["status"] in ("held", "expired"))
    return body


# --- the partners' words --------------------------------------------------------------------------

@pytest.mark.parametrize("partner,form", FORMATS)
def test_booked_shown_and_cancelled_in_the_partners_words(start, partner, form):
    pod = start.pod(partner)
    answer = post(pod, order(0, 3))
    location = answer.headers["Location"]
    assert re.fullmatch(r"/bookings/[A-Za-z0-9_-]{22}", location)
    assert (answer.status, told(answer)) == (201, words(form, "booked", location))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] and answer.headers["traceparent"]
    for method, status in [("GET", "booked"), ("DELETE", "cancelled"), ("DELETE", "cancelled"),
                           ("GET", "cancelled")]:
        answer = pod.ask(location, method)
        assert (answer.status, told(answer)) == (200, words(form, status, location))
        assert answer.headers["Location"] is None


@pytest.mark.parametrize("partner,form", FORMATS)
def test_held_and_confirmed_in_the_partners_words(start, partner, form):
    pod = start.pod(partner)
    answer = post(pod, order(0, 3, hold_seconds=600))
    location = answer.headers["Location"]
    assert (answer.status, told(answer)) == (201, words(form, "held", location))
    assert told(pod.ask(location)) == words(form, "held", location)
    for method, path in [("POST", location + "/confirm"), ("POST", location + "/confirm"),
                         ("GET", location)]:
        answer = pod.ask(path, method)
        assert (answer.status, told(answer)) == (200, words(form, "booked", location))


@pytest.mark.parametrize("partner,form", FORMATS)
def test_expired_in_the_partners_words(start, clock, partner, form):
    pod = start.pod(partner, clock=clock)
    clock.stop()
    location, _ = book(pod, 0, 3, hold_seconds=1)
    assert told(pod.ask(location)) == words(form, "held", location)
    clock.move(60)
    expired = words(form, "expired", location)
    wait_until(lambda: told(pod.ask(location)) == expired, what="the expiry")
    assert_problem(pod.ask(location + "/confirm", "POST"), 409, "hold-expired")
    assert told(pod.ask(location, "DELETE")) == expired
    assert told(pod.ask(location)) == expired


@pytest.mark.parametrize("partner,line", [("kayak", KAYAK_LINE), ("airbnb", AIRBNB_LINE)])
def test_the_seed_line_on_a_fresh_database(start, partner, line):
    pod = start.pod(partner)
    assert pod.ask("/bookCar").body == pod.ask("/bookCar/").body == line
    location, _ = book(pod, 0, 3)  # a month ahead: today's line is as it was
    assert pod.ask("/bookCar").body == line
    pod.ask(location, "DELETE")
    assert pod.ask("/bookCar").body == line


@pytest.mark.parametrize("content_type", [None, "text/plain", "application/x-www-form-urlencoded",
                                          "application/json; charset=utf-8", "nonsense"])
def test_the_body_is_json_whatever_its_content_type_says(pod, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert post(pod, order(), headers=headers).status == 201


@pytest.mark.parametrize("path", ["/bookCar", "/bookCar/"])
def test_both_paths_book(pod, path):
    assert post(pod, order(), path).status == 201


def test_under_a_prefix(start):
    pod = start.pod("kayak", "--prefix", "/some/where")
    answer = post(pod, order(hold_seconds=60), "/some/where/bookCar")
    location = answer.headers["Location"]
    assert location.startswith("/some/where/bookings/")
    bare = location.removeprefix("/some/where")
    assert status_of(pod, location) == status_of(pod, bare) == "held"
    assert pod.ask(location + "/confirm", "POST").status == 200
    assert pod.ask(location + "/confirm/", "POST").status == 200
    assert pod.ask(location + "/", "DELETE").status == 200
    assert post(pod, order()).headers["Location"].startswith("/bookings/")


def test_what_the_adapter_is_told(start, clock):
    stand_in = start.stand_in()
    engine = start.engine(stand_in, clock=clock)
    clock.stop()
    answer = post(engine, order(0, 2, hold_seconds=600, location="NCE", category="E***",
                                reference="R 1"))
    assert answer.status == 201
    asked = json.loads(stand_in.received[-1].body)
    expires_at = datetime.datetime.fromisoformat(asked.pop("expires_at")).timestamp()
    assert 600 <= expires_at - clock.now() < 601
    identifier = answer.headers["Location"].rsplit("/", 1)[1]
    assert asked == {
        "carid": "1-XXX-333", "price": 110, "currency": "EUR", "status": "held", "day_price": 55,
        "hourly_price": 10, "pickup_at": at(0), "return_at": at(2), "location": "NCE",
        "category": "ECMR", "reference": "R 1", "booking_id": identifier}
    post(engine, b"", answer.headers["Location"] + "/confirm")
    asked = json.loads(stand_in.received[-1].body)
    assert asked["status"] == "booked" and "expires_at" not in asked


# --- availability ---------------------------------------------------------------------------------

def test_the_offer_changes_when_the_cheapest_is_booked(pod):
    assert offer(pod) == "1-XXX-333"
    location, booked = book(pod)
    assert booked["carid"] == "1-XXX-333"
    assert offer(pod) == "1-XXX-334"
    assert offer(pod, 5, 6) == "1-XXX-333"
    assert pod.ask(location, "DELETE").status == 200
    assert offer(pod) == "1-XXX-333"


def test_rentals_back_to_back(pod):
    book(pod, 10, 12, carid="1-XXX-333")
    for first, last in [(9, 10), (12, 13), (8, 9), (13, 14)]:
        assert book(pod, first, last)[1]["carid"] == "1-XXX-333"
    for first, last in [(7, 14), (9, 13), (10, 12), (11, 12)]:
        assert_problem(post(pod, order(first, last, carid="1-XXX-333")), 409, "car-unavailable")


@pytest.mark.parametrize("late", [dict(minutes=1), dict(hours=7, minutes=59), dict(hours=23)])
def test_to_the_minute(pod, late):
    book(pod, 10, 11, carid="1-XXX-333")
    touching = {"return_at": at(13, **late), "pickup_at": at(11), "carid": "1-XXX-333"}
    early = {name: -value for name, value in late.items()}
    overlapping = dict(touching, pickup_at=at(11, minutes=-1))
    assert_problem(post(pod, overlapping), 409, "car-unavailable")
    assert post(pod, touching).status == 201
    assert_problem(post(pod, {"pickup_at": at(9, **early), "return_at": at(10, minutes=1),
                              "carid": "1-XXX-333"}), 409, "car-unavailable")
    assert post(pod, {"pickup_at": at(9, **early), "return_at": at(10),
                      "carid": "1-XXX-333"}).status == 201


def test_the_same_moment_in_another_offset(pod):
    book(pod, carid="1-XXX-333")
    local = {"pickup_at": at(0, hours=2).replace("Z", "+02:00"),
             "return_at": at(1, hours=2).replace("Z", "+02:00"), "carid": "1-XXX-333"}
    assert_problem(post(pod, local), 409, "car-unavailable")


def test_a_fleet_is_sold_out_and_each_car_once(start, fleet):
    pod = start.pod("kayak", "--fleet", fleet(*cars(5)))
    assert sorted(book(pod)[1]["carid"] for _ in range(5)) == [f"car-{n:04}" for n in range(5)]
    assert_problem(post(pod, order()), 409, "car-unavailable")
    assert_problem(post(pod, order(carid="car-0003")), 409, "car-unavailable")
    assert offer(pod) is None
    assert offer(pod, 1, 2) == "car-0000"


@pytest.mark.parametrize("criteria,carid", [
    ({"category": "****"}, "1-XXX-333"), ({"category": "*D**"}, "1-XXX-335"),
    ({"category": "CDAR"}, "1-XXX-335"), ({"category": "P**R"}, "3-ZZZ-007"),
    ({"location": "CDG"}, "2-YYY-101"), ({"location": "CDG", "category": "*F*R"}, "2-YYY-103"),
    ({"location": "CDG", "category": "****"}, "2-YYY-101"),
    ({"carid": "1-XXX-335", "category": "C*A*"}, "1-XXX-335"),
    ({"carid": "2-YYY-101", "location": "CDG"}, "2-YYY-101")])
def test_criteria(pod, criteria, carid):
    assert book(pod, **criteria)[1]["carid"] == carid


@pytest.mark.parametrize("criteria", [
    {"category": "XXXX"}, {"category": "X***"}, {"location": "NCE", "category": "*F*R"},
    {"carid": "1-XXX-335", "category": "ECMR"}, {"carid": "1-XXX-333", "location": "CDG"}])
def test_nothing_matches(pod, criteria):
    assert_problem(post(pod, order(**criteria)), 409, "car-unavailable")


def test_what_is_not_known(pod):
    assert_problem(post(pod, order(location="ZZZ")), 404, "unknown-location", "location")
    assert_problem(post(pod, order(carid="9-XXX-999")), 404, "unknown-car", "carid")
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/confirm")]:
        assert_problem(pod.ask(f"/bookings/{SOME_ID}{path}", method), 404, "unknown-booking", "id")


# --- price ----------------------------------------------------------------------------------------

def test_only_at_the_price(pod):
    for price in (54, 54.99, 55.01, 55, 109, 0, 9007199254740992 / 100):
        assert_problem(post(pod, order(0, 2, price=price)), 409, "price-changed", "price")
    assert book(pod, 0, 2, price=110)[1]["price"] == 110
    assert book(pod, 0, 2, price=115.0, carid="1-XXX-334")[1]["price"] == 115
    assert_problem(post(pod, order(0, 2, price=118, carid="1-XXX-335")), 409, "price-changed",
                   "price")
    assert post(pod, order(0, 2, price=144, carid="1-XXX-335")).status == 201


@pytest.mark.parametrize("line,days,price,shown", [
    ("a,ECMR,T,5500,1000,JPY", 3, 16500, b'"price":16500,"currency":"yen"'),
    ("a,ECMR,T,15.505,,KWD", 2, 31.01, b'"price":31.01,"currency":"Kuwaiti dinar"'),
    ("a,ECMR,T,15.505,,KWD", 1, 15.505, b'"price":15.505,"currency":"Kuwaiti dinar"'),
    ("a,ECMR,T,19.99,,EUR", 3, 59.97, b'"price":59.97,"currency":"euro"'),
    ("a,ECMR,T,0.1,,EUR", 3, 0.3, b'"price":0.3,"currency":"euro"'),
    ("a,ECMR,T,0,,EUR", 3, 0, b'"price":0,"currency":"euro"'),
    ("a,ECMR,T,100000000,,EUR", 90, 9000000000, b'"price":9000000000,"currency":"euro"'),
])
def test_money_of_each_currency(start, fleet, line, days, price, shown):
    pod = start.pod("kayak", "--fleet", fleet(line))
    answer = post(pod, order(0, days, price=price))
    assert answer.status == 201 and shown in answer.body
    assert shown in pod.ask(answer.headers["Location"]).body


@pytest.mark.parametrize("line,price", [
    ("a,ECMR,T,5500,,JPY", 5500.5), ("a,ECMR,T,15.505,,KWD", 15.5051),
    ("a,ECMR,T,55,,EUR", 55.001)])
def test_more_decimals_than_the_currency_has(start, fleet, line, price):
    pod = start.pod("kayak", "--fleet", fleet(line))
    assert_problem(post(pod, order(price=price)), 400, "invalid-request", "price")


def test_a_car_without_hourly_price(start, fleet):
    pod = start.pod("airbnb", "--fleet", fleet("a,ECMR,T,55,,EUR"))
    location, booked = book(pod)
    assert booked["costs"] == "55 euros a day"
    assert pod.ask(location).body.endswith(b',"booking_id":"' + location[-22:].encode() + b'"}')


# --- holds ----------------------------------------------------------------------------------------

def test_a_held_car_is_taken_and_comes_back(pod, clock):
    clock.stop()
    location, _ = book(pod, hold_seconds=1, carid="1-XXX-333")
    assert offer(pod) == "1-XXX-334"
    assert_problem(post(pod, order(carid="1-XXX-333")), 409, "car-unavailable")
    clock.move(60)
    wait_until(lambda: offer(pod) == "1-XXX-333", what="the car's return")
    assert status_of(pod, location) == "expired"
    assert pod.metric("booking_expiries_total") == 1
    book(pod, carid="1-XXX-333")
    assert status_of(pod, location) == "expired"


def others_hold_expires(pod, clock):
    """Until the engine has looked at the clock again: a hold of another car has expired."""
    expiries = pod.metric("booking_expiries_total")
    book(pod, hold_seconds=1, carid="3-ZZZ-007")
    clock.move(60)
    wait_until(lambda: pod.metric("booking_expiries_total") == expiries + 1, what="the expiry")


def test_a_confirmed_hold_does_not_expire(pod, clock):
    clock.stop(0.9)  # late in its second
    location, _ = book(pod, hold_seconds=1, carid="1-XXX-333")
    assert pod.ask(location + "/confirm", "POST").status == 200
    others_hold_expires(pod, clock)
    assert status_of(pod, location) == "booked"
    assert offer(pod) == "1-XXX-334"
    assert pod.metric("booking_holds_pending") == 0


def test_a_cancelled_hold_does_not_expire(pod, clock):
    clock.stop(0.9)
    location, _ = book(pod, hold_seconds=1, carid="1-XXX-333")
    assert pod.ask(location, "DELETE").status == 200
    assert offer(pod) == "1-XXX-333"
    assert_problem(pod.ask(location + "/confirm", "POST"), 409, "booking-cancelled")
    others_hold_expires(pod, clock)
    assert status_of(pod, location) == "cancelled"


def test_a_hold_expires_while_no_engine_runs(start, clock, database):
    adapter = start.adapter()
    engine = start.engine(adapter, "--database", database.url, clock=clock)
    clock.stop()
    location, _ = book(engine, hold_seconds=1, carid="1-XXX-333")
    later, _ = book(engine, hold_seconds=600, carid="1-XXX-334")
    start.forget(engine)
    clock.move(60)
    engine = start.engine(adapter, "--database", database.url, clock=clock)
    wait_until(lambda: offer(engine) == "1-XXX-333", what="the expiry after the start")
    assert status_of(engine, location) == "expired"
    assert status_of(engine, later) == "held"


def test_many_holds_expire(start, clock, fleet):
    pod = start.pod("kayak", "--fleet", fleet(*cars(300)), clock=clock)
    clock.stop()
    for number in range(300):
        book(pod, hold_seconds=2 if number % 3 else 1)
    clock.move(60)
    wait_until(lambda: pod.metric("booking_expiries_total") == 300, what="300 expiries")
    assert offer(pod) == "car-0000"


# --- cancelling -----------------------------------------------------------------------------------

def test_a_booking_whose_pickup_has_passed_is_not_cancelled(pod):
    answer = post(pod, {"pickup_at": from_now(hours=-1), "return_at": from_now(hours=5)})
    assert answer.status == 201
    location = answer.headers["Location"]
    assert_problem(pod.ask(location, "DELETE"), 409, "pickup-passed")
    assert status_of(pod, location) == "booked"


def test_a_car_that_is_out_is_not_offered_now(pod):
    post(pod, {"pickup_at": from_now(hours=-1), "return_at": from_now(hours=5)})
    assert json.loads(pod.ask("/bookCar").body)["carid"] == "1-XXX-334"


# --- partners -------------------------------------------------------------------------------------

def test_another_partners_booking_is_not_there(start, database):
    adapter = start.adapter()
    mine = start.engine(adapter, "--database", database.url, "--channel", "kayak")
    other = start.engine(adapter, "--database", database.url, "--channel", "airbnb")
    same = start.engine(adapter, "--database", database.url, "--channel", "kayak")
    location, _ = book(mine, hold_seconds=600)
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/confirm")]:
        assert_problem(other.ask(location + path, method), 404, "unknown-booking", "id")
    assert status_of(mine, location) == "held"
    assert same.ask(location + "/confirm", "POST").status == 200
    assert status_of(mine, location) == "booked"


def test_the_reference_is_kept(start, database):
    pod = start.pod("kayak", "--database", database.url)
    references = ["x", "R-1 / ü €", "é" * 64, "a" * 128, '"quoted" \\ text']
    locations = [book(pod, number * 2, number * 2 + 1, reference=reference)[0]
                 for number, reference in enumerate(references)]
    kept = dict(rows(database, "SELECT id, reference FROM all_bookings"))
    assert [kept[location[-22:]] for location in locations] == references


def test_without_a_key_of_the_operator(start, tmp_path):
    (tmp_path / "keys").write_text("secret\n")
    pod = start.pod("kayak", "--api-keys", tmp_path / "keys")
    assert_problem(post(pod, order()), 401, "unauthorized", "Authorization")
    for method, path in [("GET", ""), ("DELETE", ""), ("POST", "/confirm")]:
        assert_problem(pod.ask(f"/bookings/{SOME_ID}{path}", method), 401, "unauthorized",
                       "Authorization")
    headers = {"Authorization": "Bearer secret"}
    assert post(pod, order(), headers=headers).status == 201


# --- what is refused besides the body -------------------------------------------------------------

@pytest.mark.parametrize("identifier", [
    "A", "A" * 21, "A" * 23, "A" * 200, "A" * 21 + "%2F", "A" * 21 + ".",
    "A" * 21 + "%C3%A9", "..%2F..%2Fetc%2Fpasswd", "A" * 21 + "'", "A" * 21 + "%25", "%20" * 22])
@pytest.mark.parametrize("method,path", [("GET", ""), ("DELETE", ""), ("POST", "/confirm")])
def test_malformed_ids(kayak, identifier, method, path):
    answer = kayak.ask(f"/bookings/{identifier}{path}", method)
    if answer.status == 404:  # what is decoded to a slash is no segment
        assert "%2F" in identifier
        assert_problem(answer, 404, "not-found")
    else:
        assert_problem(answer, 400, "invalid-request", "id")


@pytest.mark.parametrize("path", [f"/bookings/{SOME_ID}/other", f"/bookings/{SOME_ID}/confirm/more", f"/bookings//{SOME_ID}"])
def test_no_such_path(kayak, path):
    assert_problem(kayak.ask(path), 404, "not-found")


@pytest.mark.parametrize("method,path,allowed", [
    ("PUT", "/bookCar", {"GET", "HEAD", "POST"}),
    ("DELETE", "/bookCar", {"GET", "HEAD", "POST"}),
    ("POST", f"/bookings/{SOME_ID}", {"GET", "HEAD", "DELETE"}),
    ("GET", f"/bookings/{SOME_ID}/confirm", {"POST"}),
    ("DELETE", f"/bookings/{SOME_ID}/confirm", {"POST"})])
def test_methods(kayak, method, path, allowed):
    answer = kayak.ask(path, method)
    assert_problem(answer, 405, "method-not-allowed")
    assert set(answer.headers["Allow"].split(", ")) == allowed


@pytest.mark.parametrize("query", ["location=NCE", "x=1", "x", "category=ECMR&location=NCE"])
def test_an_order_is_in_the_body_alone(pod, query):
    """Criteria in a query that is passed over would book a car somewhere else."""
    name = query.split("&")[0].split("=")[0]
    assert_problem(post(pod, order(), "/bookCar?" + query), 400, "invalid-request", name)
    assert offer(pod) == "1-XXX-333"


@pytest.mark.parametrize("body", [b"x", b"[]", b'{"price":5}', b"{}\0more", b"{"])
@pytest.mark.parametrize("method,path", [("DELETE", ""), ("POST", "/confirm")])
def test_a_body_where_none_is_asked_for(pod, method, path, body):
    location, _ = book(pod, hold_seconds=60)
    assert_problem(pod.ask(location + path, method, body=body), 400, "invalid-request")
    assert status_of(pod, location) == "held"


@pytest.mark.parametrize("method,path", [("GET", ""), ("DELETE", ""), ("POST", "/confirm")])
def test_a_query_where_none_is_asked_for(pod, method, path):
    location, _ = book(pod, hold_seconds=60)
    assert_problem(pod.ask(location + path + "?force=1", method), 400, "invalid-request", "force")
    assert status_of(pod, location) == "held"


@pytest.mark.parametrize("body", [b"", b"{}", b"{ }", b" {\r\n}\n"])
def test_an_empty_object_does_no_harm(pod, body):
    location, _ = book(pod, hold_seconds=60)
    assert pod.ask(location + "/confirm", "POST", body=body).status == 200


def test_a_body_that_is_too_large(kayak):
    assert_problem(post(kayak, order(reference="x" * 20000)), 413, "body-too-large")


# --- the adapter ----------------------------------------------------------------------------------

def failing(first):
    """A script whose first answers are as given and the rest well."""
    answers = list(first)

    def script(sock, _received):
        sock.sendall(answers.pop(0) if answers else http_answer())
        return True
    return script


@pytest.mark.parametrize("answer", [
    http_answer(b"{}", "500 Oops"), http_answer(b"not json"), http_answer(b""),
    http_answer(b"{}", "302 Found"), http_answer(b'{"a":1'), http_answer(b'"' + b"x" * 70000 + b'"')])
def test_an_adapter_in_error_books_nothing(start, fleet, answer):
    stand_in = start.stand_in(failing([answer]))
    engine = start.engine(stand_in, "--fleet", fleet(*cars(1)))
    assert_problem(post(engine, order()), 502, "adapter-error")
    assert engine.metric("booking_claims") == 0
    assert engine.metric("booking_index_periods") == 0
    assert post(engine, order()).status == 201


def test_an_adapter_that_hangs_up_books_nothing(start, fleet):
    turns = []

    def script(sock, _received):
        turns.append(1)
        if len(turns) <= 4:  # the engine may try again on another connection
            return False
        sock.sendall(http_answer())
        return True
    engine = start.engine(start.stand_in(script), "--fleet", fleet(*cars(1)))
    answer = post(engine, order())
    while answer.status == 503:
        assert_problem(answer, 503, "adapter-unavailable")
        assert answer.headers["Retry-After"]
        assert engine.metric("booking_claims") == engine.metric("booking_index_periods") == 0
        answer = post(engine, order())
    assert answer.status == 201 and len(turns) > 1


def test_an_adapter_that_is_not_there_books_nothing(start, fleet):
    adapter = start.adapter()
    engine = start.engine(adapter, "--fleet", fleet(*cars(1)))
    location, _ = book(engine, 5, 6, hold_seconds=600)
    adapter.kill()
    for method, path, body in [("POST", "/bookCar", json.dumps(order())), ("GET", location, None),
                               ("POST", location + "/confirm", None), ("DELETE", location, None)]:
        answer = engine.ask(path, method, body=body)
        assert_problem(answer, 503, "adapter-unavailable")
        assert answer.headers["Retry-After"]
    start.adapter("kayak", address=adapter.address, port=adapter.port)
    wait_until(lambda: engine.ask(location).status == 200, what="the adapter's return")
    assert status_of(engine, location) == "held"
    assert post(engine, order()).status == 201


def test_a_slow_adapter_books_nothing_and_is_not_waited_for(start, fleet):
    stand_in = start.stand_in(
        lambda sock, received: stand_in.stopped.wait() and sock.sendall(http_answer()))
    engine = start.engine(stand_in, "--fleet", fleet(*cars(1)))
    answer = post(engine, order())
    assert_problem(answer, 504, "adapter-timeout")
    assert answer.seconds > 1.5
    assert engine.metric("booking_claims") == engine.metric("booking_index_periods") == 0
    stand_in.script = lambda sock, received: sock.sendall(http_answer()) or True
    assert post(engine, order()).status == 201


def test_the_partner_that_hangs_up_early(start, fleet):
    """Whether the booking is made or not, engine and index go on, and agree."""
    gone = threading.Event()
    stand_in = start.stand_in(
        lambda sock, received: gone.wait() and sock.sendall(http_answer()) or True)
    engine = start.engine(stand_in, "--fleet", fleet(*cars(20)))
    body = json.dumps(order()).encode()
    for _ in range(10):
        sock = engine.connect()
        sock.sendall(b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body)
                     + body)
        sock.close()
    gone.set()
    assert engine.ask("/nowhere").status == 404  # after them in the queue of new connections
    wait_until(lambda: engine.metric("http_connections") == 0, what="the end of their requests")
    assert engine.metric("booking_claims") == 0
    booked = engine.metric("booking_bookings_total")
    assert engine.metric("booking_index_periods") == booked
    for _ in range(int(20 - booked)):
        assert post(engine, order()).status == 201
    assert_problem(post(engine, order()), 409, "car-unavailable")


# --- metrics --------------------------------------------------------------------------------------

def test_metrics_count(start, clock, fleet):
    pod = start.pod("kayak", "--fleet", fleet(*cars(3)), clock=clock)
    clock.stop()
    assert pod.metric("booking_cars") == 3
    booked, _ = book(pod)
    held, _ = book(pod, hold_seconds=60)
    expiring, _ = book(pod, hold_seconds=1)
    assert pod.metric("booking_index_periods") == 3
    assert pod.metric("booking_holds_pending") == 2
    pod.ask(held + "/confirm", "POST")
    pod.ask(booked, "DELETE")
    clock.move(30)
    wait_until(lambda: pod.metric("booking_expiries_total") == 1, what="the expiry")
    assert status_of(pod, expiring) == "expired"
    pod.ask("/bookCar")
    for name, value in [("booking_bookings_total", 1), ("booking_holds_total", 2),
                        ("booking_confirmed_total", 1), ("booking_cancelled_total", 1),
                        ("booking_expiries_total", 1), ("booking_offers_total", 1),
                        ("booking_conflicts_total", 0), ("booking_events_total", 6),
                        ("booking_store_up", 1), ("booking_claims", 0),
                        ("booking_index_periods", 1), ("booking_index_repairs_total", 0),
                        ("booking_claims_lost_total", 0)]:
        assert pod.metric(name) == value, name
    assert pod.metric("booking_commit_duration_seconds_count") >= 6
    assert (pod.metric("booking_commit_operations_sum")
            >= pod.metric("booking_commit_operations_count") >= 6)
    assert pod.metric("booking_index_bytes") > 0


def test_refused_orders_change_no_counter(kayak):
    names = ["booking_bookings_total", "booking_holds_total", "booking_index_periods"]
    before = [kayak.metric(name) for name in names]
    post(kayak, order(price=1))
    post(kayak, {})
    assert [kayak.metric(name) for name in names] == before
