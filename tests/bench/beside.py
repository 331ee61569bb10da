"""What a partner notices of what else the engine does: its requests at a fixed rate, alone and
beside an export of all bookings, and while webhooks wait for a receiver that is dead."""
import base64
import contextlib
import http.client
import threading
import time

import fleet_file
import measurements
import services
from database import orders
from loader import Load

RATE = 1000
WAITING = 10_000
BOOKING_CONNECTIONS = 256
DESK_PORT = 9034
NOBODY = "http://127.0.0.1:1/"
PATIENCE = 120  # seconds for what is waited for


def book(service, count, more=""):
    paths = [order.replace("}", more + "}") for order in orders()]
    with Load(service, BOOKING_CONNECTIONS, paths) as load:
        load.run(f"count {count}")
    service.empty_access_log()


# --- an export ------------------------------------------------------------------------------------

def export(service, stop):
    """Lines of one that is read to its end, or until it is not wanted any more."""
    connection = http.client.HTTPConnection(service.address, DESK_PORT, timeout=PATIENCE)
    connection.request("GET", "/api/bookings?format=csv")
    answer, lines, block = connection.getresponse(), 0, bytearray(256 * 1024)
    if answer.status != 200:
        raise RuntimeError(f"the export was answered {answer.status}")
    while not stop.is_set() and (size := answer.readinto(block)):
        lines += block.count(b"\n", 0, size)
    connection.close()
    return lines


@contextlib.contextmanager
def exporting(service):
    """One export after the other."""
    stop, done = threading.Event(), []

    def run():
        while not stop.is_set():
            done.append(export(service, stop))
    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if not done:
        raise RuntimeError("no export ran")


# --- webhooks -------------------------------------------------------------------------------------

def waiting(service):
    """How many webhooks wait, by the engine's own count."""
    text = services.get(service.address, services.OPERATOR_PORT, "/metrics")[1].decode()
    return next(int(line.split()[1]) for line in text.splitlines()
                if line.startswith("webhook_waiting "))


def let_holds_run_out(service):
    """Each is a change that the partner did not make itself."""
    book(service, WAITING, ',"hold_seconds":1')


def wait_for_webhooks(service):
    end = time.monotonic() + PATIENCE
    while waiting(service) < WAITING:
        if time.monotonic() > end:
            raise RuntimeError(f"only {waiting(service)} webhooks wait")
        time.sleep(0.5)


# --- all ------------------------------------------------------------------------------------------

def measure(effort, folder):
    """{what is beside: [(sample, mebibytes) of each round]}"""
    measurements.say(f"bench: beside an export of {effort.bookings:,} bookings, "
                     f"and beside {WAITING:,} webhooks")
    csv, secret = folder / "beside.csv", folder / "webhook-secret"
    fleet_file.write(csv, effort.fleets[-1])
    secret.write_text("whsec_" + base64.b64encode(b"of the bench alone, and no more").decode())
    hooks = ("--webhook-url", NOBODY, "--webhook-secret", secret, "--webhook-private")
    idle = contextlib.nullcontext
    with contextlib.ExitStack() as stack:
        def start(name, **more):
            return stack.enter_context(services.serving(services.start_ours, folder / name,
                                                        fleet=csv, **more))
        plain, untold, dead = (start("beside-export"), start("beside-untold"),
                               start("beside-dead", options=hooks))
        book(plain, effort.bookings)
        lines = export(plain, threading.Event())
        if lines != effort.bookings + 1:
            raise RuntimeError(f"{effort.bookings} bookings were exported in {lines} lines")
        let_holds_run_out(untold)
        let_holds_run_out(dead)
        wait_for_webhooks(dead)
        kinds = {"nothing": (plain, idle()),
                 f"an export of {effort.bookings:,} bookings": (plain, None),
                 f"{WAITING:,} changes that nobody is told of": (untold, idle()),
                 "the same, and webhooks wait for a dead receiver": (dead, idle())}
        samples = {kind: [] for kind in kinds}
        for _ in range(effort.rounds):
            for kind, (service, beside) in kinds.items():
                with beside or exporting(service):
                    samples[kind].append(measurements.measure(
                        service, effort, measurements.USUAL_CONNECTIONS,
                        f"rate {RATE} {effort.beside_seconds}"))
        if waiting(dead) < WAITING:
            raise RuntimeError("webhooks were given up meanwhile")
    return samples
