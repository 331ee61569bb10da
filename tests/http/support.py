"""What the black-box tests share: processes, pods, a stand-in adapter, a client.

Every process listens on a loopback address that no other test uses, on free high ports, so that
several runs of the suite do not meet. Whatever a test does, its processes must end with exit
status 0 and without a sanitizer's report; see conftest.py.
"""
import collections
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

import openapi
import stores

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
DATA = ROOT / "tests" / "data"
# Seconds that are given to what must come, on any machine: only a fault uses them up. What must not
# come is told from it by its answer, or takes far longer.
PATIENCE = 60
VERSION = (ROOT / "VERSION").read_text().strip()
SANITIZED = re.search(b"__[at]san_init", (BUILD / "adapter-kayak").read_bytes()) is not None

KAYAK_LINE = (b'{"carid":"1-XXX-333","price":55,"currency":"euro","status":"available",'
              b'"message":"welcome to kayak","payment_method":"visa"}')
AIRBNB_LINE = (b'{"carid":"1-XXX-333","status":"available","costs":"10 euros an hour",'
               b'"payment_method":"paypal airbnb"}')

# The list of partners: name -> what its format is written in, `c` or `jq`; or `image`, which is not here.
PARTNERS = dict(line.split() for line in (ROOT / "partners").read_text().splitlines()
                if line and not line.startswith("#"))

_addresses = itertools.count(1)


def fresh_address():
    """A loopback address of this run's own."""
    number, pid = next(_addresses), os.getpid()
    assert number < 250 * 4
    return f"127.{2 + pid % 240}.{(pid // 240) % 60 * 4 + number // 250}.{1 + number % 250}"


def free_ports(address, count):
    """Different ones: all are taken before any is given back, or one in 16,000 pairs is the same."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind((address, 0))
        return [sock.getsockname()[1] for sock in sockets]


def free_port(address):
    return free_ports(address, 1)[0]


def wait_until(condition, seconds=PATIENCE, what="it"):
    """The condition's first true value, looked for up to a time."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def listens(address, port):
    try:
        socket.create_connection((address, port), timeout=1).close()
        return True
    except OSError:
        return False


# --- the client ---------------------------------------------------------------------------------

Answer = collections.namedtuple("Answer", "status headers body seconds")


def ask(address, port, path, method="GET", headers=None, body=None, timeout=PATIENCE):
    """One request on a connection of its own."""
    start = time.monotonic()
    connection = http.client.HTTPConnection(address, port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path, body=body, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        openapi.saw(address, port, method, path, (answer.status, answer.headers.items(), body))
        return Answer(answer.status, answer.headers, body, time.monotonic() - start)


def ask_raw(address, port, data, timeout=PATIENCE, shut=False):
    """Sends bytes as they are; all that comes back until the other side closes or is silent."""
    received = b""
    with socket.create_connection((address, port), timeout=timeout) as sock:
        with contextlib.suppress(ConnectionError):
            sock.sendall(data)
            if shut:
                sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionError, TimeoutError):
            while chunk := sock.recv(65536):
                received += chunk
    openapi.saw_raw(address, port, data, received)
    return received


def split_answer(raw):
    """Status, header fields (lower case) and body of one raw answer."""
    head, _, body = raw.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), {name.lower(): value for name, value in fields.items()}, body


def read_to_end(sock):
    """All that comes until the other side closes or resets, which it must."""
    received = b""
    with contextlib.suppress(ConnectionError):
        while chunk := sock.recv(65536):
            received += chunk
    return received


def whole_answers(raw):
    """What these bytes are whole answers of, to the last one: [(status, fields, body)]. An answer
    to HEAD is none, since its length is another's."""
    answers = []
    while raw:
        assert re.match(rb"HTTP/1\.[01] \d{3} ", raw), raw[:300]
        head, end, rest = raw.partition(b"\r\n\r\n")
        assert end and head.lower().count(b"\r\ncontent-length: ") == 1, raw[:300]
        status, fields, _ = split_answer(head)
        length = int(fields["content-length"])
        assert len(rest) >= length, raw[:300]
        answers.append((status, fields, rest[:length]))
        raw = rest[length:]
    return answers


