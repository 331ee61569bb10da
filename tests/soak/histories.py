"""Partners at work on several engines of one fleet, and the history of what they asked and were told.

Each partner has two engines of its channel. It orders, holds, confirms and cancels, sometimes asks
both engines the same at once, and asks again, through the other engine, whatever it does not know
the end of. Every exchange becomes a line of the history, which checker.py reads afterwards.
"""
import json
import random
import threading
import time

from booking_support import order
from soak_support import LOST, SEED, client_of

DAYS = 600        # that periods are spread over
HOT_DAYS = 20     # those that half of the orders want
HOT_CARS = 5      # some of them only one of these
PATIENCE = 120    # seconds in which each question gets an answer
LONG_HOLD = 86400  # seconds: does not run out here
AGAIN_AT_THE_END = 5  # orders of each partner that are asked once more through both engines


class History:
    """The exchanges of all partners, in no order; each has its two moments."""

    def __init__(self):
        self.exchanges = []  # list.append() needs no lock
        self.lock, self.known, self.refused, self.unsure = threading.Lock(), 0, 0, 0

    def add(self, exchange):
        self.exchanges.append(exchange)
        status = exchange["status"]
        with self.lock:
            if status is None or status == 503:
                self.unsure += 1
            elif status == 409:
                self.refused += 1
            else:
                self.known += 1

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            for exchange in self.exchanges:
                file.write(json.dumps(exchange) + "\n")
        return path


class Partner:
    """One of a channel's programs; asks the first of its engines first."""

    def __init__(self, history, name, channel, engines):
        self.history, self.name, self.channel = history, name, channel
        self.clients = [client_of(engine) for engine in engines]
        self.chances, self.count = random.Random(f"{SEED}-{name}"), 0
        self.bookings, self.orders = [], []

    # --- one exchange -----------------------------------------------------------------------------

    def _begin(self, which, question):
        client = self.clients[which]
        body = json.dumps(question["fields"]).encode() if question["fields"] else b""
        headers = {"Idempotency-Key": question["key"]} if question["method"] == "POST" else {}
        exchange = {"partner": self.name, "channel": self.channel, "engine": which, **question,
                    "asked": time.monotonic(), "answered": None, "status": None}
        try:
            client.connection.request(question["method"], question["path"], body, headers)
        except LOST:
            client.close()
        return exchange

    def _finish(self, which, exchange):
        client = self.clients[which]
        try:
            answer = client.connection.getresponse()
            body = answer.read().decode()
            exchange.update(answered=time.monotonic(), status=answer.status, body=body,
                            location=answer.headers["Location"],
                            content_type=answer.headers["Content-Type"])
        except LOST:
            client.close()  # opens a new connection next time
        self.history.add(exchange)
        return exchange

    def _ask(self, question, both=False):
        """Until all that was asked is known; the exchange that says so, a success if there is one."""
        end, which = time.monotonic() + PATIENCE, 0
        while time.monotonic() < end:
            asked = range(len(self.clients)) if both else [which % len(self.clients)]
            begun = [(one, self._begin(one, question)) for one in asked]
            exchanges = [self._finish(*one) for one in begun]
            if all(map(self._is_known, exchanges)):
                return min(exchanges, key=lambda exchange: exchange["status"])
            both, which = False, which + 1
            time.sleep(0.05)
        raise AssertionError(f"never answered: {question}")

    @staticmethod
    def _is_known(exchange):
        if exchange["status"] == 503:
            assert "store-unavailable" in exchange["body"], exchange
        return exchange["status"] not in (None, 503) and not (
            exchange["status"] == 409 and "request-in-progress" in exchange["body"])

    # --- what it wants ----------------------------------------------------------------------------

    def order(self, first, hours=24, both=False, **more):
        self.count += 1
        key = f"{self.name}-{self.count}"
        fields = order(first, first, reference=key, **more)
        fields["return_at"] = order(0, first + hours / 24)["return_at"]
        question = {"action": "book", "key": key, "method": "POST", "path": "/bookCar",
                    "fields": fields}
        answer = self._ask(question, both)
        if answer["status"] == 409:
            return
        assert answer["status"] == 201, answer
        self.orders.append(question)
        hold = more.get("hold_seconds")
        if hold in (None, LONG_HOLD):  # a short one is left to run out
            self.bookings.append((key, answer["location"], hold))

    def _order_anything(self):
        hot = self.chances.random() < 0.5
        more = {}
        if hot and self.chances.random() < 0.3:
            more["carid"] = f"car-{self.chances.randrange(HOT_CARS):04}"
        if self.chances.random() < 0.3:
            more["hold_seconds"] = 1 if self.chances.random() < 0.2 else LONG_HOLD
        self.order(self.chances.randrange(HOT_DAYS if hot else DAYS),
                   self.chances.randrange(1, 48), self.chances.random() < 0.1, **more)

    def _confirm(self, which):
        key, location, hold = self.bookings[which]
        if not hold:
            return
        answer = self._ask({"action": "confirm", "key": f"{key}-confirm", "method": "POST",
                            "path": f"{location}/confirm", "fields": None},
                           self.chances.random() < 0.1)
        assert answer["status"] == 200, answer
        self.bookings[which] = (key, location, None)

    def _cancel(self, which):
        key, location, _ = self.bookings.pop(which)
        answer = self._ask({"action": "cancel", "key": key, "method": "DELETE", "path": location,
                            "fields": None}, self.chances.random() < 0.1)
        assert answer["status"] == 200, answer

    def work(self, stopped):
        """For soak_support.working(). What is begun is ended also when it is told to stop."""
        while not stopped.is_set():
            kind = self.chances.random()
            if kind < 0.6 or not self.bookings:
                self._order_anything()
            elif kind < 0.8:
                self._confirm(self.chances.randrange(len(self.bookings)))
            else:
                self._cancel(self.chances.randrange(len(self.bookings)))
        self.close()

    def repeat(self):
        """Asks some of its orders again, through each engine."""
        for question in self.chances.sample(self.orders, min(AGAIN_AT_THE_END, len(self.orders))):
            for which in range(len(self.clients)):
                self._finish(which, self._begin(which, question))
        self.close()

    def close(self):
        for client in self.clients:
            client.close()
