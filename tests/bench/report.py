"""Writes the page of a run: tables, and the targets with what was measured."""
import dataclasses
import datetime
import re
import textwrap
from statistics import median

import beside
import database
import services
from measurements import CONNECTIONS, USUAL_CONNECTIONS
from tables import number, table


@dataclasses.dataclass
class Results:
    """What run collected; the shapes are those that measurements.py returns."""
    begin: datetime.datetime
    seconds: float
    effort: object
    machine: list
    busy: bool
    versions: dict
    closed: dict
    memory: dict
    calls: dict
    counter: str
    instructions: dict
    own_rates: dict
    held: dict
    fleets: dict
    fleet_memory: dict
    lists: dict
    besides: dict
    search: str
    store: str
    durable: dict  # None without a PostgreSQL server

    def middle(self, connections, name, field):
        """The median of the rounds; None for a peer that is not there."""
        samples = self.closed[connections].get(name)
        return median(getattr(sample, field) for sample in samples) if samples else None

    def to_floor(self, connections, name):
        return (self.middle(connections, name, "cpu")
                / self.middle(connections, "floor", "cpu"))

    def fleet_cpu(self, cars):
        return median(sample.cpu for sample in self.fleets[cars])

    def p99_held(self, name, rate):
        return median(sample.p99 for sample in self.held[name, rate])


def contenders_table(results):
    return table(("name", "what", "version"), [
        (c.name, c.what, results.versions[c.name] or "not installed here: left out")
        for c in services.CONTENDERS])


def closed_table(results, connections):
    rows = []
    for name, samples in results.closed[connections].items():
        def middle(field):
            return number(results.middle(connections, name, field))
        costs = [sample.cpu for sample in samples]
        rows.append((name, middle("cpu"), f"{results.to_floor(connections, name):.2f}",
                     middle("user"), middle("system"),
                     f"{100 * (max(costs) - min(costs)) / median(costs):.0f} %",
                     middle("rate"), middle("p50"), middle("p99"),
                     number(median(results.memory[connections][name]))))
    return table(("", "CPU us", "to floor", "user", "system", "spread", "requests/s", "p50 us",
                  "p99 us", "MiB"), rows)


def calls_table(results):
    if not results.calls:
        return "Not measured: there is neither perf nor strace here."
    return table(("", "system calls a request"),
                 [(name, number(calls)) for name, calls in results.calls.items()])


def held_table(results):
    rows = []
    for (name, rate), samples in results.held.items():
        whose = "half its own highest" if rate == results.own_rates[name] else "half of ours"
        reached = median(sample.rate for sample in samples)
        rows.append((name, f"{rate:,}", whose, number(reached),
                     number(median(sample.p50 for sample in samples)),
                     number(median(sample.p99 for sample in samples)),
                     number(median(sample.cpu for sample in samples))))
    return table(("", "rate", "which is", "reached", "p50 us", "p99 us", "CPU us"), rows)


def fleets_table(results):
    smallest = results.fleet_cpu(min(results.fleets))
    return table(("cars", "CPU us", "to the smallest", "requests/s", "p99 us", "MiB"), [
        (f"{cars:,}", number(results.fleet_cpu(cars)),
         f"{results.fleet_cpu(cars) / smallest:.2f}",
         number(median(sample.rate for sample in samples)),
         number(median(sample.p99 for sample in samples)), number(results.fleet_memory[cars]))
        for cars, samples in results.fleets.items()])


def lists_table(lists):
    rows = []
    for (name, cars), samples in sorted(lists.items(), key=lambda item: item[0][1]):
        cpu = median(sample.cpu for sample in samples)
        rows.append((f"`GET /offers`, {cars}" if cars else "`GET /bookCar`", name, number(cpu),
                     number(cpu / max(cars, 1)),
                     number(median(sample.rate for sample in samples)),
                     number(median(sample.p50 for sample in samples)),
                     number(median(sample.p99 for sample in samples))))
    return table(("cars", "adapter", "CPU us", "CPU us a car", "requests/s", "p50 us", "p99 us"),
                 rows)


