"""Webhooks while engines and the database are killed, and the receiver does all that receivers do:
each change arrives, those of a booking in their order, with the same id on every try."""
import random

import stores
from booking_support import at, order, post as order_of
from clock import Clock
from desk_support import REASON, post
from soak_support import SEED, number
from support import http_answer, wait_until
from webhook_receiver import TAKEN, Receiver, secret_line

CHANGES = number("SOAK_WEBHOOKS", 60)  # whole: 1,000
IN_A_TURN = 20
CHANNEL = "kayak"


def close_midway(sock, _):
    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of")
    return False


def close_at_once(_sock, _):
    return False


BAD = [http_answer(b"no", status="500 Internal Server Error"),
       http_answer(b"", status="302 Found", more="Location: /\r\n"),
       http_answer(b"", status="503 Service Unavailable", more="Retry-After: 30\r\n"),
       close_midway, close_at_once]


class Moody(Receiver):
    def __init__(self, chances):
        self.chances = chances
        super().__init__(self.mood)

    def mood(self, sock, webhook):
        # Not so often that it is given up, which is after ten tries.
        if self.ids()[webhook.id] < 6 and self.chances.random() < 0.5:
            answer = self.chances.choice(BAD)
            if callable(answer):
                return answer(sock, webhook)
            sock.sendall(answer)
            return True
        if self.chances.random() < 0.1:
            self.stopped.wait(0.5)  # slow
        self.taken.append(webhook)
        sock.sendall(TAKEN)
        return True


def test_each_change_arrives(start, tmp_path, say):
    chances, clock = random.Random(SEED), Clock()
    (tmp_path / "secret").write_text(secret_line())
    receiver = start._add(Moody(chances))
    expected = []
    with stores.killable_server() as server:
        def begin():
            return start.pod(CHANNEL, "--channel", CHANNEL, "--database", server.url("fleet"),
                             "--webhook-url", receiver.url, "--webhook-secret",
                             tmp_path / "secret", "--webhook-private", clock=clock)

        def change(engine, booking):
            """Books, changes and cancels; whoever was killed may not be ready yet."""
            day = 2 * booking % 600
            answer = wait_until(lambda: (made := order_of(engine, order(
                day, day + 1, carid="1-XXX-333"))).status == 201 and made, what="a booking")
            identity = answer.headers["Location"].rsplit("/", 1)[1]
            # The first at the desk after the database's death finds that out and is refused.
            for what, fields in (("change", {"return_at": at(day + 2)}), ("cancel", {})):
                wait_until(lambda: post(engine, f"/bookings/{identity}/{what}",
                                        {**fields, "reason": REASON}).status == 200, what=what)
            expected.extend([(identity, "booking.changed"), (identity, "booking.cancelled")])

        engines = [begin(), begin()]
        for turn in range(CHANGES // IN_A_TURN):
            for booking in range(IN_A_TURN // 2):
                change(chances.choice(engines), turn * IN_A_TURN // 2 + booking)
            clock.move(400)
            if turn % 3 == 2:
                server.kill()
                server.start()
            else:
                victim = chances.randrange(2)
                engines[victim].kill()
                engines[victim] = begin()

        def told():
            clock.move(3600)
            return {webhook.id for webhook in receiver.taken}
        wait_until(lambda: len(told()) >= len(expected), seconds=600, what="all changes")
        first = {}  # the order in which each was first taken
        for webhook in receiver.taken:
            first.setdefault((webhook.booking, webhook.type), webhook.id)
        assert sorted(first) == sorted(expected)
        for identity, kind in expected[::2]:
            assert list(first).index((identity, kind)) < list(first).index(
                (identity, "booking.cancelled"))
        for webhook in receiver.all():
            assert first[webhook.booking, webhook.type] == webhook.id
        say(f"{len(expected)} changes in {len(receiver.received)} tries, "
            f"{len(receiver.taken) - len(first)} of them taken more than once")
