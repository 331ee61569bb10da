"""GET /changes: a partner's own changes in the order of their commits, and waiting for the next."""
import concurrent.futures
import contextlib
import json
import signal

import pytest

import desk_support
import stores
from booking_support import at, book, order, post, post_keyed
from desk_support import REASON
from support import PATIENCE, assert_problem, split_answer, wait_until


@pytest.fixture
def engines(start, clock, database):
    """Two engines of kayak's and one of airbnb's, on one database and one clock."""
    return [start.engine(start.adapter(partner), "--database", database.url, "--channel", partner,
                         clock=clock) for partner in ("kayak", "kayak", "airbnb")]


@pytest.fixture
def later():
    """Asks on a thread of its own, for as long as the engine lets it wait."""
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        def ask(engine, path):
            return pool.submit(engine.ask, path, timeout=3 * PATIENCE)
        yield ask


def page(answer):
    assert answer.status == 200, answer
    assert answer.headers["Content-Type"] == "application/json"
    document = json.loads(answer.body)
    assert list(document) == ["changes", "next"]
    return document["changes"], document["next"]


def changes(engine, after=0, **more):
    query = "".join(f"&{name}={value}" for name, value in more.items())
    return page(engine.ask(f"/changes?after={after}{query}"))


def now(engine):
    """The number from which on there is nothing yet."""
    none, last = page(engine.ask("/changes"))
    assert none == []
    return last


def told(found):
    """What was changed, in short."""
    return [(change["booking_id"], change["status"], change["by"]) for change in found]


def id_of(location):
    return location.rsplit("/", 1)[1]


def cancel_at_desk(engine, location):
    desk_support.done(desk_support.post(engine, f"/bookings/{id_of(location)}/cancel",
                                        {"reason": REASON}))


def waits(engine, count=1):
    wait_until(lambda: engine.metric("booking_changes_waiting") == count, what="waiting")


# --- what is told ---------------------------------------------------------------------------------

def test_all_that_becomes_of_a_booking(engines):
    one, two, _ = engines
    last = now(one)
    held, document = book(one, 0, 2, hold_seconds=600, reference="their-7")
    assert two.ask(held + "/confirm", "POST").status == 200
    desk_support.done(desk_support.post(two, f"/bookings/{id_of(held)}/change",
                                        {"return_at": at(3), "reason": REASON, "seen": 2}))
    assert one.ask(held, "DELETE").status == 200
    found, last = wait_until(lambda: changes(two, last)[0] and changes(two, last))
    assert told(found) == [(id_of(held), "held", "partner"), (id_of(held), "booked", "partner"),
                           (id_of(held), "booked", "operator"),
                           (id_of(held), "cancelled", "partner")]
    numbers = [change["number"] for change in found]
    assert numbers == sorted(set(numbers)) and numbers[-1] == last
    moved = found[2]
    assert list(moved) == ["number", "at", "booking_id", "reference", "status", "by", "reason",
                           "carid", "price", "currency", "pickup_at", "return_at", "location",
                           "category"]
    assert moved["reason"] == REASON and "reason" not in found[0]
    # What is told of the booking is what it is now.
    assert {key: found[0][key] for key in ("reference", "carid", "price", "currency", "pickup_at",
                                           "return_at", "location", "category")} == {
        "reference": "their-7", "carid": document["carid"], "price": 110, "currency": "EUR",
        "pickup_at": at(0), "return_at": at(3), "location": "NCE", "category": "ECMR"}
    assert changes(one, last) == ([], last)


def test_a_hold_that_runs_out(engines, clock):
    one, two, _ = engines
    clock.stop()
    held, _ = book(one, hold_seconds=2)
    clock.move(60)
    wait_until(lambda: told(changes(two)[0]) == [(id_of(held), "held", "partner"),
                                                 (id_of(held), "expired", "expiry")],
               what="the expiry")


def test_nobody_is_told_of_others_bookings(engines):
    kayak, _, airbnb = engines
    theirs, _ = book(airbnb)
    cancel_at_desk(kayak, theirs)
    desk_support.block(kayak, "1-XXX-333")
    ours, _ = book(kayak)
    found, last = changes(kayak)
    assert told(found) == [(id_of(ours), "booked", "partner")]
    assert last == now(airbnb)
    found, last = changes(airbnb)
    assert told(found) == [(id_of(theirs), "booked", "partner"),
                           (id_of(theirs), "cancelled", "operator")]
    assert last == now(kayak)  # all was looked through