def assert_problem(answer, status, name, parameter=None, detail=""):
    """The answer is this problem and nothing but a whole problem document."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(answer.body)
    assert document["status"] == status
    assert document["type"] == "urn:problem-type:" + name
    assert document["title"]
    assert document["detail"].endswith("."), "not a sentence: " + document["detail"]
    assert detail in document["detail"]
    assert document.get("parameter") == parameter
    assert set(document) <= {"type", "title", "status", "detail", "parameter"}
    assert answer.headers["X-Request-Id"]
    assert answer.headers["traceparent"]
    assert answer.headers["Server"]
    return document


# --- processes ----------------------------------------------------------------------------------

class Process:
    """One of the services, with what it printed in files; `clock` is its wall clock, a Clock."""

    def __init__(self, binary, *arguments, environment=None, stdout=None, clock=None):
        self.name = binary
        self.folder = tempfile.TemporaryDirectory(prefix="booking-test-")
        self.files = {stream: open(os.path.join(self.folder.name, stream), "w+b")
                      for stream in ("stdout", "stderr")}
        self.process = subprocess.Popen(
            [BUILD / binary, *map(str, arguments)], stdin=subprocess.DEVNULL,
            stdout=stdout if stdout is not None else self.files["stdout"],
            stderr=self.files["stderr"], cwd=self.folder.name,
            env={"PATH": os.environ["PATH"], **SANITIZER_ENVIRONMENT,
                 **(clock.environment if clock else {}), **(environment or {})})
        self.expected_status = 0

    def printed(self, stream):
        return pathlib.Path(self.folder.name, stream).read_bytes()

    def stderr(self):
        return self.printed("stderr").decode()

    def log(self, stream="stdout"):
        """Its log lines, each of which must be a JSON object."""
        text = self.printed(stream)
        whole = text[:text.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.decode().splitlines()]

    def log_of(self, request_id):
        """The access log's line of that request, which may be about to be written."""
        def find():
            return [line for line in self.log() if line.get("request_id") == request_id]
        lines = wait_until(find, what=f"a line for {request_id} in {self.name}'s access log")
        assert len(lines) == 1
        return lines[0]

    def wait_ready(self):
        """Until it says that it listens, by which time it takes signals too, or has ended."""
        wait_until(lambda: '"msg":"listening"' in self.stderr() or not self.running(),
                   what="listening")
        return self

    def signal(self, number):
        self.process.send_signal(number)

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=PATIENCE):
        return self.process.wait(seconds)

    def kill(self):
        """An end that is meant to be violent."""
        self.expected_status = -signal.SIGKILL
        self.process.kill()
        self.process.wait()

    def resident_mebibytes(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024

    def end(self):
        """Stops it and returns what was wrong with its end, or None."""
        wrong = None
        try:
            if self.running():
                self.signal(signal.SIGCONT)
                self.signal(signal.SIGINT)
            status = self.process.wait(PATIENCE)
            if status != self.expected_status:
                wrong = f"{self.name} ended with {status}, not {self.expected_status}"
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            wrong = f"{self.name} did not end on SIGINT"
        for file in self.files.values():
            file.close()
        printed = self.stderr()
        if re.search(r"Sanitizer|runtime error", printed):
            wrong = f"{self.name}: a sanitizer's report"
        self.folder.cleanup()
        return f"{wrong}:\n{printed}" if wrong else None


SANITIZER_ENVIRONMENT = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=99",
    "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
}


def adapter_of(partner):
    """What to start for a partner of the list: Adapter(*adapter_of("kayak"))."""
    if PARTNERS[partner] == "c":
        return (partner,)
    return "jq", "--filter", ROOT / "deploy" / "components" / f"partner-{partner}" / "format.jq"


class Adapter(Process):
    def __init__(self, partner, *arguments, address=None, port=None, **kwargs):
        self.address = address or fresh_address()
        self.port = port or free_port(self.address)
        openapi.serve("adapter", self.address, self.port)
        super().__init__(f"adapter-{partner}", "--bind", self.address, "--port", self.port,
                         *arguments, **kwargs)
        self.url = f"http://{self.address}:{self.port}"

    def ask(self, path="/formatCarInfo", method="POST", **kwargs):
        return ask(self.address, self.port, path, method, **kwargs)


def prefix_of(arguments, environment):
    """An engine's --prefix."""
    given = dict(zip(arguments, arguments[1:]))
    return given.get("--prefix") or (environment or {}).get("BOOKING_PREFIX", "")


