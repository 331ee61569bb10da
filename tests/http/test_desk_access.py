"""Who may call the desk, and from where; what its page is served with."""
import base64
import json
import re
import select
import signal
import socket
import time

import pytest

from support import PATIENCE, ROOT, ask_raw, assert_problem, listens, split_answer, wait_until
from test_start import refused_start

PAGE = ROOT / "booking-main" / "operator" / "desk" / "page"
SECURITY = {
    "Content-Security-Policy":
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
JSON = {"Content-Type": "application/json"}


def bearer(key):
    return {"Authorization": "Bearer " + key}


def basic(key, user="anybody"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{key}".encode()).decode()}


@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "operators"
    path.write_text("Anna Berg first-key\nsecond-key\nboris third-key\nboris fourth-key\n")
    return path


@pytest.fixture
def guarded(start, keys):
    return start.engine("http://127.0.0.1:9", "--operator-keys", keys)


@pytest.fixture(scope="module")
def open_desk(_shared):
    return _shared.engine("http://127.0.0.1:9", "--channel", "kayak")


# --- without keys --------------------------------------------------------------------------------

def test_status(open_desk):
    answer = open_desk.desk()
    assert answer.status == 200 and answer.headers["Content-Type"] == "application/json"
    status = json.loads(answer.body)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", status.pop("now"))
    assert status.pop("version")
    assert status == {"channel": "kayak", "operator": None, "currency": "EUR", "cars": 7,
                      "turnaround": 0, "store": "up"}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9034", "127.0.0.1", "127.9.8.7:80", "[::1]",
                                  "[::1]:9034"])
def test_loopback_may_have_these_names(open_desk, host):
    assert open_desk.desk("/", headers={"Host": host}).status == 200
    assert open_desk.desk(headers={"Host": host}).status == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9034", "localhost.evil.example",
                                  "127.0.0.1.evil.example", "[::2]", "128.0.0.1", "10.0.0.1",
                                  "0.0.0.0", "127.1", "x" * 300])
def test_a_foreign_name_is_refused(open_desk, host):
    """DNS rebinding: another site's name that was made to lead here."""
    for path in "/", "/desk.js", "/api/status", "/api/bookings":
        assert_problem(open_desk.desk(path, headers={"Host": host}), 403, "forbidden", "Host")


def test_no_name_is_refused(open_desk):
    raw = ask_raw(open_desk.address, open_desk.desk_port, b"GET / HTTP/1.0\r\n\r\n")
    assert split_answer(raw)[0] == 403


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1", "::ffff:127.0.0.1"])
def test_no_keys_no_other_address(address):
    said = refused_start("--desk-bind", address)
    assert f"--desk-bind '{address}'" in said and "--operator-keys" in said


def test_another_address_with_keys(start, keys):
    engine = start.engine("http://127.0.0.1:9", "--desk-bind", "0.0.0.0", "--operator-keys", keys)
    assert engine.desk("/", headers={"Host": "desk.example", **bearer("first-key")}).status == 200


def test_no_desk(start):
    engine = start.engine("http://127.0.0.1:9", "--desk-port", 0)
    assert not listens(engine.address, engine.desk_port)
    assert engine.operator("/healthz").status == 200


def test_bad_key_files(tmp_path):
    assert "none: No such file" in refused_start("--operator-keys", tmp_path / "none")
    (tmp_path / "empty").write_text("\n")
    assert "holds no key" in refused_start("--operator-keys", tmp_path / "empty")


def test_no_other_port_has_the_desk_and_the_desk_has_no_other_port(open_desk):
    for path in "/", "/desk.js", "/api/status", "/api/bookings":
        assert_problem(open_desk.ask(path), 404, "not-found")
        assert_problem(open_desk.operator(path), 404, "not-found")
    for path in "/bookCar", "/bookings/x", "/healthz", "/readyz", "/metrics":
        assert_problem(open_desk.desk(path), 404, "not-found")


# --- where it comes from -------------------------------------------------------------------------

def write(desk, headers, path="/api/turnaround", method="POST", body=b'{"minutes":0}'):
    return desk.desk(path, method, headers=headers, body=body)


def test_a_write_is_json_from_our_own_page(open_desk):
    own = f"{open_desk.address}:{open_desk.desk_port}"
    for headers in ({}, {"Origin": "http://" + own}, {"Origin": "https://" + own},
                    {"Sec-Fetch-Site": "same-origin"}, {"Content-Type": "Application/JSON; charset=utf-8"},
                    {"Host": "localhost:1", "Origin": "http://LOCALHOST:1"}):
        assert write(open_desk, {**JSON, **headers}).status == 200, headers