def test_every_engine_tells_the_same_order(engines):
    """While both book and cancel at once."""
    one, two, _ = engines
    days = 12

    def work(number):
        engine, made = (one, two)[number % 2], []
        for day in range(days):
            answer = post_keyed(engine, f"{number}-{day}", order(2 * day, 2 * day + 1))
            if answer.status == 201:
                made.append(answer.headers["Location"])
                if day % 2:
                    assert engine.ask(made[-1], "DELETE").status == 200
        return made

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        made = [location for part in pool.map(work, range(4)) for location in part]
    expected = {id_of(location): ["booked"] for location in made}
    found, last = changes(one, limit=500)
    assert changes(two, limit=500) == (found, last)
    numbers = [change["number"] for change in found]
    assert numbers == sorted(set(numbers))
    seen = {}
    for change in found:
        seen.setdefault(change["booking_id"], []).append(change["status"])
    for location in made:
        if json.loads(one.ask(location).body)["status"] == "cancelled":
            expected[id_of(location)].append("cancelled")
    assert seen == expected
    # By pages it is the same.
    pages, after = [], 0
    while True:
        part, after = changes(one, after, limit=7)
        assert len(part) <= 7
        pages += part
        if not part:
            break
    assert pages == found


def test_a_number_that_is_not_kept_any_more(engines, database):
    one, _, _ = engines
    for day in range(3):
        book(one, 2 * day, 2 * day + 1)
    last = now(one)
    assert_problem(one.ask(f"/changes?after={last + 1}"), 410, "changes-expired", "after")
    database.run("DELETE FROM events WHERE number <= ?", last - 2)
    assert_problem(one.ask(f"/changes?after={last - 3}"), 410, "changes-expired", "after")
    assert_problem(one.ask(f"/changes?after={last - 3}&wait=60"), 410, "changes-expired", "after")
    found, reached = changes(one, last - 2)
    assert (len(found), reached) == (2, last)


@pytest.mark.parametrize("query,parameter", [
    ("after=", "after"), ("after=-1", "after"), ("after=1.5", "after"), ("after=0x1", "after"),
    ("after=9223372036854775808", "after"), ("after", "after"), ("after=+1", "after"),
    ("after=1%00", "after"), ("after=1&after=2", "after"),
    ("after=0&limit=0", "limit"), ("after=0&limit=501", "limit"), ("after=0&limit=many", "limit"),
    ("limit=1&limit=1", "limit"), ("wait=61", "wait"), ("wait=-1", "wait"), ("wait=1s", "wait"),
    ("since=1", "since"), ("after=0&Limit=1", "Limit")])
def test_bad_parameters(kayak, query, parameter):
    assert_problem(kayak.ask("/changes?" + query), 400, "invalid-request", parameter)


def test_other_requests(kayak):
    assert_problem(kayak.ask("/changes", "POST", body=b"{}"), 405, "method-not-allowed")
    assert_problem(kayak.ask("/changes", body=b"{1}"), 400, "invalid-request")
    assert kayak.ask("/kayak/changes/?limit=500&wait=0").status == 200
    assert kayak.ask("/changes", "HEAD").status == 200


