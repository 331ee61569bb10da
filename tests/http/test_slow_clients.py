"""Connections: many silent ones, half requests, clients that stop sending, leave or flood. Those who
ask something whole are answered meanwhile, on either port."""
import contextlib
import json
import os
import pathlib
import re
import resource
import select
import socket
import threading
import time

import pytest

from booking_support import cars, order, post, run_command
from support import (KAYAK_LINE, PATIENCE, SANITIZED, at_once, http_answer,
                     read_to_end, reset, wait_until, whole_answers)

GET = b"GET /bookCar HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET /bookCar HTTP/1.1\r\nHost: x\r\nX-Slow: "
CHUNKED_POST = b"POST /bookCar HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
FLOODS = [b"2;" + b"x" * 20_000, b"0" * 40_000]
IP_BIND_ADDRESS_NO_PORT = 24  # Linux; Python names it from 3.12 on
FILES = 8192  # descriptors that a test with many clients may need, each of its processes


@pytest.fixture
def many_files():
    """To be asked for ahead of `start`, since the services inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < FILES:
        pytest.skip(f"needs {FILES} files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, FILES), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(engine, source="127.0.0.1", port=None):
    sock = socket.socket()
    sock.settimeout(PATIENCE)
    # The port is chosen on connecting: there are more of them than for binding, and sooner.
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    sock.bind((source, 0))
    sock.connect((engine.address, port or engine.port))
    return sock


def send(sock, data):
    with contextlib.suppress(ConnectionError):  # it may have been closed by now
        sock.sendall(data)


@contextlib.contextmanager
def clients(engine, count, data=b"", sources=("127.0.0.1",), port=None):
    """So many connections, the sources by turns, each with these bytes sent."""
    with contextlib.ExitStack() as stack:
        socks = []
        for number in range(count):
            sock = stack.enter_context(connect(engine, sources[number % len(sources)], port))
            socks.append(sock)
            if data:
                send(sock, data)
        yield socks


def readable(socks):
    """Those where something was answered, or which the other side has closed."""
    poll = select.poll()
    for sock in socks:
        poll.register(sock, select.POLLIN)
    numbers = {number for number, _ in poll.poll(0)}
    return [sock for sock in socks if sock.fileno() in numbers]


def closed(socks):
    """Those which the other side has closed; nothing may have been answered there."""
    gone = readable(socks)
    for sock in gone:
        with contextlib.suppress(ConnectionError):
            assert sock.recv(1, socket.MSG_PEEK) == b""
    return gone


def one_answer(sock):
    """What comes on a connection that stays open, to the end of an answer's body."""
    received = b""
    while True:
        received += sock.recv(65536) or pytest.fail(f"closed after {received!r}")
        head, end, body = received.partition(b"\r\n\r\n")
        if end and len(body) >= int(re.search(rb"Content-Length: (\d+)", head)[1]):
            (answer,) = whole_answers(received)
            return answer


def slow_engine(start, *arguments):
    """An engine whose adapter keeps requests that are called slow waiting, and what ends that."""
    go_on = threading.Event()

    def script(sock, received):
        if (received.headers["X-Request-Id"] or "").startswith("slow"):
            go_on.wait(PATIENCE)
        sock.sendall(http_answer())
        return True

    stand_in = start.stand_in(script)
    engine = start.engine(stand_in, *arguments)
    engine.stand_in, engine.go_on = stand_in, go_on
    return engine


def slow_get(number=0):
    return b"GET /bookCar HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow-%d\r\n\r\n" % number


def slow_calls(engine):
    return sum((one.headers["X-Request-Id"] or "").startswith("slow")
               for one in engine.stand_in.received)


# --- clients that stop sending ---------------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_client_that_stops_sending_gets_its_answer(start, fleet, method):
    """Sixty of them, while others ask as fast as they can."""
    pod = start.pod("kayak", "--fleet", fleet(*cars(60)))
    body = json.dumps(order()).encode() if method == "POST" else b""
    data = (f"{method} /bookCar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n").encode() + body
    stop = threading.Event()

    def busy():
        while not stop.is_set():
            pod.ask()

    threads = [threading.Thread(target=busy, daemon=True) for _ in range(10)]
    for thread in threads:
        thread.start()

    def work(_):
        with connect(pod) as sock:
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)
            return whole_answers(read_to_end(sock))

    results = at_once(60, work)
    stop.set()
    for thread in threads:
        thread.join()
    statuses = [result[0][0] if isinstance(result, list) and len(result) == 1 else result
                for result in results]
    assert statuses == [201 if method == "POST" else 200] * 60
    if method == "POST":
        assert len({fields["location"] for ((_, fields, _),) in results}) == 60


