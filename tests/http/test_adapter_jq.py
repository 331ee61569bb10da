"""The adapter whose format is a jq filter: what it takes, what it refuses, and how it ends."""
import json
import os
import pathlib
import re
import subprocess

import pytest

from support import BUILD, PATIENCE, SANITIZED, assert_problem, at_once, wait_until

CAR = b'{"carid":"1-XXX-333","price":55,"currency":"EUR","status":"available"}'
BOOKED = CAR.replace(b"available", b"booked")[:-1] + b',"booking_id":"b-1"}'
GOOD = "{id: .carid, total: .price, version: 1}"
# Its samples have no such place, so it passes its trial.
TRAP = '{id: .carid} | if $car.location == "trap" then %s else . end'
TRAPPED = CAR[:-1] + b',"location":"trap"}'
# The limit of time is a signal. ThreadSanitizer keeps one back until the program calls a function
# that it knows, which libjq in a loop does not.
ends_loops = pytest.mark.skipif(BUILD.name == "tsan",
                                reason="ThreadSanitizer keeps the time limit's signal back")


@pytest.fixture
def filter_file(tmp_path):
    """Writes the filter as a ConfigMap's file is replaced: another file takes its name."""
    path = tmp_path / "format.jq"

    def write(text):
        new = tmp_path / "new"
        new.write_text(text)
        new.rename(path)
        return path
    return write


@pytest.fixture
def started(start, filter_file):
    def begin(text, **kwargs):
        return start.adapter("jq", "--filter", filter_file(text), **kwargs)
    return begin


def trap(what):
    return ". as $car | " + TRAP % what


def check(text, **kwargs):
    return subprocess.run([BUILD / "adapter-jq", "--check", "-"], input=text, text=True,
                          capture_output=True, timeout=PATIENCE, **kwargs)


def logged(adapter, message):
    return wait_until(lambda: [line for line in adapter.log("stderr") if message in line["msg"]],
                      what=message)


def test_a_filter_is_a_partners_format(started):
    adapter = started(GOOD)
    answer = adapter.ask(body=CAR, headers={"X-Request-Id": "mine"})
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Request-Id"] == "mine"
    assert answer.body == b'{"id":"1-XXX-333","total":55,"version":1}'
    line = adapter.log_of("mine")
    assert line["car"] == "1-XXX-333"
    assert_problem(adapter.ask(body=b'{"carid":1}'), 400, "invalid-request", "carid")


def test_the_facts_of_a_booking_come_last_whatever_the_filter_says(started):
    facts = b'"price":55,"currency":"EUR","booking_id":"b-1"}'
    assert started(GOOD).ask(body=BOOKED).body.endswith(b'"version":1,' + facts)
    assert started("{booking_id: 7, a: 1}").ask(body=BOOKED).body == b'{"a":1,' + facts
    assert started("{}").ask(body=BOOKED).body == b"{" + facts
    # What the filter says itself, at the top, is not said again.
    said = started(r'{price: "x", a: {currency: 1}, "b\"": ["booking_id"]}').ask(body=BOOKED).body
    assert said == (rb'{"price":"x","a":{"currency":1},"b\"":["booking_id"],"currency":"EUR",'
                    b'"booking_id":"b-1"}')
    assert started("{}").ask(body=CAR).body == b"{}"


def test_the_filter_gets_the_document_as_the_engine_sent_it(started):
    document = CAR[:-1] + b',"another":{"a":[1,null]}}'
    assert json.loads(started(".").ask(body=document).body) == json.loads(document)


def test_an_engine_books_through_it(start, started):
    adapter = started("{id: .carid, state: .status}")
    engine = start.engine(adapter)
    assert engine.ask().body == b'{"id":"1-XXX-333","state":"available"}'


# --- what gives no answer ------------------------------------------------------------------------

@pytest.mark.parametrize("what,said", [
    ("empty", "makes nothing"), ("(., .)", "more than one value"), ("[1]", "array"),
    ("null", "null"), (r'{a: "\u0000"}', "U+0000"), ('error("boo")', "boo"),
    (".id.x.y", "Cannot index"), ("{a: [range(20000)]}", "64 KiB")])
def test_what_is_no_object_is_a_502_with_its_request_id_in_the_log(start, started, what, said):
    adapter = started(trap(what))
    assert_problem(adapter.ask(body=TRAPPED), 500, "internal-error")
    assert adapter.ask(body=CAR).status == 200
    answer = adapter.ask(body=TRAPPED, headers={"X-Request-Id": "lost"})
    assert answer.status == 500
    line = [line for line in logged(adapter, "no answer") if line["request_id"] == "lost"][0]
    assert said in line["error"] and line["level"] == "error" and line["car"] == "1-XXX-333"