def test_without_a_key(start, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("kayak a-key-that-is-long-enough\n")
    pod = start.pod("kayak", "--api-keys", keys)
    assert_problem(pod.ask("/changes"), 401, "unauthorized", "Authorization")
    page(pod.ask("/changes", headers={"Authorization": "Bearer a-key-that-is-long-enough"}))


# --- waiting --------------------------------------------------------------------------------------

def test_another_engines_change_ends_the_waiting(engines, later):
    one, two, airbnb = engines
    location, _ = book(one)
    last = now(one)
    answer = later(one, f"/changes?after={last}&wait=60")
    waits(one)
    book(airbnb)
    cancel_at_desk(airbnb, location)  # whichever partner's pod the desk is in
    found, reached = page(answer.result())
    assert told(found) == [(id_of(location), "cancelled", "operator")]
    assert found[0]["reason"] == REASON
    assert reached == found[0]["number"] == last + 2
    # And the engine's own.
    answer = later(one, "/changes?wait=60")
    waits(one)
    location, _ = book(one)
    assert told(page(answer.result())[0]) == [(id_of(location), "booked", "partner")]
    assert one.metric("booking_changes_waiting") == two.metric("booking_changes_waiting") == 0


def test_others_changes_do_not_end_it(engines, later):
    kayak, _, airbnb = engines
    answer = later(kayak, f"/changes?after={now(kayak)}&wait=60")
    waits(kayak)
    seen = kayak.metric("booking_events_total")
    theirs, _ = book(airbnb)
    cancel_at_desk(kayak, theirs)
    wait_until(lambda: kayak.metric("booking_events_total") == seen + 2, what="their changes")
    waits(kayak)
    ours, _ = book(kayak)
    assert told(page(answer.result())[0]) == [(id_of(ours), "booked", "partner")]


def test_what_is_there_already_is_not_waited_for(kayak):
    after = now(kayak)
    location, _ = book(kayak, 200, 201)
    found, _ = changes(kayak, after, wait=60)
    assert told(found)[0] == (id_of(location), "booked", "partner")


def test_nothing_comes(kayak):
    after = now(kayak)
    found, last = changes(kayak, after, wait=1)
    while found:  # of another test, which shares this engine
        after = last
        found, last = changes(kayak, after, wait=1)
    assert last >= after


def test_all_who_wait_are_told(engines, later):
    one, two, _ = engines
    count = 40
    answers = [later(one, "/changes?wait=60&limit=1") for _ in range(count)]
    waits(one, count)
    location, _ = book(two)
    for answer in answers:
        assert told(page(answer.result())[0]) == [(id_of(location), "booked", "partner")]
    waits(one, 0)


def test_too_many_who_wait(start):
    """The 257th is answered at once, and the others go on."""
    most = 256
    pod = start.pod("kayak")
    request = b"GET /changes?wait=60 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(pod.connect()) for _ in range(most)]
        for sock in sockets:
            sock.settimeout(3 * PATIENCE)
            sock.sendall(request)
        waits(pod, most)
        assert page(pod.ask("/changes?wait=60"))[0] == []
        waits(pod, most)
        location, _ = book(pod)
        for sock in sockets:
            received = b""
            while chunk := sock.recv(65536):
                received += chunk
            status, _, body = split_answer(received)
            assert status == 200
            assert told(json.loads(body)["changes"]) == [(id_of(location), "booked", "partner")]


def test_a_client_that_leaves(start):
    pod = start.pod("kayak")
    with pod.connect() as sock:
        sock.sendall(b"GET /changes?wait=60 HTTP/1.1\r\nHost: x\r\n\r\n")
        waits(pod)
    waits(pod, 0)
    book(pod)


@pytest.mark.parametrize("number,delay", [(signal.SIGTERM, 3600), (signal.SIGTERM, 0),
                                          (signal.SIGINT, 3600)])
def test_an_engine_that_stops_answers(start, later, number, delay):
    """At once, and what would wait is answered as well while it drains."""
    pod = start.pod("kayak", "--drain-delay", delay)
    last = now(pod)
    answer = later(pod, "/changes?wait=60")
    waits(pod)
    pod.signal(number)
    assert page(answer.result()) == ([], last)
    if number == signal.SIGTERM and delay:
        assert page(pod.ask("/changes?wait=60")) == ([], last)
        pod.signal(signal.SIGINT)
    pod.wait()


# --- trouble --------------------------------------------------------------------------------------

@pytest.mark.skipif(not stores.IS_POSTGRESQL, reason="of a database with a server")
def test_a_server_that_is_away(start):
    """Who asks is told, and served when it is back."""
    with stores.killable_server() as own:
        pod = start.pod("kayak", "--database", own.url("fleet"))
        last = now(pod)
        own.kill()
        assert_problem(pod.ask(f"/changes?after={last}"), 503, "store-unavailable")
        own.start()
        wait_until(lambda: post(pod, order()).status == 201, what="a booking")
        found, _ = changes(pod, last, wait=60)
        assert [change["status"] for change in found] == ["booked"]
