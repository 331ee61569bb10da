"""What an operator finds out from the logs: from a partner's words to the reason."""
import json

import pytest

from booking_support import (at, book, cars, offer, order, post, post_keyed, status_of)
from support import Engine, http_answer, listens, wait_until


@pytest.fixture
def pod(start, clock, fleet):
    return start.pod("kayak", "--fleet", fleet(*cars(2)), clock=clock)


def logged(pod, answer):
    """The access log's members that tell of cars and bookings, and what was refused."""
    line = pod.log_of(answer.headers["X-Request-Id"])
    assert line["status"] == answer.status
    return {name: line[name] for name in ("car", "booking", "state", "replay", "problem", "pickup_at",
                                          "return_at", "location", "category") if name in line}


# --- the access log -------------------------------------------------------------------------------

def test_car_booking_and_state_are_named(pod):
    answer = pod.ask("/bookCar")
    assert logged(pod, answer) == {"car": "car-0000"}
    answer = post(pod, order(hold_seconds=60, carid="car-0001"))
    location = answer.headers["Location"]
    facts = {"car": "car-0001", "booking": location[-22:]}
    assert logged(pod, answer) == facts | {"state": "held"}
    for method, path, state in (("GET", "", "held"), ("POST", "/confirm", "booked"),
                                ("DELETE", "", "cancelled"), ("GET", "", "cancelled")):
        assert logged(pod, pod.ask(location + path, method)) == facts | {"state": state}


def test_a_refusal_names_its_reason_and_what_was_asked(pod):
    period = {"pickup_at": at(0), "return_at": at(1)}
    taken, _ = book(pod, carid="car-0000")
    answer = post(pod, order(carid="car-0000", category="E***"))
    assert logged(pod, answer) == {"car": "car-0000", "problem": "car-unavailable",
                                   "category": "E***"} | period
    assert logged(pod, post(pod, order(price=1))) == {"problem": "price-changed"} | period
    book(pod)
    assert logged(pod, post(pod, order(location="NCE"))) == {
        "problem": "car-unavailable", "location": "NCE"} | period
    answer = pod.ask(f"/bookCar?pickup_at={at(0)}&return_at={at(1)}")
    assert logged(pod, answer) == {"problem": "no-car-free"} | period
    assert logged(pod, post(pod, order(1, 0)))["problem"] == "invalid-request"
    pod.ask(taken, "DELETE")
    facts = {"booking": taken[-22:], "car": "car-0000", "state": "cancelled"}
    answer = pod.ask(taken + "/confirm", "POST")
    assert logged(pod, answer) == facts | {"problem": "booking-cancelled"}
    answer = pod.ask("/bookings/" + "A" * 22)
    assert logged(pod, answer) == {"booking": "A" * 22, "problem": "unknown-booking"}


def test_a_replay_is_named_as_one(pod):
    first = post_keyed(pod, "k", order(hold_seconds=60))
    identifier = first.headers["Location"][-22:]
    assert logged(pod, post_keyed(pod, "k", order(hold_seconds=60))) == {
        "replay": "true", "booking": identifier}
    assert logged(pod, post_keyed(pod, "k", order())) == {"problem": "idempotency-key-reused"}
    confirm, headers = first.headers["Location"] + "/confirm", {"Idempotency-Key": "c"}
    assert pod.ask(confirm, "POST", headers=headers).status == 200
    assert logged(pod, pod.ask(confirm, "POST", headers=headers)) == {
        "replay": "true", "booking": identifier}


def test_the_car_whose_document_the_adapter_refuses_is_named(start, fleet):
    engine = start.engine(start.stand_in(lambda sock, _: sock.sendall(http_answer(status="400 No"))),
                          "--fleet", fleet(*cars(2)))
    for answer in (engine.ask(), post(engine, order(carid="car-0000"))):
        assert logged(engine, answer) == {"car": "car-0000", "problem": "adapter-error"}


def test_the_adapter_names_car_and_booking_too(pod):
    answer = post(pod, order())
    line = pod.adapter.log_of(answer.headers["X-Request-Id"])
    assert (line["car"], line["booking"]) == ("car-0000", answer.headers["Location"][-22:])


