"""The desk changes bookings and blocks cars; what it refuses shows why."""
import datetime
import json

import pytest

from booking_support import at, book, from_now, offer, order
from booking_support import post as post_order
from desk_support import REASON, block, booking_of, done, get, post, refused
from support import at_once, wait_until


@pytest.fixture
def pod(start, fleet):
    return start.pod("kayak", "--channel", "kayak", "--fleet", fleet(
        "a,ECMR,NCE,55,,EUR", "b,ECMR,NCE,56,,EUR", "c,IDAR,CDG,70,,EUR"))


def history(engine, booking):
    return [entry["what"] for entry in get(engine, "/bookings/" + booking["id"])["history"]]


def ids(bookings):
    return [booking["id"] for booking in bookings]


# --- cancel ---------------------------------------------------------------------------------------

def test_cancel_frees_the_car(pod):
    booking = booking_of(pod, 0, 3, carid="a")
    assert offer(pod, 0, 3) == "b"
    changed = done(post(pod, f"/bookings/{booking['id']}/cancel", {"reason": REASON, "seen": 1}))
    assert changed == {**booking, "status": "cancelled", "version": 2, "reason": REASON}
    wait_until(lambda: offer(pod, 0, 3) == "a")
    assert json.loads(pod.ask("/bookings/" + booking["id"]).body)["status"] == "cancelled"


def test_cancel_of_any_channel_and_of_a_hold(start, pod, fleet, database):
    kayak = start.pod("kayak", "--channel", "kayak", "--database", database.url, "--fleet",
                      fleet("a,ECMR,NCE,55,,EUR"))
    airbnb = start.pod("airbnb", "--channel", "airbnb", "--database", database.url)
    held = booking_of(kayak, 0, 1, hold_seconds=600)
    assert get(airbnb, "/bookings/" + held["id"])["booking"]["channel"] == "kayak"
    done(post(airbnb, f"/bookings/{held['id']}/cancel", {"reason": REASON}))
    wait_until(lambda: offer(kayak, 0, 1) == "a")


def test_cancel_after_the_pickup(pod):
    location, _ = book(pod, carid="a", pickup_at=from_now(hours=-1), return_at=from_now(hours=5))
    identity = location.rsplit("/", 1)[1]
    assert pod.ask(location, "DELETE").status == 409  # a partner may not
    assert done(post(pod, f"/bookings/{identity}/cancel", {"reason": REASON}))["status"] == "cancelled"


def test_twice_is_refused(pod):
    booking = booking_of(pod)
    done(post(pod, f"/bookings/{booking['id']}/cancel", {"reason": REASON}))
    for action, fields in (("cancel", {}), ("change", {"return_at": at(5)}), ("returned", {})):
        document = refused(post(pod, f"/bookings/{booking['id']}/{action}",
                                {"reason": REASON, **fields}), 409, "wrong-state")
        assert document["booking"]["status"] == "cancelled"


# --- change ---------------------------------------------------------------------------------------

def test_extend_shorten_and_move(pod):
    booking = booking_of(pod, 0, 2, carid="a")
    path = f"/bookings/{booking['id']}/change"
    longer = done(post(pod, path, {"return_at": at(4), "reason": "one"}))
    assert (longer["return_at"], longer["price"]) == (at(4), booking["price"])
    wait_until(lambda: offer(pod, 3, 4) == "b")
    shorter = done(post(pod, path, {"return_at": at(1), "reason": "two", "seen": 2}))
    assert shorter["return_at"] == at(1)
    wait_until(lambda: offer(pod, 3, 4) == "a")
    moved = done(post(pod, path, {"carid": "c", "reason": "three", "seen": 3}))
    assert moved["carid"] == "c" and moved["price"] == booking["price"]
    wait_until(lambda: offer(pod, 0, 1) == "a")
    both = done(post(pod, path, {"carid": "b", "return_at": at(3), "reason": "four"}))
    assert (both["carid"], both["return_at"], both["version"]) == ("b", at(3), 5)
    document = get(pod, "/bookings/" + booking["id"])
    assert [entry.get("reason") for entry in document["history"][1:]] == ["one", "two", "three",
                                                                        "four"]
    assert "carid a -> c" in document["history"][3]["detail"]


