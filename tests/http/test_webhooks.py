"""Webhooks: what a partner is told of by itself, how it is signed, and when it is told again."""
import signal
import socket
import time

import pytest

from clock import Clock
from booking_support import at, book, post as order_of, order
from desk_support import REASON, post
from support import fresh_address, http_answer, wait_until
from test_start import refused_start
from webhook_receiver import SECRET, TAKEN, Receiver, secret_line

OTHER = b"another secret of the receiver's"
FAILED = http_answer(b"no", status="500 Internal Server Error")


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "webhook-secret"
    path.write_text(secret_line() + "\n")
    return path


@pytest.fixture
def begin(start, database, secret_file):
    """An engine that sends webhooks to a receiver, and the receiver."""
    def begin(*answers, channel="kayak", receiver=None, **kwargs):
        receiver = receiver or start._add(Receiver(*answers))
        engine = start.pod("kayak", "--database", database.url, "--channel", channel,
                           "--webhook-url", f"{receiver.url}/hooks?token=abc", "--webhook-secret",
                           secret_file, "--webhook-private", "--drain-delay", "0", **kwargs)
        wait_until(lambda: "this engine sends the webhooks" in engine.stderr())
        return engine, receiver
    return begin


def cancel(engine, location):
    answer = post(engine, f"/bookings/{location.rsplit('/', 1)[1]}/cancel", {"reason": REASON})
    assert answer.status == 200, answer


def cancelled(engine, count, first=0):
    """Bookings of one day each that the operator cancels; their ids, in the cancellations' order."""
    made = [book(engine, day, day + 1)[0] for day in range(first, first + count)]
    for location in made:
        cancel(engine, location)
    return [location.rsplit("/", 1)[1] for location in made]


# --- what is told ---------------------------------------------------------------------------------

def test_what_the_operator_and_time_do_is_told(begin, clock):
    engine, receiver = begin(clock=clock)
    location, booked = book(engine, 0, 2, reference="R-1")
    identity = location.rsplit("/", 1)[1]
    answer = post(engine, f"/bookings/{identity}/change", {"return_at": at(3), "reason": REASON})
    assert answer.status == 200, answer
    cancel(engine, location)
    receiver.wait_for(2)  # those of other bookings have no order
    held = order_of(engine, order(5, 6, hold_seconds=2)).headers["Location"]
    clock.move(60)
    told = receiver.wait_for(3)
    changed, cancelled_, expired = told
    assert [webhook.type for webhook in told] == [
        "booking.changed", "booking.cancelled", "booking.expired"]
    assert changed.booking == cancelled_.booking == identity
    assert changed.body["number"] < cancelled_.body["number"] < expired.body["number"]
    assert cancelled_.body["status"] == "cancelled" and cancelled_.body["by"] == "operator"
    assert cancelled_.body["reason"] == REASON and cancelled_.body["reference"] == "R-1"
    assert cancelled_.body["carid"] == booked["carid"]
    assert cancelled_.body["pickup_at"] == at(0) and cancelled_.body["return_at"] == at(3)
    assert expired.booking == held.rsplit("/", 1)[1]
    assert expired.body["by"] == "expiry" and expired.body["status"] == "expired"
    assert len(receiver.ids()) == 3
    assert receiver.received[0].path == "/hooks?token=abc"
    assert engine.metric("webhook_tries_total", result="delivered") == 3


def test_what_the_partner_does_itself_is_not_told(begin):
    engine, receiver = begin()
    location, _ = book(engine)
    assert engine.ask(location, "DELETE").status == 200
    held = order_of(engine, order(2, 3, hold_seconds=600)).headers["Location"]
    assert engine.ask(held + "/confirm", "POST").status == 200
    cancelled(engine, 1, first=5)  # behind these
    (told,) = receiver.wait_for(1)
    assert told.type == "booking.cancelled"


