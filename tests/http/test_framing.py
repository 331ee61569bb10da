"""One request's bytes, hostile and odd: whatever a request is refused for, there is one whole answer,
one line in the access log, one count, and nothing behind it on the connection is taken for a request."""
import gzip
import itertools
import json
import re
import socket

import pytest

from booking_support import book, order, post, status_of
from starting import Starter, ending
from support import (KAYAK_LINE, PATIENCE, assert_problem, read_to_end, split_answer, wait_until,
                     whole_answers)

ORDER = json.dumps(order(400, 401)).encode()
DOCUMENT = b'{"carid":"a","price":1,"currency":"euro","status":"available"}'
GOOD = b"GET /bookCar HTTP/1.1\r\nHost: x\r\n\r\n"
LIMIT = 16 * 1024
TARGET_LIMIT = 4096

_marks = itertools.count(1)


@pytest.fixture(scope="module")
def pod():
    """One whose log has the requests of these tests alone."""
    with ending() as started:
        yield Starter(started).pod("kayak")


@pytest.fixture(params=["engine", "adapter"])
def either(pod, request):
    return pod if request.param == "engine" else pod.adapter


def for_it(one, data):
    """The same request, for the path that a POST goes to there."""
    return data if hasattr(one, "adapter") else data.replace(b" /bookCar", b" /formatCarInfo")


def request(*fields, start=b"POST /bookCar HTTP/1.1", host=(b"Host: x",), body=b""):
    return b"\r\n".join((start, *host, *fields, b"", body))


def get(*fields, target=b"/bookCar", host=(b"Host: x",), version=b"HTTP/1.1"):
    return request(*fields, start=b"GET " + target + b" " + version, host=host)


def good_post(one, *fields):
    """An order, or a car document, that would be taken."""
    body = ORDER if hasattr(one, "adapter") else DOCUMENT
    return for_it(one, request(b"Content-Length: %d" % len(body), *fields, body=body))


def probe(one, path="/healthz"):
    """Asks something that is not logged."""
    answer = one.operator(path) if hasattr(one, "adapter") else one.ask(path, "GET")
    assert answer.status == 200
    return answer.body.decode()


def exchange(one, *pieces):
    """Sends these pieces; what comes back until the other side closes. A request of somebody else's
    is answered between two pieces, so that they do not arrive as one."""
    with socket.create_connection((one.address, one.port), timeout=PATIENCE) as sock:
        for number, piece in enumerate(pieces):
            if number:
                probe(one)
            try:
                sock.sendall(piece)
            except ConnectionError:
                break
        return read_to_end(sock)


# --- what is known of a request besides its answer -------------------------------------------------

def counted(one):
    """How many requests were, but for probes."""
    samples = re.findall(r"^http_requests_total\{(.*)\} (\d+)$", probe(one, "/metrics"), re.M)
    return sum(int(value) for labels, value in samples
               if not re.search('path="/(metrics|healthz)"', labels))


def lines(one):
    return [line for line in one.log() if line["msg"] == "request"]


def mark(one):
    """Asks something good; once that is logged, so is all that was answered before."""
    name = f"mark-{next(_marks)}"
    fields = b"X-Request-Id: " + name.encode(), b"Connection: close"
    raw = exchange(one, get(*fields) if hasattr(one, "adapter") else good_post(one, *fields))
    assert [status for status, _, _ in whole_answers(raw)] == [200]
    wait_until(lambda: name in [line["request_id"] for line in lines(one)], what="a mark's line")
    return name


def observed(one, pieces, known, endless):
    """The answers to these bytes, and the access log's lines about them, which are as many as were
    counted; one at least, if `known`. Behind them, unless they are `endless`, stands a good
    request, which is not served."""
    first, before, behind = mark(one), counted(one), f"behind-{next(_marks)}"
    *whole, last = [for_it(one, piece) for piece in pieces]
    if not endless:
        last += good_post(one, b"X-Request-Id: " + behind.encode())
    answers = whole_answers(exchange(one, *whole, last))
    second = mark(one)

    def since():
        logged = lines(one)
        ids = [line["request_id"] for line in logged]
        assert behind not in ids, "what stands behind a refused request was served"
        return [line for line in logged[ids.index(first) + 1:] if line["request_id"] != second]

    if known:
        wait_until(since, what="a line in the access log")
    logged = since()
    wait_until(lambda: counted(one) >= before + len(logged) + 1, what="its being counted")
    assert counted(one) == before + len(logged) + 1
    return answers, logged