def test_what_is_in_the_way_is_listed(pod):
    booking = booking_of(pod, 0, 2, carid="a", reference="mine")
    others = [booking_of(pod, 2, 3, carid="a"), booking_of(pod, 3, 4, carid="a", hold_seconds=600)]
    blocked = done(block(pod, "a", 4, 5), 201)
    path = f"/bookings/{booking['id']}/change"
    document = refused(post(pod, path, {"return_at": at(6), "reason": REASON}), 409, "in-the-way")
    assert ids(document["in_the_way"]) == ids([*others, blocked])
    assert document["in_the_way_count"] == 3
    assert [row["status"] for row in document["in_the_way"]] == ["booked", "held", "blocked"]
    assert document["booking"]["id"] == booking["id"]
    elsewhere = booking_of(pod, 1, 2, carid="b")
    document = refused(post(pod, path, {"carid": "b", "reason": REASON}), 409, "in-the-way")
    assert ids(document["in_the_way"]) == [elsewhere["id"]]
    assert get(pod, "/bookings/" + booking["id"])["booking"] == booking  # nothing was done


def test_twenty_are_listed_and_all_are_counted(pod):
    for day in range(25):
        book(pod, day, day + 1, carid="a")
    document = refused(block(pod, "a", 0, 30), 409, "in-the-way")
    assert (len(document["in_the_way"]), document["in_the_way_count"]) == (20, 25)
    assert "booking" not in document


def test_what_somebody_else_changed_is_not_overwritten(pod):
    booking = booking_of(pod, 0, 2, carid="a")
    assert pod.ask("/bookings/" + booking["id"], "DELETE").status == 200  # the partner
    for action, fields in (("cancel", {}), ("change", {"carid": "b"}), ("returned", {})):
        document = refused(post(pod, f"/bookings/{booking['id']}/{action}",
                                {"reason": REASON, "seen": 1, **fields}), 409, "changed-meanwhile",
                           "seen")
        assert document["booking"]["status"] == "cancelled" and document["booking"]["version"] == 2
    assert history(pod, booking) == ["booked", "cancelled"]


def test_of_two_at_once_one_is_told(pod):
    booking = booking_of(pod, 0, 2, carid="a")
    answers = at_once(8, lambda number: post(pod, f"/bookings/{booking['id']}/change", {
        "return_at": at(3 + number), "reason": f"operator {number}", "seen": 1}))
    assert sorted(answer.status for answer in answers) == [200] + [409] * 7
    for answer in answers:
        if answer.status == 409:
            refused(answer, 409, "changed-meanwhile", "seen")
    assert history(pod, booking) == ["booked", "changed"]


def test_partners_and_the_desk_take_no_car_twice(pod):
    """Each of them wants the one car of the place over the same time; one of them has it."""
    fields = {"carid": "c", "from": at(0), "to": at(2), "reason": REASON}

    def take(number):
        if number % 2:
            return post(pod, "/blocks", fields).status
        return post_order(pod, order(0, 2, carid="c")).status
    assert sorted(at_once(10, take)) == [201] + [409] * 9


@pytest.mark.parametrize("fields,parameter", [
    ({"carid": "a"}, "reason"), ({"carid": "a", "reason": ""}, "reason"),
    ({"carid": "a", "reason": "   "}, "reason"), ({"carid": "a", "reason": "x" * 201}, "reason"),
    ({"carid": "a", "reason": "a\nb"}, "reason"), ({"carid": "a", "reason": 1}, "reason"),
    ({"carid": "a", "reason": "a\0b"}, "reason"), ({"carid": "a", "reason": None}, "reason"),
    ({"reason": "x"}, "return_at"), ({"reason": "x", "seen": 1}, "return_at"),
    ({"reason": "x", "carid": ""}, "carid"), ({"reason": "x", "carid": " a"}, "carid"),
    ({"reason": "x", "carid": ["a"]}, "carid"), ({"reason": "x", "return_at": "soon"}, "return_at"),
    ({"reason": "x", "return_at": 1}, "return_at"), ({"reason": "x", "return_at": at(-1)}, "return_at"),
    ({"reason": "x", "return_at": at(0)}, "return_at"), ({"reason": "x", "return_at": at(91)}, "return_at"),
    ({"reason": "x", "carid": "b", "seen": 0}, "seen"), ({"reason": "x", "carid": "b", "seen": "1"}, "seen"),
    ({"reason": "x", "carid": "b", "seen": 1.5}, "seen"), ({"reason": "x", "carid": "b", "seen": -1}, "seen"),
    ({"reason": "x", "carid": "b", "seen": 1e300}, "seen"), ({"reason": "x", "carid": "b", "seen": True}, "seen"),
    ({"reason": "x", "carid": "b", "price": 1}, "price"), ({"reason": "x", "carid": "b", "": 1}, ""),
])
def test_fields_of_a_change(pod, fields, parameter):
    booking = booking_of(pod)
    answer = post(pod, f"/bookings/{booking['id']}/change", fields)
    refused(answer, 400, "invalid-request", parameter or None)
    assert history(pod, booking) == ["booked"]


