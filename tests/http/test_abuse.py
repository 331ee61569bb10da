"""Clients that are many, slow, rude or gone."""
import contextlib
import json
import resource
import signal
import socket
import threading
import time

import pytest

from support import (KAYAK_LINE, PATIENCE, at_once, drain, full_pipe, http_answer, reset, split_answer,
                     wait_until)

GET = b"GET /bookCar HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /bookCar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@contextlib.contextmanager
def connections(pod, count, data=b""):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    socks = []
    try:
        for _ in range(count):
            sock = pod.connect()
            socks.append(sock)
            if data:
                sock.sendall(data)
        yield socks
    finally:
        for sock in socks:
            sock.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_idle_connections(start):
    pod = start.pod("kayak")
    with connections(pod, 1000):
        wait_until(lambda: pod.metric("http_connections") == 1000)
        for _ in range(20):
            answer = pod.ask()
            assert answer.body == KAYAK_LINE
    wait_until(lambda: pod.metric("http_connections") == 0)
    assert pod.ask().body == KAYAK_LINE


def test_a_thousand_half_requests(start):
    pod = start.pod("kayak")
    with connections(pod, 1000, b"GET /bookCar HTTP/1.1\r\nHost: x\r\nX-Slow: "):
        answer = pod.ask()
        assert answer.body == KAYAK_LINE
    wait_until(lambda: pod.metric("http_connections") == 0)


def test_slow_drips_hold_up_nobody(start):
    pod = start.pod("kayak")
    with connections(pod, 50) as slow:
        for byte in LAST[:-2]:
            for sock in slow:
                sock.sendall(bytes([byte]))
            answer = pod.ask()
            assert answer.status == 200
        for sock in slow:
            sock.sendall(LAST[-2:])
        for sock in slow:
            received = b""
            while chunk := sock.recv(4096):
                received += chunk
            assert received.endswith(KAYAK_LINE)


def test_a_slow_reader_gets_it_all(start):
    body = b'"' + b"x" * 60_000 + b'"'
    engine = start.engine(start.stand_in(lambda sock, _: sock.sendall(http_answer(body)) or True))
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        slow.settimeout(PATIENCE)
        slow.connect((engine.address, engine.port))
        slow.sendall(LAST)
        assert engine.ask().status == 200
        received = b""
        while chunk := slow.recv(1000):
            received += chunk
    assert split_answer(received)[2] == body


def test_pipelined_requests_are_answered_in_order(kayak):
    requests = b"".join(b"GET %s HTTP/1.1\r\nHost: x\r\nX-Request-Id: pipe-%d\r\n\r\n" % (path, n)
                        for n, path in enumerate([b"/bookCar", b"/nowhere", b"/bookCar?x=1",
                                                  b"/bookCar"] * 5)) + LAST
    raw = kayak.ask_raw(requests)
    statuses, ids = [], []
    while raw:
        status, fields, _ = split_answer(raw)
        statuses.append(status)
        ids.append(fields["x-request-id"])
        head, _, rest = raw.partition(b"\r\n\r\n")
        raw = rest[int(fields["content-length"]):]
    assert statuses == [200, 404, 400, 200] * 5 + [200]
    assert ids[:20] == [f"pipe-{n}" for n in range(20)]


def test_kept_alive_and_closed_connections(kayak):
    with kayak.connect() as sock:
        for _ in range(100):
            sock.sendall(GET)
            received = b""
            while not received.endswith(KAYAK_LINE):
                received += sock.recv(4096)
        sock.sendall(LAST)
        received = b""
        while chunk := sock.recv(4096):
            received += chunk
        assert b"\r\nConnection: close\r\n" in received


def test_http_1_0(kayak):
    raw = kayak.ask_raw(b"GET /bookCar HTTP/1.0\r\n\r\n")  # closed without being asked to
    status, fields, body = split_answer(raw)
    assert (status, body) == (200, KAYAK_LINE)
    assert kayak.ask_raw(b"HEAD /bookCar HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.")


def test_a_client_that_stops_sending_still_gets_its_answer(kayak):
    raw = kayak.ask_raw(b"GET /bookCar HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", shut=True)
    assert split_answer(raw)[2] == KAYAK_LINE


def test_clients_that_leave_while_the_adapter_is_slow(start):
    left = threading.Event()
    stand_in = start.stand_in(
        lambda sock, received: left.wait() and sock.sendall(http_answer()) is None)
    engine = start.engine(stand_in)
    for turn, leave in enumerate((lambda sock: sock.close(), reset), 1):
        left.clear()
        with connections(engine, 60, GET) as socks:
            wait_until(lambda asked=60 * turn: len(stand_in.received) == asked)
            for sock in socks:
                leave(sock)
        left.set()
        wait_until(lambda: engine.metric("http_requests_in_progress") == 0)
    assert engine.ask().status == 200
    wait_until(lambda: engine.metric("http_connections") == 0)


def test_a_client_that_leaves_with_requests_in_the_pipe(start):
    pod = start.pod("kayak")
    for _ in range(50):
        with pod.connect() as sock:
            sock.sendall(GET * 50)
    wait_until(lambda: pod.metric("http_requests_in_progress") == 0)
    assert pod.ask().body == KAYAK_LINE