def problem(one, data):
    """Status and name of the problem that is the one answer to these bytes."""
    (status, fields, body), = whole_answers(exchange(one, data))
    assert fields["content-type"] == "application/problem+json"
    assert fields["x-request-id"]
    return status, json.loads(body)["type"].removeprefix("urn:problem-type:")


def assert_refused(one, pieces, statuses, name=None, known=True, endless=False):
    """There is one answer, of one of these statuses. It is the service's own or, where no name is
    given, a page of libmicrohttpd's; a request line that could not be read (not `known`) need not
    be logged."""
    answers, logged = observed(one, pieces, known, endless)
    assert len(answers) == 1, answers
    (status, fields, body), = answers
    assert status in statuses, answers
    if known or logged:
        assert [line["status"] for line in logged] == [status]
    if name or "x-request-id" in fields or fields.get("content-type") == "application/problem+json":
        assert fields["content-type"] == "application/problem+json"
        document = json.loads(body)
        assert document["status"] == status
        assert document["type"].startswith("urn:problem-type:")
        assert not name or document["type"] == "urn:problem-type:" + name
        assert [line["request_id"] for line in logged] == [fields["x-request-id"]]
        assert logged[0]["problem"] == document["type"].rsplit(":", 1)[1]


# --- where a body ends -----------------------------------------------------------------------------

CHUNKED = b"Transfer-Encoding: chunked"
LENGTHS = {
    "two": (b"Content-Length: 5", b"Content-Length: 6"),
    "two the same": (b"Content-Length: 5", b"Content-Length: 5"),
    "a list": (b"Content-Length: 5, 5",),
    "beside chunked": (b"Content-Length: 5", CHUNKED),
    "behind chunked": (CHUNKED, b"Content-Length: 5"),
    "negative": (b"Content-Length: -1",),
    "with a plus": (b"Content-Length: +5",),
    "hexadecimal": (b"Content-Length: 0x5",),
    "with an exponent": (b"Content-Length: 1e3",),
    "empty": (b"Content-Length:",),
    "huge": (b"Content-Length: 99999999999999999999",),
    "a space before the colon": (b"Content-Length : 5",),
    "a NUL": (b"Content-Length: 5\0 0",),
}


@pytest.mark.parametrize("case", LENGTHS)
def test_lengths_that_can_be_read_in_two_ways(either, case):
    fields = LENGTHS[case]
    body = b"0\r\n\r\n" if CHUNKED in fields else b"hello"
    assert_refused(either, [request(*fields, body=body)], (400, 413) if case == "huge" else (400,))


def test_a_body_that_is_too_long(either):
    assert_refused(either, [request(b"Content-Length: 99999")], (413,), "body-too-large")


@pytest.mark.parametrize("coding", [b"gzip, chunked", b"identity"])
def test_other_transfer_codings(either, coding):
    assert_refused(either, [request(b"Transfer-Encoding: " + coding, body=b"0\r\n\r\n")], (501,),
                   "not-implemented")


def test_chunks_are_no_part_of_http_1_0(either):
    assert_refused(either, [request(CHUNKED, start=b"POST /bookCar HTTP/1.0", body=b"0\r\n\r\n")],
                   (400,))


CHUNK_HEADS = {"an endless extension": b"2;" + b"x" * 20_000, "endless zeros": b"0" * 40_000}


@pytest.mark.parametrize("halves", [False, True], ids=["at once", "in halves"])
@pytest.mark.parametrize("case", CHUNK_HEADS)
def test_a_chunks_head_has_an_end(either, case, halves):
    flood = CHUNK_HEADS[case]
    middle = len(flood) // 2
    whole = request(CHUNKED, body=flood)
    pieces = [whole[:-middle], whole[-middle:]] if halves else [whole]
    assert_refused(either, pieces, (400, 413), endless=True)


# --- the request line ------------------------------------------------------------------------------

@pytest.mark.parametrize("count", [64, 65, 150, 241, 1000])
def test_many_parameters(pod, count):
    query = b"&".join([b"a=1"] * count)
    assert problem(pod, get(b"Connection: close", target=b"/bookCar?" + query)) in (
        [(400, "invalid-request")] + [(414, "uri-too-long"), (431, "headers-too-large")] * (count > 200))


def test_many_parameters_of_an_adapter(pod):
    query = b"&".join([b"a=1"] * 241)
    (status, _, _), = whole_answers(exchange(pod.adapter, request(
        b"Connection: close", b"Content-Length: 0",
        start=b"POST /formatCarInfo?" + query + b" HTTP/1.1")))
    assert status in (400, 414, 431)


