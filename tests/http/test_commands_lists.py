"""What the command line lists: bookings, one booking, cars, a day, a period as CSV."""
import csv
import io
import json
import os
import pty
import struct
import subprocess
import termios
import fcntl

import pytest

from booking_support import at, book, cars, fleet_text, from_now, post, run_command
from commands_support import Desk, id_of
from support import BUILD, SANITIZER_ENVIRONMENT

HOSTILE = "\u202eK\u200b-\u2066=1+cmd|' /C calc'!A0"


@pytest.fixture
def desk(database):
    return Desk(database, COLUMNS="200")


@pytest.fixture
def pods(start, database, fleet):
    """Two partners' engines with five cars in two places."""
    arguments = ("--database", database.url, "--fleet",
                 fleet(*cars(3), "TÜ-AB 12,SDMR,STR,80,9.5,EUR", "品川 300,SDMR,STR,80,,EUR"))
    return {name: start.pod(name, *arguments, "--channel", name) for name in ("kayak", "airbnb")}


def day(days):
    return at(days)[:10]


def read_csv(text):
    return list(csv.DictReader(io.StringIO(text)))


# --- bookings -------------------------------------------------------------------------------------

def test_each_filter_and_all_together(pods, desk):
    one = id_of(book(pods["kayak"], 0, 2, carid="car-0000", reference="K-1")[0])
    two = id_of(book(pods["airbnb"], 1, 3, carid="car-0001", reference="A-1")[0])
    three = id_of(book(pods["kayak"], 5, 6, carid="TÜ-AB 12", hold_seconds=86400)[0])
    four = id_of(book(pods["airbnb"], 7, 8, carid="car-0000", reference="K-1")[0])
    desk("cancel", two, "--reason", "r")
    block = desk.json("block", "car-0002", "--from", day(0), "--to", day(1),
                      "--reason", "r")["booking"]["id"]
    made = [one, two, three, four]
    for words, expected in (
            ((), made), (("--reference", "K-1"), [one, four]), (("--car", "car-0000"), [one, four]),
            (("--car", "nope"), []), (("--channel", "airbnb"), [two, four]),
            (("--location", "STR"), [three]), (("--category", "ECMR"), [one, two, four]),
            (("--state", "held"), [three]), (("--state", "booked"), [one, four]),
            (("--state", "cancelled"), [two]), (("--state", "blocked"), [block]),
            (("--pickup", day(1)), [two]), (("--pickup", f"{day(1)}..{day(5)}"), [two, three]),
            (("--pickup", f"{at(0)}..{at(1)}"), [one]), (("--pickup", f"..{day(0)}"), [one]),
            (("--return", day(2)), [one]), (("--return", f"{day(3)}.."), [two, three, four]),
            (("--query", three), [three]), (("--query", "K-1"), [one, four]),
            (("--query", "car-0001"), [two]), (("--query", "car"), []),
            (("--channel", "kayak", "--reference", "K-1", "--pickup", day(0)), [one])):
        assert sorted(desk.ids(*words)) == sorted(expected), words
        assert [row["id"] for row in read_csv(desk("bookings", *words, "--csv"))] == desk.ids(*words)
    assert desk.ids("--by-pickup") == made
    assert desk.ids("--pickup", f"{day(0)}..") == made
    assert desk.ids("--by-pickup", "--limit", "2") == made[:2]


def test_a_pickup_today_and_tomorrow(pods, desk):
    day_end = {"return_at": from_now(days=3)}
    soon = id_of(post(pods["kayak"], {"pickup_at": from_now(), **day_end}).headers["Location"])
    later = id_of(post(pods["kayak"], {"pickup_at": from_now(days=1), **day_end}).headers["Location"])
    # A zone in which midnight is twelve hours away, so that it does not pass under the test.
    hour = int(from_now()[11:13])
    offset = 12 - hour
    there = Desk(desk.database, TZ=f"<zone>{-offset}")
    assert there.ids("--pickup", "today") == [soon]
    assert there.ids("--pickup", "tomorrow") == [later]
    assert there.ids("--pickup", "yesterday") == []


