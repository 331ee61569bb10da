"""The minutes that a car needs between a return and the next pickup."""
import json
import random
import threading

from booking_support import at, fleet_text, overlapping, post, rows, run_command
from desk_support import post as post_desk
from support import assert_problem, wait_until

CAR = "a,ECMR,NCE,50.00,,EUR"


def write_fleet(path, *lines):
    """With a turnaround behind each line."""
    path.write_text(fleet_text(*lines).replace("currency", "currency,turnaround", 1))
    return path


def order(pickup_at, return_at, **more):
    return {"pickup_at": pickup_at, "return_at": return_at, **more}


def offered(engine, fields):
    """The carid, or None."""
    answer = engine.ask("/bookCar?" + "&".join(f"{name}={value}" for name, value in fields.items()))
    assert answer.status in (200, 404), answer
    return json.loads(answer.body)["carid"] if answer.status == 200 else None


def booked(engine, fields):
    answer = post(engine, fields)
    assert answer.status == 201, answer
    return answer


def set_for_all(pod, minutes):
    answer = post_desk(pod, "/turnaround", {"minutes": minutes})
    assert answer.status == 200, answer


BACK, HALF_PAST, ELEVEN = at(1), at(1, minutes=30), at(1, minutes=60)  # 10:00, 10:30, 11:00


def check_an_hour(pod):
    """Of one car that is booked until 10:00."""
    for early in (BACK, HALF_PAST, at(1, minutes=59)):
        wait_until(lambda early=early: offered(pod, order(early, at(2))) is None, what="the hour")
        assert_problem(post(pod, order(early, at(2))), 409, "car-unavailable")
        assert_problem(post(pod, order(early, at(2), carid="a")), 409, "car-unavailable")
    assert offered(pod, order(ELEVEN, at(2))) == "a"
    booked(pod, order(ELEVEN, at(2)))
    # In front of the next one, too.
    booked(pod, order(at(-2), at(-1)))
    assert offered(pod, order(at(-1, minutes=60), at(0, minutes=-59))) is None
    booked(pod, order(at(-1, minutes=60), at(0, minutes=-60)))


def test_an_hour_for_all_cars(start, fleet, database):
    pod = start.pod("kayak", "--database", database.url, "--fleet", fleet(CAR))
    booked(pod, order(at(10), at(11)))
    booked(pod, order(at(11), at(12)))  # back to back, as there was no turnaround
    set_for_all(pod, 60)
    booked(pod, order(at(0), BACK))
    check_an_hour(pod)
    # What was booked before stays as it was, in this engine and in one that starts now.
    late = start.engine(start.adapter(), "--database", database.url)
    for engine in (pod, late):
        assert offered(engine, order(at(9), at(10, minutes=-60))) == "a"
        assert offered(engine, order(at(12), at(13))) == "a"
    assert rows(database, "SELECT turnaround, count(*) FROM bookings GROUP BY 1 ORDER BY 1") == [
        (0, 2), (60, 4)]
    assert not overlapping(database)
    set_for_all(pod, 0)
    wait_until(lambda: offered(pod, order(at(3), at(10))) == "a", what="no turnaround")
    booked(pod, order(at(3), at(10)))
    assert pod.metric("booking_index_repairs_total") == 0


def test_an_hour_for_one_car(start, database, tmp_path):
    path = write_fleet(tmp_path / "fleet.csv", CAR + ",60", "b,ECMR,NCE,99.00,,EUR,")
    pod = start.pod("kayak", "--database", database.url, "--fleet", path)
    booked(pod, order(at(0), BACK, carid="a"))
    booked(pod, order(at(0), BACK, carid="b"))
    assert offered(pod, order(HALF_PAST, at(2))) == "b"
    assert_problem(post(pod, order(HALF_PAST, at(2), carid="a")), 409, "car-unavailable")
    assert offered(pod, order(ELEVEN, at(2))) == "a"
    # Its own goes before that for all.
    set_for_all(pod, 120)
    wait_until(lambda: offered(pod, order(at(-1), at(0, minutes=-59))) is None, what="two hours")
    assert offered(pod, order(at(-1), at(0, minutes=-60))) == "a"
    # What was booked keeps the hour that it has; the next one has what the file says by then.
    write_fleet(path, CAR + ",0", "b,ECMR,NCE,99.00,,EUR,")
    status, printed, _ = run_command("import", path, "--database", database.url)
    assert (status, printed) == (0, "0 added, 1 changed, 0 withdrawn, 1 unchanged\n")
    wait_until(lambda: offered(pod, order(at(-1), at(0))) == "a", what="the import")
    booked(pod, order(at(-1), at(0), carid="a"))
    assert_problem(post(pod, order(HALF_PAST, at(2), carid="a")), 409, "car-unavailable")
    assert not overlapping(database)


def test_a_hold_needs_it_too_and_gives_it_back(start, database, tmp_path):
    path = write_fleet(tmp_path / "fleet.csv", CAR + ",60")
    pod = start.pod("kayak", "--database", database.url, "--fleet", path)
    location = booked(pod, order(at(0), BACK, hold_seconds=600)).headers["Location"]
    assert offered(pod, order(HALF_PAST, at(2))) is None
    assert rows(database, "SELECT return_at - pickup_at, turnaround FROM bookings") == [(1440, 60)]
    assert pod.ask(location, "DELETE").status == 200
    assert offered(pod, order(HALF_PAST, at(2))) == "a"
    assert pod.metric("booking_index_periods") == 0


def test_it_changes_while_engines_book(start, fleet, database):
    """Engines that know different turnarounds never sell a car twice, nor less apart than a booking
    was promised."""
    names = ("kayak", "airbnb")
    pods = [start.pod(name, "--database", database.url, "--channel", name, "--fleet",
                      fleet(CAR, "b,ECMR,NCE,60.00,,EUR")) for name in names]
    stop, wrong = threading.Event(), []

    def sell(pod, seed):
        chance = random.Random(seed)
        try:
            while not stop.is_set():
                hour = chance.randrange(24 * 20)
                answer = post(pod, order(at(0, hours=hour), at(0, hours=hour + chance.randrange(1, 9))))
                assert answer.status in (201, 409, 503), answer
                if answer.status == 201 and chance.random() < 0.7:
                    assert pod.ask(answer.headers["Location"], "DELETE").status == 200
        except AssertionError as problem:
            wrong.append(problem)

    threads = [threading.Thread(target=sell, args=(pod, n)) for n, pod in enumerate(pods * 2)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(30):
            set_for_all(pods[turn % 2], (0, 60, 30, 180)[turn % 4])
            seen = pods[0].metric("booking_last_event")
            wait_until(lambda seen=seen: pods[0].metric("booking_last_event") > seen + 3 or wrong,
                       what="bookings between the changes")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong, wrong[0]
    assert not overlapping(database)
    kept = rows(database, "SELECT count(*) FROM all_bookings WHERE turnaround > 0")[0][0]
    assert kept and rows(database, "SELECT count(*) FROM all_bookings WHERE turnaround = 0")[0][0]
    last, = rows(database, "SELECT max(number) FROM events")[0]
    for pod in pods:
        wait_until(lambda pod=pod: pod.metric("booking_last_event") == last, what="the events")
        assert pod.metric("booking_index_repairs_total") == 0
    active, = rows(database, "SELECT count(*) FROM bookings WHERE state IN (1, 2, 5)")[0]
    for pod in pods:
        wait_until(lambda pod=pod: pod.metric("booking_index_periods") == active, what="the index")