def test_the_longest_target(pod):
    target = b"/bookCar?location=".ljust(TARGET_LIMIT, b"x")
    (status, _, body), = whole_answers(exchange(pod, get(b"Connection: close", target=target)))
    assert (status, json.loads(body)["parameter"]) == (400, "location")


@pytest.mark.parametrize("target", [b"/bookCar?location=".ljust(TARGET_LIMIT + 1, b"x"),
                                    b"/".ljust(TARGET_LIMIT + 1, b"x"),
                                    b"/bookCar?".ljust(10_000, b"&")], ids=["query", "path", "long"])
def test_a_target_that_is_too_long(pod, target):
    assert_refused(pod, [get(target=target)], (414,), "uri-too-long")


@pytest.mark.parametrize("target", [b"/book Car", b"/bookCar?location=N CE", b"/bookCar\0/../x",
                                    b"/\0", b"/bookCar?location=NCE\0"])
def test_a_target_that_is_none(pod, target):
    assert_refused(pod, [get(target=target)], (400,))


def test_an_escaped_nul_is_not_the_targets_end(pod):
    assert pod.ask("/bookCar%00x").status in (400, 404)


@pytest.mark.parametrize("target", [b"http://host/bookCar", b"HTTP://host:33/bookCar?location=NCE",
                                    b"http://[::1]:33/bookCar"])
def test_absolute_targets(pod, target):
    (status, _, body), = whole_answers(exchange(pod, get(b"Connection: close", target=target)))
    assert (status, body) == (200, KAYAK_LINE)


def test_the_query_of_an_absolute_target(pod):
    (status, _, body), = whole_answers(exchange(pod, get(b"Connection: close",
                                                         target=b"HTTP://host:33/bookCar?x")))
    assert (status, json.loads(body)["parameter"]) == (400, "x")


@pytest.mark.parametrize("target", [b"http:///bookCar", b"ftp://h/bookCar"])
def test_absolute_targets_of_nowhere(pod, target):
    (status, _, _), = whole_answers(exchange(pod, get(b"Connection: close", target=target)))
    assert status in (400, 404)


# --- Host ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("host", [(), (b"Host: x", b"Host: y"), (b"Host: x", b"Host: x"),
                                  (b"Host: a b",), (b"Host: a/b",), (b"Host: a@b",),
                                  (b"Host: a,b",)], ids=repr)
def test_hosts_that_are_none(either, host):
    assert_refused(either, [request(b"Content-Length: 0", host=host)], (400,))


@pytest.mark.parametrize("host", [b"Host:", b"Host: ", b"host: x:33", b"Host: [::1]:33",
                                  b"HOST: Some-Where.example."])
def test_hosts(pod, host):
    (status, _, _), = whole_answers(exchange(pod, get(b"Connection: close", host=(host,))))
    assert status == 200


def test_http_1_0_needs_no_host(pod):
    (status, _, body), = whole_answers(exchange(pod, get(host=(), version=b"HTTP/1.0")))
    assert (status, body) == (200, KAYAK_LINE)


# --- header fields ---------------------------------------------------------------------------------

FIELDS = {
    "a space in a name": (b"X A: 1",), "a tab before the colon": (b"X\t: 1",),
    "a control character in a name": (b"X\x01: 1",), "DEL in a name": (b"X\x7f: 1",),
    "a NUL in a name": (b"X\0A: 1",), "a NUL in a value": (b"X-A: 1\0002",),
    "a folded line": (b"X-A: 1", b" 2"), "a line folded with a tab": (b"X-A: 1", b"\t2"),
    "a bare CR": (b"X-A: 1\r2",),
    "two Authorization": (b"Authorization: Bearer a", b"Authorization: Bearer a"),
    "two Content-Type": (b"Content-Type: text/plain", b"Content-Type: application/json"),
}


@pytest.mark.parametrize("case", FIELDS)
def test_fields_that_are_none(pod, case):
    assert_refused(pod, [request(*FIELDS[case], b"Content-Length: 0")], (400,))


@pytest.mark.parametrize("case", ["a space in a name", "a NUL in a value", "a folded line",
                                  "a bare CR"])
def test_fields_that_are_none_to_an_adapter(pod, case):
    assert_refused(pod.adapter, [request(*FIELDS[case], b"Content-Length: 0")], (400,))


def test_a_folded_first_line(pod):
    assert_refused(pod, [request(b"Content-Length: 0", host=(b" X: 1", b"Host: x"))], (400,))


