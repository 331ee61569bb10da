"""A receiver of webhooks that holds each to Standard Webhooks, by Python's own HMAC:
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""
import base64
import collections
import hashlib
import hmac
import json
import re

from support import StandIn, http_answer, wait_until

SECRET = b"0123456789abcdef01234567"
TAKEN = http_answer(b"", status="204 No Content")


def secret_line(secret=SECRET):
    return "whsec_" + base64.b64encode(secret).decode()


def sign(secret, identity, timestamp, body):
    text = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(secret, text, hashlib.sha256)).decode()


class Webhook:
    """One that keeps the rules."""

    def __init__(self, received, secrets):
        assert received.method == "POST"
        headers = received.headers
        assert headers["Content-Type"] == "application/json"
        assert headers["User-Agent"].startswith("booking-main/")
        self.id, self.at = headers["webhook-id"], headers["webhook-timestamp"]
        assert re.fullmatch(r"msg_[A-Za-z0-9_-]{16,}", self.id)
        assert re.fullmatch(r"\d{10}", self.at)
        assert headers["webhook-signature"].split(" ") == [
            sign(secret, self.id, self.at, received.body) for secret in secrets]
        self.body = json.loads(received.body)
        self.type = self.body["type"]
        self.booking = self.body.get("booking_id")
        self.raw = received.body


class Receiver(StandIn):
    """Answers as `answers` says, the last one again and again: bytes, or a function of the socket
    and the webhook that returns whether the connection goes on."""

    def __init__(self, *answers, secrets=(SECRET,), **kwargs):
        self.answers = list(answers) or [TAKEN]
        self.secrets = list(secrets)
        self.taken = []  # those that were answered 2xx, in the order of their answers
        super().__init__(self._answer, **kwargs)

    def _answer(self, sock, received):
        webhook = Webhook(received, self.secrets)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            return answer(sock, webhook)
        if answer.split(b" ", 2)[1][:1] == b"2":
            self.taken.append(webhook)
        sock.sendall(answer)
        return True

    def all(self):
        """All that came, again and again where they did."""
        return [Webhook(received, self.secrets) for received in list(self.received)]

    def ids(self):
        return collections.Counter(received.headers["webhook-id"] for received in self.received)

    def wait_for(self, count):
        """So many that were taken, and no more."""
        wait_until(lambda: len(self.taken) >= count, what=f"{count} webhooks")
        assert len(self.taken) == count, [webhook.type for webhook in self.taken]
        return list(self.taken)
