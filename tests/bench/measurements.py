"""What the bench measures, stage by stage. All that is compared runs in interleaved rounds: a
disturbance of the machine then falls on all, and the median drops it."""
import contextlib
import dataclasses
import json
import subprocess
import sys

import fleet_file
import instructions
import services
import syscalls
from loader import Load

CONNECTIONS = (1, 32, 256, 1000)
USUAL_CONNECTIONS = 32
FLEETS = (1_000, 100_000, 1_000_000)
LISTS = (1, 20, 100)


@dataclasses.dataclass(frozen=True)
class Effort:
    """How long the stages take."""
    rounds: int = 3
    compile_seconds: float = 3  # once for each, for those that compile while they run
    warm_seconds: float = 0.5
    seconds: float = 2
    rate_seconds: float = 3
    counted_requests: int = 20000
    fleets: tuple = FLEETS
    search_sizes: tuple = FLEETS
    store_seconds: float = 1
    database_seconds: float = 2
    bookings: int = 1_000_000
    beside_seconds: float = 10


QUICK = Effort(compile_seconds=1, warm_seconds=0.2, seconds=0.5, rate_seconds=0.7,
               counted_requests=5000, fleets=FLEETS[:2], search_sizes=FLEETS[:1],
               store_seconds=0.2, database_seconds=1, bookings=20_000, beside_seconds=2)


def say(text):
    print(text, file=sys.stderr, flush=True)


@contextlib.contextmanager
def started(contenders, effort, folder):
    """All of them running, warm and answering the same; a dictionary by name."""
    running = {}
    try:
        for contender in contenders:
            running[contender.name] = contender.start(folder / contender.name)
            body = running[contender.name].wait_ready()
            if body != services.KAYAK_LINE:
                raise RuntimeError(f"{contender.name} answers something else: {body}")
        for service in running.values():
            with Load(service, USUAL_CONNECTIONS) as load:
                load.run(f"time {effort.compile_seconds}")
        yield running
    finally:
        for service in running.values():
            service.stop()


def measure(service, effort, connections, plan, paths=("/bookCar",)):
    with Load(service, connections, paths) as load:
        load.run(f"time {effort.warm_seconds}")
        return load.measure(plan), load.memory_mebibytes()


def closed_loop(running, effort):
    """{connections: {name: [sample of each round]}} and the same of memory."""
    samples, memory = {}, {}
    for connections in CONNECTIONS:
        say(f"bench: {connections} connections")
        samples[connections] = {name: [] for name in running}
        memory[connections] = {name: [] for name in running}
        for _ in range(effort.rounds):
            for name, service in running.items():
                sample, mebibytes = measure(service, effort, connections, f"time {effort.seconds}")
                samples[connections][name].append(sample)
                memory[connections][name].append(mebibytes)
    return samples, memory


def system_calls(running, effort, folder):
    """{name: calls a request}, and what counted them; None where nothing here can."""
    program = syscalls.counter()
    if not program:
        return None, None
    say(f"bench: system calls, with {program}")
    calls = {}
    for name, service in running.items():
        with Load(service, USUAL_CONNECTIONS) as load:
            load.run(f"time {effort.warm_seconds}")
            with syscalls.counted(program, load.pids, folder) as count:
                load.run(f"count {effort.counted_requests}")
        calls[name] = count[0] / effort.counted_requests
    return calls, program


def our_instructions(folder):
    """{name: (engine's, adapter's) instructions a request} of ours."""
    if not instructions.countable():
        return None
    say("bench: instructions")
    counts = {}
    starts = {"ours": services.start_ours,
              **{name: start for name, (_, start) in services.LIBRARIES.items()}}
    for name, start in starts.items():
        counted = folder / f"{name} counted"
        counted.mkdir()
        counts[name] = tuple(instructions.count(start, counted).values())
    return counts


def open_loop(running, effort, rates):
    """{(name, rate): [sample of each round]} for a list of (name, rate)."""
    say("bench: fixed rates")
    samples = {key: [] for key in rates}
    for _ in range(effort.rounds):
        for name, rate in rates:
            sample, _ = measure(running[name], effort, USUAL_CONNECTIONS,
                                f"rate {rate} {effort.rate_seconds}")
            samples[name, rate].append(sample)
    return samples


def fleet_sizes(effort, folder):
    """{cars: [sample of each round]}, questions with dates; and {cars: mebibytes}."""
    say("bench: fleets of " + ", ".join(f"{cars:,}" for cars in effort.fleets) + " cars")
    running = {}
    try:
        for cars in effort.fleets:
            csv = folder / f"{cars}.csv"
            fleet_file.write(csv, cars)
            running[cars] = services.start_ours(folder / f"fleet-{cars}", fleet=csv)
            running[cars].wait_ready()
        questions = fleet_file.questions()
        samples = {cars: [] for cars in running}
        memory = {}
        for _ in range(effort.rounds):
            for cars, service in running.items():
                sample, memory[cars] = measure(service, effort, USUAL_CONNECTIONS,
                                               f"time {effort.seconds}", questions)
                samples[cars].append(sample)
        return samples, memory
    finally:
        for service in running.values():
            service.stop()


def lists(effort, folder):
    """{(adapter, cars): [sample of each round]} of GET /offers with that many cars in the answer;
    with 0, of GET /bookCar for the same periods."""
    say("bench: lists")
    csv = folder / "categories.csv"
    fleet_file.write(csv, 20_000, fleet_file.MANY_CATEGORIES)
    paths = {cars: fleet_file.lists(cars) for cars in LISTS}
    paths[0] = [path.replace("offers", "bookCar").partition("&limit")[0] for path in paths[1]]
    samples = {}
    with contextlib.ExitStack() as stack:
        running = {name: stack.enter_context(
                       services.serving(start, folder / f"lists of {name}", fleet=csv))
                   for name, start in (("adapter-kayak", services.start_ours),
                                       ("adapter-jq", services.start_with_jq))}
        for _ in range(effort.rounds):
            for cars in sorted(paths):
                for name, service in running.items():
                    if cars and count_cars(service, paths[cars][0]) != cars:
                        raise RuntimeError(f"{name} lists another number of cars than {cars}")
                    sample, _ = measure(service, effort, USUAL_CONNECTIONS,
                                        f"time {effort.seconds}", paths[cars])
                    samples.setdefault((name, cars), []).append(sample)
    return samples


def count_cars(service, path):
    return len(json.loads(services.get(service.address, service.port, path)[1])["cars"])


def program_output(name, *arguments):
    """What one of the C benches prints."""
    say(f"bench: {name}")
    return subprocess.run([services.BUILD / "bench" / name, *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout
