"""An adapter that is slow, dead, stopped or talks nonsense: bounded answers, and no harm done."""
import contextlib
import datetime
import itertools
import json
import re
import signal
import socket
import threading
import time

import pytest

from support import (KAYAK_LINE, PATIENCE, assert_problem, at_once, drain, fresh_address, free_port,
                     full_pipe, http_answer, reset, wait_until)


def answering(raw, goes_on=False):
    return lambda sock, received: sock.sendall(raw) or goes_on


def silent(sock, received):
    """Takes the request and says nothing until the other side hangs up."""
    sock.recv(1)
    return False


def resets(sock, received):
    reset(sock)
    return False


CHUNKED = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
LIMIT = 64 * 1024


def json_of_size(size):
    return b'"' + b"x" * (size - 2) + b'"'


# --- 502: an answer that is of no use ------------------------------------------------------------

@pytest.mark.parametrize("raw", [
    http_answer(status="404 Not Found"), http_answer(status="500 Internal Server Error"),
    http_answer(status="503 Service Unavailable", more="Retry-After: 60\r\n"),
    http_answer(status="400 Bad Request"), http_answer(status="302 Found",
                                                       more="Location: /healthz\r\n"),
    http_answer(b"", status="204 No Content"), b"HTTP/1.1 304 Not Modified\r\n\r\n",
    http_answer(b""), http_answer(b"<html></html>", content_type="text/html"),
    http_answer(b"hello"), http_answer(b'{"carid":'), http_answer(b'{"carid":"a"}}'),
    http_answer(b"{'a':1}"), http_answer(b"\xff\xfe"), http_answer(b'{"a":"\xff"}'),
    http_answer(b'{"a":1}\0'), http_answer(json_of_size(LIMIT + 1)),
    http_answer(json_of_size(1_000_000)),
    CHUNKED + b"20000\r\n" + b" " * 0x20000 + b"\r\n0\r\n\r\n",
    PLAIN + b"\r\n" + b"[" * 200_000,  # neither length nor chunks
    b"not HTTP at all\r\n\r\n", b"\0\1\2\3\r\n\r\n", b"SSH-2.0-OpenSSH_9.2\r\n",
    b'{"carid":"a"}\n',
], ids=lambda raw: repr(raw[:40]))
def test_unusable_answers(start, raw):
    engine = start.engine(start.stand_in(answering(raw)))
    answer = engine.ask(headers={"X-Request-Id": "unusable"})
    document = assert_problem(answer, 502, "adapter-error")
    assert "operator" in document["detail"]
    assert engine.log_of("unusable")["status"] == 502
    assert engine.metric("http_requests_total", code="502") == 1


def test_the_longest_usable_answer(start):
    body = json_of_size(LIMIT)
    for raw in (http_answer(body), CHUNKED + b"%x\r\n" % LIMIT + body + b"\r\n0\r\n\r\n",
                PLAIN + b"Connection: close\r\n\r\n" + body):
        answer = start.engine(start.stand_in(answering(raw))).ask()
        assert (answer.status, answer.body) == (200, body)


@pytest.mark.parametrize("raw", [
    http_answer(b"5"), http_answer(b"null"), http_answer(b"[]"), http_answer(b' {"a":1}\r\n'),
    http_answer(status="201 Created"), http_answer(content_type=None),
    http_answer(status="299 Odd"), CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n",
    CHUNKED + b"2;extension=1\r\n{}\r\n0\r\nTrailer: x\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n{}",
    PLAIN.replace(b"application/json", b"") + b"Content-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 100 Continue\r\n\r\n" + http_answer(), b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
], ids=lambda raw: repr(raw[:40]))
def test_usable_answers(start, raw):
    answer = start.engine(start.stand_in(answering(raw))).ask()
    assert answer.status == 200  # the engine's own, whichever of 2xx the adapter's was
    assert answer.headers["Content-Type"] == "application/json"
    json.loads(answer.body)


def test_an_answer_too_many_is_nobody_elses(start):
    """It would be taken for the answer to the next request on that connection, and so on."""
    count = itertools.count(1)

    def script(sock, received):
        named = f"X-Request-Id: {received.headers['x-request-id']}\r\n"
        answer = http_answer(json.dumps(received.headers["x-request-id"]).encode(), more=named)
        sock.sendall(answer * (2 if next(count) % 10 == 0 else 1))
        return True

    engine = start.engine(start.stand_in(script))

    def ask(number):
        answer = engine.ask(headers={"X-Request-Id": f"number-{number}"})
        assert answer.status == 502 or json.loads(answer.body) == f"number-{number}"
        return answer.status

    statuses = [status for _ in range(10) for status in at_once(40, ask)]
    assert statuses.count(200) >= 300