def beside_table(besides):
    """Ratios are of the same round's, so that what disturbs the machine falls on both."""
    rows, alone = [], None
    for name, rounds in besides.items():
        samples = [sample for sample, _ in rounds]
        alone = alone or samples
        rows.append((name, number(median(sample.p50 for sample in samples)),
                     number(median(sample.p99 for sample in samples)),
                     f"{median(s.p99 / a.p99 for s, a in zip(samples, alone)):.2f}",
                     number(median(sample.cpu for sample in samples)),
                     number(median(mebibytes for _, mebibytes in rounds))))
    return table(("beside", "p50 us", "p99 us", "to nothing's", "CPU us", "MiB"), rows)


# --- targets ------------------------------------------------------------------------------------

def cpu_targets(results):
    ratio = results.to_floor(USUAL_CONNECTIONS, "ours")
    yield ("CPU a request to the floor's, at 32 connections", "at most 2.2, better 1.9",
           f"{ratio:.2f}", ratio <= 2.2)
    ours = results.middle(USUAL_CONNECTIONS, "ours", "cpu")
    for name, bar, words in (("Go", 2 / 3, "two thirds"), ("Node", 1 / 2, "half")):
        theirs = results.middle(USUAL_CONNECTIONS, name, "cpu")
        yield (f"CPU a request to {name}'s, at 32 connections", f"at most {words}",
               f"{ours / theirs:.2f}" if theirs else "not measured",
               ours / theirs <= bar if theirs else None)
    for connections in CONNECTIONS:
        if connections != USUAL_CONNECTIONS:
            there = results.to_floor(connections, "ours") / ratio
            yield (f"ratio to the floor with {connections:,} connected, to that with 32",
                   "0.8 to 1.2", f"{there:.2f}", 0.8 <= there <= 1.2)


def latency_target(results):
    rate = results.own_rates["ours"]
    ours = results.p99_held("ours", rate)
    peers = {c.name: results.p99_held(c.name, rate) for c in services.CONTENDERS
             if c.reads_json and not c.name.startswith("ours")
             and (c.name, rate) in results.held}
    what = f"p99 at half our highest rate ({rate:,}/s), beside the best JSON peer"
    if not peers:
        return what, "at most the peer's", "not measured", None
    best = min(peers, key=peers.get)
    return (what, "at most the peer's",
            f"{number(ours)} us; {best} {number(peers[best])} us", ours <= peers[best])


def search_table(results):
    """bench_search's first table; what it says of larger sets of rentals follows that."""
    return re.split(r"^\d+ cars, ", results.search, maxsplit=1, flags=re.MULTILINE)[0].strip()


def fleet_target(results):
    costs = [results.fleet_cpu(cars) for cars in results.fleets]
    growth = max(costs) / min(costs)
    sizes = f"{min(results.fleets):,} to {max(results.fleets):,}"
    return (f"CPU a request from {sizes} cars, most to least", "at most 1.10", f"{growth:.2f}",
            growth <= 1.1 if max(results.fleets) >= 1_000_000 else None)


def search_targets(results):
    """From bench_search's own lines for a million cars."""
    whole = re.search(r"^ *1000000  1 to 14 days: median ([\d.]+) us", results.search, re.MULTILINE)
    cases = re.findall(r"^ *1000000  .{28} +\d+ +([\d.]+) +([\d.]+) +([\d.]+) +([\d.]+) ",
                       results.search, re.MULTILINE)
    middle = float(whole[1]) if whole else None
    worst = max(float(value) for case in cases for value in case) if cases else None
    yield ("search among a million cars, 1 to 14 days, median", "at most 10 us",
           f"{middle} us" if whole else "not measured", middle <= 10 if whole else None)
    yield ("the same, its worst case: highest p99 or median with cold caches", "at most 100 us",
           f"{worst} us" if cases else "not measured", worst <= 100 if cases else None)


def store_target(results):
    share = re.search(r"^ *256 .* (\d+)% ", results.store, re.MULTILINE)
    return ("durable bookings with 256 clients, beside the bare loop", "at least 70 %",
            f"{share[1]} %" if share else "not measured", int(share[1]) >= 70 if share else None)


def database_targets(results):
    for clients, least in ((16, 1), (256, 1.5)):
        ratio = results.durable and database.to_pgbench(results.durable[clients])
        yield (f"the same on PostgreSQL with {clients} clients, beside pgbench",
               f"at least {least} times", f"{ratio:.1f}" if ratio else "not measured",
               ratio >= least if ratio else None)


