"""--otlp-endpoint: spans of requests, calls and commits, sent to a collector."""
import http.client
import json
import re
import threading
import time

import pytest

from booking_support import book, order, post, post_keyed
from collector import CLIENT, NANOSECONDS, SERVER, TAKEN, Collector, read
from support import VERSION, http_answer, wait_until
from test_start import refused_start

CALLER = "b7ad6b7169203331"
TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{CALLER}-01", f"00-{TRACE}-{CALLER}-00"


@pytest.fixture
def collector(start):
    return start._add(Collector())


@pytest.fixture
def traced(start, collector):
    """A pod whose traces the collector gets."""
    return start.pod("kayak", "--channel", "kayak", "--otlp-endpoint", collector.url)


def span_id(traceparent):
    return traceparent.split("-")[2]


def spans_by_result(engine):
    return {result: engine.metric("trace_spans_total", result=result)
            for result in ("exported", "rejected", "dropped", "undelivered")}


def wait_for_result(engine, **expected):
    """Until that became of all spans."""
    expected = {"exported": 0, "rejected": 0, "dropped": 0, "undelivered": 0, **expected}
    wait_until(lambda: spans_by_result(engine) == expected, what=str(expected))


# --- what is in a span ---------------------------------------------------------------------------

def test_a_request_and_its_call(start, collector):
    stand_in = start.stand_in()
    engine = start.engine(stand_in, "--channel", "kayak", "--otlp-endpoint", collector.url)
    before = time.time_ns()
    answer = engine.ask("/bookCar?location=NCE", headers={"traceparent": SAMPLED})
    after = time.time_ns()
    call, request = collector.wait_for(2)
    assert collector.received[0].path == "/v1/traces"
    assert collector.received[0].headers["User-Agent"] == f"booking-main/{VERSION}"

    assert (request.kind, request.name) == (SERVER, "GET /bookCar")
    assert (request.trace, request.parent) == (TRACE, CALLER)
    assert request.attributes == {
        "http.request.method": "GET", "http.route": "/bookCar", "url.scheme": "http",
        "url.path": "/bookCar", "server.port": engine.port, "http.response.status_code": 200}
    assert not request.failed
    assert answer.headers["traceparent"] == f"00-{TRACE}-{request.id}-01"

    assert (call.kind, call.name) == (CLIENT, "POST /formatCarInfo")
    assert (call.trace, call.parent) == (TRACE, request.id)
    assert call.attributes == {
        "http.request.method": "POST", "url.full": f"{stand_in.url}/formatCarInfo",
        "url.template": "/formatCarInfo", "server.address": stand_in.address,
        "server.port": stand_in.port, "http.response.status_code": 200}
    assert stand_in.received[0].headers["traceparent"] == f"00-{TRACE}-{call.id}-01"

    assert before - NANOSECONDS // 1000 <= request.start <= call.start
    assert call.end <= request.end <= after + NANOSECONDS // 1000
    assert request.resource == call.resource
    assert request.resource["service.name"] == "booking-main"
    assert request.resource["service.version"] == VERSION
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
                        request.resource["service.instance.id"])
    assert request.resource["booking.channel"] == "kayak"


def test_the_commit_of_a_booking(traced, collector):
    answer = post_keyed(traced, "a-key", order())
    recall, call, commit, request = collector.wait_for(4)
    assert (request.kind, request.name) == (SERVER, "POST /bookCar")
    assert request.attributes["http.response.status_code"] == 201
    assert span_id(answer.headers["traceparent"]) == request.id
    assert (recall.name, recall.attributes["booking.result"]) == ("recall the key", "not found")
    assert (commit.kind, commit.name) == (CLIENT, "book")
    assert {span.parent for span in (recall, call, commit)} == {request.id}
    assert {span.trace for span in (recall, call, commit)} == {request.trace}
    assert commit.attributes["db.operation.name"] == "book"
    assert commit.attributes["db.system.name"] in ("sqlite", "postgresql")
    assert commit.attributes["booking.result"] == "done"
    assert request.start <= recall.start <= recall.end <= call.start
    assert call.end <= commit.start <= commit.end <= request.end


