"""The databases of tests: files of SQLite's, or with STORE=postgresql databases on a server that
all tests of a run share. Each test has its own, which is empty.

    database.url                        for --database
    database.rows("SELECT ...", ...)    what is in it; `?` stands for a parameter
    database.run("UPDATE ...", ...)     changes it behind the engines' backs
"""
import atexit
import contextlib
import functools
import itertools
import os
import pathlib
import sqlite3
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "postgresql"))

import postgresql  # noqa: E402

IS_POSTGRESQL = os.environ.get("STORE", "sqlite") == "postgresql"
BUILD = pathlib.Path(os.environ.get("BUILD_DIR",
                                    pathlib.Path(__file__).resolve().parents[2] / "build"))


class Sqlite:
    def __init__(self, path):
        self.path, self.url = path, f"sqlite:{path}"

    def __str__(self):
        return str(self.path)

    def rows(self, sql, *parameters):
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=10)
        try:
            return connection.execute(sql, parameters).fetchall()
        finally:
            connection.close()

    def run(self, sql, *parameters):
        connection = sqlite3.connect(self.path, timeout=10)
        with connection:
            connection.execute(sql, parameters)
        connection.close()


class Postgresql:
    def __init__(self, server, name):
        self.server, self.name, self.url = server, name, server.url(name)

    def __str__(self):
        return self.name

    def rows(self, sql, *parameters):
        return postgresql.read_rows(self.server.socket_url(self.name), sql, *parameters)

    def run(self, sql, *parameters):
        self.server.run_sql(postgresql.with_values(sql, parameters), self.name)


# --- PostgreSQL's server and databases ------------------------------------------------------------

@functools.cache
def server():
    """The one that the run has (see share_server), or one for this process, made when it is asked
    for the first time. No test may disturb it."""
    folder = os.environ.get("TEST_POSTGRESQL_FOLDER")
    if folder:
        return postgresql.Server(folder).open()
    return _shared()


def new_server():
    """One for the caller alone, who may kill it and has to remove it."""
    return postgresql.Server(new_folder()).__enter__()


@contextlib.contextmanager
def killable_server():
    """One that a test may do anything to, with an empty database `fleet` on it."""
    own = new_server()
    try:
        own.create("fleet")
        yield own
    finally:
        own.remove()


def new_folder():
    place = BUILD / "postgresql"
    place.mkdir(parents=True, exist_ok=True)
    return tempfile.mkdtemp(prefix="server-", dir=place)


def share_server():
    """In the process that starts the others: all use its server."""
    if IS_POSTGRESQL and "TEST_POSTGRESQL_FOLDER" not in os.environ:
        os.environ["TEST_POSTGRESQL_FOLDER"] = str(_shared().folder)


@functools.cache
def _shared():
    own = new_server()
    atexit.register(own.remove)
    return own


_numbers, _free = itertools.count(), []


def take():
    """An empty database. Those that tests have given back are emptied and taken again, since to
    drop one makes the server write all that it has not yet."""
    if _free:
        return _free.pop()
    database = Postgresql(server(), f"test_{os.getpid()}_{next(_numbers)}")
    server().create(database.name)
    return database


def give_back(database):
    server().run_sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     f" WHERE datname = '{database.name}'")
    postgresql.run_sql(database.url, "SET client_min_messages = warning;"
                       " DROP SCHEMA public CASCADE; CREATE SCHEMA public;"
                       " GRANT USAGE ON SCHEMA public TO PUBLIC")
    _free.append(database)