def test_nobody_is_told_of_another_channels_bookings(begin, start, database):
    _, receiver = begin()
    other = start.pod("airbnb", "--database", database.url, "--channel", "airbnb")
    mine = start.pod("kayak", "--database", database.url, "--channel", "kayak")
    cancelled(other, 2)
    (identity,) = cancelled(mine, 1, first=5)
    (told,) = receiver.wait_for(1)
    assert told.booking == identity


def test_both_secrets_sign_while_the_receiver_changes(begin, secret_file):
    engine, receiver = begin()
    cancelled(engine, 1)
    receiver.wait_for(1)
    secret_file.write_text(secret_line(OTHER) + "\n" + secret_line() + "\n")
    wait_until(lambda: "webhook secrets read again" in engine.stderr())
    receiver.secrets = [OTHER, SECRET]
    cancelled(engine, 1, first=2)
    receiver.wait_for(2)
    secret_file.write_text("whsec_c2hvcnQ=\n")
    wait_until(lambda: "shorter than 24 bytes" in engine.stderr())
    cancelled(engine, 1, first=4)  # with those that were in use
    receiver.wait_for(3)


# --- when it is not taken --------------------------------------------------------------------------

def test_it_is_tried_again_until_it_is_taken(begin, clock):
    engine, receiver = begin(FAILED, TAKEN, clock=clock)
    cancelled(engine, 1)
    wait_until(lambda: receiver.received)
    wait_until(lambda: engine.metric("webhook_tries_total", result="failed") == 1)
    clock.move(10)
    (told,) = receiver.wait_for(1)
    first, second = receiver.all()
    assert first.id == second.id == told.id and first.raw == second.raw
    assert int(second.at) >= int(first.at) + 5
    assert "webhooks are not taken" in engine.stderr()
    wait_until(lambda: "webhooks are taken again" in engine.stderr())


def close_midway(sock, _):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    return False


def close_at_once(_sock, _):
    return False


def no_http(sock, _):
    sock.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    return False


@pytest.mark.parametrize("answer,error", [
    (FAILED, "status 500: no"),
    (http_answer(b"", status="302 Found", more="Location: /elsewhere\r\n"),
     "status 302, and redirects are not followed"),
    (http_answer(b"", status="301 Moved", more="Location: http://127.0.0.1:1/\r\n"),
     "status 301, and redirects are not followed"),
    (http_answer(b"a\x1b[31m<b>\xff\x00d", status="400 Bad Request"), "status 400: a\ufffd[31m<b>\ufffd"),
    (close_midway, None), (close_at_once, None), (no_http, None)])
def test_what_is_no_success(begin, clock, database, answer, error):
    engine, receiver = begin(answer, TAKEN, clock=clock)
    cancelled(engine, 1)
    wait_until(lambda: database.rows("SELECT attempts FROM webhook_deliveries") == [(1,)],
               what="a try that is written down")
    ((text,),) = database.rows("SELECT last_error FROM webhook_deliveries")
    assert text and "\x1b" not in text and "\n" not in text
    assert error is None or text == error
    assert len(receiver.received) == 1  # redirects are not followed
    clock.move(10)
    receiver.wait_for(1)
    wait_until(lambda: not database.rows("SELECT id FROM webhook_deliveries"))


def test_a_long_answer_is_not_read_to_its_end(begin):
    """An endless one, and the webhook counts as taken: its status came."""
    def endless(sock, _):
        sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
        sent.append(0)
        try:
            while not receiver.stopped.is_set():
                sock.sendall(b"x" * 65536)
                sent[0] += 65536
        except OSError:
            pass
        return False
    sent = []
    engine, receiver = begin(endless)
    cancelled(engine, 1)
    wait_until(lambda: engine.metric("webhook_tries_total", result="delivered") == 1)
    assert sent[0] < 64 * 1024 * 1024  # what the kernel's buffers took


