"""A fleet file that comes in at the desk."""
import json

import pytest

from booking_support import book, fleet_text, offer
from desk_support import cars, get, refused
from support import wait_until

FLEET = [f"car-{number:02},ECMR,NCE,{50 + number},,EUR" for number in range(20)]


@pytest.fixture
def pod(start, fleet):
    return start.pod("kayak", "--channel", "kayak", "--fleet", fleet(*FLEET))


def upload(engine, text, query="", **headers):
    body = text if isinstance(text, bytes) else text.encode()
    return engine.desk("/api/fleet" + query, "POST", body=body,
                       headers={"Content-Type": "text/csv", **headers})


def report(answer):
    assert answer.status == 200, answer
    return json.loads(answer.body)


UNCHANGED = {"added": 0, "changed": 0, "withdrawn": 0, "unchanged": 20,
             "moved": {"count": 0, "first": []}, "stranded": {"count": 0, "first": []},
             "warnings": []}


def test_first_it_says_what_it_would_do(pod):
    moved = book(pod, carid="car-01")[0].rsplit("/", 1)[1]
    stranded = book(pod, carid="car-00")[0].rsplit("/", 1)[1]
    lines = FLEET[1:]
    lines[0] = "car-01,ECMR,CDG,51,,EUR"
    text = fleet_text(*lines, "new,ECMR,NCE,1,,EUR")
    expected = UNCHANGED | {
        "added": 1, "changed": 1, "withdrawn": 1, "unchanged": 18,
        "moved": {"count": 1, "first": [moved]}, "stranded": {"count": 1, "first": [stranded]}}
    would = report(upload(pod, text, "?dry_run=true"))
    assert {**would, **expected} == would and would["done"] is False
    assert len(get(pod, "/cars?limit=200")["cars"]) == 20
    assert offer(pod, 5, 6) == "car-00"
    did = report(upload(pod, text))
    assert {**did, **expected} == did and did["done"] is True
    wait_until(lambda: offer(pod, 5, 6) == "new")
    again = report(upload(pod, text))
    assert (again["unchanged"], again["added"], again["withdrawn"]) == (20, 0, 0)


def test_what_was_exported_changes_nothing(pod):
    text = pod.desk("/api/cars?format=csv").body
    answer = report(upload(pod, text))
    assert {**answer, **UNCHANGED, "warnings": answer["warnings"]} == answer


def test_half_a_file_needs_force(pod):
    text = fleet_text(*FLEET[:10])
    would = report(upload(pod, text, "?dry_run=true"))
    assert would["needs_force"].endswith(".") and would["withdrawn"] == 10 and not would["done"]
    document = refused(upload(pod, text), 409, "needs-force", "force")
    assert document["withdrawn"] == 10 and document["done"] is False
    assert len(get(pod, "/cars?limit=200")["cars"]) == 20
    did = report(upload(pod, text, "?force=true"))
    assert did["done"] is True and did["withdrawn"] == 10
    assert len(get(pod, "/cars?limit=200")["cars"]) == 10


def test_a_tenth_does_not(pod):
    assert report(upload(pod, fleet_text(*FLEET[:18])))["done"] is True


@pytest.mark.parametrize("text,detail", [
    ("", "file:1:1: "), ("carid\n", "file:1:1: heading has no"),
    (fleet_text("a,ECMR,NCE,x,,EUR"), "file:2:12: day_price 'x' "),
    (fleet_text("a,ECMR,NCE,1,,EUR", "a,ECMR,NCE,1,,EUR"), "file:3:1: carid 'a'"),
    (fleet_text("a,ECMR,NCE,1,,XXX"), "file:2:15: currency 'XXX'"),
    (b"PK\x03\x04", "file:1:1: the file is a spreadsheet's own format"),
    (b"\xff\xfea\0", "file:1:1: the file is UTF-16"), (b"a\0b", "file:1:1: "),
    ("<html>", "file:1:1: the file is a web page")])
def test_a_file_that_is_none(pod, text, detail):
    for query in ("?dry_run=true", "", "?force=true"):
        document = refused(upload(pod, text, query), 400, "invalid-request")
        assert document["detail"].startswith(detail), document
    assert len(get(pod, "/cars?limit=200")["cars"]) == 20


def test_semicolons_and_warnings(pod):
    text = "carid;colour;category;location;day_price;hour_price;currency\r\n" + "".join(
        f"car-{number:02};red;ECMR;NCE;{50 + number},00;;EUR\r\n" for number in range(20))
    answer = report(upload(pod, text))
    assert answer["unchanged"] == 20
    assert answer["warnings"] == ["file:1: column 'colour' is not one of a fleet's and is not read"]


@pytest.mark.parametrize("query,parameter", [
    ("?dry_run=1", "dry_run"), ("?force=", "force"), ("?force=true&force=true", "force"),
    ("?dryrun=true", "dryrun"), ("?dry_run", "dry_run")])
def test_parameters(pod, query, parameter):
    refused(upload(pod, fleet_text(*FLEET), query), 400, "invalid-request", parameter)


def test_it_has_to_be_csv(pod):
    answer = upload(pod, fleet_text(*FLEET[:1]), "?force=true", **{"Content-Type": "application/json"})
    refused(answer, 403, "forbidden", "Content-Type")
    assert len(get(pod, "/cars?limit=200")["cars"]) == 20


def test_a_large_file(pod):
    """Larger than any other body may be."""
    text = cars(100_000)
    assert len(text) > 2 * 1024 * 1024
    assert report(upload(pod, text, "?force=true"))["added"] == 100_000
    assert len(get(pod, "/cars?q=car-9999")["cars"]) == 11
