"""What the bench measures on a PostgreSQL server of its own: fsync and synchronous_commit are on, as
they are by default, and the data is where the run's folder is."""
import contextlib
import datetime
import itertools
import json
import re
import subprocess
import sys
import time
from statistics import median

import process_usage
import services
from loader import Load
from tables import table

sys.path.insert(0, str(services.ROOT / "tests" / "postgresql"))
from postgresql import Missing, Server, programs  # noqa: E402

PROGRAM = services.BUILD / "bench" / "bench_engines"
CLIENTS = (1, 16, 64, 256)
ENGINES = (1, 2, 4, 8, 16, 32, 64, 100)
CLIENTS_OF_MANY = 4  # of each engine
RATE = 100  # bookings a second of all engines together
# A session's first statements are planned, and 256 sessions take their time for that.
WARM_SECONDS = 3

# What an engine sends for one booking (booking-main/store/postgresql/group.c), with pgbench's
# variables in it, which make it a booking that nothing is in the way of.
STATEMENT = """\
\\set n :n + 1
\\set r random(1, 1000000000000000)
\\set car random(1, 20000)
\\set pickup 30000000 + (:n * :clients + :client_id) * 10
\\set back :pickup + 10
SELECT result, id, channel, reference, car, pickup_at, return_at, state, expires_at, day_price,\
 hour_price, total, currency, carid, location, category, turnaround FROM booking_group('[\
{"operation":0,"now":1700000000,"id":":r-:client_id-:n","channel":"bench","reference":"",\
"car": :car,"pickup_at": :pickup,"return_at": :back,"state":2,"expires_at":0,"day_price":5500,\
"total":5500,"currency":"EUR","location":"NCE","category":"ECMR","turnaround":0,\
"key":"key-:r-:client_id-:n","request":"%s","status":201,\
"answer_location":"/bookings/0123456789abcdefghijkl",\
"content_type":"application/json","body":"%s"}]', 1700000000, 1700000000000, false) ORDER BY place;
""" % ("ab" * 32, "ab" * 190)


class Database:
    """The server, and a new database with the fleet for each measurement."""

    def __init__(self, server):
        self.server = server
        self.numbers = itertools.count(1)

    @contextlib.contextmanager
    def fresh(self):
        name = f"run{next(self.numbers)}"
        self.server.create(name, "fleet")
        try:
            self.server.run_sql("CHECKPOINT")  # that of the copy is not the run's
            yield name
        finally:
            self.server.drop(name)

    def processes(self):
        return process_usage.with_descendants([self.server.pid])


@contextlib.contextmanager
def running(folder):
    with Server(folder) as server:
        server.set("max_connections", 500)
        server.restart()
        server.create("fleet")
        subprocess.run([PROGRAM, "fleet", server.url("fleet")], check=True)
        yield Database(server)


def engines(database, kind, count, load, seconds, warm=1):
    """What bench_engines measures, and the server's CPU seconds a second."""
    with database.fresh() as name:
        with subprocess.Popen([PROGRAM, kind, database.server.url(name), str(count), str(load),
                               str(warm), str(seconds)], stdout=subprocess.PIPE, text=True) as process:
            process.stdout.readline()
            pids, begin = database.processes(), time.monotonic()
            before = process_usage.cpu(pids)
            time.sleep(seconds * 0.9)  # behind the end there is no connection to ask
            used = process_usage.cpu(pids).since(before).total / (time.monotonic() - begin)
            line = process.stdout.readline()
        if process.returncode != 0:
            raise RuntimeError("bench_engines failed")
        result = json.loads(line)
    result["cpu"] = used
    result["rate"] = result["bookings"] / result["seconds"]
    result["group_rate"] = result["groups"] / result["seconds"]
    return result


def pgbench(database, clients, seconds, folder):
    """Bookings a second, one in a transaction, as many of them at a time as there are clients."""
    script = folder / "booking.sql"
    script.write_text(STATEMENT)
    with database.fresh() as name:
        done = subprocess.run(
            [programs() / "pgbench", "--no-vacuum", "-c", str(clients), "-j", str(min(clients, 2)),
             "-T", str(WARM_SECONDS + seconds), "-P", "1", "-D", "n=0", "-D", f"clients={clients}",
             "-f", script, database.server.url(name)], capture_output=True, text=True, check=True)
    rates = [float(rate) for rate in re.findall(r"^progress: .* s, ([\d.]+) tps", done.stderr,
                                                re.MULTILINE)]
    return sum(rates[WARM_SECONDS:]) / len(rates[WARM_SECONDS:])