@pytest.mark.parametrize("headers,field", [
    ({"Content-Type": "text/plain"}, "Content-Type"),
    ({"Content-Type": "application/x-www-form-urlencoded"}, "Content-Type"),
    ({"Content-Type": "application/jsonx"}, "Content-Type"),
    ({"Content-Type": "text/csv"}, "Content-Type"),
    ({"Origin": "null"}, "Origin"), ({"Origin": "http://evil.example"}, "Origin"),
    ({"Origin": "http://localhost:3000"}, "Origin"), ({"Origin": ""}, "Origin"),
    ({"Origin": "file://"}, "Origin"), ({"Sec-Fetch-Site": "cross-site"}, "Origin")])
def test_a_foreign_write_is_refused(open_desk, headers, field):
    assert_problem(write(open_desk, {**JSON, **headers}), 403, "forbidden", field)
    assert_problem(write(open_desk, {**JSON, **headers}, "/api/blocks/x", "DELETE", b"{}"), 403,
                   "forbidden", field)


def test_a_write_without_a_type(open_desk):
    assert_problem(write(open_desk, {}), 403, "forbidden", "Content-Type")
    assert_problem(write(open_desk, {}, body=b""), 403, "forbidden", "Content-Type")
    bare = open_desk.desk("/api/blocks/" + "x" * 22, "DELETE")
    assert_problem(bare, 404, "unknown-booking", "id")


def test_another_site_may_not_have_a_browser_read(open_desk):
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert_problem(open_desk.desk(headers=cross), 403, "forbidden", "Origin")
    assert open_desk.desk("/", headers=cross).status == 200  # a link that leads here
    assert open_desk.desk(headers={"Sec-Fetch-Site": "none"}).status == 200


# --- the page ------------------------------------------------------------------------------------

def test_every_file_of_the_page_is_served(open_desk):
    types = {".html": "text/html", ".css": "text/css", ".js": "text/javascript",
             ".svg": "image/svg+xml"}
    names = sorted(path.name for path in PAGE.iterdir())
    assert "index.html" in names and "desk.js" in names
    for name in names:
        answer = open_desk.desk("/" + name)
        assert answer.status == 200, name
        assert answer.body == (PAGE / name).read_bytes()
        assert answer.headers["Content-Type"].startswith(types["." + name.rsplit(".")[-1]])
    assert open_desk.desk("/").body == (PAGE / "index.html").read_bytes()
    for path in "/none.js", "/..%2Fpage.c", "/page/desk.js", "/%2e%2e/page.c":
        assert_problem(open_desk.desk(path), 404, "not-found")


def test_a_file_is_fetched_again_only_when_it_changed(open_desk):
    first = open_desk.desk("/desk.js")
    tag = first.headers["ETag"]
    assert first.headers["Cache-Control"] == "no-cache"
    for known in tag, 'W/"x", ' + tag:
        again = open_desk.desk("/desk.js", headers={"If-None-Match": known})
        assert (again.status, again.body, again.headers["ETag"]) == (304, b"", tag)
    assert open_desk.desk("/desk.css", headers={"If-None-Match": tag}).status == 200


