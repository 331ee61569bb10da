"""What the desk shows besides bookings: cars, their calendar, occupancy, a day."""
import json

import pytest

from booking_support import START, at, book, fleet_text, from_now, run_command
from desk_support import REASON, block, booking_of, cars, done, get, pages, post, refused
from support import wait_until

FLEET = ("a,ECMR,NCE,55,10,EUR", "b,ECMR,NCE,55.50,,EUR", "c,IDAR,CDG,70,,EUR",
         "TÜ-AB 12,IDAR,CDG,80,,EUR")


@pytest.fixture
def pod(start, fleet):
    return start.pod("kayak", "--channel", "kayak", "--fleet", fleet(*FLEET))


@pytest.fixture(scope="module")
def large(_shared, tmp_path_factory):
    """An engine with more cars than a page has; no test changes it."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.csv"
    path.write_text(cars(450))
    return _shared.pod("kayak", "--fleet", path)


# --- cars -----------------------------------------------------------------------------------------

def test_cars(pod):
    assert get(pod, "/cars") == {"cars": [
        {"carid": "TÜ-AB 12", "location": "CDG", "category": "IDAR", "day_price": 80,
         "currency": "EUR", "offered": True},
        {"carid": "a", "location": "NCE", "category": "ECMR", "day_price": 55, "hour_price": 10,
         "currency": "EUR", "offered": True},
        {"carid": "b", "location": "NCE", "category": "ECMR", "day_price": 55.5, "currency": "EUR",
         "offered": True},
        {"carid": "c", "location": "CDG", "category": "IDAR", "day_price": 70, "currency": "EUR",
         "offered": True}]}


@pytest.mark.parametrize("limit,count", [(200, 3), (150, 3), (50, 9)])
def test_pages_of_cars(large, limit, count):
    rows, read = pages(large, f"/cars?limit={limit}", "cars")
    assert read == count and [row["carid"] for row in rows] == [f"car-{n:03}" for n in range(450)]


def test_filters_of_cars(large):
    def carids(query):
        return [int(row["carid"][4:]) for row in pages(large, "/cars?limit=200&" + query, "cars")[0]]
    assert carids("q=car-12") == list(range(120, 130))
    assert carids("q=car-123") == [123] and not carids("q=ar-1") and not carids("q=%25")
    assert not carids("q=car_1") and not carids("q=CAR-1")
    assert carids("location=CDG") == [n for n in range(450) if n % 3 == 1]
    assert carids("category=IDAR&location=NCE&q=car-1") == [
        n for n in range(100, 200) if n % 6 == 3]
    assert not carids("location=ZRH")


def test_after_a_carid_of_any_letters(pod):
    first = get(pod, "/cars?limit=1")
    assert first["next"] == "TÜ-AB 12"
    assert [row["carid"] for row in get(pod, "/cars?limit=2&after=T%C3%9C-AB%2012")["cars"]] == ["a", "b"]


def test_withdrawn_cars_are_shown_when_asked_for(start, fleet, database, tmp_path):
    pod = start.pod("kayak", "--database", database.url, "--fleet", fleet(*FLEET))
    (tmp_path / "new.csv").write_text(fleet_text(*FLEET[1:]))
    status, _, wrong = run_command("import", tmp_path / "new.csv", "--database", database.url,
                                   "--force")
    assert status == 0, wrong
    assert [row["carid"] for row in get(pod, "/cars")["cars"]] == ["TÜ-AB 12", "b", "c"]
    rows = get(pod, "/cars?withdrawn=true")["cars"]
    assert [(row["carid"], row["offered"]) for row in rows] == [
        ("TÜ-AB 12", True), ("a", False), ("b", True), ("c", True)]
    assert len(get(pod, "/cars?withdrawn=false")["cars"]) == 3


@pytest.mark.parametrize("query,parameter", [
    ("q=", "q"), ("q=" + "x" * 65, "q"), ("location=", "location"), ("category=E***", "category"),
    ("withdrawn=1", "withdrawn"), ("withdrawn=", "withdrawn"), ("after=", "after"),
    ("after=%20a", "after"), ("limit=0", "limit"), ("limit=201", "limit"), ("carid=a", "carid"),
    ("format=csv&withdrawn=true", "withdrawn"), ("format=csv&limit=1", "limit"),
    ("format=csv&after=a", "after")])
def test_parameters_of_cars(large, query, parameter):
    refused(large.desk("/api/cars?" + query), 400, "invalid-request", parameter)


# --- calendar -------------------------------------------------------------------------------------

def test_calendar(pod):
    early = booking_of(pod, 0, 2, carid="a")
    late = booking_of(pod, 5, 7, carid="a", hold_seconds=600)
    blocked = done(block(pod, "b", 1, 9), 201)
    cancelled = booking_of(pod, 3, 4, carid="a")
    done(post(pod, f"/bookings/{cancelled['id']}/cancel", {"reason": REASON}))
    document = get(pod, f"/calendar?from={at(1)}&to={at(6)}")
    assert (document["from"], document["to"]) == (at(1), at(6))
    assert [row["carid"] for row in document["rows"]] == ["TÜ-AB 12", "a", "b", "c"]
    bars = {row["carid"]: row["bars"] for row in document["rows"]}
    assert bars == {"TÜ-AB 12": [], "a": [early, late], "b": [blocked], "c": []}
    assert document["rows"][1] | {"bars": None} == {
        "carid": "a", "location": "NCE", "category": "ECMR", "offered": True, "bars": None}
    bars = get(pod, f"/calendar?from={at(2)}&to={at(5)}&q=a")["rows"][0]["bars"]
    assert bars == []  # it ends and begins there


def test_pages_of_a_calendar(large):
    rows, count = pages(large, f"/calendar?from={at(0)}&to={at(92)}&limit=200", "rows")
    assert count == 3 and [row["carid"] for row in rows] == [f"car-{n:03}" for n in range(450)]
    rows, _ = pages(large, f"/calendar?from={at(0)}&to={at(1)}&location=LYS&category=ECMR", "rows")
    assert [int(row["carid"][4:]) for row in rows] == [n for n in range(450) if n % 6 == 2]


@pytest.mark.parametrize("query,parameter", [
    ("", "from"), (f"from={at(0)}", "to"), (f"to={at(0)}", "from"),
    (f"from={at(0)}&to={at(0)}", "to"), (f"from={at(1)}&to={at(0)}", "to"),
    (f"from={at(0)}&to={at(92, minutes=1)}", "to"), (f"from={at(0)}&to=x", "to"),
    (f"from={at(0)}&to={at(1)}&limit=201", "limit"), (f"from={at(0)}&to={at(1)}&order=x", "order"),
    (f"from={at(0)}&to={at(1)}&withdrawn=true", "withdrawn")])
def test_parameters_of_a_calendar(large, query, parameter):
    refused(large.desk("/api/calendar?" + query), 400, "invalid-request", parameter)


# --- occupancy ------------------------------------------------------------------------------------

def test_occupancy(pod):
    book(pod, 1, 3, carid="a")
    done(block(pod, "b", 2, 4), 201)
    book(pod, 0, 1, carid="c", hold_seconds=600)

    def free():
        document = get(pod, f"/occupancy?from={at(0)}&days=5")
        return {(group["location"], group["category"]): (group["total"], group["free"])
                for group in document["groups"]}
    wait_until(lambda: free() == {("NCE", "ECMR"): (2, [2, 1, 0, 1, 2]),
                                  ("CDG", "IDAR"): (2, [1, 2, 2, 2, 2])})
    document = get(pod, f"/occupancy?from={at(0)}&days=2&location=CDG")
    assert document == {"from": at(0), "days": 2, "groups": [
        {"location": "CDG", "category": "IDAR", "total": 2, "free": [1, 2]}]}
    assert get(pod, f"/occupancy?from={at(0)}")["days"] == 31
    assert get(pod, f"/occupancy?from={at(0)}&location=ZRH")["groups"] == []


@pytest.mark.parametrize("query,parameter", [
    ("", "from"), ("from=x", "from"), (f"from={at(0)}&days=0", "days"),
    (f"from={at(0)}&days=93", "days"), (f"from={at(0)}&days=1.5", "days"),
    (f"from={at(0)}&to={at(1)}", "to"), (f"from={at(0)}&location=", "location")])
def test_parameters_of_occupancy(large, query, parameter):
    refused(large.desk("/api/occupancy?" + query), 400, "invalid-request", parameter)


# --- a day ----------------------------------------------------------------------------------------

def test_a_day(pod):
    picked_up = booking_of(pod, 0, 2, carid="a")
    returned = booking_of(pod, -1, 0, carid="c")
    blocked = done(block(pod, "b", -3, 3), 201)
    held = booking_of(pod, 5, 6, carid="b", hold_seconds=600)
    cancelled = booking_of(pod, 0, 1, carid="c")
    done(post(pod, f"/bookings/{cancelled['id']}/cancel", {"reason": REASON}))
    document = get(pod, f"/day?date={START:%Y-%m-%d}")
    assert document == {
        "from": f"{START:%Y-%m-%d}T00:00:00Z", "to": document["to"], "pickups": [picked_up],
        "returns": [returned], "late": [], "blocks": [blocked], "holds": [held],
        "counts": {"pickups": 1, "returns": 1, "late": 0, "blocks": 1, "holds": 1}, "sales": [],
        "currency": "EUR"}
    same = get(pod, f"/day?from={document['from']}&to={document['to']}")
    assert same == document
    there = get(pod, f"/day?date={START:%Y-%m-%d}&location=CDG")
    assert there["pickups"] == [] and there["returns"] == [returned] and there["counts"]["blocks"] == 0


def test_what_was_sold_today(pod):
    book(pod, carid="a")
    book(pod, carid="c", first=0, last=3)
    document = get(pod, f"/day?from={from_now(hours=-20)}&to={from_now(minutes=1)}")
    assert document["sales"] == [{"channel": "kayak", "count": 2, "total": 55 + 210}]
    assert get(pod, "/day")["from"].endswith("T00:00:00Z")


def test_a_late_return(start, fleet, clock):
    pod = start.pod("kayak", "--fleet", fleet(*FLEET), clock=clock)
    location, _ = book(pod, carid="a", pickup_at=from_now(hours=1), return_at=from_now(hours=2))
    clock.move(3 * 3600)
    document = get(pod, "/day")
    assert [row["id"] for row in document["late"]] == [location.rsplit("/", 1)[1]]
    done(post(pod, f"/bookings/{document['late'][0]['id']}/returned", {}))
    document = get(pod, "/day")
    assert document["late"] == [] and document["counts"]["late"] == 0


@pytest.mark.parametrize("query,parameter", [
    ("date=", "date"), ("date=today", "date"), ("date=2026-12-1", "date"), ("date=2027-02-29", "date"),
    ("date=2026-12-01T00:00:00Z", "date"), (f"date=2026-12-01&from={at(0)}&to={at(1)}", "date"),
    (f"from={at(0)}", "to"), (f"to={at(0)}", "from"), (f"from={at(0)}&to={at(0)}", "to"),
    (f"from={at(0)}&to={at(31, minutes=1)}", "to"), ("location=*", "location"), ("limit=1", "limit")])
def test_parameters_of_a_day(large, query, parameter):
    refused(large.desk("/api/day?" + query), 400, "invalid-request", parameter)


def test_the_fleet_file_comes_back(large, start, tmp_path):
    """What is exported is imported as it is, and changes nothing."""
    answer = large.desk("/api/cars?format=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="fleet.csv"'
    (tmp_path / "out.csv").write_bytes(answer.body)
    again = start.pod("kayak", "--fleet", tmp_path / "out.csv")
    assert again.desk("/api/cars", headers={"Accept": "text/csv"}).body == answer.body
    assert answer.body.count(b"\n") == 451
    part = large.desk("/api/cars?format=csv&location=NCE&category=IDAR").body
    assert part.count(b"\n") == 76
    assert json.loads(again.desk("/api/cars?limit=1").body)["next"] == "car-000"
