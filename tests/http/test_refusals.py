"""What is refused, with which status and problem, before any adapter is asked."""
import datetime
import json

import pytest

from support import assert_problem, ask_raw, split_answer

MINUTE = datetime.timedelta(minutes=1)
DAY = datetime.timedelta(days=1)


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)


def text(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def query(pickup_at, return_at):
    return f"/bookCar?pickup_at={text(pickup_at)}&return_at={text(return_at)}"


PICKUP = text(now() + 30 * DAY)
RETURN = text(now() + 31 * DAY)


# --- 400: each parameter, each way ---------------------------------------------------------------

BAD_TIMES = ["", "today", "2026-12-01", "2026-12-01T10:00Z", PICKUP[:-1], PICKUP + "Z",
             PICKUP.replace("T", "%20"), PICKUP.replace(":00Z", ":30Z"), PICKUP[:-1] + "%2B1:00",
             PICKUP[:-1] + "%2B24:00", "2027-02-29T10:00:00Z", "2027-13-01T10:00:00Z",
             "2027-01-01T24:00:00Z", "1969-12-31T10:00:00Z", "9999-01-01T00:00:00Z",
             PICKUP + "%00", "%00" + PICKUP, PICKUP[:8] + "%00" + PICKUP[8:], "%FF", "%E2%82%AC"]


@pytest.mark.parametrize("bad", BAD_TIMES)
def test_bad_times(kayak, bad):
    assert_problem(kayak.ask(f"/bookCar?pickup_at={bad}&return_at={RETURN}"), 400,
                   "invalid-request", "pickup_at", "pickup_at ")
    assert_problem(kayak.ask(f"/bookCar?pickup_at={PICKUP}&return_at={bad}"), 400,
                   "invalid-request", "return_at", "return_at ")


BAD_LOCATIONS = ["", "N%20CE", "N+CE", "x" * 33, "N%00CE", "%00", "NCE%00", "N/CE", "N*", "%C3%89",
                 "%FF", "NCE%0A", "%22", "x" * 4000]
BAD_CATEGORIES = ["", "ECM", "ECMRX", "ecmr", "EC1R", "EC%3FR", "EC%00R", "ECMR%00", "****%00",
                  "*", "*****", "E%20MR", "%C3%89CMR", "%25%25%25%25"]


@pytest.mark.parametrize("parameter,bad", [("location", bad) for bad in BAD_LOCATIONS]
                         + [("category", bad) for bad in BAD_CATEGORIES])
def test_bad_locations_and_categories(kayak, parameter, bad):
    assert_problem(kayak.ask(f"/bookCar?{parameter}={bad}"), 400, "invalid-request", parameter,
                   parameter + " ")


@pytest.mark.parametrize("given,parameter", [
    ("pickup_at", "pickup_at"), ("return_at", "return_at"), ("location", "location"),
    ("category", "category"),  # without a value at all
    (f"pickup_at={PICKUP}", "return_at"), (f"return_at={RETURN}", "pickup_at"),
    (f"pickup_at={PICKUP}&location=NCE", "return_at"),
    ("location=NCE&location=NCE", "location"), ("category=ECMR&category=ECMR", "category"),
    (f"pickup_at={PICKUP}&pickup_at={PICKUP}&return_at={RETURN}", "pickup_at"),
    (f"return_at={RETURN}&pickup_at={PICKUP}&return_at={RETURN}", "return_at"),
    ("location=NCE&location", "location"),
    ("colour=red", "colour"), ("Location=NCE", "Location"), ("location%20=NCE", "location "),
    ("pickup=1", "pickup"), ("price=55", "price"), ("x", "x"), ("location[]=NCE", "location[]"),
    ("%3Cscript%3E=1", "<script>"), ("a%22b=1", 'a"b'), ("caf%C3%A9=1", "caf\u00e9"),
    ("%FF=1", "\ufffd"), ("location=NCE&colour=red", "colour"), ("location=NCE;category=ECMR",
                                                                 "location"),
    ("location%3DNCE", "location=NCE"),
])
def test_the_parameter_is_named(kayak, given, parameter):
    assert_problem(kayak.ask("/bookCar?" + given), 400, "invalid-request", parameter)


def test_a_nul_in_a_name_is_refused(kayak):
    for name in ("location%00", "location%00x", "%00location", "%00"):
        assert kayak.ask(f"/bookCar?{name}=NCE").status == 400, name


def test_the_first_wrong_parameter_is_the_one_named(kayak):
    assert_problem(kayak.ask("/bookCar?category=x&location=%20"), 400, "invalid-request",
                   "category")
    assert_problem(kayak.ask("/bookCar?location=%20&category=x"), 400, "invalid-request",
                   "location")


def test_an_empty_query_is_none(kayak):
    assert kayak.ask("/bookCar?").status == 200
    assert kayak.ask("/bookCar/?").status == 200


def test_order_of_the_times(kayak):
    moment = now() + 30 * DAY
    for later in (moment, moment - MINUTE, moment - DAY):
        assert_problem(kayak.ask(query(moment, later)), 400, "invalid-request", "return_at",
                       "later than pickup_at")
    assert kayak.ask(query(moment, moment + MINUTE)).status == 200


def test_ninety_days(kayak):
    moment = now() + 30 * DAY
    assert kayak.ask(query(moment, moment + 90 * DAY)).status == 200
    assert_problem(kayak.ask(query(moment, moment + 90 * DAY + MINUTE)), 400, "invalid-request",
                   "return_at", "90 days")


def two_years_from(moment):
    try:
        return moment.replace(year=moment.year + 2)
    except ValueError:  # 29 February
        return moment.replace(year=moment.year + 2, month=3, day=1)


def test_two_years_ahead(kayak):
    limit = two_years_from(now())
    assert kayak.ask(query(limit - DAY, limit)).status == 200
    # Two minutes beyond, as the clock may just have moved one on.
    assert_problem(kayak.ask(query(limit - DAY, limit + 2 * MINUTE)), 400, "invalid-request",
                   "return_at", "two years")


def test_a_day_ago(kayak):
    assert kayak.ask(query(now() - DAY + 2 * MINUTE, now() + DAY)).status == 200
    assert_problem(kayak.ask(query(now() - DAY - MINUTE, now() + DAY)), 400, "invalid-request",
                   "pickup_at", "a day ago")


def test_the_offset_counts(kayak):
    """The same moment in another offset is no later."""
    local = (now() + 30 * DAY).strftime("%Y-%m-%dT%H:%M:00")
    assert kayak.ask(f"/bookCar?pickup_at={local}%2B02:00&return_at={local}%2B01:00").status == 200
    assert_problem(kayak.ask(f"/bookCar?pickup_at={local}-02:00&return_at={local}-01:00"), 400,
                   "invalid-request", "return_at")
    # A plus sign that was not escaped, and a space that was.
    assert kayak.ask(f"/bookCar?pickup_at={local}+02:00&return_at={local}%2001:00").status == 200


def test_lower_case_t_and_z_are_rfc_3339(kayak):
    assert kayak.ask(f"/bookCar?pickup_at={PICKUP.lower()}&return_at={RETURN.lower()}").status == 200


# --- 401 -----------------------------------------------------------------------------------------

def test_keys(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first-key\n\nsecond+key/=\n")
    pod = start.pod("kayak", "--api-keys", keys)
    for key in ("first-key", "second+key/="):
        assert pod.ask(headers={"Authorization": f"Bearer {key}"}).status == 200
        assert pod.ask(headers={"authorization": f"bearer {key}"}).status == 200
    for field in (None, "", "Bearer", "Bearer ", "Bearer other", "Bearer first-ke",
                  "Bearer first-key1", "Basic first-key", "first-key", "Bearer FIRST-KEY",
                  "Bearer first-key second+key/=", "Bearer " + "x" * 5000):
        answer = pod.ask(headers={} if field is None else {"Authorization": field})
        assert_problem(answer, 401, "unauthorized", "Authorization")
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    # Nothing is said of the query to somebody without a key; probes need none.
    assert pod.ask("/bookCar?colour=red").status == 401
    assert pod.ask("/bookCar", "HEAD").status == 401
    for path in ("/healthz", "/readyz", "/metrics"):
        assert pod.operator(path).status == 200
    assert not [line for line in pod.log("stderr") if "open" in line["msg"]]
    assert "first-key" not in pod.printed("stdout").decode() + pod.stderr()


# --- 404, 405 ------------------------------------------------------------------------------------

@pytest.mark.parametrize("path", ["/", "/bookcar", "/BookCar", "/bookCar//", "//bookCar",
                                  "/bookCar/x", "/bookCars", "/book", "/bookCar.json", "/healthz",
                                  "/readyz", "/metrics", "/formatCarInfo", "/kayak", "/kayak/",
                                  "/kayakbookCar", "/kayak//bookCar", "/kayak/kayak/bookCar",
                                  "/airbnb/bookCar", "/bookCar%2F%2F", "/" + "x" * 4000,
                                  "/../bookCar", "/./bookCar"])
def test_unknown_paths(kayak, path):
    assert_problem(kayak.ask(path), 404, "not-found", detail="/bookCar")


@pytest.mark.parametrize("path", ["/bookCar%00", "/bookCar%00x", "/bookCar/%00",
                                  "/kayak%00/bookCar"])
def test_a_nul_in_the_path_is_not_its_end(kayak, path):
    assert kayak.ask(path).status in (400, 404)


def test_a_location_or_category_without_cars(kayak):
    assert_problem(kayak.ask("/bookCar?location=XXX"), 404, "unknown-location", "location")
    assert_problem(kayak.ask("/bookCar?location=nce"), 404, "unknown-location", "location")
    assert_problem(kayak.ask("/bookCar?category=ZZZZ"), 404, "no-car-free")
    assert_problem(kayak.ask("/bookCar?location=NCE&category=S***"), 404, "no-car-free")


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get", "BREW"])
@pytest.mark.parametrize("path", ["/bookCar", "/bookCar/", "/kayak/bookCar"])
def test_other_methods(kayak, method, path):
    answer = kayak.ask(path, method)
    assert_problem(answer, 405, "method-not-allowed")
    assert {word.strip() for word in answer.headers["Allow"].split(",")} == {"GET", "HEAD", "POST"}


def test_other_methods_of_the_adapter(kayak):
    answer = kayak.adapter.ask("/formatCarInfo", "GET")
    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["Allow"] == "POST"
    assert_problem(kayak.adapter.ask("/", "GET"), 404, "not-found")
    assert_problem(kayak.adapter.ask("/bookCar", "GET"), 404, "not-found")
    assert kayak.adapter.ask("/healthz", "POST").status == 405


def test_an_error_to_head_has_no_body(kayak):
    for path, status in (("/nowhere", 404), ("/bookCar?x=1", 400)):
        raw = kayak.ask_raw(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert split_answer(raw)[0] == status
        assert split_answer(raw)[2] == b""


# --- the prefix ----------------------------------------------------------------------------------

def test_paths_are_also_served_under_the_prefix(kayak):
    assert kayak.ask("/kayak/bookCar").body == kayak.ask("/bookCar").body
    assert kayak.ask("/kayak/bookCar/").status == 200
    assert kayak.ask("/kayak/bookCar?location=CDG").status == 200
    assert_problem(kayak.ask("/kayak/bookCar?colour=red"), 400, "invalid-request", "colour")


def test_the_operator_port_has_no_prefix(kayak):
    assert kayak.operator("/kayak/healthz").status == 404
    assert kayak.operator("/bookCar").status == 404


# --- 413, 431 ------------------------------------------------------------------------------------

LIMIT = 16 * 1024


def chunked(size, chunk=1000):
    body = b""
    while size:
        part = min(size, chunk)
        body += b"%x\r\n" % part + b"x" * part + b"\r\n"
        size -= part
    return body + b"0\r\n\r\n"


def assert_raw_problem(raw, status, name):
    got, fields, body = split_answer(raw)
    assert got == status, raw[:300]
    assert fields["content-type"] == "application/problem+json"
    document = json.loads(body[:int(fields["content-length"])])
    assert (document["status"], document["type"]) == (status, "urn:problem-type:" + name)


@pytest.mark.parametrize("target", ["engine", "adapter"])
class TestTooLarge:
    @pytest.fixture
    def at(self, kayak, target):
        one = kayak if target == "engine" else kayak.adapter
        path = "/bookCar" if target == "engine" else "/formatCarInfo"
        return one.address, one.port, f"POST {path} HTTP/1.1\r\nHost: x\r\n".encode()

    def test_announced_body(self, at):
        address, port, head = at
        for size in (LIMIT + 1, 10 ** 6, 2 ** 32, 2 ** 63):
            # Refused on the announcement alone.
            raw = ask_raw(address, port, head + b"Content-Length: %d\r\n\r\n" % size)
            assert_raw_problem(raw, 413, "body-too-large")

    def test_announced_body_that_is_sent_all_the_same(self, at):
        address, port, head = at
        for _ in range(20):
            raw = ask_raw(address, port, head + b"Content-Length: %d\r\n\r\n" % (LIMIT * 4)
                          + b"x" * LIMIT * 4)
            assert_raw_problem(raw, 413, "body-too-large")

    def test_chunked_body(self, at, target):
        address, port, head = at
        for size in (LIMIT + 1, LIMIT * 3, LIMIT * 8):
            raw = ask_raw(address, port, head + b"Transfer-Encoding: chunked\r\n"
                          b"Connection: close\r\n\r\n" + chunked(size))
            if target == "engine":  # which knows no POST there yet
                assert split_answer(raw)[0] in (405, 413)
            else:
                assert_raw_problem(raw, 413, "body-too-large")

    def test_endless_chunked_body_is_bounded(self, at):
        address, port, head = at
        raw = ask_raw(address, port, head + b"Transfer-Encoding: chunked\r\n\r\n"
                      + chunked(12 * 1024 * 1024, 60_000)[:-5], timeout=2)
        assert raw == b"" or split_answer(raw)[0] in (405, 413)
        assert split_answer(ask_raw(address, port, b"HEAD /healthz HTTP/1.0\r\n\r\n"))[0] in (200, 404)

    def test_waiting_for_leave_to_send(self, at):
        address, port, head = at
        raw = ask_raw(address, port, head + b"Expect: 100-continue\r\nContent-Length: 99999\r\n\r\n")
        assert_raw_problem(raw, 413, "body-too-large")

    def test_header_fields(self, at):
        address, port, head = at
        for field in (b"X-Long: " + b"x" * 8200, b"".join(b"X-%d: %s\r\n" % (i, b"y" * 80)
                                                          for i in range(95))[:-2]):
            raw = ask_raw(address, port, head + b"Content-Length: 0\r\n" + field + b"\r\n\r\n")
            assert_raw_problem(raw, 431, "headers-too-large")

    def test_header_fields_that_just_fit(self, at):
        address, port, head = at
        raw = ask_raw(address, port, head + b"Content-Length: 0\r\nConnection: close\r\nX-Long: "
                      + b"x" * 8000 + b"\r\n\r\n")
        assert split_answer(raw)[0] in (400, 405)

    @pytest.mark.parametrize("size", [40_000, 100_000, 1_000_000])
    def test_huge_header_fields(self, at, size):
        address, port, head = at
        raw = ask_raw(address, port, head + b"X-Long: " + b"x" * size + b"\r\n\r\n")
        # The server may close while more comes in, which can cost the answer.
        if raw:
            assert split_answer(raw)[0] == 431
        assert ask_raw(address, port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                       b"\r\n")


def test_the_largest_document_is_taken(kayak):
    document = b'{"carid":"a","price":1,"currency":"euro","status":"available"}'
    fits = document.ljust(LIMIT)
    assert kayak.adapter.ask(body=fits).status == 200
    assert_problem(kayak.adapter.ask(body=fits + b" "), 413, "body-too-large", detail="16384")
    raw = ask_raw(kayak.adapter.address, kayak.adapter.port,
                  b"POST /formatCarInfo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                  b"Connection: close\r\n\r\n%x\r\n" % LIMIT + fits + b"\r\n0\r\n\r\n")
    assert split_answer(raw)[0] == 200
