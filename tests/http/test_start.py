"""Starting: options, what stops a start and what it says, --help, --version, --healthcheck."""
import json
import os
import re
import shutil
import socket
import subprocess

import pytest

from support import (BUILD, DATA, PATIENCE, ROOT, SANITIZER_ENVIRONMENT, VERSION, StandIn, fresh_address,
                     free_port, free_ports, http_answer)

BINARIES = ["booking-main", "adapter-kayak", "adapter-airbnb", "adapter-jq"]
ENGINE_OPTIONS = {
    "bind": "BOOKING_BIND", "port": "BOOKING_PORT", "admin-bind": "BOOKING_ADMIN_BIND",
    "admin-port": "BOOKING_ADMIN_PORT", "desk-bind": "BOOKING_DESK_BIND",
    "desk-port": "BOOKING_DESK_PORT", "operator-keys": "BOOKING_OPERATOR_KEYS", "adapter-url": "BOOKING_ADAPTER_URL",
    "connections-per-address": "BOOKING_CONNECTIONS_PER_ADDRESS",
    "prefix": "BOOKING_PREFIX", "database": "BOOKING_DATABASE", "fleet": "BOOKING_FLEET",
    "channel": "BOOKING_CHANNEL", "api-keys": "BOOKING_API_KEYS",
    "drain-delay": "BOOKING_DRAIN_DELAY", "access-log": "BOOKING_ACCESS_LOG",
    "webhook-url": "BOOKING_WEBHOOK_URL", "webhook-secret": "BOOKING_WEBHOOK_SECRET",
    "otlp-endpoint": "BOOKING_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_ENDPOINT",
    "log-level": "BOOKING_LOG_LEVEL"}
ADAPTER_OPTIONS = {"bind": "ADAPTER_BIND", "port": "ADAPTER_PORT",
                   "log-level": "ADAPTER_LOG_LEVEL"}


def run(binary, *arguments, **environment):
    """Runs to the end, which must come by itself."""
    done = subprocess.run([BUILD / binary, *map(str, arguments)], capture_output=True, text=True,
                          timeout=PATIENCE, env={"PATH": os.environ["PATH"],
                                                  **SANITIZER_ENVIRONMENT, **environment})
    assert not re.search("Sanitizer|runtime error", done.stderr), done.stderr
    return done


def refused_start(*arguments, binary="booking-main", **environment):
    """What it says when it does not start: one JSON line that says so, exit status 1."""
    address = fresh_address()
    given = ["--bind", address]
    if binary == "booking-main":
        port, admin_port, desk_port = free_ports(address, 3)
        given += ["--admin-bind", address, "--port", port, "--admin-port", admin_port,
                  "--desk-bind", address, "--desk-port", desk_port]
    done = run(binary, *given, *arguments, **environment)
    assert done.returncode == 1, done
    line = json.loads(done.stderr)
    assert line["level"] == "error" and line["msg"].startswith("cannot ")
    return line["msg"] + ": " + " ".join(str(value) for name, value in line.items()
                                         if name not in ("msg", "time", "level", "service"))


# --- --help and --version ------------------------------------------------------------------------

@pytest.mark.parametrize("binary", BINARIES)
def test_help_lists_every_option(binary):
    done = run(binary, "--help")
    assert done.returncode == 0 and done.stderr == ""
    options = ENGINE_OPTIONS if binary == "booking-main" else ADAPTER_OPTIONS
    for flag, variable in options.items():
        assert re.search(rf"^ +--{flag} [A-Za-z|]+$", done.stdout, re.M), flag
        assert variable in done.stdout
    for flag in ("help", "version", "healthcheck"):
        assert f"--{flag}" in done.stdout
    if binary != "booking-main":
        assert "/formatCarInfo" in done.stdout and "/formatCarList" in done.stdout
    for default in ("33", "9033", "http://127.0.0.1:9096", "sqlite:booking.db", "default: default",
                    "default: 5") if binary == "booking-main" else ("127.0.0.1", "9096"):
        assert default in done.stdout
    assert all(len(line) <= 100 for line in done.stdout.splitlines())


@pytest.mark.parametrize("binary", BINARIES)
def test_version(binary):
    done = run(binary, "--version")
    assert (done.returncode, done.stderr) == (0, "")
    commit = r"( \([0-9a-f]{7,}\))?"  # which a build without git, of an archive say, does not know
    assert re.fullmatch(f"{binary} {re.escape(VERSION)}{commit}\n", done.stdout)


def build_tree(tmp_path):
    """The sources that a build needs, as an archive has them: without git."""
    for name in ("Makefile", "VERSION", "lib", "booking-main", "adapter-kayak"):
        path = ROOT / name
        (shutil.copytree if path.is_dir() else shutil.copy)(path, tmp_path / name)

    # Not as the make that runs this test was told to build.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("SAN", "TRANSPORT", "WERROR", "MAKEFLAGS", "MFLAGS")}

    def make(*arguments):
        return subprocess.run(["make", "-s", *arguments], cwd=tmp_path, capture_output=True,
                              text=True, timeout=10 * PATIENCE, check=True,
                              env={**environment, "CFLAGS": "-O0"}).stdout
    return make