def test_a_table_shows_what_there_is(pods, desk):
    book(pods["kayak"], 0, 2, carid="品川 300", reference="K-1")
    book(pods["airbnb"], 1, 2, carid="TÜ-AB 12")
    lines = desk("bookings", "--by-pickup").splitlines()
    assert lines[0] == "Times are in UTC." and lines[1] == ""
    assert lines[2].split() == ["ID", "STATE", "CHANNEL", "REFERENCE", "CAR", "PLACE", "CAT", "PICKUP",
                                "RETURN", "PRICE"]
    assert lines[3].split()[1:] == ["booked", "kayak", "K-1", "品川", "300", "STR", "SDMR", day(0),
                                    "10:00", *at(2)[5:16].replace("T", " ").split(), "160", "EUR"]
    there = Desk(desk.database, TZ="<+05>-5", COLUMNS="200")
    lines = there("bookings", "--by-pickup").splitlines()
    assert lines[0] == "Times are in <+05>-5 (now UTC+05:00)." and f"{day(0)} 15:00" in lines[3]
    assert desk("bookings", "--reference", "nope") == "No booking is so.\n"


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_a_table_fits(pods, database, columns):
    reference = "R" * 128
    booking = id_of(book(pods["kayak"], reference=reference, carid="car-0000")[0])
    desk = Desk(database, COLUMNS=str(columns))
    lines = desk("bookings").splitlines()
    assert max(map(len, lines)) <= columns
    assert booking in lines[3] and "car-0000" in lines[3] and day(0) in lines[3]
    assert columns == 80 or "…" in lines[3]


def test_as_wide_as_the_terminal(pods, database):
    book(pods["kayak"], reference="R" * 128)
    command = [BUILD / "booking-main", "bookings", "--database", database.url]

    def printed_on(width):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        assert subprocess.run(command, stdout=theirs, stderr=theirs, timeout=60, check=False,
                              env=SANITIZER_ENVIRONMENT).returncode == 0
        os.close(theirs)
        text = b""
        try:
            while piece := os.read(ours, 65536):
                text += piece
        except OSError:  # how a terminal ends
            pass
        os.close(ours)
        return [len(line.rstrip("\r\n")) for line in text.decode().splitlines()]
    assert max(printed_on(90)) <= 90 < max(printed_on(150)) <= 150
    assert max(map(len, Desk(database)("bookings").splitlines())) <= 100


def test_a_long_list_says_that_there_is_more(pods, desk):
    for number in range(120):
        book(pods["kayak"], number, number + 1, carid="car-0000")
    assert len(desk("bookings").splitlines()) == 3 + 50 + 2
    assert desk("bookings").endswith("There are more: --limit 0 shows all.\n")
    assert len(desk("bookings", "--limit", "0").splitlines()) == 3 + 120
    assert len(desk.ids()) == len(desk.ids("--limit", "0")) == 120
    assert len(desk.ids("--limit", "119")) == 119
    assert len(read_csv(desk("bookings", "--csv", "--limit", "3"))) == 3


def test_hostile_texts(pods, desk):
    booking = id_of(book(pods["kayak"], reference=HOSTILE, carid="car-0000")[0])
    desk("change", booking, "--return", at(2), "--reason", "=HYPERLINK(\"x\")", "--by", "@\u202esum")
    assert desk.ids("--reference", HOSTILE) == [booking]
    for words in (("bookings",), ("booking", booking), ("day", day(0))):
        printed = desk(*words)
        assert "K�-�=1+cmd" in printed and "\u202e" not in printed
    wrong = desk.refused("block", "car-0000", "--from", at(), "--to", at(1), "--reason", "r")
    assert "K�-�=1+cmd" in wrong and "\u202e" not in wrong
    row, = read_csv(desk("bookings", "--csv"))
    assert row["reason"] == "'=HYPERLINK(\"x\")" and row["reference"] == HOSTILE
    shown = desk.json("booking", booking)
    assert shown["booking"]["reference"] == HOSTILE and shown["history"][1]["actor"] == "@\u202esum"


def test_many_bookings_are_streamed(pods, desk):
    """More than a piece of the output, JSON and CSV alike."""
    for number in range(260):
        book(pods["kayak"], number, number + 1, carid="car-0000", reference=f"{number:0128}")
    references = [booking["reference"] for booking in desk.json("bookings", "--by-pickup")["bookings"]]
    assert references == [f"{number:0128}" for number in range(260)]
    assert [row["reference"] for row in read_csv(desk("export", "--from", day(0), "--to", day(300)))
            ] == references


# --- one booking ----------------------------------------------------------------------------------

def test_one_booking_with_its_history(pods, desk):
    location, _ = book(pods["kayak"], 0, 2, carid="car-0000", reference="K-1", hold_seconds=86400)
    assert pods["kayak"].ask(location + "/confirm", "POST").status == 200
    desk("change", id_of(location), "--car", "car-0001", "--reason", "a dent", "--by", "Eve")
    printed = desk("booking", id_of(location))
    assert f"id          {id_of(location)}\n" in printed and "price       100 EUR\n" in printed
    assert "changed    Eve    a dent  carid car-0000 -> car-0001\n" in printed
    shown = desk.json("booking", id_of(location))
    assert set(shown) == {"booking", "history"}
    assert [entry["what"] for entry in shown["history"]] == ["held", "confirmed", "changed"]
    assert shown["booking"]["carid"] == "car-0001" and shown["booking"]["price"] == 100


