"""The seed exchange, byte for byte."""
import json

import pytest

from support import AIRBNB_LINE, KAYAK_LINE, VERSION, http_answer, split_answer

LINES = [("kayak", KAYAK_LINE), ("airbnb", AIRBNB_LINE)]


@pytest.mark.parametrize("path", ["/bookCar", "/bookCar/"])
@pytest.mark.parametrize("partner,line", LINES)
def test_line(pods, partner, line, path):
    answer = pods[partner].ask(path)
    assert answer.status == 200
    assert answer.body == line
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Length"] == str(len(line))
    assert answer.headers["Server"] == f"booking-main/{VERSION}"
    assert answer.headers["X-Request-Id"] and answer.headers["traceparent"]


def test_asking_changes_nothing(pods):
    for _ in range(5):
        assert pods["kayak"].ask().body == KAYAK_LINE


@pytest.mark.parametrize("path", ["/bookCar", "/bookCar/", "/bookCar?location=CDG"])
@pytest.mark.parametrize("partner,line", LINES)
def test_head_is_get_without_the_body(pods, partner, line, path):
    pod = pods[partner]
    get, head = pod.ask(path), pod.ask(path, "HEAD")
    assert head.status == 200 and head.body == b""
    for field in ("Content-Type", "Content-Length", "Server"):
        assert head.headers[field] == get.headers[field]


def test_nothing_follows_a_head_answer(kayak):
    raw = kayak.ask_raw(b"HEAD /bookCar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert split_answer(raw)[2] == b""


def test_each_field_is_there_once(kayak):
    raw = kayak.ask_raw(b"GET /bookCar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    names = [line.split(b":")[0].lower() for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]]
    assert sorted(names) == sorted(set(names))


def test_a_body_and_its_type_are_passed_on_as_they_are(start):
    odd = b' { "b":1.50,\t"a":"\\u20ac \xe2\x82\xac", "b":2 }\n\n'
    for kind in ("application/vnd.partner.v1+json; charset=utf-8", "text/plain", "a/b"):
        stand_in = start.stand_in(
            lambda sock, _, kind=kind: sock.sendall(http_answer(odd, content_type=kind)) or True)
        answer = start.engine(stand_in).ask()
        assert (answer.status, answer.body) == (200, odd)
        assert answer.headers["Content-Type"] == kind


def test_what_the_adapter_is_asked(start):
    stand_in = start.stand_in()
    engine = start.engine(stand_in)
    assert engine.ask().status == 200
    asked = stand_in.received[0]
    assert (asked.method, asked.path) == ("POST", "/formatCarInfo")
    assert asked.headers["Content-Type"] == "application/json"
    assert asked.headers["Content-Length"] == str(len(asked.body))
    document = json.loads(asked.body)
    assert asked.body.startswith(b'{"carid":"1-XXX-333","price":55,"currency":"EUR",'
                                 b'"status":"available",')
    assert document["day_price"] == 55 and document["hourly_price"] == 10
    assert document["location"] == "NCE" and document["category"] == "ECMR"
    assert "booking_id" not in document and "expires_at" not in document
    assert b" " not in asked.body and not asked.body.endswith(b"\n")