class Engine(Process):
    """On a database of its own, unless the arguments name one."""

    def __init__(self, adapter_url, *arguments, address=None, **kwargs):
        self.address = address or fresh_address()
        self.port, self.admin_port, self.desk_port = free_ports(self.address, 3)
        openapi.serve("partner", self.address, self.port,
                      prefix=prefix_of(arguments, kwargs.get("environment")),
                      formatted=openapi.is_adapter(adapter_url))
        openapi.serve("operator", self.address, self.admin_port)
        openapi.serve("desk", self.address, self.desk_port)
        self.database = None
        if stores.IS_POSTGRESQL and "--database" not in arguments:
            self.database = stores.take()
            arguments = (*arguments, "--database", self.database.url)
        super().__init__(
            "booking-main", "--bind", self.address, "--port", self.port,
            "--admin-bind", self.address, "--admin-port", self.admin_port,
            "--desk-bind", self.address, "--desk-port", self.desk_port,
            "--adapter-url", adapter_url, *arguments, **kwargs)

    def ask(self, path="/bookCar", method="GET", **kwargs):
        return ask(self.address, self.port, path, method, **kwargs)

    def ask_raw(self, data, **kwargs):
        return ask_raw(self.address, self.port, data, **kwargs)

    def operator(self, path, **kwargs):
        return ask(self.address, self.admin_port, path, **kwargs)

    def desk(self, path="/api/status", method="GET", **kwargs):
        return ask(self.address, self.desk_port, path, method, **kwargs)

    def metric(self, name, **labels):
        """The sum of that metric's samples whose labels include these."""
        total = 0
        for line in self.operator("/metrics").body.decode().splitlines():
            match = re.fullmatch(r"([a-z_]+)(?:\{(.*)\})? (\S+)", line)
            if match and match[1] == name:
                there = dict(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
                if labels.items() <= there.items():
                    total += float(match[3])
        return total

    def connect(self):
        return socket.create_connection((self.address, self.port), timeout=PATIENCE)

    def end(self):
        wrong = super().end()
        if self.database:
            stores.give_back(self.database)
        return wrong


# --- a stand-in adapter -------------------------------------------------------------------------

Received = collections.namedtuple("Received", "method path headers body")


def http_answer(body=b'{"ok":true}', status="200 OK", content_type="application/json", more=""):
    kind = f"Content-Type: {content_type}\r\n" if content_type else ""
    return (f"HTTP/1.1 {status}\r\n{kind}Content-Length: {len(body)}\r\n{more}\r\n"
            .encode() + body)


def reset(sock):
    """Closes with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class StandIn:
    """An adapter that does what its script says: `script(sock, received)` answers one POST and
    returns whether the connection goes on. /healthz is always well unless `healthz` says other."""

    def __init__(self, script=None, address=None, port=0, certificate=None):
        """With a certificate, its file and its key's, it speaks TLS."""
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if certificate:
            self.tls.load_cert_chain(*certificate)
        self.script = script or (lambda sock, received: sock.sendall(http_answer()) or True)
        self.healthz = http_answer(b"ok\n", content_type="text/plain")
        self.received = []
        self.stopped = threading.Event()  # a script may wait for it instead of sleeping
        self.sockets = set()
        self.listener = socket.create_server((address or fresh_address(), port), backlog=512)
        self.address, self.port = self.listener.getsockname()
        self.url = f"http{'s' if certificate else ''}://{self.address}:{self.port}"
        self.thread = threading.Thread(target=self._accept, daemon=True)
        self.thread.start()

    def _accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            self.sockets.add(sock)
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock):
        with contextlib.suppress(OSError, ValueError):
            if self.tls:
                self.sockets.discard(sock)
                sock = self.tls.wrap_socket(sock, server_side=True)
                self.sockets.add(sock)
            reader = sock.makefile("rb")
            while received := self._read(reader):
                if received.path == "/healthz":
                    sock.sendall(self.healthz)
                    continue
                self.received.append(received)
                if not self.script(sock, received):
                    break
        sock.close()
        self.sockets.discard(sock)

    @staticmethod
    def _read(reader):
        line = reader.readline()
        if not line:
            return None
        method, path, _ = line.decode().split(" ", 2)
        headers = http.client.parse_headers(reader)
        return Received(method, path, headers, reader.read(int(headers["Content-Length"] or 0)))

    def end(self):
        self.stopped.set()
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(PATIENCE)
        for sock in list(self.sockets):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


def at_once(count, work):
    """Runs work(0) ... work(count - 1) in as many threads; their results, in order."""
    results = [None] * count

    def run(number):
        try:
            results[number] = work(number)
        except Exception as error:  # the caller looks at it
            results[number] = error

    threads = [threading.Thread(target=run, args=(number,), daemon=True)
               for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    return results


@contextlib.contextmanager
def full_pipe():
    """A pipe that takes no more bytes; see drain()."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        yield reader, writer
    finally:
        drain(reader)
        os.close(writer)


def drain(reader):
    """Reads a pipe to its end from now on, in the background; what was read, so far."""
    copy = os.dup(reader)
    taken = bytearray()

    def read():
        while part := os.read(copy, 65536):
            taken.extend(part)
        os.close(copy)

    threading.Thread(target=read, daemon=True).start()
    return taken