def test_order_is_kept_for_each_booking(begin, clock):
    """While its first change is not taken a booking's others wait, and those of others do not."""
    stuck = []

    def fail_the_first(sock, webhook):
        good = webhook.booking not in stuck
        sock.sendall(TAKEN if good else FAILED)
        if good:
            receiver.taken.append(webhook)
        return True
    engine, receiver = begin(fail_the_first, clock=clock)
    one, two = book(engine, 0, 1)[0], book(engine, 0, 1)[0]
    ids = [location.rsplit("/", 1)[1] for location in (one, two)]
    stuck.append(ids[0])
    for location in (one, two):
        for day in (2, 3):
            assert post(engine, f"/bookings/{location.rsplit('/', 1)[1]}/change",
                        {"return_at": at(day), "reason": REASON}).status == 200
        cancel(engine, location)
    receiver.wait_for(3)
    assert {webhook.booking for webhook in receiver.taken} == {ids[1]}
    stuck.clear()
    clock.move(10)
    told = receiver.wait_for(6)
    for identity in ids:
        assert [webhook.type for webhook in told if webhook.booking == identity] == [
            "booking.changed", "booking.changed", "booking.cancelled"]
    numbers = [webhook.body["number"] for webhook in told if webhook.booking == ids[0]]
    assert numbers == sorted(numbers)


def test_retry_after_is_heeded(begin, clock, database):
    busy = http_answer(b"", status="429 Too Many Requests", more="Retry-After: 600\r\n")
    engine, receiver = begin(busy, TAKEN, clock=clock)
    clock.stop()
    cancelled(engine, 3)
    wait_until(lambda: database.rows("SELECT 1 FROM webhook_deliveries WHERE attempts = 1"))
    tries = len(receiver.received)  # four at once may have been under way
    clock.move(300)
    rounds = engine.metric("webhook_rounds_total")
    wait_until(lambda: engine.metric("webhook_rounds_total") >= rounds + 3)
    assert len(receiver.received) == tries
    clock.move(310)
    receiver.wait_for(3)


def test_it_is_given_up_after_three_days(begin, clock, database):
    engine, receiver = begin(FAILED, clock=clock)
    cancelled(engine, 1)
    began = clock.now()
    for attempts in range(1, 10):
        wait_until(lambda: database.rows("SELECT attempts FROM webhook_deliveries")
                   == [(attempts,)], what=f"try {attempts}")
        ((next_at,),) = database.rows("SELECT next_at FROM webhook_deliveries")
        clock.move(next_at - clock.now() + 1)
    wait_until(lambda: "webhook given up" in engine.stderr())
    assert 66 * 3600 < clock.now() - began < 84 * 3600
    assert len(receiver.received) == 10 and len(receiver.ids()) == 1
    assert engine.metric("webhook_tries_total", result="given_up") == 1
    assert engine.metric("webhook_tries_total", result="failed") == 9
    wait_until(lambda: database.rows("SELECT state FROM webhook_deliveries") == [(2,)])


def test_410_stops(begin, clock):
    gone = http_answer(b"", status="410 Gone")
    engine, receiver = begin(gone, TAKEN, clock=clock)
    cancelled(engine, 1)
    wait_until(lambda: "the receiver answered 410" in engine.stderr())
    assert engine.metric("webhook_stopped") == 1
    tries = len(receiver.received)
    cancelled(engine, 3, first=2)
    clock.move(3600)
    rounds = engine.metric("webhook_rounds_total")
    wait_until(lambda: engine.metric("webhook_rounds_total") >= rounds + 3)
    assert len(receiver.received) == tries
    engine.signal(signal.SIGHUP)
    receiver.wait_for(4)
    assert engine.metric("webhook_stopped") == 0


# --- one engine of a channel -----------------------------------------------------------------------

def test_two_engines_tell_each_change_once(begin, start, database, secret_file):
    one, receiver = begin()
    two = start.pod("kayak", "--database", database.url, "--channel", "kayak", "--webhook-url",
                    receiver.url, "--webhook-secret", secret_file, "--webhook-private")
    cancelled(one, 10)
    cancelled(two, 10, first=20)
    receiver.wait_for(20)
    assert set(receiver.ids().values()) == {1}
    assert (one.metric("webhook_sender"), two.metric("webhook_sender")) == (1, 0)
    assert two.metric("webhook_tries_total", result="delivered") == 0