# --- --log-level ----------------------------------------------------------------------------------

def steps(service, answer):
    """What standard error tells of that request: (message, its members)."""
    return [(line["msg"], line) for line in service.log("stderr")
            if line["level"] == "debug" and line["request_id"] == answer.headers["X-Request-Id"]]


def test_debug_explains_a_request_from_query_to_car(start, clock, fleet):
    pod = start.pod("kayak", "--log-level", "debug", "--fleet", fleet(*cars(2)), clock=clock)
    answer = pod.ask(f"/bookCar?pickup_at={at(0)}&return_at={at(2)}&category=E***")
    told = steps(pod, answer)
    assert [step for step, _ in told] == ["asked", "car found", "adapter called"]
    asked, found, called = [line for _, line in told]
    assert (asked["pickup_at"], asked["return_at"], asked["category"]) == (at(0), at(2), "E***")
    assert (found["car"], found["price"]) == ("car-0000", 100)
    assert (called["outcome"], called["status"]) == ("answered", 200)

    answer = post_keyed(pod, "k", order(hold_seconds=60, price=50))
    told = steps(pod, answer)
    assert [step for step, _ in told] == ["stored", "asked", "car claimed", "adapter called", "stored"]
    recalled, asked, claimed, _, stored = [line for _, line in told]
    assert (recalled["operation"], recalled["result"]) == ("recall the key", "not found")
    assert (asked["hold_seconds"], asked["price"]) == (60, 50)
    assert (stored["operation"], stored["result"]) == ("book", "done")
    assert claimed["booking"] == stored["booking"] == answer.headers["Location"][-22:]

    told = steps(pod, pod.ask(answer.headers["Location"], "DELETE"))
    assert [(step, line.get("operation")) for step, line in told] == [
        ("stored", "look up"), ("adapter called", None), ("stored", "cancel")]

    told = steps(pod, post(pod, order(location="ZZZ")))
    assert [step for step, _ in told] == ["asked", "refused"]
    assert told[1][1]["problem"] == "unknown-location" and told[1][1]["detail"]


def test_debug_tells_of_each_round(start, clock, database):
    """Two engines that do not know yet what the other has sold."""
    adapter = start.adapter()
    one, two = (start.engine(adapter, "--database", database.url, "--log-level", "debug", clock=clock)
                for _ in range(2))
    for turn in range(50):  # until the news is late
        book(one, 2 * turn, 2 * turn + 1)
        answer = post(two, order(2 * turn, 2 * turn + 1))
        told = [line for step, line in steps(two, answer) if step == "car claimed"]
        if len(told) > 1:
            break
    assert (told[0]["car"], told[1]["car"]) == ("1-XXX-333", "1-XXX-334")
    assert told[1]["round"] == 2
    assert [line["result"] for step, line in steps(two, answer) if step == "stored"] == [
        "the car is taken", "done"]


def test_debug_of_an_adapter(start):
    adapter = start.adapter("kayak", environment={"ADAPTER_LOG_LEVEL": "debug"})
    engine = start.engine(adapter)
    (step, line), = steps(adapter, engine.ask())
    assert (step, line["car"], line["state"]) == ("car formatted", "1-XXX-333", "available")
    refused = adapter.ask(body=json.dumps({"carid": "a"}))
    (step, line), = steps(adapter, refused)
    assert (step, line["parameter"]) == ("car document refused", "price")


@pytest.mark.parametrize("level,levels", [("debug", {"debug", "info"}), ("info", {"info"}),
                                          ("error", set())])
def test_levels(start, level, levels):
    engine = start._add(Engine(start.adapter().url, environment={"BOOKING_LOG_LEVEL": level}))
    wait_until(lambda: listens(engine.address, engine.port))
    location, _ = book(engine)
    assert status_of(engine, location) == "booked" and offer(engine)
    assert {line["level"] for line in engine.log("stderr")} == levels
    wait_until(lambda: len(engine.log()) == 3)  # the access log is the same at each
