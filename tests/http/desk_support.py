"""What the tests of the desk share."""
import csv
import io
import json

from booking_support import START, at, book, fleet_text
from support import at_once

REASON = "asked for by phone"


def get(engine, path, **kwargs):
    """The document of an answer that must be well."""
    answer = engine.desk("/api" + path, **kwargs)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def post(engine, path, fields, method="POST", **headers):
    """Sends fields, or a body as it is, as JSON."""
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return engine.desk("/api" + path, method, body=body,
                       headers={"Content-Type": "application/json", **headers})


def done(answer, status=200):
    """The booking that a change answers."""
    assert answer.status == status, answer
    return json.loads(answer.body)["booking"]


def refused(answer, status, name, parameter=None):
    """The document of a problem, which may have members of its own."""
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == "application/problem+json"
    document = json.loads(answer.body)
    assert document["type"] == "urn:problem-type:" + name
    assert document["detail"].endswith("."), document
    assert document.get("parameter") == parameter, document
    return document


def booking_of(engine, first=0, last=1, **fields):
    """Books as a partner; the booking as the desk shows it."""
    location, _ = book(engine, first, last, **fields)
    return get(engine, "/bookings/" + location.rsplit("/", 1)[1])["booking"]


def block(engine, carid, first=0, last=1, reason="brakes"):
    return post(engine, "/blocks", {"carid": carid, "from": at(first), "to": at(last),
                                    "reason": reason})


def pages(engine, path, name, **kwargs):
    """The rows of all pages, and how many pages there were."""
    rows, count, query = [], 0, path
    while True:
        document = get(engine, query, **kwargs)
        rows += document[name]
        count += 1
        if "next" not in document:
            return rows, count
        assert document[name], "a page without rows has no next one"
        query = f"{path}&after={document['next']}"


def table(body):
    """The lines of a CSV file as dictionaries."""
    return list(csv.DictReader(io.StringIO(body.decode(), newline="")))


def cars(count):
    """A fleet of three places and two categories."""
    return fleet_text(*(f"car-{number:03},{('ECMR', 'IDAR')[number % 2]},"
                        f"{('NCE', 'CDG', 'LYS')[number % 3]},{50 + number % 7}.50,,EUR"
                        for number in range(count)))


def book_many(engine, count, per_car=10):
    """That many bookings of a day each, some of them held or cancelled."""
    def one(worker):
        for number in range(worker, count, 8):
            fields = {"hold_seconds": 86400} if number % 9 == 0 else {}
            location, _ = book(engine, number % per_car, number % per_car + 1,
                               carid=f"car-{number // per_car:03}", reference=f"R-{number}",
                               **fields)
            if number % 10 == 1:
                assert engine.ask(location, "DELETE").status == 200
    for result in at_once(8, one):
        assert result is None, result


__all__ = ["REASON", "START", "at", "block", "book", "book_many", "booking_of", "cars", "done",
           "get", "pages", "post", "refused", "table"]
