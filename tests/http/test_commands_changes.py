"""What an operator changes from the command line, with engines that run on the database and
without."""
import json
import sqlite3

import pytest

from booking_support import (at, book, cars, from_now, offer, order, post, run_command,
                             status_of)
from commands_support import Desk, follows, id_of
from support import fresh_address, free_port


@pytest.fixture
def desk(database):
    return Desk(database)


@pytest.fixture
def pod(start, database, fleet):
    """An engine of three cars."""
    return start.pod("kayak", "--database", database.url, "--channel", "kayak",
                     "--fleet", fleet(*cars(3)))


def day(days):
    return at(days)[:10]


# --- with an engine that runs -------------------------------------------------------------------

def test_a_cancelled_booking_is_free_again_and_says_why(pod, desk):
    taken = [book(pod, carid=f"car-{number:04}", reference=f"K-{number}")[0] for number in range(3)]
    assert offer(pod) is None
    told = desk("cancel", id_of(taken[1]), "--reason", "customer's flight was cancelled", "--by", "Zoë")
    assert told.startswith(f"Cancelled {id_of(taken[1])}: car car-0001, ") and "K-1" in told
    assert follows(lambda: offer(pod)) == "car-0001"
    assert status_of(pod, taken[1]) == "cancelled"
    shown = desk.json("booking", id_of(taken[1]))
    assert shown["booking"]["status"] == "cancelled" and shown["booking"]["version"] == 2
    assert [(entry["what"], entry["by"], entry.get("actor"), entry.get("reason"))
            for entry in shown["history"]] == [
                ("booked", "partner", "kayak", None),
                ("cancelled", "operator", "Zoë", "customer's flight was cancelled")]
    again = desk.refused("cancel", id_of(taken[1]), "--reason", "again")
    assert "is cancelled already; nothing was changed" in again


def test_a_block_keeps_partners_away_until_it_is_released(pod, desk):
    made = desk.json("block", "car-0000", "--from", at(0), "--to", at(2), "--reason", "brakes")
    block = made["booking"]
    assert (block["status"], block["carid"], block["reason"]) == ("blocked", "car-0000", "brakes")
    assert follows(lambda: offer(pod) == "car-0001")
    assert post(pod, order(carid="car-0000")).status == 409
    assert desk.ids("--state", "blocked") == [block["id"]]
    assert desk("unblock", block["id"]).startswith(f"Unblocked {block['id']}: car car-0000")
    assert follows(lambda: offer(pod) == "car-0000")
    assert "cancelled already" in desk.refused("unblock", block["id"])
    assert desk.ids("--state", "blocked") == desk.ids() == []


def test_a_block_over_bookings_is_refused_with_their_list(pod, desk):
    taken = [book(pod, first, first + 1, carid="car-0000", reference=f"K-{first}")[0]
             for first in range(25)]
    words = ("block", "car-0000", "--from", at(0), "--to", at(3), "--reason", "x")
    wrong = desk.refused(*words)
    assert "3 bookings, holds or blocks are in the way; nothing was changed" in wrong
    assert "Times are in UTC." in wrong
    lines = wrong.splitlines()
    assert [line.split()[0] for line in lines[-3:]] == [id_of(one) for one in taken[:3]]
    status, printed, _ = desk.run(*words, "--json")
    refusal = json.loads(printed)
    assert status == 1 and refusal["in_the_way_count"] == 3 and "booking" not in refusal
    assert [one["reference"] for one in refusal["in_the_way"]] == ["K-0", "K-1", "K-2"]
    wrong = desk.refused("block", "car-0000", "--from", at(0), "--to", at(25), "--reason", "x")
    assert "25 bookings" in wrong and wrong.endswith("and 5 more\n")
    assert desk.ids("--state", "blocked") == []


def test_a_booking_moves_and_is_extended(pod, desk):
    location, _ = book(pod, 0, 2, carid="car-0000")
    other, _ = book(pod, 2, 3, carid="car-0000")
    wrong = desk.refused("change", id_of(location), "--return", at(3), "--reason", "x")
    assert "1 booking, hold or block is in the way" in wrong and id_of(other) in wrong
    told = desk("change", id_of(location), "--return", at(3), "--car", "car-0001", "--reason", "x")
    assert told.startswith(f"Changed {id_of(location)}: car car-0001, ")
    assert follows(lambda: offer(pod, 0, 1) == "car-0000")
    assert post(pod, order(2, 3, carid="car-0001")).status == 409
    entry = desk.json("booking", id_of(location))["history"][-1]
    assert "car-0000 -> car-0001" in entry["detail"] and at(3) in entry["detail"]
    # Ends early, in the operator's own time.
    local = Desk(desk.database, TZ="<+02>-2")
    local("change", id_of(location), "--return", f"{day(1)} 12:00", "--reason", "early")
    assert desk.json("booking", id_of(location))["booking"]["return_at"] == at(1)
    assert follows(lambda: post(pod, order(2, 3, carid="car-0001")).status == 201)