@pytest.mark.parametrize("body,parameter", [
    (b"", "reason"), (b"{}", "reason"), (b"[]", None), (b"null", None), (b"{", None),
    (b'{"reason":"x","reason":"y"}', "reason"), (b'{"reason":"x"} x', None), (b"\xff", None),
    (b'{"reason":"\xff"}', None), (b"[" * 10000, None), (b'{"reason":"\\ud800"}', None),
    (b'{"reason":' + b"9" * 400 + b"}", None), (b'{"reason":{"reason":"x"}}', "reason"),
])
def test_bodies(pod, body, parameter):
    booking = booking_of(pod)
    answer = post(pod, f"/bookings/{booking['id']}/cancel", body)
    refused(answer, 400, "invalid-request", parameter)


def test_a_body_that_is_too_large(pod):
    body = json.dumps({"reason": "x" * 20000}).encode()
    refused(post(pod, f"/bookings/{'A' * 22}/cancel", body), 413, "body-too-large")


def test_no_such_thing(pod):
    unknown = "A" * 22
    for path, fields in ((f"/bookings/{unknown}/cancel", {"reason": REASON}),
                         (f"/bookings/{unknown}/change", {"reason": REASON, "carid": "a"}),
                         (f"/bookings/{unknown}/returned", {}), ("/bookings/x/cancel", {})):
        refused(post(pod, path, fields), 404, "unknown-booking", "id")
    booking = booking_of(pod)
    refused(post(pod, f"/bookings/{booking['id']}/change", {"carid": "zz", "reason": REASON}),
            404, "unknown-car", "carid")
    refused(post(pod, f"/bookings/{booking['id']}/cancel?x=1", {"reason": REASON}), 400,
            "invalid-request", "x")


# --- the car is back ------------------------------------------------------------------------------

def test_returned(pod):
    location, _ = book(pod, carid="a", pickup_at=from_now(hours=-1), return_at=from_now(days=2))
    identity = location.rsplit("/", 1)[1]
    changed = done(post(pod, f"/bookings/{identity}/returned", {"seen": 1}))
    assert changed["returned_at"] and changed["status"] == "booked" and changed["version"] == 2
    assert changed["return_at"] <= from_now(minutes=2)

    def is_free():
        answer = pod.ask(f"/bookCar?pickup_at={from_now(hours=1)}&return_at={from_now(hours=3)}")
        return json.loads(answer.body)["carid"] == "a"
    wait_until(is_free)
    refused(post(pod, f"/bookings/{identity}/returned", {}), 409, "wrong-state")


# --- blocks ---------------------------------------------------------------------------------------

def test_a_block_and_its_release(pod):
    answer = block(pod, "a", 0, 2, reason="brakes & tyres")
    blocked = done(answer, 201)
    assert answer.headers["Location"] == "/api/bookings/" + blocked["id"]
    assert get(pod, answer.headers["Location"].removeprefix("/api"))["booking"] == blocked
    created = blocked.pop("created_at")
    assert datetime.datetime.fromisoformat(created.replace("Z", "+00:00"))
    assert blocked == {"id": blocked["id"], "status": "blocked", "carid": "a", "location": "NCE",
                       "category": "ECMR", "pickup_at": at(0), "return_at": at(2), "turnaround": 0,
                       "version": 1, "reason": "brakes & tyres"}
    wait_until(lambda: offer(pod, 0, 1) == "b")
    assert post_order(pod, order(0, 1, carid="a")).status == 409
    assert pod.ask("/bookings/" + blocked["id"]).status == 404  # is no partner's to see
    assert ids(get(pod, "/bookings?state=blocked")["bookings"]) == [blocked["id"]]
    assert get(pod, "/bookings")["bookings"] == []
    released = done(post(pod, "/blocks/" + blocked["id"], {"reason": "done"}, "DELETE"))
    assert (released["status"], released["version"]) == ("cancelled", 2)
    wait_until(lambda: offer(pod, 0, 1) == "a")
    refused(pod.desk("/api/blocks/" + blocked["id"], "DELETE"), 409, "wrong-state")
    assert history(pod, blocked) == ["blocked", "released"]


