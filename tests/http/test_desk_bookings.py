"""The desk looks at bookings: filters, pages, one with its history, CSV."""
import json

import pytest

from booking_support import book
from desk_support import (REASON, at, block, book_many, booking_of, cars, done, get, pages, post,
                          refused, table)
from support import ask_raw, split_answer

COUNT = 450


@pytest.fixture(scope="module")
def many(_shared, tmp_path_factory):
    """An engine with many bookings, which no test changes."""
    path = tmp_path_factory.mktemp("fleet") / "fleet.csv"
    path.write_text(cars(45))
    pod = _shared.pod("kayak", "--channel", "kayak", "--fleet", path)
    book_many(pod, COUNT)
    return pod


@pytest.fixture
def pod(start, fleet):
    return start.pod("kayak", "--channel", "kayak", "--fleet", fleet(
        "a,ECMR,NCE,55,,EUR", "b,ECMR,NCE,55.50,9,EUR", "c,IDAR,CDG,70,,EUR"))


# --- pages ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("limit,count", [(200, 3), (150, 3), (50, 9), (7, 65)])
@pytest.mark.parametrize("order", ["newest", "pickup"])
def test_pages_have_each_booking_once(many, limit, count, order):
    rows, read = pages(many, f"/bookings?order={order}&limit={limit}", "bookings")
    assert read == count
    assert sorted(row["reference"] for row in rows) == sorted(f"R-{n}" for n in range(COUNT))
    key = "created_at" if order == "newest" else "pickup_at"
    assert [row[key] for row in rows] == sorted((row[key] for row in rows), reverse=order == "newest")


def test_fifty_when_nothing_is_said(many):
    document = get(many, "/bookings")
    assert len(document["bookings"]) == 50 and document["next"]


def test_a_booking_made_meanwhile_moves_no_page(pod):
    made = [booking_of(pod, day, day + 1, carid="a")["id"] for day in range(5)]
    first = get(pod, "/bookings?order=newest&limit=3")
    new = booking_of(pod, 9, 10, carid="b")["id"]
    second = get(pod, f"/bookings?limit=3&after={first['next']}")
    shown = [row["id"] for row in first["bookings"] + second["bookings"] if row["id"] != new]
    assert sorted(shown) == sorted(made)  # the new one may be of the same second, and anywhere


# --- filters --------------------------------------------------------------------------------------

def references(engine, query):
    rows, _ = pages(engine, f"/bookings?limit=200&{query}", "bookings")
    return {int(row["reference"][2:]) for row in rows}