def test_an_endless_interim_answer_holds_nobody_up(start):
    def script(sock, received):
        with contextlib.suppress(OSError):
            while True:
                sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
        return False

    engine = start.engine(start.stand_in(script))
    answer = engine.ask()
    document = assert_problem(answer, 502, "adapter-error")
    assert "status" not in document["detail"]
    assert engine.operator("/healthz").status == 200


# --- 503: no complete answer ---------------------------------------------------------------------

@pytest.mark.parametrize("script", [
    resets, lambda sock, received: False,
    answering(b"HTT"),
    answering(PLAIN + b"Content-Length: 100\r\n\r\n{"),
    answering(PLAIN + b"Content-Length: 10\r\n\r\n"),
    answering(CHUNKED), answering(CHUNKED + b"10\r\n{"), answering(CHUNKED + b"2\r\n{}\r\n"),
    lambda sock, received: sock.sendall(PLAIN + b"Content-Length: 100\r\n\r\n{") or resets(sock, 0),
], ids=["reset", "closed", "three bytes", "half a body", "no body", "no chunk",
        "half a chunk", "no last chunk", "half a body and reset"])
def test_incomplete_answers(start, script):
    engine = start.engine(start.stand_in(script))
    answer = engine.ask()
    assert_problem(answer, 503, "adapter-unavailable")
    assert int(answer.headers["Retry-After"]) >= 1
    assert engine.running()


def test_no_adapter_there(start):
    engine = start.engine(f"http://{fresh_address()}:9")
    for _ in range(3):
        answer = engine.ask()
        assert_problem(answer, 503, "adapter-unavailable")
        assert int(answer.headers["Retry-After"]) >= 1
    assert engine.metric("http_requests_total", code="503") == 3