def test_the_version_names_the_commit_and_only_one_object_knows_it(tmp_path):
    make, binary = build_tree(tmp_path), "build/adapter-kayak"

    def version():
        return subprocess.run([tmp_path / binary, "--version"], capture_output=True, text=True,
                              check=True).stdout
    make(binary)
    assert version() == f"adapter-kayak {VERSION}\n"
    compiled = [line.split()[-1] for line in make(binary, "COMMIT=abc1234").splitlines()
                if line.split()[0] == "CC"]
    assert compiled == ["build/obj/lib/base/version.o"]
    assert version() == f"adapter-kayak {VERSION} (abc1234)\n"
    assert make(binary, "COMMIT=abc1234") == ""


# --- options that are wrong ----------------------------------------------------------------------

@pytest.mark.parametrize("binary", BINARIES)
@pytest.mark.parametrize("arguments,named", [
    (["--nonsense"], "--nonsense"), (["--nonsense=1"], "--nonsense"), (["-p", "33"], "-p"),
    (["--port"], "--port"), (["--port", "0"], "--port=0"), (["--port", "65536"], "--port=65536"),
    (["--port", "http"], "--port=http"), (["--port", ""], "--port="), (["--port", "-1"], "--port"),
    (["--port=33x"], "--port=33x"), (["stray"], "stray"), (["--help=me"], "--help")])
