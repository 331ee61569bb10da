"""The contenders of the bench: how each is started, where it listens, how it is stopped.

Each is two processes, a front and an adapter, on a loopback address of its own.
"""
import contextlib
import dataclasses
import http.client
import itertools
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("BUILD_DIR", ROOT / "build")).resolve()
PEERS = HERE / "peers"

ENGINE, ADAPTER = BUILD / "booking-main", BUILD / "adapter-kayak"
JQ_ADAPTER = BUILD / "adapter-jq"
CURL_ENGINE = BUILD / "bench" / "booking-main-curl"
JANSSON_ENGINE, JANSSON_ADAPTER = (BUILD / "bench" / f"{name}-jansson"
                                   for name in ("booking-main", "adapter-kayak"))
FRONT_PORT, OPERATOR_PORT, ADAPTER_PORT = 8033, 9033, 9096
KAYAK_LINE = (b'{"carid":"1-XXX-333","price":55,"currency":"euro","status":"available",'
              b'"message":"welcome to kayak","payment_method":"visa"}')
CALLS = re.compile(r'http_requests_total\{method="POST",path="/formatCar\w+",code="200"\} (\d+)')

_services_started = itertools.count(1)


def _fresh_address():
    """A loopback address that no other service of this run has, nor one of another run."""
    number = next(_services_started)
    assert number < 255
    return f"127.{2 + os.getpid() % 240}.{os.getpid() // 240 % 250}.{number}"


def get(address, port, path):
    connection = http.client.HTTPConnection(address, port, timeout=5)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Service:
    """One contender while it runs. `processes` are those that were started, front first."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.address = _fresh_address()
        self.port = FRONT_PORT
        self.processes = []
        self.access_log = None
        self.counts_calls = False

    def start(self, *command, under=()):
        """Starts one of its processes, under a program that watches it if there is one."""
        with open(self.folder / "errors", "ab") as errors:
            self.processes.insert(0, subprocess.Popen(
                [*map(str, under), *map(str, command)], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors))

    def wait_ready(self, seconds=60):
        """Until it answers; the body of the answer."""
        end = time.monotonic() + seconds
        while True:
            try:
                status, body = get(self.address, self.port, "/bookCar")
                if status == 200:
                    return body
            except (OSError, http.client.HTTPException):
                status = "no answer"
            ended = [process for process in self.processes if process.poll() is not None]
            if ended or time.monotonic() > end:
                said = (self.folder / "errors").read_text()
                raise RuntimeError(f"{self.folder.name} does not serve ({status}): {said}")
            time.sleep(0.02)

    def adapter_calls(self):
        """How many requests its adapter answered, by the adapter's own count."""
        text = get(self.address, ADAPTER_PORT, "/metrics")[1].decode()
        return sum(map(int, CALLS.findall(text)))

    def empty_access_log(self):
        """It is written as in production, and need not fill the disk meanwhile."""
        if self.access_log:
            os.truncate(self.access_log, 0)

    def stop(self):
        for process in self.processes:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []


def start_ours(folder, fleet=None, engine=ENGINE, adapter=ADAPTER, under_front=(),
               under_adapter=(), database=None, options=()):
    """The engine with all it does in production: database, metrics, access log into a file."""
    service = Service(folder)
    service.access_log = service.folder / "access.log"
    service.counts_calls = True
    adapter = adapter if isinstance(adapter, tuple) else (adapter,)
    service.start(*adapter, "--bind", service.address, "--port", ADAPTER_PORT, under=under_adapter)
    service.start(engine, "--bind", service.address, "--port", FRONT_PORT,
                  "--admin-bind", service.address, "--admin-port", OPERATOR_PORT,
                  "--desk-bind", service.address,
                  "--adapter-url", f"http://{service.address}:{ADAPTER_PORT}",
                  "--database", database or f"sqlite:{service.folder / 'booking.db'}",
                  "--access-log", service.access_log, *(["--fleet", fleet] if fleet else []),
                  *options,
                  under=under_front)
    return service


def start_with_curl(folder, **under):
    return start_ours(folder, engine=CURL_ENGINE, **under)