def test_a_car_that_is_back_is_free_at_once(pod, desk):
    fields = {"pickup_at": from_now(hours=-1), "return_at": from_now(hours=5), "carid": "car-0000"}
    answer = post(pod, fields)
    assert answer.status == 201
    booking = id_of(answer.headers["Location"])
    assert desk("returned", booking).startswith(f"Returned {booking}")
    later = {"pickup_at": from_now(hours=1), "return_at": from_now(hours=2), "carid": "car-0000"}
    assert follows(lambda: post(pod, later).status == 201)
    assert "is over: the car is back" in desk.refused("returned", booking)
    assert "has not been picked up" in desk.refused(
        "returned", id_of(book(pod, carid="car-0001")[0]))


def test_the_turnaround_is_kept_with_what_changes_from_then_on(pod, desk):
    before = id_of(book(pod, 0, 1, carid="car-0000")[0])
    behind = id_of(book(pod, 1, 2, carid="car-0000")[0])
    assert desk("set") == "turnaround 0\n"
    assert desk("set", "turnaround", "90") == "turnaround 90\n"
    assert desk("set", "turnaround", "--json") == '{"turnaround":90}\n'
    assert [booking["turnaround"] for booking in desk.json("bookings")["bookings"]] == [0, 0]
    # What was agreed before stays; what is extended needs the time to clean the car.
    desk("change", behind, "--return", at(3), "--reason", "x")
    assert desk.json("booking", behind)["booking"]["turnaround"] == 90
    block = ("block", "car-0000", "--to", at(4), "--reason", "x", "--from")
    assert behind in desk.refused(*block, at(3, minutes=89))
    desk(*block, at(3, minutes=90))
    assert desk.json("booking", before)["booking"]["turnaround"] == 0
    assert desk("set", "turnaround", "0") == "turnaround 0\n"


# --- who did it -----------------------------------------------------------------------------------

def test_the_name_in_the_history(pod, database):
    location, _ = book(pod)
    desk = Desk(database, USER="\x1b[31mroot")
    desk("change", id_of(location), "--return", at(2), "--reason", "no name")
    desk("cancel", id_of(location), "--reason", "a name", "--by", "desk 3")
    actors = [entry["actor"] for entry in desk.json("booking", id_of(location))["history"]]
    assert actors[0] == "kayak" and "\x1b" not in actors[1] and actors[1] and actors[2] == "desk 3"


# --- what is called wrongly -----------------------------------------------------------------------

@pytest.mark.parametrize("words", [
    (), ("x", "y", "--reason", "r"), ("x",), ("x", "--reason", ""), ("x", "--reason", "r" * 201),
    ("x", "--reason", "a\nb"), ("x", "--reason", b"\xff".decode("utf-8", "surrogateescape")),
    ("x", "--reason", "r", "--by", "n" * 65), ("x", "--reason"), ("x", "--reasons", "r"),
    ("x", "--reason", "r", "--json=1")])
def test_a_cancellation_that_is_called_wrongly(database, words):
    status, printed, wrong = run_command("cancel", *words, "--database", database.url)
    assert (status, printed) == (2, "")
    assert wrong.startswith("booking-main cancel: ")
    assert wrong.endswith("see booking-main cancel --help\n") and wrong.count("\n") == 1


@pytest.mark.parametrize("words", [
    ("change", "x", "--reason", "r"), ("change", "x", "--return", "2026-12-01", "--reason", "r"),
    ("change", "x", "--return", "soon", "--reason", "r"), ("change", "x", "--car", " ", "--reason", "r"),
    ("change", "x", "--car", "c"), ("block", "c", "--from", "2026-12-01", "--reason", "r"),
    ("block", "c", "--to", "2026-12-01", "--reason", "r"),
    ("block", "c", "--from", "2026-12-02", "--to", "2026-12-01", "--reason", "r"),
    ("block", "c", "--from", "2026-12-02", "--to", "2026-12-02"), ("block", "--reason", "r"),
    ("unblock",), ("returned",), ("booking",), ("booking", "a", "b"), ("bookings", "a"),
    ("bookings", "--csv", "--json"), ("bookings", "--state", "gone"), ("bookings", "--limit", "-1"),
    ("bookings", "--pickup", "2026-02-30"), ("bookings", "--return", "2026-12-02..2026-12-01"),
    ("bookings", "--reference", "r" * 129), ("bookings", "--channel", "\x1b"),
    ("export",), ("export", "--from", "today"), ("export", "--from", "tomorrow", "--to", "today"),
    ("cars", "--csv", "--withdrawn"), ("cars", "x"), ("cars", "--location", ""),
    ("day", "2026-12-01 10:00"), ("day", "a", "b"), ("day", "monday"),
    ("set", "speed"), ("set", "turnaround", "-1"), ("set", "turnaround", "10081"),
    ("set", "turnaround", "1h"), ("set", "turnaround", "1", "2")])