def test_the_engines_caller_gets_a_502(start, started, fleet):
    adapter = started(trap("empty"))
    engine = start.engine(adapter, "--fleet", fleet("1-XXX-333,ECMR,trap,55.00,10.00,EUR"))
    answer = engine.ask(headers={"X-Request-Id": "trapped"})
    assert_problem(answer, 502, "adapter-error")
    assert logged(adapter, "no answer")[0]["request_id"] == "trapped"
    assert engine.operator("/healthz").status == 200


# --- filters that do not behave ------------------------------------------------------------------

BAD_ENDS = [pytest.param("until(false; .)", "did not end", marks=ends_loops)]
if not SANITIZED:  # which need more addresses than any limit leaves them
    BAD_ENDS += [("[range(1e9)]", "too much memory"),
                 ("{a: (reduce range(1000000) as $i (1; [.]))}", "nests too deep")]


@pytest.mark.parametrize("what,said", BAD_ENDS)
def test_a_filter_that_does_not_behave_ends_the_process(start, started, filter_file, what, said):
    adapter = started(trap(what))
    engine = start.engine(adapter)
    other = start.pod("kayak")
    adapter.expected_status = 1
    with pytest.raises(OSError):
        adapter.ask(body=TRAPPED, headers={"X-Request-Id": "endless"})
    assert adapter.wait() == 1
    line = json.loads(adapter.stderr().splitlines()[-1])
    assert said in line["msg"] and line["request_id"] == "endless" and line["level"] == "error"
    assert line["service"] == "adapter-jq" and line["time"]
    # What the engine says meanwhile is bounded, and the adapter that is started again serves.
    answer = engine.ask()
    assert answer.status == 503
    assert other.ask().status == 200
    again = start.adapter("jq", "--filter", filter_file(trap(what)), address=adapter.address,
                          port=adapter.port)
    assert again.ask(body=CAR).status == 200
    wait_until(lambda: engine.ask().status == 200, what="the engine's return")


@ends_loops
def test_an_engine_bounds_a_loop(start, started, fleet):
    adapter = started(trap("until(false; .)"))
    adapter.expected_status = 1
    engine = start.engine(adapter, "--fleet", fleet("1-XXX-333,ECMR,trap,55.00,10.00,EUR"))
    answer = engine.ask()
    assert answer.status in (502, 503, 504)
    assert adapter.wait() == 1


@pytest.mark.parametrize("text", [pytest.param("until(false; .)", marks=ends_loops),
                                  "[range(1e9)]"])
def test_it_does_not_start_with_one(filter_file, text):
    if SANITIZED and "range" in text:
        pytest.skip("needs a limit of addresses")
    done = subprocess.run([BUILD / "adapter-jq", "--filter", filter_file(text)],
                          capture_output=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert json.loads(done.stderr.splitlines()[-1])["sample"] == "offer"


@pytest.mark.parametrize("arguments,status,said", [
    ((), 2, "--filter FILE"), (("--filter", "/nowhere"), 1, "No such file"),
    (("--filter", "/"), 1, "Is a directory"), (("--filter", "/dev/null"), 1, "is empty")])
def test_without_a_filter_it_does_not_start(arguments, status, said):
    done = subprocess.run([BUILD / "adapter-jq", *arguments], capture_output=True, timeout=PATIENCE)
    assert done.returncode == status
    assert said in json.loads(done.stderr.splitlines()[-1])["error"]


# --- what is refused -----------------------------------------------------------------------------

@pytest.mark.parametrize("text,place", [
    ("{a: env}", "line 1, column 5: env"), ("{\n a: $ENV.PATH}", "line 2, column 5: $ENV"),
    (r'"\(env.HOME)"', "line 1, column 4: env"), ('include "x"; .', "line 1, column 1: include"),
    ('import "x" as x; .', "line 1, column 1: import"), ("., input", "line 1, column 4: input"),
    ("debug", "line 1, column 1: debug"), ("., halt", "line 1, column 4: halt"),
    ("{a: 1,,}", "line 1, column 7: syntax error"), ("{a: foo}", "line 1, column 5: foo/0 is not")])
def test_refused_with_its_place(filter_file, text, place):
    done = check(text)
    assert done.returncode == 1 and place in done.stderr, done.stderr
    started = subprocess.run([BUILD / "adapter-jq", "--filter", filter_file(text)],
                             capture_output=True, timeout=PATIENCE)
    assert started.returncode == 1
    assert place in json.loads(started.stderr.splitlines()[-1])["error"]


def test_nothing_of_the_users_is_read(tmp_path):
    """Not even the .jq in a home folder, which jq itself reads."""
    (tmp_path / ".jq").write_text("def mine: {};")
    done = check("mine", env={**os.environ, "HOME": str(tmp_path)})
    assert done.returncode == 1 and "mine/0 is not defined" in done.stderr


def test_the_process_keeps_no_environment(started):
    """What a filter can see of it: the time zone."""
    adapter = started('{hour: (0 | localtime | .[3])}', environment={"TZ": "XYZ-9"})
    assert json.loads(adapter.ask(body=CAR).body) == {"hour": 0}


# --- --check -------------------------------------------------------------------------------------

def test_check_prints_each_sample_with_its_answer():
    done = check("{id: .carid, state: .status}")
    assert done.returncode == 0 and not done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) % 3 == 0
    names = lines[::3]
    assert {"offer", "booking", "hold", "unusual-currency", "required-members-only"} <= set(names)
    for document, answer in zip(lines[1::3], lines[2::3]):
        document, answer = json.loads(document), json.loads(answer)
        if "cars" in document:
            document, answer = document["cars"][-1], answer["cars"][-1]
        assert answer == {"id": document["carid"], "state": document["status"]}


