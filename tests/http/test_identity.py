"""X-Request-Id and traceparent: accepted or made, passed on, returned, logged."""
import json
import re

import pytest

from support import wait_until

MADE_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MADE_TRACE = r"00-[0-9a-f]{32}-[0-9a-f]{16}-00"
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_made_where_there_are_none(kayak):
    first, second = kayak.ask(), kayak.ask()
    for answer in (first, second):
        assert re.fullmatch(MADE_ID, answer.headers["X-Request-Id"])
        assert re.fullmatch(MADE_TRACE, answer.headers["traceparent"])
    assert first.headers["X-Request-Id"] != second.headers["X-Request-Id"]
    assert first.headers["traceparent"] != second.headers["traceparent"]


def test_accepted_passed_on_returned_and_logged_by_both(kayak):
    given = {"X-Request-Id": "it.is:me/1+2=3@home_-", "TraceParent": TRACE}
    answer = kayak.ask("/bookCar?location=NCE", headers=given)
    assert answer.headers["X-Request-Id"] == given["X-Request-Id"]
    assert answer.headers["traceparent"] == TRACE
    engine_line = kayak.log_of(given["X-Request-Id"])
    adapter_line = kayak.adapter.log_of(given["X-Request-Id"])
    for line in (engine_line, adapter_line):
        assert line["trace_id"] == TRACE.split("-")[1]
        assert line["status"] == 200
        assert line["duration_ms"] > 0
        assert line["level"] == "info"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
    assert engine_line["service"] == "booking-main"
    assert engine_line["channel"] == "kayak"
    assert (engine_line["method"], engine_line["path"]) == ("GET", "/bookCar")
    assert engine_line["client"].startswith("127.")
    assert engine_line["bytes"] == len(answer.body)
    assert engine_line["upstream_ms"] <= engine_line["duration_ms"]
    assert adapter_line["service"] == "adapter-kayak"
    assert (adapter_line["method"], adapter_line["path"]) == ("POST", "/formatCarInfo")


def test_made_ones_reach_the_adapter(start):
    stand_in = start.stand_in()
    answer = start.engine(stand_in).ask()
    asked = stand_in.received[0].headers
    assert asked["X-Request-Id"] == answer.headers["X-Request-Id"]
    assert asked["traceparent"] == answer.headers["traceparent"]


@pytest.mark.parametrize("bad", ["", "a b", "x" * 129, 'a"b', "a,b", "{}", "<script>",
                                 "caf\xe9", "a\\b", "%0d%0a"])
def test_a_bad_request_id_is_replaced(kayak, bad):
    headers = {"X-Request-Id": bad.encode("latin-1"), "traceparent": TRACE}
    answer = kayak.ask(headers=headers)
    assert answer.status == 200
    assert re.fullmatch(MADE_ID, answer.headers["X-Request-Id"])
    assert answer.headers["traceparent"] == TRACE


@pytest.mark.parametrize("bad", [
    "", "x", TRACE.upper(), TRACE[:-1], TRACE + "0", "ff" + TRACE[2:], TRACE.replace("-", "_"),
    "00-" + "0" * 32 + "-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-" + "0" * 16
    + "-01"])
def test_a_bad_traceparent_is_replaced(kayak, bad):
    answer = kayak.ask(headers={"X-Request-Id": "kept", "traceparent": bad})
    assert answer.headers["X-Request-Id"] == "kept"
    assert re.fullmatch(MADE_TRACE, answer.headers["traceparent"])


def test_the_longest_request_id(kayak):
    longest = "x" * 128
    assert kayak.ask(headers={"X-Request-Id": longest}).headers["X-Request-Id"] == longest
    assert kayak.log_of(longest) and kayak.adapter.log_of(longest)


def test_refusals_carry_and_log_it_too(kayak):
    for number, path in enumerate(("/nowhere", "/bookCar?colour=red", "/bookCar?location=XXX")):
        answer = kayak.ask(path, headers={"X-Request-Id": f"refused-{number}"})
        assert answer.headers["X-Request-Id"] == f"refused-{number}"
        line = kayak.log_of(f"refused-{number}")
        assert line["status"] == answer.status
        assert "urn:problem-type:" + line["problem"] == json.loads(answer.body)["type"]


def test_odd_paths_leave_the_log_whole(kayak):
    for number, path in enumerate((b"/%22%0a%00x", b"/%ff%fe%80", b"/" + b"x" * 3000,
                                   b"/\xff\xfe", b"/<%7f>")):
        raw = kayak.ask_raw(b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                            b"X-Request-Id: odd-%d\r\n\r\n" % number)
        assert b" 404 " in raw.split(b"\r\n")[0]
        assert kayak.log_of(f"odd-{number}")["status"] == 404  # which parses every line


def test_the_operator_port_and_probes_stay_out_of_the_access_log(start):
    pod = start.pod("kayak")
    for path in ("/healthz", "/readyz", "/metrics"):
        assert pod.operator(path).status == 200
    pod.ask(headers={"X-Request-Id": "counted"})
    pod.log_of("counted")
    assert len(pod.log()) == 1
    pod.adapter.log_of("counted")
    assert len(pod.adapter.log()) == 1


def test_the_access_log_may_be_a_file(start, tmp_path):
    path = tmp_path / "access.log"
    path.write_text("before\n")
    pod = start.pod("kayak", "--access-log", path)
    pod.ask(headers={"X-Request-Id": "filed"})
    wait_until(lambda: '"request_id":"filed"' in path.read_text())
    assert path.read_text().startswith("before\n")
    assert pod.printed("stdout") == b""


def test_the_service_log_says_how_it_runs(start):
    pod = start.pod("airbnb", "--channel", "airbnb")
    lines = pod.log("stderr")
    assert [line for line in lines if "open" in line["msg"]]
    listening = [line for line in lines if line["msg"] == "listening"][0]
    assert listening["port"] == str(pod.port)
    assert listening["channel"] == "airbnb"
    assert pod.adapter.log("stderr")[0]["msg"] == "listening"
