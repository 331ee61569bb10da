"""The index beside a store that it does not know any more, and a stop while it is loaded."""
import os
import signal
import subprocess

from booking_support import book, fleet_text, offer, order, post
from support import BUILD, SANITIZER_ENVIRONMENT


def test_a_car_that_is_taken_unheard_of_is_not_asked_for_again_and_again(start, fleet, database):
    engine = start.engine(start.adapter(), "--database", database.url, "--fleet",
                          fleet("a,ECMR,NCE,50,,EUR", "b,ECMR,NCE,60,,EUR"))
    book(engine, 0, 1, carid="a")
    # By hand, so that no engine hears of it: ten days later.
    database.run("UPDATE bookings SET pickup_at = pickup_at + 14400, return_at = return_at + 14400")
    assert offer(engine, 10, 11) == "a"  # as far as is known
    assert book(engine, 10, 11)[1]["carid"] == "b"
    assert engine.metric("booking_conflicts_total") == 1
    assert post(engine, order(10, 11)).status == 409
    assert offer(engine, 0, 1) == "a"


def test_the_log_counts_the_cars_that_are_offered(start, fleet, tmp_path, database):
    arguments = ("--database", database.url)
    adapter = start.adapter()
    start.forget(start.engine(adapter, *arguments, "--fleet",
                              fleet("a,ECMR,NCE,50,,EUR", "b,ECMR,NCE,60,,EUR")))
    new = tmp_path / "new.csv"
    new.write_text(fleet_text("b,ECMR,NCE,60,,EUR"))
    subprocess.run([BUILD / "booking-main", "import", new, "--force", *arguments], check=True,
                   env={"PATH": os.environ["PATH"], **SANITIZER_ENVIRONMENT},
                   stdout=subprocess.DEVNULL)
    engine = start.engine(adapter, *arguments)
    started, = [line for line in engine.log("stderr") if line["msg"] == "listening"]
    assert started["cars"] == "1"
    assert engine.metric("booking_cars") == 1


def test_a_signal_while_the_fleet_is_loaded_ends_the_start(database):
    """It is there from the beginning: as if it came while a large fleet was loaded."""
    def send_signal():
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
        os.kill(os.getpid(), signal.SIGTERM)

    ended = subprocess.run(
        [BUILD / "booking-main", "--database", database.url],
        preexec_fn=send_signal, stderr=subprocess.PIPE, check=False, timeout=60,
        env={"PATH": os.environ["PATH"], **SANITIZER_ENVIRONMENT})
    assert ended.returncode == 0
    assert b'"stopped while starting"' in ended.stderr
    assert b'"listening"' not in ended.stderr