BODY = json.dumps(order()).encode()


@pytest.mark.parametrize("half", [
    b"", b"GET /boo", HALF, b"POST /bookCar HTTP/1.1\r\nHost: x\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (len(BODY) + 1) + BODY,
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY[:-1],
    CHUNKED_POST + b"%x\r\n%s\r\n" % (len(BODY), BODY), CHUNKED_POST + b"%x\r\n" % len(BODY)],
    ids=lambda half: repr(half[-20:]))
def test_a_client_that_stops_in_the_middle_is_let_go(start, half):
    pod = start.pod("kayak")
    for _ in range(3):
        with connect(pod) as sock:
            sock.sendall(half)
            sock.shutdown(socket.SHUT_WR)
            answers = whole_answers(read_to_end(sock))
            assert [status for status, _, _ in answers] in ([], [400])
    wait_until(lambda: pod.metric("http_connections") == 0)
    assert pod.metric("http_requests_in_progress") == 0
    assert not [line for line in pod.log() if line.get("booking")]
    assert post(pod, order(carid="1-XXX-333")).status == 201


# --- floods ----------------------------------------------------------------------------------------

def cpu_seconds(process):
    fields = pathlib.Path(f"/proc/{process.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.parametrize("target", ["engine", "adapter"])
def test_a_chunks_endless_head_costs_nothing(start, target):
    """While the client keeps its side open."""
    pod = start.pod("kayak")
    one = pod if target == "engine" else pod.adapter
    head = CHUNKED_POST if target == "engine" else CHUNKED_POST.replace(b"bookCar", b"formatCarInfo")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(one)) for _ in FLOODS]
        for sock, flood in zip(socks, FLOODS):
            send(sock, head + flood[:-5000])
        assert pod.ask().body == KAYAK_LINE
        for sock, flood in zip(socks, FLOODS):
            send(sock, flood[-5000:])
        for sock in socks:
            (status, _, _), = whole_answers(read_to_end(sock))
            assert status in (400, 413)
        before = cpu_seconds(one)
        time.sleep(1)
        assert cpu_seconds(one) - before < 0.2
    assert pod.ask().body == KAYAK_LINE


@pytest.mark.parametrize("flood", FLOODS, ids=["extension", "zeros"])
def test_two_hundred_endless_chunk_heads(start, flood):
    pod = start.pod("kayak")
    with clients(pod, 200, CHUNKED_POST + flood) as socks:
        for _ in range(3):
            assert pod.ask().body == KAYAK_LINE
        for sock in socks:
            assert len(whole_answers(read_to_end(sock))) == 1
    assert pod.ask().body == KAYAK_LINE


# --- the operator port -----------------------------------------------------------------------------

@pytest.mark.parametrize("data", [b"", b"GET /met"], ids=["silent", "half"])
@pytest.mark.parametrize("count", [64, 200])
def test_the_operator_port_is_kept_from_nobody(start, count, data):
    pod = start.pod("kayak")
    with clients(pod, count, data, port=pod.admin_port):
        for _ in range(5):
            for path in ("/healthz", "/readyz", "/metrics"):
                assert pod.operator(path).status == 200, path
        assert run_command("--healthcheck", "--admin-bind", pod.address, "--admin-port",
                           pod.admin_port)[0] == 0
    assert pod.operator("/readyz").status == 200


# --- as many connections as there may be -----------------------------------------------------------

@pytest.mark.parametrize("data", [b"", b"GET /boo", HALF], ids=["silent", "line", "fields"])
def test_more_connections_than_there_may_be(many_files, start, data):
    """A new client is served, by closing one that has nothing under way."""
    engine = slow_engine(start)
    with clients(engine, 5) as busy:
        for number, sock in enumerate(busy):
            sock.sendall(slow_get(number))
        wait_until(lambda: slow_calls(engine) == 5)
        with clients(engine, 2100, data, ("127.0.0.1", "127.0.0.2", "127.0.0.3")):
            for _ in range(10):
                assert engine.ask().status == 200
            engine.go_on.set()
            for sock in busy:
                assert one_answer(sock)[0] in (200, 504)  # the latter if all this took two seconds
    wait_until(lambda: engine.metric("http_connections") == 0)
    assert engine.ask().status == 200