def start_with_jansson(folder, **under):
    return start_ours(folder, engine=JANSSON_ENGINE, adapter=JANSSON_ADAPTER, **under)


def start_with_jq(folder, **under):
    """Kayak's format as a jq filter."""
    file = pathlib.Path(folder).with_suffix(".jq")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text('{carid, price, currency: ({EUR: "euro"}[.currency] // .currency), status, '
                    'message: "welcome to kayak", payment_method: "visa"}')
    return start_ours(folder, adapter=(JQ_ADAPTER, "--filter", file), **under)


@contextlib.contextmanager
def serving(start, *arguments, **keywords):
    service = start(*arguments, **keywords)
    try:
        service.wait_ready()
        yield service
    finally:
        service.stop()


def start_floor(folder):
    floor = BUILD / "bench" / "floor"
    service = Service(folder)
    service.start(floor, "adapter", service.address, ADAPTER_PORT)
    service.start(floor, "front", service.address, FRONT_PORT, ADAPTER_PORT)
    return service


def start_node(folder):
    service = Service(folder)
    service.start("node", PEERS / "node" / "adapter.js", service.address, ADAPTER_PORT)
    service.start("node", PEERS / "node" / "front.js", service.address, FRONT_PORT, ADAPTER_PORT)
    return service


def start_go(folder):
    service = Service(folder)
    service.start(BUILD / "bench" / "go-adapter", service.address, ADAPTER_PORT)
    service.start(BUILD / "bench" / "go-front", service.address, FRONT_PORT, ADAPTER_PORT)
    return service


def start_nginx(folder):
    service = Service(folder)
    # Its workers drop root's rights and need not own the folder, but must get into it.
    service.folder.chmod(0o755)
    for name, port in (("adapter", ADAPTER_PORT), ("front", FRONT_PORT)):
        prefix = service.folder / name
        prefix.mkdir()
        text = (PEERS / "nginx" / f"{name}.conf").read_text()
        for key, value in (("@ADDRESS@", service.address), ("@PORT@", port),
                           ("@ADAPTER_PORT@", ADAPTER_PORT)):
            text = text.replace(key, str(value))
        (prefix / "nginx.conf").write_text(text)
        service.start(nginx_program(), "-e", "stderr", "-p", prefix, "-c", prefix / "nginx.conf")
    return service


def nginx_program():
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


def first_line(*command):
    """What a program says of its version; None when there is no such program."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    except (OSError, TypeError, subprocess.CalledProcessError):
        return None
    return (done.stdout or done.stderr).splitlines()[0].strip()


@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    what: str
    start: object
    version: object  # a function; None from it says that this one is not installed
    reads_json: bool


# The same with a library where we have code of our own, to see what that is worth.
LIBRARIES = {
    "ours, libcurl's HTTP": ("the same with libcurl's transfers, not only its connecting",
                             start_with_curl),
    "ours, jansson alone": ("the same with all JSON read by jansson", start_with_jansson),
}
CONTENDERS = (
    Contender("floor", "the kernel's floor: raw epoll, fixed bytes", start_floor,
              lambda: "as built", False),
    Contender("ours", "booking-main and adapter-kayak, database, metrics and access log on",
              start_ours, lambda: first_line(ENGINE, "--version"), True),
    Contender("ours, adapter-jq", "the same with kayak's format as a jq filter", start_with_jq,
              lambda: first_line(JQ_ADAPTER, "--version"), True),
    *(Contender(name, what, start, lambda: first_line(ENGINE, "--version"), True)
      for name, (what, start) in LIBRARIES.items()),
    Contender("nginx", "nginx to nginx, fixed bytes, one worker each", start_nginx,
              lambda: first_line(nginx_program(), "-v"), False),
    Contender("Go", "`net/http` and `encoding/json`", start_go,
              lambda: (BUILD / "bench" / "go-front").exists() and first_line("go", "version")
              or None, True),
    Contender("Node", "`http` with a keep-alive agent", start_node,
              lambda: first_line("node", "--version"), True),
)