def test_an_adapter_that_accepts_nothing(start):
    """A full backlog: connecting neither works nor fails."""
    address = fresh_address()
    with socket.socket() as listener:
        listener.bind((address, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = []
        for _ in range(3):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((address, port))
            fillers.append(filler)
        engine = start.engine(f"http://{address}:{port}")
        answer = engine.ask()
        assert_problem(answer, 503, "adapter-unavailable")
        for filler in fillers:
            filler.close()


def test_many_requests_with_no_adapter_end_in_time_too(start):
    engine = start.engine(f"http://{fresh_address()}:9")
    for answer in at_once(150, lambda _: engine.ask()):
        assert_problem(answer, 503, "adapter-unavailable")
    assert engine.metric("http_requests_in_progress") == 0


# --- 504: too late -------------------------------------------------------------------------------

def trickling(sock, received):
    """A byte now and then: never silent for long, and never done."""
    sock.sendall(PLAIN + b"Content-Length: 1000\r\n\r\n")
    for _ in range(100):
        sock.sendall(b" ")
        time.sleep(0.1)


def trickling_head(sock, received):
    for byte in PLAIN * 3:
        sock.sendall(bytes([byte]))
        time.sleep(0.1)


def half_then_silent(sock, received):
    sock.sendall(CHUNKED + b"2\r\n{}\r\n")
    return silent(sock, received)


def test_late_answers_end_in_time_while_others_go_on(start):
    """All kinds of lateness side by side, one engine each, to wait for them once."""
    scripts = [silent, trickling, trickling_head, half_then_silent]
    engines = [start.engine(start.stand_in(script)) for script in scripts]
    for engine, answer in zip(engines, at_once(len(engines), lambda n: engines[n].ask())):
        assert_problem(answer, 504, "adapter-timeout")
        assert 1.5 < answer.seconds < 8  # what trickles goes on for ten seconds
        assert engine.metric("http_requests_total", code="504") == 1


def test_a_silent_answer_holds_up_nobody_else(start):
    def script(sock, received):
        return silent(sock, received) if b'"CDG"' in received.body else (
            sock.sendall(http_answer()) or True)

    engine = start.engine(start.stand_in(script))

    def others_are_served():
        """Whether they were while twenty waited; a slow machine may need more than one attempt."""
        begun = engine.metric("http_requests_total", code="504")
        late = [threading.Thread(target=engine.ask, args=("/bookCar?location=CDG",))
                for _ in range(20)]
        for thread in late:
            thread.start()
        wait_until(lambda: engine.metric("http_requests_in_progress") == 20
                   or not all(thread.is_alive() for thread in late))
        assert engine.ask("/bookCar?location=NCE").status == 200
        assert engine.ask("/nowhere").status == 404
        ended = engine.metric("http_requests_total", code="504")
        for thread in late:
            thread.join()
        assert engine.metric("http_requests_total", code="504") == begun + 20
        return ended == begun

    wait_until(others_are_served)


def test_more_silent_answers_than_connections(start):
    """What waits for a connection has no more time than what has one."""
    engine = start.engine(start.stand_in(silent))
    for answer in at_once(150, lambda _: engine.ask()):
        assert_problem(answer, 504, "adapter-timeout")
        # By the engine's own clock: a client of 150 threads is late itself. A second turn is 4 s.
        assert engine.log_of(answer.headers["X-Request-Id"])["duration_ms"] < 3500
    assert engine.metric("http_requests_in_progress") == 0


def test_a_stall_of_the_engine_lengthens_no_deadline(start):
    """Calls wait for a connection while the engine is held up beyond their time, by whoever reads
    its log. When connections come free in that moment, what waited must still end at once, not
    wait anew or for ever."""
    release = threading.Event()
    count, lock = [0], threading.Lock()

    def script(sock, received):
        with lock:
            count[0] += 1
            first = count[0] <= 64
        if not first:
            return silent(sock, received)
        release.wait(10)
        sock.sendall(http_answer())
        return True

    with full_pipe() as (reader, writer):
        engine = start.engine(start.stand_in(script), stdout=writer)
        begun = time.monotonic()
        threads = [threading.Thread(target=engine.ask, daemon=True) for _ in range(64 + 128)]
        for number, thread in enumerate(threads):
            thread.start()
            if number >= 64:
                time.sleep(0.001)
        time.sleep(max(0, begun + 1.6 - time.monotonic()))
        held_up = threading.Thread(target=engine.ask, args=("/nowhere",), daemon=True)
        held_up.start()  # the line for this one does not fit into the pipe
        time.sleep(0.05)
        release.set()
        time.sleep(max(0, begun + 2.2 - time.monotonic()))
        drained = time.time()
        log = drain(reader)
        for thread in [*threads, held_up]:
            thread.join(PATIENCE)
        assert not any(thread.is_alive() for thread in threads)
        wait_until(lambda: bytes(log).count(b'"path":"/bookCar"') == len(threads))
    # By the engine's own words: how soon a client hears of it is the machine's affair.
    times = re.findall(rb'"time":"([^"]+)"[^\n]*"path":"/bookCar"', bytes(log))
    ended = [datetime.datetime.fromisoformat(one.decode().replace("Z", "+00:00")).timestamp() for one in times]
    late = [one - drained for one in ended if one - drained > 1.8]  # a time of their own is two
    assert not late, f"{len(late)} of {len(ended)} ended up to {max(late):.1f} s after the stall"


# --- coming, going, coming back ------------------------------------------------------------------

def test_the_engine_may_start_first(start):
    address = fresh_address()
    port = free_port(address)
    engine = start.engine(f"http://{address}:{port}")
    assert engine.ask().status == 503
    assert engine.operator("/readyz").status == 503
    start.adapter("kayak", address=address, port=port)
    assert engine.ask().body == KAYAK_LINE
    assert engine.operator("/readyz").status == 200


def test_killed_and_restarted_on_the_same_port(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    for _ in range(3):
        at_once(20, lambda _: engine.ask())  # several kept-alive connections
        assert engine.ask().body == KAYAK_LINE
        adapter.kill()
        for _ in range(5):
            answer = engine.ask()
            assert_problem(answer, 503, "adapter-unavailable")
        adapter = start.adapter("kayak", address=adapter.address, port=adapter.port)
        for _ in range(30):
            assert engine.ask().body == KAYAK_LINE


def test_killed_and_soon_back_fails_no_request(start):
    """As a container that Kubernetes starts again: the requests of the meantime wait for it."""
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    assert engine.ask().body == KAYAK_LINE

    def soon_back():
        """Whether it was, within the time of a request; a busy machine may need more attempts."""
        nonlocal adapter
        begun = time.monotonic()
        adapter.kill()
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(engine.ask()))
                   for _ in range(100)]
        for thread in threads:
            thread.start()
        wait_until(lambda: engine.metric("http_requests_in_progress") == 100
                   or not all(thread.is_alive() for thread in threads))
        ready = engine.operator("/readyz").status  # what asks does not wait
        adapter = start.adapter("kayak", address=adapter.address, port=adapter.port)
        in_time = time.monotonic() - begun < 1.5
        for thread in threads:
            thread.join()
        if not in_time:
            return False
        assert ready == 503
        assert {answer.body for answer in answers} == {KAYAK_LINE}
        return True

    wait_until(soon_back)


def test_one_that_stays_away_is_waited_for_once(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    assert engine.ask().body == KAYAK_LINE
    adapter.kill()

    def duration_of(answer):
        assert_problem(answer, 503, "adapter-unavailable")
        # So that the next request finds another pod, where there are some.
        assert answer.headers["Connection"] == "close"
        return engine.log_of(answer.headers["X-Request-Id"])["duration_ms"]

    assert duration_of(engine.ask()) >= 2000
    assert duration_of(engine.ask()) < 2000


def test_an_adapter_that_comes_or_goes_is_told_once(start):
    """A line on standard error for each change, however many requests meet it."""
    def told():
        return [line["msg"] for line in engine.log("stderr") if line["msg"].startswith("adapter ")]

    def tells(request, changes):
        def find():
            request()
            return told() == changes
        wait_until(find, what=f"{changes}, not {told()}")

    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    answers, silent = ["adapter answers"], ["adapter does not answer"]
    assert engine.ask("/bookCar").status == 200
    tells(lambda: engine.ask("/bookCar"), answers)
    adapter.kill()
    tells(lambda: engine.ask("/bookCar"), answers + silent)
    start.adapter("kayak", address=adapter.address, port=adapter.port)
    tells(lambda: engine.ask("/bookCar"), answers + silent + answers)
    for _ in range(20):
        assert engine.ask("/bookCar").status == 200
    assert told() == answers + silent + answers


def test_restarted_unseen_between_two_requests(start):
    """Every kept-alive connection is dead, and no request may suffer for it."""
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    at_once(40, lambda _: engine.ask())
    adapter.kill()
    start.adapter("kayak", address=adapter.address, port=adapter.port)
    for answer in at_once(40, lambda _: engine.ask()):
        assert answer.status == 200, answer


def test_killed_in_the_middle_of_an_answer(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    assert engine.ask().status == 200
    adapter.signal(signal.SIGSTOP)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(engine.ask())) for _ in range(10)]
    for thread in threads:
        thread.start()
    wait_until(lambda: engine.metric("http_requests_in_progress") == 10)
    adapter.kill()
    for thread in threads:
        thread.join()
    for answer in answers:
        assert_problem(answer, 503, "adapter-unavailable")


def test_stopped_and_continued(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    assert engine.ask().body == KAYAK_LINE
    adapter.signal(signal.SIGSTOP)
    answers = at_once(5, lambda _: engine.ask())
    for answer in answers:
        assert_problem(answer, 504, "adapter-timeout")
    adapter.signal(signal.SIGCONT)
    for _ in range(10):
        assert engine.ask().body == KAYAK_LINE


def test_an_adapter_that_closes_each_connection(start):
    stand_in = start.stand_in(answering(http_answer()))  # without saying so
    engine = start.engine(stand_in)
    for _ in range(50):
        assert engine.ask().status == 200
    # Where many reuse connections that are being closed, few may meet one that is gone.
    answers = at_once(50, lambda _: engine.ask())
    assert {answer.status for answer in answers} <= {200, 503}
    assert sum(answer.status == 200 for answer in answers) >= 40


def test_connections_are_kept(start):
    stand_in = start.stand_in()
    engine = start.engine(stand_in)
    for _ in range(20):
        assert engine.ask().status == 200
    assert len(stand_in.sockets) == 1


def test_a_late_answer_is_not_taken_for_the_next_one(start):
    """A connection whose call timed out must not be used again."""
    numbers = iter(range(100))
    over, sent = threading.Event(), threading.Event()

    def script(sock, received):
        number = next(numbers)
        if number == 0:
            over.wait()
        with contextlib.suppress(OSError):
            sock.sendall(http_answer(b'{"number":%d}' % number))
        sent.set()
        return True

    engine = start.engine(start.stand_in(script))
    assert engine.ask().status == 504
    over.set()
    assert sent.wait(PATIENCE)
    assert json.loads(engine.ask().body) == {"number": 1}


def test_the_environments_proxy_is_not_used(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter, environment={"http_proxy": "http://127.0.0.1:9",
                                                "ALL_PROXY": "http://127.0.0.1:9"})
    assert engine.ask().body == KAYAK_LINE
