"""What the long tests share: how long they are, clients that stay connected, load."""
import contextlib
import http.client
import json
import os
import threading

from support import SANITIZED, Answer


def number(name, short):
    """How much of something: from the environment, or as much as fits a short run."""
    return int(os.environ.get(name) or short)


SEED = number("SOAK_SEED", 1)
ROUNDS = number("SOAK_ROUNDS", 5 if SANITIZED else 15)    # of the race for the last car; whole: 500
KILLS = number("SOAK_KILLS", 4 if SANITIZED else 6)       # whole: 200
CARS = number("SOAK_CARS", 5000 if SANITIZED else 20000)  # and as many bookings; whole: a million
PAST = number("SOAK_PAST", 20000 if SANITIZED else 200000)  # bookings; whole: ten million
WHOLE = number("SOAK_WHOLE", 0)                           # 1: also what cannot be short
BACKUPS = number("SOAK_BACKUPS", 2)                       # whole: 20

LOST = (OSError, http.client.HTTPException)  # the engine died on the way


class Client:
    """Keeps one connection; Answer as support.ask() gives it, less the time."""

    def __init__(self, address, port, timeout=30):
        self.connection = http.client.HTTPConnection(address, port, timeout=timeout)

    def ask(self, path, method="GET", body=None, headers=None):
        try:
            self.connection.request(method, path, body=body, headers=headers or {})
            answer = self.connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read(), 0)
        except LOST:
            self.connection.close()  # opens a new one next time
            raise

    def post(self, fields, key=None, path="/bookCar"):
        body = json.dumps(fields).encode() if fields is not None else b""
        return self.ask(path, "POST", body, {"Idempotency-Key": key} if key else {})

    def close(self):
        self.connection.close()


def client_of(engine):
    return Client(engine.address, engine.port)


@contextlib.contextmanager
def working(*works):
    """Threads that call each work(stopped) once; `stopped` is set and they are waited for at the
    end. What one raises, this raises."""
    stopped, wrong = threading.Event(), []

    def run(work):
        try:
            work(stopped)
        except BaseException as error:  # to be raised where it is seen
            wrong.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    try:
        yield stopped
    finally:
        stopped.set()
        for thread in threads:
            thread.join(60)
    if wrong:
        raise wrong[0]