def targets_table(results):
    rows = [*cpu_targets(results), latency_target(results), fleet_target(results),
            *search_targets(results), store_target(results), *database_targets(results)]
    met = {True: "yes", False: "**no**", None: "not measured"}
    return table(("target", "bar", "measured", "met?"),
                 [(what, bar, measured, met[fine]) for what, bar, measured, fine in rows])


def libraries_table(results):
    """Ours beside ours with a library in place of each part that is our own."""
    rows = []
    ours = results.middle(USUAL_CONNECTIONS, "ours", "cpu")
    for name in ("ours", *services.LIBRARIES):
        cost = results.middle(USUAL_CONNECTIONS, name, "cpu")
        engine, adapter = results.instructions[name] if results.instructions else (None, None)
        rows.append((name, number(cost), f"{100 * (cost / ours - 1):+.0f} %",
                     f"{results.to_floor(USUAL_CONNECTIONS, name):.2f}",
                     number(results.calls[name]) if results.calls else "not measured",
                     f"{engine:,}" if engine else "not measured",
                     f"{adapter:,}" if adapter else "not measured"))
    return table(("", "CPU us", "beside ours", "to floor", "system calls", "engine's instructions",
                  "adapter's"), rows)


def closed_tables(results):
    return "\n\n".join(
        f"**{connections:,} connection{'s' if connections > 1 else ''}**\n\n"
        f"{closed_table(results, connections)}" for connections in results.closed)


def page(results):
    effort = results.effort
    caution = ("\n**Other programs ran on the machine: these figures are rough.**\n"
               if results.busy else "")
    counter = f", counted with {results.counter}" if results.counter else ""
    return f"""# Performance

`make bench` wrote this page on {results.begin:%F}, in {results.seconds / 60:.0f} minutes. Every
figure is the median of {effort.rounds} interleaved rounds of {effort.seconds:g} s; "spread" is the
difference of the rounds' extremes. CPU is of all processes of a contender, in microseconds a
request. The load generator runs on the same cores, so requests a second are not what a server alone
could do.
{caution}
{table(("machine", ""), results.machine)}

{contenders_table(results)}

All answer `GET /bookCar` with the same body over two hops on loopback: a front, and an adapter that
it calls for every request on kept-alive connections (ours: by the adapter's own count). Only those
that read and write JSON do our work.

## Targets

{targets_table(results)}

## What the libraries cost

Two parts of ours do what a library could, because they are on the way of every request. The same
with the library in their place, at {USUAL_CONNECTIONS} connections:

- "libcurl's HTTP": libcurl's transfers, not only its connecting
  (`booking-main/adapter/connection_libcurl.c` in place of `connection.c`);
- "jansson alone": no `lib/json/flat.c`, which reads what engine and adapter send each other where
  it is flat and plain, and leaves the rest to jansson.

Instructions are counted on one connection.

{libraries_table(results)}

## Closed loop

Each connection asks again as soon as it is answered. MiB are proportional set sizes with the
connections open.

{closed_tables(results)}

## System calls

Of both processes, at {USUAL_CONNECTIONS} connections{counter}.

{calls_table(results)}

## Fixed rates

Requests leave at fixed times, on {USUAL_CONNECTIONS} connections; a latency runs from the time at
which its request was meant to leave.

{held_table(results)}

## Fleets

`GET /bookCar` with dates, locations and categories that change, {USUAL_CONNECTIONS} connections.

{fleets_table(results)}

## Lists

The cheapest free car of each category, of 100 categories and 20,000 cars, for periods that change,
{USUAL_CONNECTIONS} connections: one request and one call of the adapter for all of them. Both
adapters write kayak's format; adapter-jq runs its filter once for each car.

{lists_table(results.lists)}

## Beside other work

`GET /bookCar` at {beside.RATE:,} requests a second, {USUAL_CONNECTIONS} connections, rounds of
{effort.beside_seconds:g} s. CPU a request has that of the other work in it.

{beside_table(results.besides)}

## Search

{textwrap.indent(search_table(results), "    ")}

## Durable writes

{textwrap.indent(results.store.strip(), "    ")}

## Durable writes on PostgreSQL

{database.durable_page(results.durable) if results.durable else "There is no server here."}
More engines on one database: [scaling.md](scaling.md).
"""