def test_each_filter(many):
    numbers = set(range(COUNT))
    cancelled = {n for n in numbers if n % 10 == 1}
    held = {n for n in numbers if n % 9 == 0} - cancelled
    assert references(many, "state=cancelled") == cancelled
    assert references(many, "state=held") == held
    assert references(many, "state=booked") == numbers - held - cancelled
    assert references(many, "state=blocked") == set() == references(many, "state=expired")
    assert references(many, "carid=car-007") == set(range(70, 80))
    assert references(many, "reference=R-77") == {77} == references(many, "q=R-77")
    assert references(many, "q=car-007") == set(range(70, 80))
    assert references(many, "reference=R-7") == {7}  # the whole of it, not its beginning
    assert references(many, "channel=kayak") == numbers and not references(many, "channel=airbnb")
    assert references(many, "location=NCE") == {n for n in numbers if n // 10 % 3 == 0}
    assert references(many, "category=IDAR") == {n for n in numbers if n // 10 % 2 == 1}
    assert references(many, f"pickup_from={at(3)}&pickup_to={at(5)}") == {
        n for n in numbers if n % 10 in (3, 4)}
    assert references(many, f"return_from={at(3)}&return_to={at(5)}") == {
        n for n in numbers if n % 10 in (2, 3)}
    assert references(many, f"location=NCE&state=held&pickup_from={at(3)}") == {
        n for n in held if n // 10 % 3 == 0 and n % 10 >= 3}
    row = get(many, "/bookings?reference=R-5")["bookings"][0]
    assert references(many, "q=" + row["id"]) == {5}


def test_times_of_another_offset(many):
    moment = at(3).replace("10:00:00Z", "12:00:00%2B02:00")
    assert references(many, f"pickup_from={moment}&pickup_to={at(4)}") == {
        n for n in range(COUNT) if n % 10 == 3}


# --- one ------------------------------------------------------------------------------------------

def test_a_booking_and_its_history(pod):
    location, _ = book(pod, 0, 3, carid="b", reference="K-1", hold_seconds=600)
    identity = location.rsplit("/", 1)[1]
    assert pod.ask(location + "/confirm", "POST").status == 200
    done(post(pod, f"/bookings/{identity}/cancel", {"reason": REASON}))
    document = get(pod, "/bookings/" + identity)
    booking = document["booking"]
    created = booking.pop("created_at")
    assert booking.pop("expires_at")  # it was a hold once
    assert booking == {
        "id": identity, "status": "cancelled", "channel": "kayak", "reference": "K-1",
        "carid": "b", "location": "NCE", "category": "ECMR", "pickup_at": at(0),
        "return_at": at(3), "turnaround": 0, "price": 166.5, "day_price": 55.5, "currency": "EUR",
        "version": 3, "reason": REASON}
    assert [(entry["what"], entry["by"], entry.get("actor"), entry.get("reason"))
            for entry in document["history"]] == [
        ("held", "partner", "kayak", None), ("confirmed", "partner", "kayak", None),
        ("cancelled", "operator", None, REASON)]
    assert document["history"][0]["at"] == created


def test_no_such_booking(pod):
    for identity in ("A" * 22, "A" * 21, "x", "%00", "A" * 22 + "%2F"):
        refused(pod.desk("/api/bookings/" + identity), 404, "unknown-booking", "id")
    identity = booking_of(pod)["id"]
    refused(pod.desk(f"/api/bookings/{identity}?x=1"), 400, "invalid-request", "x")


# --- CSV ------------------------------------------------------------------------------------------

CSV = {"Accept": "text/csv"}


@pytest.mark.parametrize("query,headers", [
    ("&format=csv", {}), ("", CSV), ("", {"Accept": "application/json;q=0.5, text/csv"}),
    ("", {"Accept": "Text/CSV; charset=utf-8; q=0.9"}), ("&format=csv", {"Accept": "application/json"})])
def test_csv_is_what_the_filter_shows(many, query, headers):
    answer = many.desk("/api/bookings?order=pickup&state=booked&location=CDG" + query,
                       headers=headers)
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="bookings.csv"'
    rows, _ = pages(many, "/bookings?order=pickup&state=booked&location=CDG&limit=200", "bookings")
    assert rows and [line["id"] for line in table(answer.body)] == [row["id"] for row in rows]
    for line, row in zip(table(answer.body), rows):
        assert line == {name: str(row.get(name, "")) for name in line}


@pytest.mark.parametrize("query,accept", [
    ("", "*/*"), ("", "text/csv-schema"), ("", "text/csv;q=0"), ("", "text/csv; q=0.000"),
    ("", "text/*, application/json"), ("", ""), ("&format=json", "text/csv"), ("", "xtext/csv")])
def test_not_csv(many, query, accept):
    assert get(many, "/bookings?limit=1" + query, headers={"Accept": accept})["bookings"]


def test_the_columns(many):
    head, _, rest = many.desk("/api/bookings?format=csv").body.partition(b"\n")
    assert head == (b"id,status,channel,reference,carid,category,location,pickup_at,return_at,"
                    b"price,currency,created_at,expires_at,returned_at,reason")
    assert rest.count(b"\n") == COUNT


def test_a_spreadsheet_carries_nothing_out(pod):
    for day, reference in enumerate(['=HYPERLINK("http://x")', "+1", "-1", "@x", 'say "no", so']):
        book(pod, day, day + 1, carid="a", reference=reference)
    block(pod, "b", reason="=1+1")
    lines = table(pod.desk("/api/bookings?format=csv").body)
    assert {line["reference"] for line in lines} == {
        "'=HYPERLINK(\"http://x\")", "'+1", "'-1", "'@x", 'say "no", so'}
    blocks = table(pod.desk("/api/bookings?format=csv&state=blocked").body)
    assert [(line["reason"], line["price"], line["channel"]) for line in blocks] == [
        ("'=1+1", "", "")]


def test_csv_has_no_pages(many):
    refused(many.desk("/api/bookings?format=csv&limit=5"), 400, "invalid-request", "limit")
    after = get(many, "/bookings?limit=5")["next"]
    refused(many.desk(f"/api/bookings?after={after}", headers=CSV), 400, "invalid-request", "after")


def test_head_has_no_body(many):
    for path in ("/api/bookings", "/api/bookings?format=csv"):
        raw = ask_raw(many.address, many.desk_port,
                      f"HEAD {path} HTTP/1.1\r\nHost: {many.address}\r\nConnection: close\r\n\r\n"
                      .encode())
        status, fields, body = split_answer(raw)
        assert (status, body) == (200, b"") and "content-type" in fields


# --- what is refused ------------------------------------------------------------------------------

@pytest.mark.parametrize("query,parameter", [
    ("x=1", "x"), ("q=", "q"), ("q", "q"), ("q=a&q=a", "q"), ("q=" + "x" * 129, "q"),
    ("q=%FF", "q"), ("q=a%0Ab", "q"), ("reference=" + "x" * 129, "reference"),
    ("reference=%7F", "reference"), ("carid=%20a", "carid"), ("carid=" + "x" * 65, "carid"),
    ("channel=" + "x" * 65, "channel"), ("channel=", "channel"), ("location=N*", "location"),
    ("location=" + "x" * 33, "location"), ("category=E***", "category"),
    ("category=ecmr", "category"), ("state=", "state"), ("state=open", "state"),
    ("state=BOOKED", "state"), ("order=oldest", "order"), ("limit=0", "limit"),
    ("limit=201", "limit"), ("limit=-1", "limit"), ("limit=1.0", "limit"), ("limit=%2B1", "limit"),
    ("limit=", "limit"), ("limit=99999999999999999999", "limit"), ("limit=1&limit=1", "limit"),
    ("format=xml", "format"), ("format=CSV", "format"), ("pickup_from=2026-12-01", "pickup_from"),
    ("pickup_to=now", "pickup_to"), ("return_from=2026-12-01T10:00:30Z", "return_from"),
    ("return_to=2026-12-01T10:00:00", "return_to"),
    ("pickup_from=2026-12-01T10:00:00Z&pickup_to=2026-12-01T10:00:00Z", "pickup_to"),
    ("return_from=2026-12-02T10:00:00Z&return_to=2026-12-01T10:00:00Z", "return_to"),
    ("after=", "after"), ("after=x", "after"), ("after=n1", "after"), ("after=n.", "after"),
    ("after=n1." + "A" * 21, "after"), ("after=n1." + "A" * 23, "after"),
    ("after=nx." + "A" * 22, "after"), ("after=n-1." + "A" * 22, "after"),
    ("after=n" + "9" * 19 + "." + "A" * 22, "after"), ("after=n" + "9" * 40 + "." + "A" * 22, "after"),
    ("after=p9999999999." + "A" * 22, "after"), ("after=n1." + "A" * 21 + "'", "after"),
    ("after=n1." + "A" * 22 + "&order=pickup", "after"), ("after=p1." + "A" * 22, "after"),
    ("=1", None), ("Q=a", "Q"), ("q[]=a", "q[]"), ("cursor=1", "cursor"),
])
def test_the_parameter_is_named(many, query, parameter):
    refused(many.desk("/api/bookings?" + query), 400, "invalid-request", parameter)


@pytest.mark.parametrize("text", ["' OR '1'='1", "%", "_", "\\", "a'; DROP TABLE bookings;--", "NULL",
                                  "\U0001f697", "$1", "?1", "<script>", "a\0"])
def test_what_is_searched_for_is_a_text(many, text):
    quoted = "".join(f"%{byte:02X}" for byte in text.encode())
    for name in ("q", "reference", "carid", "channel"):
        assert get(many, f"/bookings?{name}={quoted}") == {"bookings": []}


def test_other_ports_have_no_desk(many):
    for path in ("/api/bookings", "/api/status", "/api/day"):
        assert many.ask(path).status == 404
        assert many.operator(path).status == 404
    for path in ("/bookCar", "/metrics", "/healthz"):
        assert many.desk(path).status == 404


def test_methods(many):
    for path, allow in (("/api/bookings", "GET, HEAD"), ("/api/blocks", "POST"),
                        ("/api/bookings/x/cancel", "POST"), ("/api/blocks/x", "DELETE")):
        answer = many.desk(path, "PUT")
        refused(answer, 405, "method-not-allowed")
        assert answer.headers["Allow"] == allow


def test_the_log_names_the_booking(pod):
    booking = booking_of(pod)
    answer = post(pod, f"/bookings/{booking['id']}/cancel", {"reason": REASON})
    line = pod.log_of(answer.headers["X-Request-Id"])
    assert (line["booking"], line["status"]) == (booking["id"], 200)
    assert json.loads(answer.body)["booking"]["status"] == "cancelled"


def test_an_empty_fleet(start):
    pod = start.pod("kayak", "--fleet", "none")
    assert get(pod, "/bookings") == {"bookings": []}
    assert get(pod, "/cars") == {"cars": []}
    assert get(pod, f"/occupancy?from={at(0)}")["groups"] == []
    assert get(pod, f"/calendar?from={at(0)}&to={at(1)}")["rows"] == []
    assert get(pod, "/day")["counts"]["pickups"] == 0
    assert pod.desk("/api/cars?format=csv").body.count(b"\n") == 1
