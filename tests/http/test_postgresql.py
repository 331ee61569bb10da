"""What is PostgreSQL's alone: what a start says of a server that is not as it should be, secrets, a
server that goes away and comes back, answers that are lost on the way, programs that write past the
engines. What every database must do is in the other files, which run on PostgreSQL as well."""
import json
import os
import pathlib
import re
import socket
import struct
import subprocess
import threading

import pytest

import stores
from booking_support import (book, cars, fleet_text, offer, order, overlapping, post, post_keyed,
                             rows, run_command, seen)
from postgresql import BOOKING, PASSWORD, QUOTED_PASSWORD, Session, SqlError, quoted
from support import (BUILD, PATIENCE, SANITIZER_ENVIRONMENT, Engine, assert_problem, at_once,
                     free_port, fresh_address, wait_until)

BINARY = BUILD / "booking-main"
pytestmark = pytest.mark.skipif(b"libpq.so" not in BINARY.read_bytes(),
                                reason="this booking-main keeps bookings in SQLite only")
WRONG = "wr0ng-s3cret"


@pytest.fixture(scope="module")
def server():
    return stores.server()


@pytest.fixture
def database(_taken):
    """An empty one, whatever the other tests run on."""
    _taken.append(stores.take())
    return _taken[-1]


@pytest.fixture
def killable():
    """A server that the test may do anything to, and an empty database on it."""
    with stores.killable_server() as own:
        yield own


def assert_no_secret(text):
    for secret in (PASSWORD, QUOTED_PASSWORD, WRONG):
        assert secret not in text, text


def booked_at_last(ask):
    """The 201 that asking again and again comes to."""
    return wait_until(lambda: (lambda answer: answer.status == 201 and answer)(ask()),
                      what="a booking")