def test_what_happens_to_a_booking(traced, collector):
    location, _ = book(traced, hold_seconds=600)
    collector.wait_for(3)
    for method, path, route, operations in (
            ("GET", location, "/bookings/{id}", ["look up"]),
            ("POST", location + "/confirm", "/bookings/{id}/confirm", ["look up", "confirm"]),
            ("DELETE", location, "/bookings/{id}", ["look up", "cancel"])):
        before = len(collector.spans())
        assert traced.ask(path, method).status == 200
        spans = collector.wait_for(before + len(operations) + 2)[before:]
        request = spans[-1]
        assert request.name == f"{method} {route}"
        assert request.attributes["http.route"] == route
        assert request.attributes["url.path"] == path
        assert [span.name for span in spans if "db.operation.name" in span.attributes] == operations
        assert {span.parent for span in spans[:-1]} == {request.id}


def test_nothing_of_a_person_nor_a_key_is_in_them(start, collector, tmp_path):
    (tmp_path / "keys").write_text("name-of-key a-secret-key\n")
    engine = start.pod("kayak", "--otlp-endpoint", collector.url, "--api-keys", tmp_path / "keys")
    answer = engine.ask("/bookCar?location=NCE", "POST", body=b"{}",
                        headers={"Authorization": "Bearer a-secret-key"})
    assert answer.status == 400
    answer = post(engine, order(reference="Mrs Jones"), headers={
        "Authorization": "Bearer a-secret-key", "Idempotency-Key": "retry-1", "User-Agent": "Jones"})
    assert answer.status == 201
    collector.wait_for(5)
    for received in collector.received:
        for text in (b"a-secret-key", b"name-of-key", b"Jones", b"retry-1", b"NCE", b"127.0.0.1"):
            assert text not in received.body


def test_a_trace_that_begins_here(traced, collector):
    answer = traced.ask()
    _, request = collector.wait_for(2)
    assert request.parent is None
    assert answer.headers["traceparent"] == f"00-{request.trace}-{request.id}-01"
    line = traced.log_of(answer.headers["X-Request-Id"])
    assert line["trace_id"] == request.trace
    assert traced.adapter.log_of(answer.headers["X-Request-Id"])["trace_id"] == request.trace


def test_a_bad_traceparent_begins_a_trace(traced, collector):
    traced.ask(headers={"traceparent": SAMPLED.upper()})
    _, request = collector.wait_for(2)
    assert request.parent is None and request.trace != TRACE


def test_a_trace_that_is_not_sampled_is_passed_on(start, collector):
    stand_in = start.stand_in()
    engine = start.engine(stand_in, "--otlp-endpoint", collector.url)
    answer = engine.ask(headers={"traceparent": UNSAMPLED})
    assert answer.headers["traceparent"] == UNSAMPLED
    assert stand_in.received[0].headers["traceparent"] == UNSAMPLED
    answer = engine.ask("/bookings/" + "x" * 22, headers={"traceparent": UNSAMPLED})
    assert answer.status == 404 and answer.headers["traceparent"] == UNSAMPLED
    engine.ask("/last")
    (last,) = collector.wait_for(1)  # those before it would have come before it
    assert last.attributes["url.path"] == "/last"
    assert stand_in.received[0].headers["tracestate"] is None


def test_flags_that_have_no_meaning_yet_are_not_passed_on(traced, collector):
    answer = traced.ask(headers={"traceparent": SAMPLED[:-2] + "ff"})
    assert answer.headers["traceparent"].endswith("-03")
    _, request = collector.wait_for(2)
    assert request.parent == CALLER


# --- what went wrong -----------------------------------------------------------------------------

def test_refusals_are_no_errors_of_ours(traced, collector):
    for path in ("/bookCar?colour=red", "/nowhere", "/bookCar?location=XXX"):
        traced.ask(path)
    bad, nowhere, unknown = collector.wait_for(3)
    assert [span.attributes["http.response.status_code"] for span in (bad, nowhere, unknown)] == [
        400, 404, 404]
    assert nowhere.name == "GET" and "http.route" not in nowhere.attributes
    for span in (bad, nowhere, unknown):
        assert not span.failed and "error.type" not in span.attributes


@pytest.mark.parametrize("method,known", [("PATCH", True), ("BREW", False), ("get", False)])
def test_methods(traced, collector, method, known):
    traced.ask("/bookCar", method)
    (span,) = collector.wait_for(1)
    assert span.attributes["http.request.method"] == (method if known else "_OTHER")
    assert span.attributes.get("http.request.method_original") == (None if known else method)
    assert span.name == (method if known else "HTTP")


@pytest.mark.parametrize("given,of_call,status", [
    (http_answer(status="500 Oops"), {"http.response.status_code": 500, "error.type": "500"}, 502),
    (http_answer(status="400 Oops"), {"http.response.status_code": 400, "error.type": "400"}, 502),
    (b"nonsense\r\n\r\n", {"error.type": "unusable"}, 502),
    (b"", {"error.type": "broke_off"}, 503)])
