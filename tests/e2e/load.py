#!/usr/bin/python3
"""Steady load on partners' Services until SIGTERM, and what came of it.

    load.py [--allowed SHARE] [--offers] PARTNER=URL...

For each partner some clients ask for an offer, each on a connection that it keeps, or on a new one
each time, and one books and cancels, unless it is to be offers alone. Nothing is tried again, so what
fails is seen. Ends with the
counts, and with exit code 1 when more than that share of the requests failed (0 if not given), or
when a client was hardly served.
"""

import argparse
import collections
import datetime
import http.client
import json
import random
import signal
import sys
import threading
import time
import urllib.parse
from pathlib import Path

SEED = Path(__file__).parent / "seed"
CLIENTS = ("kept", "kept", "kept", "new", "new", "new", "books")
TIMEOUT = 10  # seconds, for an answer


class Client(threading.Thread):
    def __init__(self, partner, url, kind, stop):
        super().__init__()
        self.partner, self.kind, self.stop = partner, kind, stop
        self.address = urllib.parse.urlsplit(url).netloc
        self.prefix = urllib.parse.urlsplit(url).path.rstrip("/")
        seed = SEED / f"{partner}.json"
        self.seed = seed.read_bytes() if seed.exists() else None
        self.asked, self.failures, self.slowest = 0, collections.Counter(), 0.0
        self.connection = None

    def is_offer(self, content):
        """The partner's seed line; of those whose offers name times, that it is an object."""
        if self.seed:
            return content == self.seed
        try:
            return isinstance(json.loads(content), dict)
        except ValueError:
            return False

    def ask(self, method, path, body=None, status=200, is_right=lambda content: True):
        """The answer's headers, or None when it is not the expected one."""
        started = time.monotonic()
        self.asked += 1
        try:
            if not self.connection:
                self.connection = http.client.HTTPConnection(self.address, timeout=TIMEOUT)
            self.connection.request(method, path, body)
            answer = self.connection.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.failures[repr(error)] += 1
            self.hang_up()
            return None
        finally:
            self.slowest = max(self.slowest, time.monotonic() - started)
        if answer.will_close or self.kind == "new":
            self.hang_up()
        if answer.status != status or not is_right(content):
            self.failures[f"{answer.status} {content[:200]!r}"] += 1
            return None
        return answer.headers

    def hang_up(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def book(self):
        """Some day that the offers are not about, and free again at once."""
        day = datetime.date.today() + datetime.timedelta(days=random.randint(7, 600))
        period = {"pickup_at": f"{day}T09:00:00Z", "return_at": f"{day}T18:00:00Z"}
        booked = self.ask("POST", f"{self.prefix}/bookCar", json.dumps(period), status=201)
        if booked:
            self.ask("DELETE", booked["Location"])

    def run(self):
        while not self.stop.is_set():
            if self.kind == "books":
                self.book()
            else:
                self.ask("GET", f"{self.prefix}/bookCar", is_right=self.is_offer)
            time.sleep(0.005)  # the machine is for others too
        self.hang_up()


def report(clients):
    """Prints a line for each kind of client; the number of all requests and of those that failed."""
    kinds = collections.defaultdict(list)
    for client in clients:
        kinds[client.partner, client.kind].append(client)
    for (partner, kind), group in kinds.items():
        asked, slowest = sum(c.asked for c in group), max(c.slowest for c in group)
        failures = sum((c.failures for c in group), collections.Counter())
        print(f"{partner:10} {kind:6} {asked:8} requests {failures.total():6} failed"
              f"   slowest {slowest:.2f} s")
        for failure, count in failures.most_common(5):
            print(f"{count:8} x {failure}")
    return sum(c.asked for c in clients), sum(c.failures.total() for c in clients)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--allowed", type=float, default=0)
    parser.add_argument("--offers", action="store_true")
    parser.add_argument("partners", nargs="+", metavar="PARTNER=URL")
    options = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, lambda *_: stop.set())
    clients = [Client(*partner.split("=", 1), kind, stop)
               for partner in options.partners for kind in CLIENTS
               if kind != "books" or not options.offers]
    for client in clients:
        client.start()
    stop.wait()
    for client in clients:
        client.join()
    asked, failed = report(clients)
    print(f"{asked} requests, {failed} failed ({failed / max(asked, 1):.3%})")
    if failed > asked * options.allowed or min(c.asked for c in clients) < 10:
        sys.exit(1)


if __name__ == "__main__":
    main()