def orders(count=96):
    """Bookings of some periods; at a time of many thousand cars there is always another."""
    today = datetime.datetime.now(datetime.timezone.utc).replace(hour=9, minute=0)
    for number in range(count):
        pickup = today + datetime.timedelta(days=7 * number + 2)
        back = pickup + datetime.timedelta(days=3)
        yield (f'POST /bookCar {{"pickup_at":"{pickup:%FT%H:%M:00Z}",'
               f'"return_at":"{back:%FT%H:%M:00Z}"}}')


def over_http(database, clients, effort, folder):
    """Bookings a second of an engine with its adapter."""
    with database.fresh() as name, services.serving(
            services.start_ours, folder, database=database.server.url(name)) as service:
        with Load(service, clients, list(orders())) as load:
            load.run(f"time {effort.warm_seconds}")
            return load.run(f"time {effort.database_seconds}")["rate"]


def durable(database, effort, folder):
    """{clients: [(store, group size, pgbench, HTTP) of each round]}"""
    found = {clients: [] for clients in CLIENTS}
    for turn in range(effort.rounds):
        for clients in CLIENTS:
            ours = engines(database, "clients", 1, clients, effort.database_seconds, WARM_SECONDS)
            theirs = pgbench(database, clients, int(effort.database_seconds), folder)
            http = over_http(database, clients, effort, folder / f"http-{turn}-{clients}")
            found[clients].append((ours["rate"], ours["bookings"] / ours["groups"], theirs, http))
    return found


def many(database, effort):
    """{engines: (with clients, at a fixed rate)}, and what as many as possible cost while nobody
    books."""
    found = {}
    for count in ENGINES:
        found[count] = tuple(engines(database, *load, effort.database_seconds)
                             for load in (("clients", count, CLIENTS_OF_MANY),
                                          ("rate", count, RATE)))
    return found, engines(database, "clients", ENGINES[-1], 0, effort.database_seconds)["cpu"]


def to_pgbench(rounds):
    """How many times pgbench's bookings the store made."""
    store, _, theirs, _ = (median(values) for values in zip(*rounds))
    return store / theirs


def durable_table(found):
    rows = []
    for clients, rounds in found.items():
        store, size, theirs, http = (median(values) for values in zip(*rounds))
        rows.append((str(clients), f"{store:,.0f}", f"{size:.1f}", f"{theirs:,.0f}",
                     f"{to_pgbench(rounds):.1f}", f"{http:,.0f}"))
    return table(("clients", "store", "bookings a group", "pgbench", "store to pgbench",
                  "over HTTP"), rows)


def many_table(found):
    rows = []
    for count, (most, held) in found.items():
        rows.append((str(count), f"{most['rate']:,.0f}", f"{most['group_rate']:,.0f}",
                     f"{most['answered_p50'] / 1000:,.1f}", f"{most['answered_p99'] / 1000:,.0f}",
                     f"{held['answered_p50'] / 1000:.1f}",
                     f"{held['seen_p50'] / 1000:.0f}" if count > 1 else "",
                     f"{held['seen_p99'] / 1000:.0f}" if count > 1 else "",
                     f"{held['cpu']:.2f}"))
    return table(("engines", "bookings/s", "groups/s", "p50 ms", "p99 ms", f"p50 ms at {RATE}/s",
                  "seen p50 ms", "seen p99 ms", "server's cores"), rows)


def durable_page(found):
    return f"""\
Durable bookings a second through one engine, beside pgbench that calls the same function with one
booking a transaction, as many at a time:

{durable_table(found)}
"""


def many_page(found, idle_cpu):
    return f"""\
Engines together: with {CLIENTS_OF_MANY} clients each, and at {RATE} bookings a second of all
together. "seen" is from a booking's answer until another engine has its event.

{many_table(found)}

{ENGINES[-1]} engines that nobody asks cost the server {idle_cpu:.2f} of a core.
"""