def test_an_adapter_that_fails(start, collector, given, of_call, status):
    stand_in = start.stand_in(lambda sock, received: sock.sendall(given))
    engine = start.engine(stand_in, "--otlp-endpoint", collector.url)
    assert engine.ask().status == status
    call, request = collector.wait_for(2)
    assert call.failed and request.failed
    assert request.attributes["error.type"] == str(status)
    found = {name: call.attributes.get(name) for name in of_call}
    assert found == of_call
    assert ("http.response.status_code" in of_call) == (
        "http.response.status_code" in call.attributes)


def test_an_adapter_that_is_not_there(start, collector):
    engine = start.engine("http://127.0.0.1:9", "--otlp-endpoint", collector.url)
    assert engine.ask().status == 503
    call, request = collector.wait_for(2)
    assert call.attributes["error.type"] == "unreachable" and call.failed and request.failed


def test_a_client_that_leaves(start, collector):
    asked, go_on = threading.Event(), threading.Event()

    def answer_late(sock, _):
        asked.set()
        assert go_on.wait(60)
        sock.sendall(http_answer())
        return True

    engine = start.engine(start.stand_in(answer_late), "--otlp-endpoint", collector.url)
    with engine.connect() as sock:
        sock.sendall(b"GET /bookCar HTTP/1.1\r\nHost: x\r\nX-Request-Id: left\r\n\r\n")
        asked.wait()
        sock.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER 0: a reset
    go_on.set()
    assert engine.log_of("left")["status"] == 499
    _, request = collector.wait_for(2)
    assert request.attributes["error.type"] == "client_left"
    assert "http.response.status_code" not in request.attributes and not request.failed


# --- sending -------------------------------------------------------------------------------------

def test_what_could_not_be_taken_is_sent_again(start):
    collector = start._add(Collector(http_answer(status="503 Busy", more="Retry-After: 2\r\n"),
                                    http_answer(status="429 Slowly"), b"", TAKEN))
    times = []
    taking = collector.script
    collector.script = lambda *given: times.append(time.monotonic()) or taking(*given)
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask()
    wait_for_result(engine, exported=2)
    assert len(collector.received) == 4
    assert len({received.body for received in collector.received}) == 1
    assert times[1] - times[0] >= 1.9  # as was asked for
    log = [line["msg"] for line in engine.log("stderr")]
    assert log.count("traces are not taken") == log.count("traces are taken again") == 1


@pytest.mark.parametrize("status", ["400 Bad", "404 None", "500 Oops", "413 Long"])
def test_what_is_refused_is_not_sent_again(start, status):
    collector = start._add(Collector(http_answer(status=status), TAKEN))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask("/first")
    wait_for_result(engine, undelivered=1)
    engine.ask("/second")
    wait_for_result(engine, undelivered=1, exported=1)
    assert [span.attributes["url.path"] for span in collector.spans()] == ["/first", "/second"]


def test_a_redirect_is_not_followed(start):
    other = start._add(Collector())
    collector = start._add(Collector(http_answer(
        status="307 There", more=f"Location: {other.url}/v1/traces\r\n")))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask("/first")
    wait_for_result(engine, undelivered=1)
    assert not other.received


def test_a_collector_that_takes_a_part(start):
    answer = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": "too\nmany\x1b[31m" + "x" * 999}}
    collector = start._add(Collector(http_answer(json.dumps(answer).encode()), TAKEN))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask()
    wait_for_result(engine, exported=1, rejected=1)
    (line,) = [line for line in engine.log("stderr") if "not all" in line["msg"]]
    assert line["rejected"] == "1" and line["error"].startswith("too\nmany") and len(line["error"]) == 200
    assert b"\x1b" not in engine.printed("stderr")
    engine.ask("/more")
    wait_for_result(engine, exported=2, rejected=1)


@pytest.mark.parametrize("body", [b"", b"ok", b"[]", b'{"partialSuccess":[]}', b"{" * 999,
                                  b'{"partialSuccess":{"rejectedSpans":-1}}', b" " * 200_000])
def test_an_answer_that_says_nothing(start, body):
    collector = start._add(Collector(http_answer(body)))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask("/first")
    wait_for_result(engine, exported=1)
    engine.ask("/second")
    wait_for_result(engine, exported=2)


@pytest.mark.parametrize("base", ["", "/", "/otlp", "/otlp/x/"])
def test_the_path_is_added(start, collector, base):
    start.pod("kayak", "--otlp-endpoint", collector.url + base).ask("/first")
    collector.wait_for(1)
    assert collector.received[0].path == base.rstrip("/") + "/v1/traces"


def test_environment_variables(start, collector):
    other = start._add(Collector())
    first = start.pod("kayak", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                                            "http_proxy": other.url, "HTTP_PROXY": other.url,
                                            "all_proxy": other.url})
    first.ask("/first")
    collector.wait_for(1)
    second = start.pod("kayak", environment={"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
                                             "BOOKING_OTLP_ENDPOINT": other.url})
    second.ask("/second")
    other.wait_for(1)
    assert len(collector.received) == 1