def test_a_key_with_something_behind_a_nul(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("first-key\n")
    pod = start.pod("kayak", "--api-keys", keys)
    for field, statuses in ((b"Bearer first-key", (200,)), (b"Bearer first-key\0junk", (400, 401))):
        (status, _, _), = whole_answers(exchange(pod, get(b"Authorization: " + field,
                                                          b"Connection: close")))
        assert status in statuses


def test_two_idempotency_keys(pod):
    for keys in (b"a", b"b"), (b"a", b"a"):
        fields = [b"Idempotency-Key: " + key for key in keys]
        assert problem(pod, good_post(pod, b"Connection: close", *fields)) == (400, "invalid-request")


def test_escaped_slashes_are_no_separators(start):
    pod = start.pod("kayak")
    location, _ = book(pod, hold_seconds=600)
    assert_problem(pod.ask(f"/bookings%2F{location[-22:]}%2Fconfirm", "POST"), 404, "not-found")
    assert status_of(pod, location) == "held"


@pytest.mark.parametrize("coding,status", [("gzip", 415), ("identity", 201)])
def test_content_codings(start, coding, status):
    pod = start.pod("kayak")
    body = json.dumps(order()).encode()
    answer = post(pod, gzip.compress(body) if coding == "gzip" else body,
                  headers={"Content-Encoding": coding})
    assert answer.status == status
    if status == 415:
        assert_problem(answer, 415, "unsupported-encoding", "Content-Encoding")


# --- what libmicrohttpd refuses --------------------------------------------------------------------

LIBRARYS = {
    "header fields of 40 KiB": (get(b"X: " + b"x" * 40_960), (431,), True),
    "many header fields of 40 KiB": (get(*[b"X-%03d: " % n + b"x" * 400 for n in range(100)]),
                                     (431,), True),
    "cookies of 20 KiB": (get(b"Cookie: " + b"a=1; " * 4_096), (400, 431), True),
    "a version to come": (get(version=b"HTTP/3.0"), (400, 505), False),
    "a version that is none": (get(version=b"HTTP/1.1x"), (400, 505), False),
    "no text": (b"\x01\x02 \x03\n\n", (400, 505), False),
    "no colon": (get(b"no colon"), (400,), True),
}


@pytest.mark.parametrize("case", LIBRARYS)
def test_what_the_library_refuses(either, case):
    data, statuses, known = LIBRARYS[case]
    assert_refused(either, [data], statuses, known=known)


# --- what is odd and good --------------------------------------------------------------------------

def test_twenty_requests_in_one_piece(pod):
    last = get(b"Connection: close")
    answers = whole_answers(exchange(pod, GOOD * 19 + last))
    assert [(status, body) for status, _, body in answers] == [(200, KAYAK_LINE)] * 20


def test_lines_that_end_in_lf_alone(pod):
    (status, _, body), = whole_answers(exchange(pod, get(b"Connection: close").replace(b"\r", b"")))
    assert (status, body) == (200, KAYAK_LINE)


def test_head(pod):
    raw = exchange(pod, get(b"Connection: close").replace(b"GET", b"HEAD"))
    status, fields, body = split_answer(raw)
    assert (status, body) == (200, b"")
    assert int(fields["content-length"]) == len(KAYAK_LINE)


@pytest.mark.parametrize("size,status", [(LIMIT, 201), (LIMIT + 1, 413)])
@pytest.mark.parametrize("chunked", [False, True], ids=["announced", "chunked"])
def test_the_largest_body(start, size, status, chunked):
    pod = start.pod("kayak")
    body = json.dumps(order()).encode().ljust(size)
    if chunked:
        parts = [body[at:at + 1000] for at in range(0, size, 1000)]
        data = request(CHUNKED, b"Connection: close", body=b"".join(
            b"%x;a=b\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")
    else:
        data = request(b"Content-Length: %d" % size, b"Connection: close", body=body)
    (got, fields, body), = whole_answers(exchange(pod, data))
    assert got == status
    if status == 413:
        assert json.loads(body)["type"] == "urn:problem-type:body-too-large"
        assert pod.log_of(fields["x-request-id"])["status"] == 413


def test_leave_to_send(start):
    pod = start.pod("kayak")
    with pod.connect() as sock:
        sock.sendall(request(b"Expect: 100-continue", b"Connection: close",
                             b"Content-Length: %d" % len(ORDER)))
        interim = b""
        while not interim.endswith(b"\r\n\r\n"):
            interim += sock.recv(1)
        assert interim.startswith(b"HTTP/1.1 100 ")
        sock.sendall(ORDER)
        (status, _, _), = whole_answers(read_to_end(sock))
        assert status == 201