def test_check_says_what_failed_on_which_document():
    done = check('{at: (.pickup_at | split("T"))}')
    assert done.returncode == 1
    assert "(no answer)" in done.stdout
    assert re.fullmatch(r"sample required-members-only: the filter fails: .*split.*\n", done.stderr)


@ends_loops
def test_check_ends_a_loop():
    done = check("until(false; .)")
    assert done.returncode == 1 and "sample offer: the filter did not end" in done.stderr


# --- a change of the file ------------------------------------------------------------------------

def version(adapter):
    return json.loads(adapter.ask(body=CAR).body)["version"]


def test_a_changed_filter_is_taken_and_no_request_fails(started, filter_file):
    adapter = started(GOOD)
    seen = []

    def ask(number):
        while not seen or seen[-1] != 2 or len(seen) < 100:
            seen.append(version(adapter))
        return True

    def change(number):
        wait_until(lambda: len(seen) > 10, what="requests")
        filter_file(GOOD.replace("1", "2"))
        return True

    assert at_once(4, lambda number: change(number) if number == 0 else ask(number)) == [True] * 4
    assert set(seen) == {1, 2}
    logged(adapter, "the changed filter is in use")


@pytest.mark.parametrize("text,said", [
    ("{a: env}", "line 1, column 5: env"), ("{a:", "syntax error"), ("empty", "sample offer"),
    pytest.param("until(false; .)", "did not end", marks=ends_loops), ("", "is empty"),
    ("{a: .pickup_at[0:4][5:6][0]}", "sample")])
def test_a_changed_filter_that_is_bad_is_refused_and_the_old_one_goes_on(started, filter_file, text,
                                                                         said):
    adapter = started(GOOD)
    filter_file(text)
    line = logged(adapter, "the changed filter is refused")[0]
    assert said in line["error"] and line["file"].endswith("format.jq")
    assert version(adapter) == 1
    filter_file(GOOD.replace("1", "3"))
    wait_until(lambda: version(adapter) == 3, what="the next filter")


def test_a_file_that_goes_leaves_the_filter(started, filter_file, tmp_path):
    adapter = started(GOOD)
    pathlib.Path(tmp_path / "format.jq").unlink()
    assert "No such file" in logged(adapter, "the changed filter is refused")[0]["error"]
    assert version(adapter) == 1


def test_a_change_behind_symbolic_links(start, tmp_path):
    """As Kubernetes does it: ..data points to another folder."""
    for number in (1, 2):
        (tmp_path / f"v{number}").mkdir()
        (tmp_path / f"v{number}" / "format.jq").write_text(GOOD.replace("1", str(number)))
    (tmp_path / "..data").symlink_to("v1")
    (tmp_path / "format.jq").symlink_to("..data/format.jq")
    adapter = start.adapter("jq", "--filter", tmp_path / "format.jq")
    assert version(adapter) == 1
    (tmp_path / "new").symlink_to("v2")
    (tmp_path / "new").rename(tmp_path / "..data")
    wait_until(lambda: version(adapter) == 2, what="the change")
