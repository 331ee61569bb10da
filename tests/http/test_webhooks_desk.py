"""Webhooks as the operator sees them: what waits, what was given up and why, again, a test."""
import re

import pytest

from booking_support import book
from commands_support import Desk
from desk_support import REASON, get, post, refused
from support import http_answer, wait_until
from webhook_receiver import TAKEN, Receiver, secret_line

FAILED = http_answer(b"<script>\x1b[2Jno", status="500 Internal Server Error")


@pytest.fixture
def failing(start, database, clock, tmp_path):
    """An engine, and a receiver that takes nothing."""
    (tmp_path / "secret").write_text(secret_line())
    receiver = start._add(Receiver(FAILED))
    engine = start.pod("kayak", "--database", database.url, "--channel", "kayak", "--webhook-url",
                       receiver.url, "--webhook-secret", tmp_path / "secret", "--webhook-private",
                       clock=clock)
    wait_until(lambda: "this engine sends the webhooks" in engine.stderr())
    return engine, receiver


@pytest.fixture
def desk(database):
    return Desk(database)


def cancel_some(engine, count):
    made = [book(engine, day, day + 1)[0].rsplit("/", 1)[1] for day in range(count)]
    for identity in made:
        assert post(engine, f"/bookings/{identity}/cancel", {"reason": REASON}).status == 200
    return made


def wait_for_tries(engine, count):
    wait_until(lambda: [row["attempts"] for row in get(engine, "/webhooks")["deliveries"]]
               == [1] * count, what=f"{count} webhooks that failed once")
    return get(engine, "/webhooks")


def give_up(engine, clock, database, count):
    """Lets time pass until all are given up, by more than the longest pause at a time."""
    for attempts in range(2, 11):
        clock.move(27 * 3600)
        wait_until(lambda: database.rows("SELECT attempts FROM webhook_deliveries")
                   == count * [(attempts,)], what=f"try {attempts}")


def test_what_waits_and_why(failing, desk):
    engine, _ = failing
    made = cancel_some(engine, 3)
    shown = wait_for_tries(engine, 3)
    (webhook,) = shown["webhooks"]
    assert webhook["channel"] == "kayak" and webhook["waiting"] == 3 and webhook["given_up"] == 0
    assert webhook["sender"] and not webhook["stopped"] and webhook["waiting_since"]
    assert [row["booking_id"] for row in shown["deliveries"]] == made
    row = shown["deliveries"][0]
    assert (row["type"], row["state"], row["last_status"]) == ("booking.cancelled", "waiting", 500)
    assert row["last_error"] == "status 500: <script>\ufffd[2Jno"
    assert {"id", "number", "created_at", "tried_at", "next_at"} < set(row)
    assert desk.json("webhooks") == shown
    text = desk("webhooks")
    assert "\x1b" not in text and "kayak: 3 wait, 0 given up" in text
    assert text.count("status 500: <script>") == 3
    pages = get(engine, "/webhooks?limit=2")
    assert len(pages["deliveries"]) == 2
    rest = get(engine, f"/webhooks?limit=2&after={pages['next']}")
    assert pages["deliveries"] + rest["deliveries"] == shown["deliveries"] and "next" not in rest
    assert get(engine, "/webhooks?state=given_up")["deliveries"] == []
    assert get(engine, "/webhooks?channel=other") == {"webhooks": [], "deliveries": []}


def test_again(failing, desk, clock):
    engine, receiver = failing
    cancel_some(engine, 2)
    first, second = wait_for_tries(engine, 2)["deliveries"]
    receiver.answers = [TAKEN]
    answer = post(engine, f"/webhooks/{first['id']}/again", {})
    assert answer.status == 200
    (told,) = receiver.wait_for(1)
    assert told.booking == first["booking_id"]
    assert "sent again" in desk("webhooks", "again", str(second["id"]))
    receiver.wait_for(2)
    wait_until(lambda: not get(engine, "/webhooks")["deliveries"])
    refused(post(engine, f"/webhooks/{first['id']}/again", {}), 404, "not-found")
    refused(post(engine, "/webhooks/x/again", {}), 404, "not-found")
    assert "no such webhook" in desk.refused("webhooks", "again", str(second["id"]))


def test_all_that_was_given_up(failing, desk, clock, database):
    engine, receiver = failing
    cancel_some(engine, 2)
    wait_for_tries(engine, 2)
    give_up(engine, clock, database, 2)
    assert {row["state"] for row in get(engine, "/webhooks")["deliveries"]} == {"given_up"}
    assert desk.json("webhooks", "--state", "waiting")["deliveries"] == []
    assert engine.stderr().count("webhook given up") == 2
    receiver.answers = [TAKEN]
    assert post(engine, "/webhooks/all/again", {"channel": "other"}).status == 404
    assert post(engine, "/webhooks/all/again", {"channel": "kayak"}).status == 200
    receiver.wait_for(2)


def test_a_test(failing, desk):
    engine, receiver = failing
    receiver.answers = [TAKEN]
    answer = post(engine, "/webhooks/test", {})
    assert answer.status == 201, answer
    (told,) = receiver.wait_for(1)
    assert told.type == "webhook.test" and told.booking is None
    assert re.match(r"Test \d+ is sent", desk("webhooks", "test", "kayak"))
    receiver.wait_for(2)
    refused(post(engine, "/webhooks/test", {"channel": "other"}), 404, "not-found")
    assert "no engine of this channel" in desk.refused("webhooks", "test", "other")


@pytest.mark.parametrize("query,parameter", [
    ("state=gone", "state"), ("after=x", "after"), ("limit=0", "limit"), ("limit=201", "limit"),
    ("what=1", "what"), ("channel=", "channel")])
def test_bad_queries(failing, query, parameter):
    engine, _ = failing
    refused(engine.desk(f"/api/webhooks?{query}"), 400, "invalid-request", parameter)


@pytest.mark.parametrize("words", [("again",), ("again", "x"), ("again", "0"), ("test",),
                                   ("list", "x"), ("send",), ("list", "--state", "gone")])
def test_bad_words(desk, words):
    desk.refused("webhooks", *words, status=2)


def test_where_there_is_none(start, database, desk):
    engine = start.pod("kayak", "--database", database.url, "--channel", "kayak")
    assert get(engine, "/webhooks") == {"webhooks": [], "deliveries": []}
    refused(post(engine, "/webhooks/test", {}), 404, "not-found")
    assert not re.search("^webhook", engine.operator("/metrics").body.decode(), re.M)