def test_another_takes_over_when_one_dies(begin, start, database, secret_file):
    one, receiver = begin()
    two = start.pod("kayak", "--database", database.url, "--channel", "kayak", "--webhook-url",
                    receiver.url, "--webhook-secret", secret_file, "--webhook-private")
    cancelled(one, 1)
    receiver.wait_for(1)
    wait_until(lambda: not database.rows("SELECT id FROM webhook_deliveries"))
    one.kill()
    died = time.monotonic()
    wait_until(lambda: two.metric("webhook_sender") == 1)
    print(f"taken over after {time.monotonic() - died:.1f} s")
    cancelled(two, 3, first=5)
    receiver.wait_for(4)


def test_one_that_stops_gives_it_back(begin, start, database, secret_file):
    one, receiver = begin()
    one.signal(signal.SIGINT)
    assert one.wait() == 0
    assert database.rows("SELECT lease_owner FROM webhooks") == [("",)]


def test_what_is_not_delivered_is_delivered_by_the_next(begin, database):
    engine, receiver = begin(FAILED)
    identities = cancelled(engine, 5)
    wait_until(lambda: receiver.received)
    engine.kill()
    receiver.answers = [TAKEN]
    begin(receiver=receiver)
    told = receiver.wait_for(5)
    assert sorted(webhook.booking for webhook in told) == sorted(identities)
    for webhook in told:
        assert {other.id for other in receiver.all() if other.booking == webhook.booking} == {
            webhook.id}


# --- what stops a start ----------------------------------------------------------------------------

@pytest.mark.parametrize("arguments,says", [
    (("--webhook-url", "http://example.com/"), "must be https"),
    (("--webhook-url", "https://user:hunter2@example.com/"), "a user or a password"),
    (("--webhook-url", "https://example.com/#a"), "fragment"),
    (("--webhook-url", "https://0x7f.1/"), "not public"),
    (("--webhook-url", "https://[::ffff:10.0.0.1]/"), "not public"),
    (("--webhook-url", "example.com"), "must be a URL"),
    (("--webhook-url", "ftp://example.com", "--webhook-private"), "must be a URL")])
def test_a_bad_url(secret_file, arguments, says):
    said = refused_start(*arguments, "--webhook-secret", secret_file)
    assert "--webhook-url" in said and says in said and "hunter2" not in said


def test_a_url_needs_a_secret_and_a_secret_a_url(secret_file):
    assert "needs --webhook-secret" in refused_start("--webhook-url", "https://example.com/")
    assert "needs --webhook-url" in refused_start("--webhook-secret", secret_file)


@pytest.mark.parametrize("content,says", [
    ("", "holds no secret"), ("whsec_c2hvcnQ=\n", "line 1 is shorter than 24 bytes"),
    ("hunter2 hunter2 hunter2 hunter2\n", "line 1 must be whsec_"),
    (3 * (secret_line() + "\n"), "line 3 is a third secret")])
def test_a_bad_secret(tmp_path, content, says):
    path = tmp_path / "secret"
    path.write_text(content)
    said = refused_start("--webhook-url", "https://example.com/", "--webhook-secret", path)
    assert f"--webhook-secret {path}: {says}" in said and "hunter2 hunter2" not in said
    path.unlink()
    assert "No such file" in refused_start("--webhook-url", "https://example.com/",
                                           "--webhook-secret", path)


def test_a_variable_says_true_or_false(secret_file):
    def private(value):
        return refused_start("--webhook-url", "http://127.0.0.1/", "--webhook-secret", secret_file,
                             "--webhook-secret", "/nowhere", BOOKING_WEBHOOK_PRIVATE=value)
    assert "must be https" in private("false")
    assert "/nowhere" in private("true")