@pytest.mark.parametrize("garbage", [
    b"\r\n\r\n", b"\0" * 100, b"GET\r\n\r\n", b"GET /bookCar\r\n\r\n", b"hello\r\n\r\n",
    b"GET  /bookCar HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /bookCar HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /bookCar HTTP/1.1\r\n\r\n", b"GET /bookCar HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    b"GET /bookCar HTTP/1.1\r\nno colon\r\n\r\n", b"GET /bookCar HTTP/1.1\r\n: x\r\n\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: many\r\n\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    b"POST /bookCar HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nx",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"a" * 200,
    b"GET http://x/bookCar HTTP/1.1\r\nHost: x\r\n\r\n", b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
    b"CONNECT x:33 HTTP/1.1\r\nHost: x\r\n\r\n", b"GET " + b"/" * 100_000 + b" HTTP/1.1\r\n\r\n",
    b"GET /bookCar?" + b"a=1&" * 25_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /bookCar?%zz=%g HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /%zz%g% HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda garbage: repr(garbage[:50]))
def test_garbage_harms_nobody(kayak, garbage):
    for one in (kayak, kayak.adapter):
        received = b""
        with socket.create_connection((one.address, one.port), timeout=0.2) as sock:
            with contextlib.suppress(ConnectionError, TimeoutError):
                sock.sendall(garbage)
                while chunk := sock.recv(65536):  # silence is an answer to what is not whole
                    received += chunk
        # What can be made out all the same, such as a request without Host, may be served.
        assert not received or split_answer(received)[0] in (200, *range(400, 506)), received[:200]
    assert kayak.ask().body == KAYAK_LINE


@pytest.mark.parametrize("half", [b"\r\n\r\n", b"GET /bookCar HT", b"GET /bookCar HTTP/1.1\r\nX: y",
                                  b"POST /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx"])
def test_clients_gone_after_half_a_request_are_forgotten(start, half):
    """Or there would soon be no connection left for anybody else."""
    pod = start.pod("kayak", "--drain-delay", 0)
    for _ in range(200):
        with pod.connect() as sock:
            sock.sendall(half)
    wait_until(lambda: pod.metric("http_connections") == 0, what="forgetting 200 clients")
    assert pod.metric("http_requests_in_progress") == 0


def test_a_body_with_a_get_is_ignored(kayak):
    raw = kayak.ask_raw(b"GET /bookCar HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" + LAST)
    assert raw.count(KAYAK_LINE) == 2


def test_leave_to_send_is_given(kayak):
    document = b'{"carid":"a","price":1,"currency":"euro","status":"available"}'
    with socket.create_connection((kayak.adapter.address, kayak.adapter.port), timeout=PATIENCE) as sock:
        sock.sendall(b"POST /formatCarInfo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                     b"Content-Length: %d\r\n\r\n" % len(document))
        assert sock.recv(4096).startswith(b"HTTP/1.1 100 ")
        sock.sendall(document)
        assert sock.recv(4096).startswith(b"HTTP/1.1 200 ")


def test_a_body_in_many_small_pieces(kayak):
    document = b'{"carid":"a","price":1,"currency":"euro","status":"available"}'
    with socket.create_connection((kayak.adapter.address, kayak.adapter.port), timeout=PATIENCE) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(b"POST /formatCarInfo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                     b"Connection: close\r\n\r\n")
        for byte in document:
            sock.sendall(b"1\r\n%c\r\n" % byte)
        sock.sendall(b"0\r\n\r\n")
        assert b'"carid":"a","price":1' in sock.recv(4096)


def test_many_at_once(kayak):
    def work(number):
        return [kayak.ask(headers={"X-Request-Id": f"many-{number}-{n}"}) for n in range(20)]

    for number, answers in enumerate(at_once(40, work)):
        for n, answer in enumerate(answers):
            assert answer.body == KAYAK_LINE
            assert answer.headers["X-Request-Id"] == f"many-{number}-{n}"


def test_a_log_that_nobody_reads_stops_nobody(start):
    """Standard output is a pipe whose reader has stopped: lines may be lost, requests not."""
    adapter = start.adapter("kayak")
    with full_pipe() as (reader, writer):
        engine = start.engine(adapter, stdout=writer)
        answers = at_once(5, lambda _: [engine.ask() for _ in range(3)])
        drain(reader)  # so that the engine can end in any case
        assert all(isinstance(one, list) for one in answers), answers[0]


def test_threads_of_requests_and_garbage_together(start):
    pod = start.pod("airbnb")
    stop = threading.Event()

    def rude(_):
        while not stop.is_set():
            with contextlib.suppress(OSError), pod.connect() as sock:
                sock.sendall(b"GET /bookCar HTTP/1.1\r\nX: " + b"y" * 50_000)
                time.sleep(0.01)

    threads = [threading.Thread(target=rude, args=(n,), daemon=True) for n in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(100):
        assert json.loads(pod.ask().body)["carid"] == "1-XXX-333"
    stop.set()
    for thread in threads:
        thread.join()


def test_a_port_serves_again_after_its_last_connection(start):
    """At its limit a server stops listening; it must begin again when all leave at once."""
    engine = start.pod("kayak")
    for _ in range(3):
        taken = [socket.create_connection((engine.address, engine.admin_port))
                 for _ in range(64)]
        wait_until(lambda: engine.ask().status == 200)
        engine.signal(signal.SIGSTOP)  # so that it sees all of them leave in one round
        for sock in taken:
            sock.close()
        engine.signal(signal.SIGCONT)
        assert engine.operator("/healthz").status == 200
