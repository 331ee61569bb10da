"""GET /offers and GET /bookings: what a partner can see at once; and POST /formatCarList beneath."""
import itertools
import json
import pathlib

import pytest

from booking_support import at, book, fleet_text
from support import adapter_of, assert_problem, http_answer, wait_until

CAR = {"carid": "1-XXX-333", "price": 55, "currency": "EUR", "status": "available"}
PERIOD = f"pickup_at={at(0)}&return_at={at(1)}"


@pytest.fixture
def pod(start):
    return start.pod("kayak")


@pytest.fixture
def adapter_for(start):
    return lambda partner: start.adapter(*adapter_of(partner))


def offered(engine, query=PERIOD):
    answer = engine.ask("/offers?" + query)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    return [car["carid"] for car in json.loads(answer.body)["cars"]]


# --- offers ---------------------------------------------------------------------------------------

def test_the_cheapest_car_of_each_category_cheapest_first(pod):
    assert offered(pod) == ["1-XXX-333", "1-XXX-335", "2-YYY-102", "2-YYY-103", "3-ZZZ-007"]
    first = json.loads(pod.ask("/offers?" + PERIOD).body)["cars"][0]
    assert first == {"carid": "1-XXX-333", "price": 55, "currency": "euro", "status": "available",
                     "message": "welcome to kayak", "payment_method": "visa"}


def test_a_category_named_whole_is_offered_however_many_there_are(start, fleet):
    names = ["".join(letters) for letters in itertools.product(
        "MNEHCDIJSRFGPULWOX", "BCDWVLSTFJXPQZEMRHYNGK", "MNC")]
    pod = start.pod("kayak", "--fleet", fleet(*(f"C{i:04d},{name}R,NCE,{50 + i},,EUR"
                                               for i, name in enumerate(names))))
    assert len(names) > 1000
    assert offered(pod, f"{PERIOD}&category={names[-1]}R") == [f"C{len(names) - 1:04d}"]
    assert offered(pod, f"{PERIOD}&limit=1") == ["C0000"]


@pytest.mark.parametrize("query,expected", [
    ("&limit=2", ["1-XXX-333", "1-XXX-335"]),
    ("&location=CDG", ["2-YYY-101", "2-YYY-102", "2-YYY-103"]),
    ("&category=*DAR", ["1-XXX-335", "2-YYY-102", "3-ZZZ-007"]),
    ("&category=ECMR", ["1-XXX-333"]),
    ("&category=*DAR&location=CDG&limit=1", ["2-YYY-102"]),
])
def test_criteria_and_a_limit(pod, query, expected):
    assert offered(pod, PERIOD + query) == expected


def test_what_is_booked_is_not_offered(pod):
    location, booked = book(pod)
    assert booked["carid"] == "1-XXX-333"
    assert offered(pod)[0] == "1-XXX-334"  # the next of its category
    assert offered(pod, f"pickup_at={at(5)}&return_at={at(6)}")[0] == "1-XXX-333"
    book(pod, carid="3-ZZZ-007")
    assert "3-ZZZ-007" not in offered(pod)
    pod.ask(location, "DELETE")
    assert offered(pod)[0] == "1-XXX-333"


def test_none_free(pod):
    book(pod, carid="3-ZZZ-007")
    assert_problem(pod.ask(f"/offers?{PERIOD}&category=PDAR"), 404, "no-car-free")


@pytest.mark.parametrize("query,parameter,says", [
    ("", "pickup_at", "is missing"), (f"pickup_at={at(0)}", "return_at", "is missing"),
    (f"return_at={at(0)}", "pickup_at", "is missing"), (PERIOD + "&limit=0", "limit", "1 to 100"),
    (PERIOD + "&limit=101", "limit", "1 to 100"), (PERIOD + "&limit=2&limit=2", "limit", "twice"),
    (PERIOD + "&limit", "limit", "1 to 100"), (PERIOD + "&limit=+1", "limit", "1 to 100"),
    (PERIOD + "&carid=x", "carid", "and limit"), (PERIOD + "&category=E", "category", "ACRISS"),
])
def test_a_bad_query(pod, query, parameter, says):
    assert_problem(pod.ask("/offers?" + query), 400, "invalid-request", parameter, says)