def refused(url, *arguments, by_variable=False):
    """What a start, or a command, with that database says before it ends: one sentence."""
    address, environment = fresh_address(), dict(SANITIZER_ENVIRONMENT)
    if by_variable:
        environment["BOOKING_DATABASE"] = url
    else:
        arguments = (*arguments, "--database", url)
    if arguments[:1] not in (("import",), ("history",), ("backup",)):
        arguments = (*arguments, "--bind", address, "--port", free_port(address), "--admin-bind",
                     address, "--admin-port", free_port(address), "--desk-port", 0)
    done = subprocess.run([BINARY, *map(str, arguments)], env=environment, text=True,
                          capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode in (1, 2), (done.returncode, done.stderr)
    assert_no_secret(done.stdout + done.stderr)
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
    return done.stderr


# --- what stops a start ---------------------------------------------------------------------------

def test_a_wrong_password(server, database):
    for by_variable in (False, True):
        said = refused(server.url(database.name, password=WRONG), by_variable=by_variable)
        assert "password" in said and BOOKING in said and database.name in said


def test_no_password(server, database):
    said = refused(server.url(database.name, password=None))
    assert "password" in said and BOOKING in said


def test_a_user_that_is_not_there(server, database):
    assert "nobody-here" in refused(server.url(database.name, user="nobody-here"))


def test_a_server_that_is_not_there():
    address = fresh_address()
    port = free_port(address)
    said = refused(f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@{address}:{port}/fleet")
    assert address in said and str(port) in said and "check host and port" in said


def test_a_host_that_has_no_address():
    said = refused(f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@db.invalid/fleet")
    assert "db.invalid" in said


def test_something_else_listens_there():
    with socket.create_server((fresh_address(), 0)) as listener:
        address, port = listener.getsockname()

        def answer():
            client, _ = listener.accept()
            with client:
                client.recv(1000)
                client.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        said = refused(f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@{address}:{port}/fleet")
        thread.join(PATIENCE)
    assert address in said and str(port) in said


def test_a_database_that_is_not_there(server):
    said = refused(server.url("nowhere"))
    assert "'nowhere'" in said and "does not exist" in said and re.search("(?i)create", said)


def test_an_import_into_a_database_that_is_not_there(server, tmp_path):
    path = tmp_path / "new.csv"
    path.write_text(fleet_text(*cars(1)))
    said = refused(server.url("nowhere"), "import", path)
    assert "'nowhere'" in said and "does not exist" in said


@pytest.mark.parametrize("prepared", [False, True], ids=["empty", "with tables"])
def test_a_server_that_takes_no_changes(start, server, database, prepared):
    """A standby says the same."""
    if prepared:
        start.forget(start.pod("kayak", "--database", database.url))
    server.run_sql(f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
    try:
        said = refused(database.url)
    finally:
        server.run_sql(f"ALTER DATABASE {database.name} RESET default_transaction_read_only")
    assert "read-only" in said and "target_session_attrs=read-write" in said


@pytest.fixture
def guarded(server):
    """A database of the superuser's, so that BOOKING may do what it is granted and no more."""
    name = f"guarded_{os.getpid()}"
    server.run_sql(f"CREATE DATABASE {name}")
    yield name
    server.drop(name)


def test_a_user_who_may_not_connect(server, guarded):
    server.run_sql(f"REVOKE CONNECT ON DATABASE {guarded} FROM PUBLIC")
    said = refused(server.url(guarded))
    assert guarded in said and BOOKING in said and "GRANT" in said


def test_a_user_who_may_not_make_tables(server, guarded):
    server.run_sql("CREATE EXTENSION btree_gist", guarded)
    said = refused(server.url(guarded))
    assert "permission denied for schema public" in said and "GRANT" in said


def test_a_user_who_may_not_make_the_extension(server, guarded):
    server.run_sql(f"GRANT ALL ON SCHEMA public TO {BOOKING}", guarded)
    said = refused(server.url(guarded))
    assert "btree_gist" in said and "GRANT" in said


def test_a_server_without_the_extension(server, guarded):
    """Its package is not there; the words are the server's for any extension that it has not."""
    with pytest.raises(SqlError) as missing:
        server.run_sql("CREATE EXTENSION not_there", guarded)
    words = re.search("ERROR: +(.*)", str(missing.value))[1].replace("not_there", "btree_gist")
    server.run_sql(f"GRANT ALL ON SCHEMA public TO {BOOKING};"
                   "CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN"
                   f" RAISE {quoted(words)} USING ERRCODE = '0A000'; END $$;"
                   "CREATE EVENT TRIGGER refuse ON ddl_command_start"
                   " WHEN TAG IN ('CREATE EXTENSION') EXECUTE FUNCTION refuse()", guarded)
    said = refused(server.url(guarded))
    assert "btree_gist" in said and "postgresql-contrib" in said


def test_with_the_extension_there_the_schemas_privilege_is_enough(start, server, guarded):
    server.run_sql("CREATE EXTENSION btree_gist", guarded)
    server.run_sql(f"GRANT ALL ON SCHEMA public TO {BOOKING}", guarded)
    pod = start.pod("kayak", "--database", server.url(guarded))
    book(pod)
    start.forget(pod)


def test_a_user_who_may_not_use_the_tables(start, server, database):
    start.forget(start.pod("kayak", "--database", database.url))
    name = f"reader_{os.getpid()}"
    server.run_sql(f"CREATE ROLE {name} LOGIN PASSWORD '{WRONG}'")
    try:
        said = refused(server.url(database.name, user=name, password=WRONG))
    finally:
        server.run_sql(f"DROP ROLE {name}")
    assert "permission denied" in said and "GRANT" in said


def test_a_schema_of_a_newer_version(start, database, tmp_path):
    start.forget(start.pod("kayak", "--database", database.url))
    database.run("UPDATE meta SET value = '99' WHERE name = 'schema'")
    path = tmp_path / "new.csv"
    path.write_text(fleet_text(*cars(1)))
    for arguments in ((), ("import", path)):
        said = refused(database.url, *arguments)
        assert database.name in said and "newer version" in said and "99" in said


@pytest.mark.parametrize("sql", ["CREATE TABLE meta (id int)", "CREATE TABLE cars (id int)",
                                 "CREATE TABLE bookings (id int)",
                                 "CREATE TABLE meta (name text, value text);"
                                 " GRANT ALL ON meta TO PUBLIC"])
def test_a_database_of_another_program(database, sql):
    database.run(sql)
    before = database.rows("SELECT count(*) FROM pg_class")
    said = refused(database.url)
    assert database.name in said and "another program" in said
    assert database.rows("SELECT count(*) FROM pg_class") == before


def message(kind, body):
    """One of the server's, https://www.postgresql.org/docs/current/protocol-message-formats.html"""
    return kind + struct.pack("!I", len(body) + 4) + body


def pretend_version(listener, version):
    """Takes one connection as a server of that version, which asks for no password."""
    client, _ = listener.accept()
    with client, client.makefile("rb") as reader:
        while True:
            size, code = struct.unpack("!II", reader.read(8))
            reader.read(size - 8)
            if code == 196608:  # the startup of protocol 3.0; what comes before asks for encryption
                break
            client.sendall(b"N")
        ready = message(b"Z", b"I")
        client.sendall(message(b"R", struct.pack("!I", 0)) +
                       message(b"S", f"server_version\0{version}\0".encode()) + ready)
        if reader.read(1) == b"Q":  # SHOW transaction_read_only
            client.sendall(message(b"T", b"\0\1transaction_read_only\0" + bytes(18)) +
                           message(b"D", struct.pack("!HI", 1, 3) + b"off") +
                           message(b"C", b"SHOW\0") + ready)
        reader.read()


def test_a_server_that_is_too_old():
    with socket.create_server((fresh_address(), 0)) as listener:
        address, port = listener.getsockname()
        thread = threading.Thread(target=pretend_version, args=(listener, "9.6.24"), daemon=True)
        thread.start()
        said = refused(f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@{address}:{port}/fleet")
        thread.join(PATIENCE)
    assert address in said and "PostgreSQL 9.6.24" in said and "13 or later" in said


# What follows stands in for user, password, host and database.
@pytest.mark.parametrize("url", [
    "postgresql://", "postgresql:", "postgresql:/{}", "postgresql//{}", "postgres:{}", "postgre://{}",
    "PostgreSQL://{}", "pgsql://{}", "mysql://{}", " postgresql://{}", "http://{}", "{}",
    "postgresql://{}?sslmod=require", "postgresql://{}?sslmode=yes", "postgresql://{}?=1",
    "postgresql://{}?target_session_attrs=writable", "postgresql://{}?connect_timeout=x",
    "postgresql://u:" + WRONG + "@127.0.0.1:54x2/fleet",
    "postgresql://u:" + WRONG + "@127.0.0.1:99999/fleet",
    "postgresql://u:" + WRONG + "@[::1/fleet", "postgresql://u:" + WRONG + "%zz@127.0.0.1/fleet",
    "postgresql://u:" + WRONG + "/with@127.0.0.1/fleet",
    "postgresql://u:" + WRONG + "@127.0.0.1:5432/fleet?password=" + WRONG + "&pasword=x",
    "host=127.0.0.1 user=u password=" + WRONG])
def test_a_url_with_a_typo(url):
    said = refused(url.format(f"u:{WRONG}@127.0.0.1:1/fleet"))
    assert "--database" in said or "database '" in said


def test_a_backup_is_pg_dumps_task(start, database, tmp_path):
    start.pod("kayak", "--database", database.url)
    said = refused(database.url, "backup", tmp_path / "copy.db")
    assert "pg_dump" in said
    assert not (tmp_path / "copy.db").exists()


# --- secrets --------------------------------------------------------------------------------------

def test_the_password_is_nowhere_to_be_seen(start, server, database):
    engines = [start.pod("kayak", "--database", database.url, "--log-level", "debug"),
               start.pod("kayak", f"--database={database.url}", "--log-level", "debug"),
               start.pod("kayak", "--log-level", "debug", "--database",
                         server.url(database.name, password=None,
                                    more=f"password={QUOTED_PASSWORD}"))]
    for engine in engines:
        assert engine.running(), engine.stderr()
        book(engine)
        # A server that ends a connection is something to write of.
        server.run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                       f" WHERE datname = '{database.name}' AND pid <> pg_backend_pid()")
        wait_until(lambda one=engine: post(one, order(3, 4)).status == 201, what="a booking again")
        commands = pathlib.Path(f"/proc/{engine.process.pid}/cmdline").read_bytes().decode()
        assert "booking-main" in commands
        assert_no_secret(commands)
        assert_no_secret(engine.operator("/metrics").body.decode())
        assert_no_secret(engine.stderr() + engine.printed("stdout").decode())
    done = subprocess.run([BINARY, "--help"], text=True, capture_output=True, check=True,
                          env={**SANITIZER_ENVIRONMENT, "BOOKING_DATABASE": database.url})
    assert_no_secret(done.stdout + done.stderr)


def test_a_password_file(start, server, database, tmp_path):
    path = tmp_path / "passfile"
    escaped = PASSWORD.replace("\\", "\\\\").replace(":", "\\:")
    path.write_text(f"127.0.0.1:{server.port}:*:{BOOKING}:{escaped}\n")
    path.chmod(0o600)
    url = server.url(database.name, password=None, more=f"passfile={path}")
    book(start.pod("kayak", "--database", url))


def test_several_hosts(start, server, database):
    """The first does not answer."""
    address = fresh_address()
    url = (f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@{address}:{free_port(address)},"
           f"127.0.0.1:{server.port}/{database.name}?target_session_attrs=read-write")
    book(start.pod("kayak", "--database", url))


# --- several engines ------------------------------------------------------------------------------

def test_engines_that_start_at_once_make_one_schema(start, fleet, database):
    adapter, path = start.adapter(), fleet(*cars(50))
    engines = [start._add(Engine(adapter.url, "--database", database.url, "--fleet", path))
               for _ in range(3)]
    for engine in engines:
        engine.wait_ready()
        assert engine.running(), engine.stderr()
    booked = [book(engine)[1]["carid"] for engine in engines]
    assert booked == ["car-0000", "car-0001", "car-0002"]
    assert rows(database, "SELECT count(*), max(number) FROM cars") == [(50, 50)]


def test_a_change_shows_in_the_other_engines_offers(start, database):
    one, two = (start.pod(partner, "--database", database.url, "--channel", partner)
                for partner in ("kayak", "airbnb"))
    location, booked = book(one)
    wait_until(lambda: offer(two) != booked["carid"], what="the booking in the other engine")
    assert one.ask(location, "DELETE").status == 200
    wait_until(lambda: offer(two) == booked["carid"], what="the cancellation in the other engine")


def test_one_car_is_sold_once(start, fleet, database):
    """By four engines at once, some of whose transactions meet."""
    adapter, path = start.adapter(), fleet(*cars(3))
    engines = [start.engine(adapter, "--database", database.url, "--fleet", path)
               for _ in range(4)]
    for day in range(10):
        answers = at_once(16, lambda number, first=day: post(
            engines[number % 4], order(first, first + 1, reference=f"{first}-{number}")))
        assert sorted(answer.status for answer in answers) == [201] * 3 + [409] * 13, answers
    assert not overlapping(database)
    assert rows(database, "SELECT max(number) - count(*) FROM events") == [(0,)]
    for engine in engines:
        wait_until(lambda one=engine: one.metric("booking_index_periods") == 30, what="the events")
        assert engine.metric("booking_index_repairs_total") == 0


def waiting_for_a_lock(database):
    return database.rows("SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
                         " AND wait_event_type = 'Lock'")


def test_transactions_that_finish_in_another_order(start, fleet, database):
    """One engine's order waits in its transaction; the other's does not wait for it, and each engine
    hears of both, in an order without gaps."""
    adapter, path = start.adapter(), fleet(*cars(2))
    one, two = (start.engine(adapter, "--database", database.url, "--fleet", path)
                for _ in range(2))
    session = Session(database.server.socket_url(database.name))
    for turn in range(3):
        def ask(first=turn):
            return post_keyed(one, f"k{first}", order(first, first + 1, carid="car-0000"))

        session.run("BEGIN; SELECT 1 FROM cars WHERE carid = 'car-0000' FOR UPDATE")
        answers = []
        thread = threading.Thread(target=lambda asked=ask: answers.append(asked()))
        thread.start()
        wait_until(lambda: waiting_for_a_lock(database), what="the order's wait for its car")
        assert book(two, turn, turn + 1, carid="car-0001")[0]
        session.run("COMMIT")
        thread.join(PATIENCE)
        # On a slow machine it may have been told to come again.
        assert answers[0].status in (201, 503), answers
        assert booked_at_last(ask).status == 201
    session.close()
    assert rows(database, "SELECT max(number) - count(*) FROM events") == [(0,)]
    for engine in (one, two):
        wait_until(lambda one=engine: one.metric("booking_index_periods") == 6, what="the events")
        assert engine.metric("booking_index_repairs_total") == 0


def test_a_program_that_keeps_a_car_locked(start, fleet, database):
    """Orders for it are told to come again; they are booked once when it has let go."""
    engine = start.engine(start.adapter(), "--database", database.url, "--fleet",
                          fleet(*cars(2)))
    session = Session(database.server.socket_url(database.name))
    session.run("BEGIN; SELECT 1 FROM cars WHERE carid = 'car-0000' FOR UPDATE")
    answer = post_keyed(engine, "k", order(carid="car-0000"))
    assert_problem(answer, 503, "store-unavailable")
    assert_no_secret(engine.stderr())
    session.run("COMMIT")
    session.close()
    booked_at_last(lambda: post_keyed(engine, "k", order(carid="car-0000")))
    assert rows(database, "SELECT count(*) FROM bookings") == [(1,)]


def deadlocks(database):
    return len(re.findall(f" {database.name} ERROR: +deadlock detected", database.server.log()))


def test_a_deadlock_is_tried_again(start, fleet, database):
    """A program locks in the other order: first what numbers the events, then a car. The server
    ends the engine's transaction, since only that looks for deadlocks."""
    engine = start.engine(start.adapter(), "--database", database.url, "--fleet", fleet(*cars(1)))
    session, answers = Session(database.server.socket_url(database.name)), []
    session.run("SET deadlock_timeout = '1h'")
    for turn in range(10):
        def ask(first=turn):
            answers.append(post_keyed(engine, f"k{first}", order(first, first + 1)))

        before = deadlocks(database)
        session.run("BEGIN; SELECT last FROM event_counter FOR UPDATE")
        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: waiting_for_a_lock(database), what="the order's wait for its number")
        session.run("SELECT number FROM cars FOR UPDATE; COMMIT")
        thread.join(PATIENCE)
        # On a slow machine its patience may have ended first.
        assert answers[turn].status in (201, 503), answers
        if answers[turn].status == 201 and deadlocks(database) > before:
            break
    else:
        raise AssertionError("no order met a deadlock and was tried again")
    session.close()
    assert rows(database, "SELECT max(number) - count(*) FROM events") == [(0,)]


# In the place of a transaction that the server undoes: in READ COMMITTED the engine's own never
# meet a serialization failure.
UNDONE = """CREATE SEQUENCE tries; GRANT ALL ON tries TO PUBLIC;
    CREATE FUNCTION undo() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('tries') <= {1} THEN RAISE 'undone' USING ERRCODE = '{0}'; END IF;
        RETURN NEW; END $$;
    CREATE TRIGGER undo BEFORE INSERT ON bookings FOR EACH ROW EXECUTE FUNCTION undo()"""


@pytest.mark.parametrize("state", ["40001", "40P01"])
def test_what_the_server_undoes_is_tried_again(start, database, state):
    pod = start.pod("kayak", "--database", database.url)
    database.run(UNDONE.format(state, 3))
    answer = post_keyed(pod, "k", order())
    assert answer.status == 201
    assert rows(database, "SELECT last_value FROM tries") == [(4,)]
    assert rows(database, "SELECT count(*) FROM bookings") == [(1,)]
    assert rows(database, "SELECT max(number) - count(*) FROM events") == [(0,)]


def test_what_the_server_always_undoes_ends_with_the_requests_time(start, database):
    pod = start.pod("kayak", "--database", database.url)
    database.run(UNDONE.format("40001", 1000000000))
    answer = post_keyed(pod, "k", order())
    assert_problem(answer, 503, "store-unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert 1 < rows(database, "SELECT last_value FROM tries")[0][0] < 100
    database.run("DROP TRIGGER undo ON bookings")
    booked_at_last(lambda: post_keyed(pod, "k", order()))
    assert rows(database, "SELECT count(*) FROM bookings") == [(1,)]


# --- programs that write past the engines ---------------------------------------------------------

COPY = """INSERT INTO bookings (id, car, pickup_at, return_at, state, expires_at, channel, reference,
              day_price, hour_price, total, currency, location, category, created_at)
          SELECT 'another', car, pickup_at + {0}, return_at + {0}, state, expires_at, channel,
              reference, day_price, hour_price, total, currency, location, category, created_at
          FROM bookings"""


def test_the_database_refuses_what_overlaps(start, database):
    """Also from a program that asks nobody."""
    pod = start.pod("kayak", "--database", database.url)
    book(pod, 0, 1, carid="1-XXX-333")
    for minutes in (0, 1, -1, 1439, -1439):
        with pytest.raises(SqlError, match="exclusion constraint"):
            database.run(COPY.format(minutes))
    database.run(COPY.format(1440))
    with pytest.raises(SqlError, match="exclusion constraint"):
        database.run("UPDATE bookings SET pickup_at = pickup_at - 1 WHERE id = 'another'")
    database.run("UPDATE bookings SET state = 3 WHERE id <> 'another'")
    database.run("UPDATE bookings SET pickup_at = pickup_at - 1 WHERE id = 'another'")


def test_an_engine_that_has_not_heard_of_a_booking_sells_another_car(start, database):
    pod = start.pod("kayak", "--database", database.url)
    book(pod, 0, 1, carid="1-XXX-333")
    database.run(COPY.format(1440))
    assert offer(pod, 1, 2) == "1-XXX-333"  # as far as it knows
    assert book(pod, 1, 2)[1]["carid"] == "1-XXX-334"
    assert_problem(post(pod, order(1, 2, carid="1-XXX-333")), 409, "car-unavailable")


# --- a server that goes away ----------------------------------------------------------------------

def test_while_the_server_is_away(killable, start):
    """Offers go on, orders are told to come again; it recovers by itself."""
    url = killable.url("fleet")
    pods = [start.pod(partner, "--database", url, "--channel", partner)
            for partner in ("kayak", "airbnb")]
    location, _ = book(pods[0], carid="1-XXX-333")
    wait_until(lambda: offer(pods[1]) == "1-XXX-334", what="the booking in the other engine")
    killable.kill()
    for pod in pods:
        answer = post_keyed(pod, "k", order(5, 6))
        assert_problem(answer, 503, "store-unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert offer(pod) == "1-XXX-334"
    killable.start()
    for pod in pods:
        answer = booked_at_last(lambda one=pod: post_keyed(one, "k", order(5, 6)))
        assert seen(post_keyed(pod, "k", order(5, 6))) == seen(answer)
        assert_no_secret(pod.stderr())
    assert pods[0].ask(location).status == 200
    assert killable.run_sql("SELECT count(*) FROM bookings", "fleet") == "3\n"


def test_offers_end_when_the_server_is_away_for_long(killable, start):
    if "--offer-staleness" not in run_command("--help")[1]:
        pytest.skip("there is no --offer-staleness")
    pod = start.pod("kayak", "--database", killable.url("fleet"), "--offer-staleness", 1)
    patient = start.pod("kayak", "--database", killable.url("fleet"), "--offer-staleness", 3600)
    killable.kill()
    assert_problem(post(patient, order()), 503, "store-unavailable")
    assert patient.operator("/readyz").status == 200
    wait_until(lambda: pod.operator("/readyz").status == 503, what="the end of readiness")
    assert_problem(pod.ask(), 503, "store-unavailable")
    assert offer(patient) == "1-XXX-333" and patient.operator("/readyz").status == 200
    killable.start()
    wait_until(lambda: pod.operator("/readyz").status == 200, what="readiness")
    assert offer(pod) == "1-XXX-333"


def test_a_restart_behind_an_engine_at_rest(killable, start):
    pod = start.pod("kayak", "--database", killable.url("fleet"))
    killable.restart()
    wait_until(lambda: post(pod, order()).status == 201, what="a booking")


# --- answers that are lost on the way -------------------------------------------------------------

class Wire:
    """Stands between an engine and the server. cut(n): from now on, the server's n-th message (as it
    comes) is not passed on, and the connection it came on is reset on both sides."""

    def __init__(self, port):
        self.port, self.left, self.lock, self.cuts = port, None, threading.Lock(), 0
        self.listener = socket.create_server((fresh_address(), 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                engine, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            threading.Thread(target=self._pass, args=(engine, server, False), daemon=True).start()
            threading.Thread(target=self._pass, args=(server, engine, True), daemon=True).start()

    def _pass(self, source, target, may_be_cut):
        try:
            while data := source.recv(65536):
                if may_be_cut and self._is_last():
                    break
                target.sendall(data)
        except OSError:
            pass
        for sock in (source, target):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def _is_last(self):
        with self.lock:
            if self.left is None:
                return False
            self.left -= 1
            if self.left > 0:
                return False
            self.left, self.cuts = None, self.cuts + 1
            return True

    def cut(self, count):
        with self.lock:
            self.left = count

    def close(self):
        self.listener.close()


@pytest.fixture
def wire(server):
    wire = Wire(server.port)
    yield wire
    wire.close()


def test_an_answer_that_is_lost_with_the_connection(start, fleet, server, database, wire):
    """Whichever of the server's messages is lost, the order is booked once, and the partner gets
    to know."""
    host, port = wire.address
    url = (f"postgresql://{BOOKING}:{QUOTED_PASSWORD}@{host}:{port}/{database.name}"
           "?sslmode=disable&gssencmode=disable")
    engine = start.engine(start.adapter(), "--database", url, "--fleet", fleet(*cars(3)))
    told = set()
    for count in range(1, 9):
        for turn in range(2):
            key, first = f"{count}-{turn}", 4 * count + 2 * turn
            wire.cut(count)
            answer = post_keyed(engine, key, order(first, first + 1, reference=key))
            told.add(answer.status)
            assert answer.status in (201, 503), answer
            if answer.status == 503:
                assert_problem(answer, 503, "store-unavailable")
            again = booked_at_last(lambda k=key, f=first: post_keyed(
                engine, k, order(f, f + 1, reference=k)))
            if answer.status == 201:
                assert seen(again) == seen(answer)
    assert 201 in told
    assert wire.cuts > 0
    assert rows(database, "SELECT reference FROM all_bookings GROUP BY reference"
                          " HAVING count(*) > 1") == []
    assert rows(database, "SELECT count(*) FROM all_bookings") == [(16,)]
    assert rows(database, "SELECT max(number) - count(*) FROM events") == [(0,)]
    wait_until(lambda: engine.metric("booking_index_periods") == 16, what="the events")


def test_what_is_over_is_moved_and_then_forgotten(start, database):
    """The keeper's first round comes with each start."""
    pod = start.pod("kayak", "--database", database.url)
    made = post_keyed(pod, "k", order(1, 2))
    assert pod.ask(made.headers["Location"], "DELETE").status == 200
    wait_until(lambda: database.rows("SELECT count(*) FROM events") == [(3,)])
    start.forget(pod)
    database.run("UPDATE events SET at = 0 WHERE number = 1")
    database.run("UPDATE events SET at = 253402300799000 WHERE number = 2")  # by a clock far ahead
    database.run("UPDATE answers SET at = 0")
    pod = start.pod("kayak", "--database", database.url)
    wait_until(lambda: database.rows("SELECT number FROM events") == [(3,)])
    wait_until(lambda: database.rows("SELECT count(*) FROM answers") == [(0,)])
    wait_until(lambda: database.rows("SELECT (SELECT count(*) FROM bookings), state"
                                     " FROM past_bookings") == [(0, 3)])
    assert pod.ask(made.headers["Location"]).status == 200
    start.forget(pod)
    database.run("UPDATE past_bookings SET ended_at = 0")
    pod = start.pod("kayak", "--database", database.url)
    wait_until(lambda: database.rows("SELECT count(*) FROM past_bookings") == [(0,)])
    assert pod.ask(made.headers["Location"]).status == 404


def test_what_is_in_the_database_is_text_as_it_was_given(start, database):
    reference = "Müller; DROP TABLE cars; -- ' \" \\ $1 {} ☃"
    pod = start.pod("kayak", "--database", database.url)
    location, _ = book(pod, reference=reference)
    assert rows(database, "SELECT id, reference FROM bookings") == [
        (location.rsplit("/", 1)[1], reference)]
    assert json.loads(pod.ask(location).body)["status"] == "booked"