def test_every_answer_has_the_security_fields(open_desk):
    answers = [open_desk.desk("/"), open_desk.desk("/none"), open_desk.desk(),
               open_desk.desk("/api/status", "POST"), open_desk.desk("/", headers={"Host": "evil"}),
               open_desk.desk("/api/turnaround", "POST", headers=JSON, body=b"x" * 20000)]
    assert [answer.status for answer in answers] == [200, 404, 200, 405, 403, 413]
    for answer in answers:
        for name, value in SECURITY.items():
            assert answer.headers[name] == value
    raw = ask_raw(open_desk.address, open_desk.desk_port, b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n")
    status, fields, _ = split_answer(raw)
    assert status == 400 and fields["content-security-policy"] == SECURITY["Content-Security-Policy"]
    assert open_desk.desk().headers["Cache-Control"] == "no-store"
    assert "Content-Security-Policy" not in open_desk.ask("/none").headers


# --- keys ----------------------------------------------------------------------------------------

def operator(engine, headers):
    answer = engine.desk(headers=headers)
    return json.loads(answer.body)["operator"] if answer.status == 200 else answer.status


def test_keys(guarded):
    for key, name in (("first-key", "Anna Berg"), ("second-key", "key 2"), ("third-key", "boris"),
                      ("fourth-key", "boris")):
        assert operator(guarded, bearer(key)) == name
        assert operator(guarded, basic(key)) == name
        assert operator(guarded, basic(key, user="")) == name
        for path in "/", "/desk.js", "/api/bookings":
            assert guarded.desk(path, headers=basic(key)).status == 200


def test_without_a_key(guarded):
    for path in "/", "/desk.js", "/api/status", "/api/bookings":
        for _ in range(8):  # which is no attempt
            answer = guarded.desk(path)
            assert_problem(answer, 401, "unauthorized", "Authorization")
    assert answer.headers.get_all("WWW-Authenticate") == [
        'Basic realm="booking desk", charset="UTF-8"', "Bearer"]
    assert operator(guarded, bearer("first-key")) == "Anna Berg"


def test_partners_have_no_basic(start, tmp_path):
    (tmp_path / "keys").write_text("kayak secret\n")
    engine = start.engine("http://127.0.0.1:9", "--api-keys", tmp_path / "keys")
    assert engine.ask(headers=basic("secret")).status == 401
    answer = engine.ask("/bookings/x", headers=bearer("secret"))
    assert engine.log_of(answer.headers["X-Request-Id"])["caller"] == "kayak"


def test_any_host_with_a_key(guarded):
    assert guarded.desk(headers={"Host": "desk.example", **bearer("first-key")}).status == 200
    own = {"Host": "desk.example", "Origin": "https://desk.example"}
    assert write(guarded, {**JSON, **own, **bearer("first-key")}).status == 200
    own["Origin"] = "https://desk.example.evil"
    assert_problem(write(guarded, {**JSON, **own, **bearer("first-key")}), 403, "forbidden", "Origin")


def test_keys_are_read_again(guarded, keys):
    keys.write_text("carla fifth-key\n")
    guarded.signal(signal.SIGHUP)
    wait_until(lambda: "keys read again" in guarded.stderr())
    assert operator(guarded, bearer("fifth-key")) == "carla"
    assert operator(guarded, bearer("first-key")) == 401


def test_names_and_never_keys_are_logged(guarded):
    answer = guarded.desk("/api/bookings", headers=basic("first-key"))
    line = guarded.log_of(answer.headers["X-Request-Id"])
    assert line["caller"] == "Anna Berg" and line["path"] == "/api/bookings"
    refused = guarded.desk("/api/bookings", headers=bearer("wrong-key"))
    assert "caller" not in guarded.log_of(refused.headers["X-Request-Id"])
    logs = guarded.printed("stdout") + guarded.printed("stderr")
    encoded = basic("first-key")["Authorization"].encode().split()[1]
    for secret in b"first-key", b"wrong-key", encoded, encoded[:12]:
        assert secret not in logs


def try_wrong(engine):
    """Sends a wrong key and does not wait for what it is told."""
    sock = socket.create_connection((engine.address, engine.desk_port), timeout=PATIENCE)
    sock.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer wrong\r\n\r\n")
    return sock


def test_wrong_keys_are_told_ever_later(guarded):
    """The first at once, as far as one can tell; what is certain is that later ones wait."""
    begun = time.monotonic()
    for number in range(5):
        assert_problem(guarded.desk(headers=bearer(f"wrong-{number}")), 401, "unauthorized",
                       "Authorization")
    assert time.monotonic() - begun >= 1.5
    assert operator(guarded, bearer("first-key")) == "Anna Berg"


def test_who_waits_holds_up_nobody(guarded):
    waiting = [try_wrong(guarded) for _ in range(9)]  # the last for 23.5 s
    for _ in range(5):
        assert operator(guarded, bearer("first-key")) == "Anna Berg"
    unanswered = len(waiting) - len(select.select(waiting, [], [], 0)[0])
    assert unanswered >= 1
    for sock in waiting:
        sock.close()


def test_too_many_at_once_are_not_heard(guarded):
    waiting = [try_wrong(guarded) for _ in range(30)]
    refused = wait_until(lambda: [answer for answer in [guarded.desk(headers=bearer("first-key"))]
                                  if answer.status == 429])[0]
    assert_problem(refused, 429, "too-many-attempts", "Authorization")
    assert int(refused.headers["Retry-After"]) >= 1
    assert guarded.desk().status == 401
    other = f"127.{int(guarded.address.split('.')[1]) - 1}.250.250"
    with socket.create_connection((guarded.address, guarded.desk_port), timeout=PATIENCE,
                                  source_address=(other, 0)) as sock:
        sock.sendall(b"GET /api/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                     b"Authorization: Bearer first-key\r\n\r\n")
        assert sock.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    for sock in waiting:
        sock.close()


def test_who_waits_does_not_hold_up_the_end(guarded):
    waiting = [try_wrong(guarded) for _ in range(9)]
    wait_until(lambda: guarded.metric("desk_requests_in_progress") == 6)
    guarded.signal(signal.SIGTERM)
    for sock in waiting:
        assert sock.makefile("rb").readline() == b"HTTP/1.1 401 Unauthorized\r\n"
        sock.close()
    assert guarded.wait() == 0