def test_what_is_called_wrongly(database, words):
    status, printed, wrong = run_command(*words, "--database", database.url)
    assert (status, printed) == (2, ""), wrong
    assert wrong.startswith(f"booking-main {words[0]}: ") and wrong.count("\n") == 1
    assert all(letter == "\n" or letter.isprintable() for letter in wrong)


def test_what_is_refused(pod, desk):
    location, _ = book(pod, 0, 2)
    booking = id_of(location)
    for command in (("booking",), ("cancel", "--reason", "r"), ("returned",), ("unblock",),
                    ("change", "--return", at(3), "--reason", "r")):
        for unknown in ("x" * 22, "nonsense", "\x1b[2J", "'; DROP TABLE bookings; --"):
            wrong = desk.refused(command[0], unknown, *command[1:])
            assert "there is none with the id" in wrong and "\x1b" not in wrong
    assert "there is none with the id" in desk.refused("unblock", booking)
    assert "no car 'nope'" in desk.refused("change", booking, "--car", "nope", "--reason", "r")
    assert "no car 'nope'" in desk.refused("block", "nope", "--from", at(), "--to", at(1),
                                           "--reason", "r")
    for end in (at(0), at(91), from_now(hours=-1)):
        wrong = desk.refused("change", booking, "--return", end, "--reason", "r")
        assert wrong.startswith("booking-main change: --return: ") and "nothing was changed" in wrong
    wrong = desk.refused("block", "car-0001", "--from", at(), "--to", at(367), "--reason", "r")
    assert wrong.startswith("booking-main block: --to: ")
    assert desk.json("booking", booking)["booking"]["version"] == 1


def test_an_id_that_begins_with_a_dash(pod, desk, database):
    """One in 64 does."""
    location, _ = book(pod)
    for number, made in enumerate(("-" + "a" * 21, "--" + "b" * 20)):
        location, _ = book(pod, number + 1, number + 2)
        database.run("UPDATE bookings SET id = ? WHERE id = ?", made, id_of(location))
        assert desk.json("booking", made)["booking"]["id"] == made
        assert desk.ids("--query", made) == [made]
        assert desk("cancel", made, "--reason", "-" + "c" * 21).startswith(f"Cancelled {made}:")
        assert desk.json("booking", made)["booking"]["reason"] == "-" + "c" * 21
    assert "no such option" in desk.refused("booking", "--" + "b" * 19, status=2)


# --- the database ---------------------------------------------------------------------------------

COMMANDS = [("bookings",), ("booking", "x"), ("cancel", "x", "--reason", "r"), ("returned", "x"),
            ("change", "x", "--car", "c", "--reason", "r"), ("unblock", "x"), ("cars",), ("day",),
            ("block", "c", "--from", "today", "--to", "tomorrow", "--reason", "r"), ("set",),
            ("webhooks",), ("export", "--from", "today", "--to", "today")]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_database_that_is_not_there(tmp_path, words):
    missing = tmp_path / "missing.db"
    status, printed, wrong = run_command(*words, "--database", f"sqlite:{missing}")
    assert (status, printed) == (1, "") and "there is none: name the engines' with --database" in wrong
    assert not missing.exists()
    status, _, wrong = run_command(*words, "--database", "mysql://u:secret@h/b")
    assert status == 1 and "sqlite:FILE" in wrong and "secret" not in wrong
    unreachable = f"postgresql://u:secret@{fresh_address()}:{free_port('127.0.0.1')}/b"
    status, printed, wrong = run_command(*words, "--database", unreachable)
    assert (status, printed) == (1, "") and wrong.count("\n") == 1 and "secret" not in wrong


@pytest.mark.sqlite_only
def test_a_database_that_is_locked(pod, desk, database):
    location, _ = book(pod)
    locked = sqlite3.connect(database.path, isolation_level=None)
    locked.execute("BEGIN IMMEDIATE")
    for words in (("booking", id_of(location)), ("cancel", id_of(location), "--reason", "r")):
        wrong = desk.refused(*words)
        assert "is locked by another program" in wrong and wrong.count("\n") == 1
    locked.execute("ROLLBACK")
    locked.close()
    assert desk("cancel", id_of(location), "--reason", "r").startswith("Cancelled")


def test_each_command_has_help(database):
    status, printed, _ = run_command("--help")
    assert status == 0
    for words in [*COMMANDS, ("import",), ("backup",)]:
        assert f" {words[0]}" in printed
        status, said, wrong = run_command(words[0], "--help")
        assert (status, wrong) == (0, "")
        assert said.startswith(f"Usage: booking-main {words[0]} ") and "--database URL" in said