# --- whatever crashes -------------------------------------------------------------------------------

def test_nothing_is_lost_when_engines_are_killed(begin, start, database, secret_file):
    """Two engines, each killed and started again in turn, while a receiver takes every second try
    and does all else that receivers do. Each change arrives, those of a booking in their order."""
    def moody(sock, webhook):
        mood = len(receiver.received) % 6
        if mood in (1, 3):
            return (close_midway, close_at_once)[mood // 2](sock, webhook)
        if mood == 5:
            sock.sendall(http_answer(b"", status="302 Found", more="Location: /\r\n"))
            return True
        receiver.taken.append(webhook)
        sock.sendall(TAKEN)
        return True
    clock = Clock()
    _, receiver = begin(moody, clock=clock)
    arguments = ("--database", database.url, "--channel", "kayak", "--webhook-url", receiver.url,
                 "--webhook-secret", secret_file, "--webhook-private")
    engines = [start.started[-1], start.pod("kayak", *arguments, clock=clock)]
    expected = []
    for turn in range(8):
        for number in range(3):
            day = 8 * turn + 2 * number
            location = book(engines[1], day, day + 1, carid="1-XXX-333")[0]
            identity = location.rsplit("/", 1)[1]
            answer = post(engines[1], f"/bookings/{identity}/change",
                          {"return_at": at(day + 2), "reason": REASON})
            assert answer.status == 200, answer
            cancel(engines[1], location)
            expected += [(identity, "booking.changed"), (identity, "booking.cancelled")]
        engines[turn % 2].kill()
        engines[turn % 2] = start.pod("kayak", *arguments, clock=clock)
        engines.reverse()

    def all_told():
        clock.move(400)  # on to the next try
        return not database.rows("SELECT id FROM webhook_deliveries") and len(
            {webhook.id for webhook in receiver.taken}) >= len(expected)
    wait_until(all_told, what="all changes")
    first = {}  # the order in which each was first taken
    for webhook in receiver.taken:
        first.setdefault((webhook.booking, webhook.type), webhook.id)
    assert sorted(first) == sorted(expected) and len(expected) == 48
    for identity in {identity for identity, _ in expected}:
        assert [kind for booking, kind in first if booking == identity] == [
            "booking.changed", "booking.cancelled"]
    for webhook in receiver.all():
        assert first[webhook.booking, webhook.type] == webhook.id


# --- TLS and addresses -----------------------------------------------------------------------------

@pytest.mark.parametrize("address, trusted, taken", [
    ("{}", True, True), ("127.0.0.1", True, False), ("{}", False, False)],
    ids=["good", "of another address", "of nobody knows whom"])
def test_the_receivers_certificate_is_checked(begin, start, make_certificate, address, trusted,
                                              taken):
    of = fresh_address()
    certificate = make_certificate(address.format(of))
    receiver = start._add(Receiver(address=of, certificate=certificate))
    engine, _ = begin(receiver=receiver, environment={
        "SSL_CERT_FILE": str(certificate[0])} if trusted else {})
    assert receiver.url.startswith("https:")
    cancelled(engine, 1)
    if taken:
        receiver.wait_for(1)
        return
    wait_until(lambda: "webhooks are not taken" in engine.stderr())
    assert "certificate" in engine.stderr()
    assert not receiver.received


def test_a_private_address_is_refused_when_connecting(start, database, secret_file):
    """localhost is a name, which is judged when it is connected to."""
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    engine = start.pod("kayak", "--database", database.url, "--channel", "kayak", "--webhook-url",
                       f"https://localhost:{port}/", "--webhook-secret", secret_file)
    wait_until(lambda: "this engine sends the webhooks" in engine.stderr())
    cancelled(engine, 1)
    wait_until(lambda: "its address is not public: " in engine.stderr())
    listener.setblocking(False)
    with pytest.raises(BlockingIOError):
        listener.accept()
    listener.close()