def test_a_block_is_refused_while_a_booking_is_in_the_way(pod):
    booking = booking_of(pod, 1, 2, carid="a")
    document = refused(block(pod, "a", 0, 3), 409, "in-the-way")
    assert document["in_the_way"] == [booking] and document["in_the_way_count"] == 1
    done(post(pod, f"/bookings/{booking['id']}/change", {"carid": "b", "reason": "workshop"}))
    done(block(pod, "a", 0, 3), 201)


def test_a_booking_is_no_block(pod):
    booking = booking_of(pod)
    refused(pod.desk("/api/blocks/" + booking["id"], "DELETE"), 404, "unknown-booking", "id")
    blocked = done(block(pod, "b"), 201)
    answer = post(pod, f"/bookings/{blocked['id']}/cancel", {"reason": REASON})
    assert answer.status in (404, 409), answer
    assert get(pod, "/bookings/" + blocked["id"])["booking"]["status"] == "blocked"


@pytest.mark.parametrize("change,parameter", [
    ({"carid": None}, "carid"), ({"from": None}, "from"), ({"to": None}, "to"),
    ({"reason": None}, "reason"), ({"carid": "a\n"}, "carid"), ({"to": at(0)}, "to"),
    ({"to": at(-1)}, "to"), ({"to": at(367)}, "to"), ({"from": "2026-12-01T10:00:01Z"}, "from"),
    ({"channel": "kayak"}, "channel"), ({"seen": 1}, "seen"),
])
def test_fields_of_a_block(pod, change, parameter):
    fields = {"carid": "a", "from": at(0), "to": at(1), "reason": REASON, **change}
    fields = {name: value for name, value in fields.items() if value is not None}
    refused(post(pod, "/blocks", fields), 400, "invalid-request", parameter)


def test_a_block_of_no_car(pod):
    refused(block(pod, "zz"), 404, "unknown-car", "carid")


# --- turnaround -----------------------------------------------------------------------------------

def test_turnaround(pod):
    before = booking_of(pod, 0, 1, carid="a")
    assert get(pod, "/status")["turnaround"] == 0
    answer = post(pod, "/turnaround", {"minutes": 90})
    assert (answer.status, json.loads(answer.body)) == (200, {"turnaround": 90})
    assert get(pod, "/status")["turnaround"] == 90
    assert booking_of(pod, 3, 4, carid="b")["turnaround"] == 90
    assert post_order(pod, order(4, 5, carid="b")).status == 409
    assert get(pod, "/bookings/" + before["id"])["booking"]["turnaround"] == 0


@pytest.mark.parametrize("fields", [
    {}, {"minutes": -1}, {"minutes": 10081}, {"minutes": 1.5}, {"minutes": "60"}, {"minutes": None},
    {"minutes": 1e30}])
def test_fields_of_the_turnaround(pod, fields):
    refused(post(pod, "/turnaround", fields), 400, "invalid-request", "minutes")


# --- who may --------------------------------------------------------------------------------------

def test_the_history_has_the_operators_name(start, fleet, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("jeanne key-of-jeanne-0123456789\n")
    pod = start.pod("kayak", "--fleet", fleet("a,ECMR,NCE,55,,EUR"), "--operator-keys", keys)
    key = {"Authorization": "Bearer key-of-jeanne-0123456789"}
    location, _ = book(pod)
    path = "/bookings/" + location.rsplit("/", 1)[1]
    assert post(pod, path + "/cancel", {"reason": REASON}).status == 401
    done(post(pod, path + "/cancel", {"reason": REASON}, **key))
    last = get(pod, path, headers=key)["history"][-1]
    assert (last["by"], last["actor"], last["reason"]) == ("operator", "jeanne", REASON)


def test_writes_are_json(pod):
    booking = booking_of(pod)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        answer = post(pod, f"/bookings/{booking['id']}/cancel", {"reason": REASON},
                      **{"Content-Type": kind})
        refused(answer, 403, "forbidden", "Content-Type")
    assert history(pod, booking) == ["booked"]
