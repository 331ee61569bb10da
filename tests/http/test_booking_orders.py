"""The body of POST /bookCar, from the files of tests/data/booking_order, and malformed keys.

The files' times are around the turn of 2026 to 2027; here they become times of the month to come.
"""
import json

import pytest

from booking_support import at, order, post, post_keyed
from support import DATA, assert_problem

ORDERS = DATA / "booking_order"
STAYING = "clock-", "time-", "period-"  # whose times are what they are about


def files(kind, *leave_out):
    return [path for path in sorted((ORDERS / kind).glob("*.json"))
            if not path.stem.startswith(leave_out)]


def of_now(body):
    return (body.replace(b"2027-01-10T10:00:00", at(0).encode()[:-1])
            .replace(b"2027-01-13T10:00:00", at(3).encode()[:-1]))


@pytest.mark.parametrize("path", files("invalid", "clock-"), ids=lambda path: path.stem)
def test_invalid(kayak, path):
    body = path.read_bytes()
    field, sentence = path.with_suffix(".expected").read_text().splitlines()
    answer = post(kayak, body if path.stem.startswith(STAYING) else of_now(body))
    assert_problem(answer, 400, "invalid-request", None if field == "-" else field, sentence[:60])
    assert kayak.metric("booking_claims") == 0


@pytest.mark.parametrize("path", files("valid", "two-years", "a-day-ago", "90-days", "29-", "offset",
                                       "lower-case", "everything"), ids=lambda path: path.stem)
def test_valid(kayak, path):
    """None is booked: each asks for a price that no car has, or for no car there is."""
    document = json.loads(of_now(path.read_bytes())) | {"price": 1.23}
    answer = post(kayak, document)
    assert json.loads(answer.body)["type"].removeprefix("urn:problem-type:") in (
        "price-changed", "unknown-car", "unknown-location"), answer


@pytest.mark.parametrize("key", [
    "", " ", "a b", "\t", "a\tb", "ü", "\x7f", "a" * 256, "a" * 4000, "a\x01"])
@pytest.mark.parametrize("path", ["/bookCar", "/bookings/" + "A" * 22 + "/confirm"])
def test_malformed_idempotency_keys(kayak, key, path):
    fields = order(price=1) if path == "/bookCar" else b""
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    raw = (b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nIdempotency-Key: %s\r\n"
           b"Content-Length: %d\r\n\r\n%s" % (path.encode(), key.encode(), len(body), body))
    answer = kayak.ask_raw(raw)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    if b"problem+json" in answer:  # what is no header field the server itself refuses
        document = json.loads(answer.partition(b"\r\n\r\n")[2])
        assert document["parameter"] == "Idempotency-Key"


@pytest.mark.parametrize("key", ["a", "!", "~", "a" * 255, '"quoted"', "%00", "a,b;c", "';DROP--"])
def test_keys_of_any_visible_characters(start, key):
    pod = start.pod("kayak")
    first = post_keyed(pod, key, order())
    assert first.status == 201
    assert post_keyed(pod, key, order()).body == first.body