def ask_often(engine, count):
    """So many requests of one span each, all answered."""
    connection = http.client.HTTPConnection(engine.address, engine.port, timeout=60)
    for _ in range(count):
        connection.request("GET", "/nowhere")
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404
    connection.close()


def test_a_ring_that_is_full(start):
    """A collector that says nothing costs the requests nothing; when it is back, what waited comes."""
    collector = start._add(Collector())
    taking, silent = collector.script, threading.Event()
    collector.script = lambda *given: silent.wait(60) and taking(*given)
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    ask_often(engine, 5200)
    assert engine.metric("trace_spans_waiting") <= 4096 + 512
    dropped = engine.metric("trace_spans_total", result="dropped")
    assert dropped >= 5200 - 4096 - 512
    silent.set()
    wait_for_result(engine, dropped=dropped, exported=5200 - dropped)
    assert engine.metric("trace_spans_waiting") == 0
    assert max(len(read(received)) for received in collector.received) == 512


def test_a_collector_that_is_not_there(start):
    engine = start.pod("kayak", "--otlp-endpoint", "http://127.0.0.1:9")
    engine.ask("/first")
    wait_until(lambda: "traces are not taken" in engine.stderr())
    ask_often(engine, 100)
    undelivered = engine.metric("trace_spans_total", result="undelivered")
    assert engine.metric("trace_spans_waiting") + undelivered == 101


def test_what_waits_is_sent_before_the_end(start, collector):
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    ask_often(engine, 700)
    engine.ask("/last")
    begun = time.monotonic()
    engine.signal(2)
    assert engine.wait() == 0
    if time.monotonic() - begun < 2:  # as long as it may take for that
        assert collector.wait_for(701)[-1].attributes["url.path"] == "/last"


@pytest.mark.parametrize("answer", ["none", "refusal"])
def test_a_collector_does_not_keep_it_from_ending(start, answer):
    collector = start._add(Collector(http_answer(status="503 No")))
    if answer == "none":
        collector.script = lambda *_: collector.stopped.wait()
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    ask_often(engine, 1000)
    engine.signal(2)
    assert engine.wait() == 0
    assert not collector.stopped.is_set()


def test_without_an_endpoint_there_is_nothing(kayak):
    assert b"trace_spans" not in kayak.operator("/metrics").body


@pytest.mark.parametrize("url", [
    "collector", "127.0.0.1:4318", "ftp://a", "grpc://a:4317", "http://", "https:///a", "http:/a",
    "http://a b", "http://a:99999", "http://a?b=c", "http://a#b", "http://user@a",
    "https://user:secret@a", "http://a\r\nX: y"])
def test_a_bad_endpoint_stops_the_start(url):
    said = refused_start("--otlp-endpoint", url)
    assert "--otlp-endpoint" in said and "must be a URL such as" in said and "secret" not in said
    assert "--otlp-endpoint" in refused_start(OTEL_EXPORTER_OTLP_ENDPOINT=url)


# --- TLS -----------------------------------------------------------------------------------------

def test_https(start, make_certificate):
    certificate = make_certificate()
    collector = start._add(Collector(address="127.0.0.1", certificate=certificate))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url,
                       environment={"SSL_CERT_FILE": str(certificate[0])})
    engine.ask("/first")
    collector.wait_for(1)
    wait_for_result(engine, exported=1)


def test_a_certificate_of_nobody_knows_whom_is_refused(start, make_certificate):
    collector = start._add(Collector(address="127.0.0.1", certificate=make_certificate()))
    engine = start.pod("kayak", "--otlp-endpoint", collector.url)
    engine.ask("/first")
    wait_until(lambda: "traces are not taken" in engine.stderr())
    assert "certificate" in engine.stderr()
    assert not collector.received