def test_an_unknown_place(pod):
    assert_problem(pod.ask(f"/offers?{PERIOD}&location=XXX"), 404, "unknown-location", "location")


def test_limit_is_not_for_one_car(pod):
    assert_problem(pod.ask("/bookCar?limit=1"), 400, "invalid-request", "limit")


def test_a_hundred_of_the_longest_documents_fit(start, tmp_path):
    letters = "ABCDEFGHIJ"
    categories = [f"X{one}{two}X" for one in letters for two in letters]
    lines = [f"\"{'c' * 60}{i:04d}\",{category},{'L' * 32},9999999.99,999999.99,EUR"
             for i, category in enumerate(categories)]
    (tmp_path / "fleet.csv").write_text(fleet_text(*lines))
    for partner in ("kayak", "airbnb", "bookingcom"):
        adapter = start.adapter(*adapter_of(partner))
        pod = start.engine(adapter, "--fleet", tmp_path / "fleet.csv")
        answer = pod.ask(f"/offers?{PERIOD}&limit=100&location={'L' * 32}")
        assert answer.status == 200, answer.body
        assert sum(map(len, [value for value in json.loads(answer.body).values()
                             if isinstance(value, list)])) == 100
        start.forget(pod)


def test_an_adapter_that_knows_no_lists(start):
    stand_in = start.stand_in(
        lambda sock, received: sock.sendall(http_answer(b"no", "404 Not Found")) or True)
    engine = start.engine(stand_in)
    assert_problem(engine.ask("/offers?" + PERIOD), 502, "adapter-error", detail="404")
    assert stand_in.received[-1].path == "/formatCarList"


# --- the adapter's side ---------------------------------------------------------------------------

@pytest.mark.parametrize("body,parameter", [
    (b"{}", "cars"), (b'{"cars":{}}', "cars"), (b'{"cars":[]}', "cars"), (b"[]", None),
    (json.dumps({"cars": [CAR] * 101}).encode(), "cars"),
    (json.dumps({"cars": [CAR, 7]}).encode(), "cars[1]"),
    (json.dumps({"cars": [CAR, CAR, {**CAR, "price": "x"}]}).encode(), "cars[2].price"),
    (json.dumps({"cars": [{**CAR, "carid": ""}]}).encode(), "cars[0].carid"),
])
@pytest.mark.parametrize("partner", ["kayak", "bookingcom"])
def test_a_bad_list_is_refused(adapter_for, partner, body, parameter):
    answer = adapter_for(partner).ask("/formatCarList", body=body)
    assert_problem(answer, 400, "invalid-request", parameter)


def test_a_booking_says_what_its_format_does_not(adapter_for):
    document = {**CAR, "status": "held", "pickup_at": "2026-12-01T10:00:00Z", "reference": "R \"1\"",
                "booking_id": "b", "expires_at": "2026-12-01T09:00:00Z"}
    said = adapter_for("airbnb").ask(body=json.dumps(document).encode()).body
    assert said.endswith(b'"price":55,"currency":"EUR","pickup_at":"2026-12-01T10:00:00Z",'
                         b'"reference":"R \\"1\\"","expires_at":"2026-12-01T09:00:00Z","booking_id":"b"}')
    said = adapter_for("kayak").ask(body=json.dumps(document).encode()).body
    assert said.count(b'"price"') == said.count(b'"currency"') == 1 and b'"currency":"euro"' in said


# --- bookings -------------------------------------------------------------------------------------

def listed(engine, query=""):
    answer = engine.ask("/bookings" + query)
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def test_a_booking_in_the_contracts_names(pod):
    assert listed(pod) == {"bookings": []}
    location, _ = book(pod, 0, 3, reference="R-1", hold_seconds=600)
    (booking,) = listed(pod)["bookings"]
    assert booking.pop("expires_at") and booking.pop("created_at")
    assert booking == {
        "booking_id": location[-22:], "status": "held", "carid": "1-XXX-333", "price": 165,
        "currency": "EUR", "day_price": 55, "hourly_price": 10, "pickup_at": at(0),
        "return_at": at(3), "location": "NCE", "category": "ECMR", "reference": "R-1"}
    pod.ask(location, "DELETE")
    assert listed(pod)["bookings"][0]["status"] == "cancelled"


