"""What the tests of bookings share: orders, periods, fleets, databases."""
import datetime
import json
import os
import subprocess

from stores import Sqlite
from support import BUILD, PATIENCE, SANITIZER_ENVIRONMENT

START = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).replace(
    hour=10, minute=0, second=0, microsecond=0)


def at(days=0, **more):
    """A moment as the interface writes it, counted from a morning a month ahead."""
    moment = START + datetime.timedelta(days=days, **more)
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")


def from_now(**later):
    """A moment counted from this minute."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now + datetime.timedelta(**later)).strftime("%Y-%m-%dT%H:%M:00Z")


def order(first=0, last=1, **fields):
    """The fields of an order for the days from `first` to `last`."""
    return {"pickup_at": at(first), "return_at": at(last), **fields}


def post(engine, fields, path="/bookCar", **kwargs):
    body = fields if isinstance(fields, bytes) else json.dumps(fields).encode()
    return engine.ask(path, "POST", body=body, **kwargs)


def post_keyed(engine, key, fields, path="/bookCar", **kwargs):
    return post(engine, fields, path, headers={"Idempotency-Key": key}, **kwargs)


def book(engine, first=0, last=1, **fields):
    """Books; the Location and the answer's document."""
    answer = post(engine, order(first, last, **fields))
    assert answer.status == 201, answer
    return answer.headers["Location"], json.loads(answer.body)


def offer(engine, first=0, last=1, **criteria):
    """The carid that is offered, None when no car is free."""
    query = "&".join(f"{name}={value}" for name, value in order(first, last, **criteria).items())
    answer = engine.ask("/bookCar?" + query)
    if answer.status == 404:
        return None
    assert answer.status == 200, answer
    return json.loads(answer.body)["carid"]


def status_of(engine, location):
    answer = engine.ask(location)
    assert answer.status == 200, answer
    return json.loads(answer.body)["status"]


def seen(answer):
    """What must be the same when an answer is given again."""
    return (answer.status, answer.headers["Location"], answer.headers["Content-Type"], answer.body)


def fleet_text(*lines):
    return "\n".join(("carid,category,location,day_price,hour_price,currency", *lines)) + "\n"


def cars(count, price="50.00", location="NCE"):
    return [f"car-{number:04},ECMR,{location},{price},,EUR" for number in range(count)]


def run_command(*arguments, timeout=PATIENCE, environment=None):
    """booking-main with a command: (exit status, standard output, standard error)."""
    done = subprocess.run([BUILD / "booking-main", *map(str, arguments)], text=True,
                          capture_output=True, timeout=timeout, check=False,
                          env={**SANITIZER_ENVIRONMENT, **(environment or {})})
    assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
    return done.returncode, done.stdout, done.stderr


def rows(database, sql, *parameters):
    """Reads the database directly: one of stores.py, or a file of SQLite's."""
    if isinstance(database, os.PathLike):
        database = Sqlite(database)
    return database.rows(sql, *parameters)


def overlapping(database):
    """Bookings, holds and blocks that have their car while another still has it, turnaround
    included."""
    return rows(database, """
        SELECT car, before, pickup_at FROM (
            SELECT car, pickup_at,
                   max(return_at + turnaround) OVER (PARTITION BY car ORDER BY pickup_at, return_at
                       ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
            FROM bookings WHERE state IN (1, 2, 5)) AS periods
        WHERE before > pickup_at""")
