"""Booking.com's format, which is a jq filter: a few documents with their answers."""
import json

import pytest

from support import ROOT, Process

FILTER = ROOT / "adapter-jq" / "examples" / "bookingcom.jq"
POLICIES = ('"policies":{"cancellation":{"type":"free_cancellation"},"fuel":{"type":"return_same"},'
            '"mileage":{"type":"unlimited"}}')


@pytest.fixture(scope="module")
def bookingcom(_shared):
    adapter = _shared.adapter("jq", "--filter", FILTER)
    engine = _shared.engine(adapter, "--channel", "bookingcom")
    engine.adapter = adapter
    return engine


@pytest.mark.parametrize("document,answer", [
    # The seed's, which names no place and no period.
    ('{"carid":"1-XXX-333","price":55,"currency":"euro","status":"available"}',
     '{"data":[{"offer":"1-XXX-333","supplier":17,"status":"available",'
     '"price":{"total":"55.00","currency":"EUR"},' + POLICIES +
     ',"route":{"pickup":{},"dropoff":{}}}]}'),
    # A total with cents, times of the place itself, the ids of the tables.
    ('{"carid":"a","price":520.9,"currency":"EUR","status":"booked","pickup_at":'
     '"2026-12-01T10:00:00+01:00","return_at":"2026-12-10T18:30:00-05:00","location":"CDG",'
     '"category":"IDAR","booking_id":"b-7"}',
     '{"data":[{"offer":"a","car":104,"supplier":17,"status":"booked",'
     '"price":{"total":"520.90","currency":"EUR"},' + POLICIES +
     ',"route":{"pickup":{"datetime":"2026-12-01T10:00:00","depot":2002},'
     '"dropoff":{"datetime":"2026-12-10T18:30:00","depot":2002}}}],"booking_id":"b-7"}'),
    # A hold; a place and a category that the tables do not have; half a cent goes up.
    ('{"carid":"a\\"b","price":0.005,"currency":"KWD","status":"held","location":"x","category":'
     '"XXXX","booking_id":"b","expires_at":"2026-11-30T12:00:00Z"}',
     '{"data":[{"offer":"a\\"b","supplier":17,"status":"held","expires_at":"2026-11-30T12:00:00Z",'
     '"price":{"total":"0.01","currency":"KWD"},' + POLICIES +
     ',"route":{"pickup":{},"dropoff":{}}}],"booking_id":"b"}'),
], ids=["seed", "booking", "hold"])
def test_answers(bookingcom, document, answer):
    got = bookingcom.adapter.ask(body=document.encode())
    assert got.status == 200
    assert got.body.decode() == answer


def test_the_check_that_an_author_runs(_shared):
    process = Process("adapter-jq", "--check", FILTER)
    assert process.wait() == 0
    process.end()


def test_the_engine_offers_in_it(bookingcom):
    item = json.loads(bookingcom.ask().body)["data"][0]
    assert item["offer"] == "1-XXX-333" and item["price"] == {"total": "55.00", "currency": "EUR"}
    assert item["car"] == 101 and item["route"]["pickup"]["depot"] == 2001