def test_idle_connections_of_one_address(start):
    engine = start.engine(start.stand_in(), "--connections-per-address", 8)
    with clients(engine, 8) as idle:
        assert engine.ask().status == 200  # one of that address is closed for it
        wait_until(lambda: closed(idle))
        assert closed(idle) == idle[:1]
        for sock in idle[1:]:
            sock.sendall(GET)
            assert one_answer(sock)[0] == 200


def test_busy_connections_of_one_address(start):
    engine = slow_engine(start, "--connections-per-address", 8)

    def refused():
        """Whether the ninth was while eight were busy, which a slow adapter is not for ever."""
        asked = slow_calls(engine)
        with clients(engine, 8, slow_get()) as busy:
            wait_until(lambda: slow_calls(engine) == asked + 8)
            with connect(engine) as ninth, connect(engine, "127.0.0.2") as other:
                send(ninth, GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
                (answer,) = whole_answers(read_to_end(ninth))
                other.sendall(GET)
                assert one_answer(other)[0] == 200
            late = bool(readable(busy))
            assert answer[0] == 429 or late
            if answer[0] == 429:
                engine.go_on.set()
            for sock in busy:
                assert one_answer(sock)[0] in (200, 504)
            return answer if answer[0] == 429 else None

    status, fields, body = wait_until(refused, what="a refusal")
    document = json.loads(body)
    assert (status, document["type"]) == (429, "urn:problem-type:too-many-connections")
    assert fields["content-type"] == "application/problem+json"
    assert engine.log_of(fields["x-request-id"])["status"] == 429
    wait_until(lambda: engine.metric("http_requests_total", code="429") >= 1)
    assert engine.ask().status == 200


@pytest.mark.parametrize("arguments,count,gone", [((), 1024, 0), ((), 1030, 6),
                                                  (("--connections-per-address", 0), 1100, 0)])
def test_the_limit_of_an_address(many_files, start, arguments, count, gone):
    engine = start.engine(start.stand_in(), *arguments)
    with clients(engine, count) as idle:
        with connect(engine, "127.0.0.2") as other:  # by whose answer all the others were accepted
            other.sendall(GET)
            assert one_answer(other)[0] == 200
        wait_until(lambda: len(closed(idle)) >= gone)
        assert closed(idle) == idle[:gone]
        assert engine.ask().status == 200


@pytest.mark.parametrize("value", ["-1", "x", "8s", "", "99999999999999999999"])
def test_bad_limits_of_an_address(value):
    status, out, err = run_command(f"--connections-per-address={value}")
    assert (status, out) == (2, "")
    assert f"--connections-per-address={value}" in err and "--help" in err
    assert "no such option" not in err


# --- memory ----------------------------------------------------------------------------------------

@pytest.mark.skipif(SANITIZED, reason="a sanitizer takes memory of its own")
def test_bodies_that_do_not_end_take_bounded_memory(many_files, start):
    pod = start.pod("kayak")
    sent = (b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: 16384\r\n\r\n" + b" " * 15 * 1024)
    with clients(pod, 1900, sent, ("127.0.0.1", "127.0.0.2", "127.0.0.3")) as socks:
        for _ in range(3):
            assert pod.ask().body == KAYAK_LINE
        for sock in readable(socks):
            assert [status for status, _, _ in whole_answers(read_to_end(sock))] in ([], [503])
        status = pathlib.Path(f"/proc/{pod.process.pid}/status").read_text()
        assert int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) < 80 * 1024
    wait_until(lambda: pod.resident_mebibytes() < 40, what="giving memory back")
    assert pod.ask().body == KAYAK_LINE


# --- clients that leave ----------------------------------------------------------------------------

@pytest.mark.parametrize("method,status", [("GET", 200), ("POST", 201)])
def test_a_client_that_left_before_its_answer(start, method, status):
    engine = slow_engine(start)
    body = BODY if method == "POST" else b""
    with connect(engine) as sock:
        sock.sendall(f"{method} /bookCar HTTP/1.1\r\nHost: x\r\nX-Request-Id: slow-and-gone\r\n"
                     f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        wait_until(lambda: slow_calls(engine) == 1)
        reset(sock)
    engine.go_on.set()
    line = engine.log_of("slow-and-gone")
    assert line["status"] == 499
    assert line["unsent_status"] in (status, 504)  # the latter if the machine took two seconds
    wait_until(lambda: engine.metric("http_requests_total", code="499") == 1)
    assert engine.metric("http_requests_total") == 1
    wait_until(lambda: engine.metric("http_connections") == 0)