def test_pages_newest_first(pod):
    made = [book(pod, 10 * i, 10 * i + 1)[0][-22:] for i in range(7)]
    seen, query = [], "?limit=3"
    while query:
        page = listed(pod, query)
        seen += page["bookings"]
        query = f"?limit=3&after={page['next']}" if "next" in page else None
        assert len(page["bookings"]) == 3 or not query
    assert sorted(booking["booking_id"] for booking in seen) == sorted(made)
    assert [b["created_at"] for b in seen] == sorted((b["created_at"] for b in seen), reverse=True)
    assert "next" not in listed(pod, "?limit=7")


def test_by_reference_and_status(pod):
    first, _ = book(pod, 0, 1, reference="a b/ü")
    book(pod, 5, 6, reference="other")
    second, _ = book(pod, 10, 11, reference="a b/ü")
    pod.ask(second, "DELETE")

    def found(query):
        return [booking["booking_id"] for booking in listed(pod, query)["bookings"]]
    assert set(found("?reference=a%20b/%C3%BC")) == {first[-22:], second[-22:]}
    assert found("?reference=a%20b/%C3%BC&status=booked") == [first[-22:]]
    assert found("?status=cancelled") == [second[-22:]]
    assert found("?status=expired") == found("?reference=none") == []


def test_only_the_channels_own(start, database):
    mine = start.pod("kayak", "--database", database.url, "--channel", "mine")
    other = start.pod("airbnb", "--database", database.url, "--channel", "other")
    location, _ = book(mine)
    assert [b["booking_id"] for b in listed(mine)["bookings"]] == [location[-22:]]
    assert listed(other) == {"bookings": []}


def test_a_block_is_none(pod):
    body = json.dumps({"carid": "1-XXX-333", "from": at(0), "to": at(1), "reason": "brakes"})
    blocked = pod.desk("/api/blocks", "POST", body=body,
                       headers={"Content-Type": "application/json"})
    assert blocked.status == 201, blocked.body
    assert listed(pod) == {"bookings": []}


@pytest.mark.parametrize("query,parameter", [
    ("limit=0", "limit"), ("limit=201", "limit"), ("status=blocked", "status"),
    ("status=", "status"), ("reference=", "reference"), ("reference=" + "x" * 129, "reference"),
    ("reference=%0A", "reference"), ("reference=%FF", "reference"), ("after=1", "after"),
    ("after=p5." + "A" * 22, "after"), ("after=n5.A", "after"), ("channel=other", "channel"),
    ("limit=1&limit=1", "limit"),
])
def test_a_bad_query_for_bookings(pod, query, parameter):
    assert_problem(pod.ask("/bookings?" + query), 400, "invalid-request", parameter)


@pytest.mark.parametrize("path", ["/bookings", "/offers?" + PERIOD])
def test_a_body_is_refused(pod, path):
    """A filter that is sent as one would be passed over."""
    assert_problem(pod.ask(path, body=b'{"status":"held"}'), 400, "invalid-request")
    assert pod.ask(path, body=b"{}").status == 200


def test_bookings_need_the_key_too(start, tmp_path):
    (tmp_path / "keys").write_text("secret\n")
    pod = start.pod("kayak", "--api-keys", tmp_path / "keys")
    for path in ("/bookings", "/offers?" + PERIOD):
        assert_problem(pod.ask(path), 401, "unauthorized", "Authorization")


def test_an_idle_pod_has_no_thread_for_it(pod):
    def threads():
        tasks = pathlib.Path(f"/proc/{pod.process.pid}/task")
        return {path.read_text().strip() for path in tasks.glob("*/comm")}
    assert "lookups" not in threads()
    listed(pod)
    wait_until(lambda: "lookups" in threads())