# --- cars -----------------------------------------------------------------------------------------

def test_cars_and_the_fleet_file(pods, desk, database, tmp_path):
    assert pods
    assert [car["carid"] for car in desk.json("cars")["cars"]] == [
        "TÜ-AB 12", "car-0000", "car-0001", "car-0002", "品川 300"]
    assert [car["carid"] for car in desk.json("cars", "--query", "car-", "--limit", "2")["cars"]] == [
        "car-0000", "car-0001"]
    assert [car["carid"] for car in desk.json("cars", "--location", "STR", "--category", "SDMR")[
        "cars"]] == ["TÜ-AB 12", "品川 300"]
    assert desk("cars", "--query", "TÜ").splitlines()[1].split() == [
        "TÜ-AB", "12", "STR", "SDMR", "80", "9.5", "EUR"]
    file = tmp_path / "back.csv"
    file.write_text(desk("cars", "--csv"))
    assert run_command("import", file, "--database", database.url)[:2] == (
        0, "0 added, 0 changed, 0 withdrawn, 5 unchanged\n")
    file.write_text(fleet_text(*cars(3)))
    assert run_command("import", file, "--force", "--database", database.url)[0] == 0
    assert len(desk.json("cars")["cars"]) == 3
    assert [car["carid"] for car in desk.json("cars", "--withdrawn")["cars"] if not car["offered"]] == [
        "TÜ-AB 12", "品川 300"]
    assert "withdrawn" in desk("cars", "--withdrawn", "--query", "TÜ")
    assert desk("cars", "--query", "nope") == "No car is so.\n"


# --- a day ----------------------------------------------------------------------------------------

def test_a_day(pods, desk):
    out = id_of(book(pods["kayak"], 0, 2, carid="car-0000")[0])
    back = id_of(book(pods["airbnb"], -2, 0, carid="car-0001")[0])
    held = id_of(book(pods["airbnb"], 9, 10, carid="car-0001", hold_seconds=86400)[0])
    book(pods["kayak"], 1, 2, carid="car-0001")
    block = desk.json("block", "car-0002", "--from", day(-1), "--to", day(1),
                      "--reason", "brakes")["booking"]["id"]
    shown = desk.json("day", day(0))
    assert {name: [booking["id"] for booking in shown[name]] for name in shown["counts"]} == {
        "pickups": [out], "returns": [back], "late": [], "blocks": [block], "holds": [held]}
    assert shown["counts"] == {"pickups": 1, "returns": 1, "late": 0, "blocks": 1, "holds": 1}
    assert (shown["from"], shown["to"], shown["currency"]) == (
        f"{day(0)}T00:00:00Z", f"{day(1)}T00:00:00Z", "EUR")
    assert desk.json("day", day(0), "--location", "STR")["counts"]["pickups"] == 0
    printed = desk("day", day(0))
    for title in ("Pickups: 1", "Returns: 1", "Late, not yet back: 0", "Out of service: 1", "Holds: 1"):
        assert f"\n{title}\n" in printed
    assert printed.index(out) < printed.index(back) < printed.index(block) < printed.index(held)
    made = desk.json("bookings")["bookings"][0]["created_at"][:10]
    sales = {sale["channel"]: (sale["count"], sale["total"]) for sale in desk.json("day", made)["sales"]}
    assert sales == {"kayak": (2, 150), "airbnb": (1, 100)}
    assert "Sold by 2 partners" in desk("day", made)


# --- output ---------------------------------------------------------------------------------------

@pytest.mark.parametrize("words", [("bookings",), ("bookings", "--json"), ("bookings", "--csv"),
                                   ("cars",), ("cars", "--csv"), ("day",), ("set",),
                                   ("export", "--from", "today", "--to", "tomorrow")],
                         ids=" ".join)
def test_a_full_disk_is_told(pods, desk, words):
    book(pods["kayak"])
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([BUILD / "booking-main", *words, "--database", desk.database.url],
                              stdout=full, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              env=SANITIZER_ENVIRONMENT)
    assert done.returncode == 1
    assert done.stderr == f"booking-main {words[0]}: standard output: No space left on device\n"


def test_json_is_one_document(pods, desk):
    assert pods and desk("bookings", "--json") == '{"bookings":[]}\n'
    assert json.loads(desk("cars", "--query", "nope", "--json")) == {"cars": []}