def test_bad_options(binary, arguments, named):
    done = run(binary, *arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(binary + ": ")
    assert named in done.stderr and "--help" in done.stderr
    assert done.stderr.count("\n") == 1


def test_bad_options_of_the_engine():
    for arguments, named in ((["--admin-port", "x"], "--admin-port=x"),
                             (["--drain-delay", "-1"], "--drain-delay=-1"),
                             (["--drain-delay", "3601"], "--drain-delay=3601"),
                             (["--drain-delay", "5s"], "--drain-delay=5s"),
                             (["--log-level", "DEBUG"], "--log-level=DEBUG: not debug|info|error")):
        done = run("booking-main", *arguments)
        assert done.returncode == 2 and named in done.stderr and "--help" in done.stderr


@pytest.mark.parametrize("binary,variable", [("booking-main", "BOOKING_PORT"),
                                             ("booking-main", "BOOKING_ADMIN_PORT"),
                                             ("adapter-kayak", "ADAPTER_PORT"),
                                             ("adapter-airbnb", "ADAPTER_PORT")])
def test_bad_variables_and_the_service_link_hint(binary, variable):
    done = run(binary, **{variable: "tcp://10.96.0.7:33"})
    assert done.returncode == 2
    assert variable in done.stderr and "enableServiceLinks" in done.stderr
    done = run(binary, **{variable: "many"})
    assert done.returncode == 2
    assert variable in done.stderr and "enableServiceLinks" not in done.stderr


def test_the_flag_wins_over_the_variable(start):
    address = fresh_address()
    engine = start.engine(f"http://{address}:9", environment={
        "BOOKING_PORT": "1", "BOOKING_BIND": "not an address", "BOOKING_CHANNEL": "from-variable"})
    assert engine.ask().status == 503
    assert [line for line in engine.log("stderr") if line.get("channel") == "from-variable"]


# --- what stops a start --------------------------------------------------------------------------

def test_a_port_in_use_is_named_with_what_to_do():
    address = fresh_address()
    with socket.create_server((address, 0)) as taken:
        port = taken.getsockname()[1]
        for binary, flags in (("booking-main", ("--bind", "--port", "--port")),
                              ("booking-main", ("--admin-bind", "--admin-port", "--admin-port")),
                              ("booking-main", ("--desk-bind", "--desk-port", "--desk-port")),
                              ("adapter-kayak", ("--bind", "--port", "--port"))):
            said = refused_start(flags[0], address, flags[1], port, binary=binary)
            for part in (address, str(port), "Address already in use", "stop what uses it",
                         f"sport = :{port}", flags[2]):
                assert part in said, said


def test_the_same_port_twice():
    address = fresh_address()
    port = free_port(address)
    said = refused_start("--bind", address, "--port", port, "--admin-bind", address,
                         "--admin-port", port)
    assert str(port) in said and "in use" in said


@pytest.mark.parametrize("address", ["localhost", "300.0.0.1", "127.0.0.1:80", "x", "192.0.2.1"])
def test_a_bad_address_is_named(address):
    assert address in refused_start("--bind", address)
    assert address in refused_start("--bind", address, binary="adapter-kayak")


@pytest.mark.parametrize("url", ["", "127.0.0.1:9096", "https://127.0.0.1:9096", "ftp://a",
                                 "http://", "http://127.0.0.1:9096/path", "http://a?b=c", "http://a#b",
                                 "http://127.0.0.1:99999", "unix:/run/adapter", "http://a b",
                                 "http://" + "x" * 300])
def test_a_bad_adapter_url_is_named_with_its_option(url):
    said = refused_start("--adapter-url", url)
    assert f"'{url}'" in said
    assert "--adapter-url" in said


@pytest.mark.parametrize("option,values", [
    ("--prefix", ["kayak", "/", "/kayak/", "/a//b", "/a b", "/a?b", "/%2F", "//x"]),
    ("--channel", ["", "two  words", "a/b", "caf\u00e9"]),
    ("--database", ["", "booking.db", "mysql://a/b", "sqlite:", "postgresql://",
                    "postgres://host/bookings"])])
def test_values_the_table_cannot_check(option, values):
    for value in values:
        said = refused_start(option, value)
        assert option in said and f"'{value}'" in said


@pytest.mark.parametrize("path", sorted((DATA / "fleet" / "invalid").glob("*.csv")),
                         ids=lambda path: path.stem)
def test_a_bad_fleet_file(path):
    expected = path.with_suffix(".expected").read_text().removesuffix("\n")
    assert f"{path}:{expected}" in refused_start("--fleet", path)


def test_a_fleet_that_is_no_file(tmp_path):
    assert "No such file" in refused_start("--fleet", tmp_path / "none.csv")
    assert str(tmp_path) in refused_start("--fleet", tmp_path)


def test_bad_keys(tmp_path):
    path = tmp_path / "keys"
    for content, says in ((b"", "no key"), (b"\n\r\n", "no key"), (b"good\ntwo  words\n", ":2:"),
                          (b"x" * 257, ":1:"),
                          (b"\xef\xbb\xbfsecret\n", "byte order mark"), (b"caf\xc3\xa9\n", ":1:")):
        path.write_bytes(content)
        said = refused_start("--api-keys", path)
        assert str(path) in said and says in said
    path.unlink()
    assert f"{path}: No such file" in refused_start("--api-keys", path)


def test_an_access_log_that_cannot_be_opened(tmp_path):
    said = refused_start("--access-log", tmp_path / "none" / "access.log")
    assert "access.log" in said and "No such file" in said


def test_all_options_are_accepted(start, tmp_path, fleet, database):
    (tmp_path / "keys").write_text("k\n")
    pod = start.pod("kayak", "--prefix", "/a/b", "--database", database.url,
                    "--fleet", fleet("x,ECMR,NCE,1,,EUR"), "--channel", "partner.1", "--api-keys",
                    tmp_path / "keys", "--drain-delay", "0", "--access-log", tmp_path / "log",
                    "--log-level", "info")
    assert pod.ask("/a/b/bookCar", headers={"Authorization": "Bearer k"}).status == 200


# --- --healthcheck -------------------------------------------------------------------------------

def test_healthcheck_of_running_services(kayak):
    assert run("booking-main", "--healthcheck", "--admin-bind", kayak.address, "--admin-port",
               kayak.admin_port).returncode == 0
    adapter = kayak.adapter
    assert run("adapter-kayak", "--healthcheck", ADAPTER_BIND=adapter.address,
               ADAPTER_PORT=str(adapter.port)).returncode == 0


@pytest.mark.parametrize("binary,flags", [("booking-main", ("--admin-bind", "--admin-port")),
                                          ("adapter-airbnb", ("--bind", "--port"))])
@pytest.mark.parametrize("healthz,status", [
    (http_answer(b"ok\n"), 0), (http_answer(status="503 Service Unavailable"), 1),
    (b"HTTP/1.1 2", 1), (b"SSH-2.0-OpenSSH_9.2\r\n", 1), (b"", 1)])
def test_healthcheck_of_something_else(binary, flags, healthz, status):
    stand_in = StandIn()
    stand_in.healthz = healthz
    done = run(binary, "--healthcheck", flags[0], stand_in.address, flags[1], stand_in.port)
    assert done.returncode == status
    assert done.stdout == "" and (done.stderr == "") == (status == 0)
    stand_in.end()


def test_healthcheck_of_nobody_and_of_one_that_does_not_accept():
    address = fresh_address()
    done = run("booking-main", "--healthcheck", "--admin-bind", address, "--admin-port", "9")
    assert done.returncode == 1 and "9" in done.stderr
    with socket.socket() as listener:
        listener.bind((address, 0))
        listener.listen(0)
        port = listener.getsockname()[1]
        fillers = [socket.socket() for _ in range(3)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex((address, port))
        done = run("booking-main", "--healthcheck", "--admin-bind", address, "--admin-port", port)
        assert done.returncode == 1
        for filler in fillers:
            filler.close()
