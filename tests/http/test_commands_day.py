"""An operator's day, by the command line alone, while two partners' engines serve."""
import csv
import io
import json

from booking_support import at, book, offer, order, post, run_command, status_of
from commands_support import Desk, follows, id_of


def test_an_operators_day(start, database, tmp_path):
    desk = Desk(database)
    file = tmp_path / "cars.csv"
    file.write_text("\ufeffcarid;category;location;day_price;hour_price;currency\r\n"
                    "TÜ-AB 12;ECMR;STR;55,50;;EUR\r\n"
                    "TÜ-AB 13;ECMR;STR;60,00;;EUR\r\n")
    engines = {channel: start.pod(channel, "--database", database.url, "--channel", channel,
                                  "--fleet", "none") for channel in ("kayak", "airbnb")}
    status, printed, _ = run_command("import", file, "--database", database.url)
    assert (status, printed) == (0, "2 added, 0 changed, 0 withdrawn, 0 unchanged\n")
    kayak, airbnb = engines["kayak"], engines["airbnb"]
    assert follows(lambda: offer(kayak) and offer(airbnb)) == "TÜ-AB 12"
    moved, _ = book(kayak, 1, 3, carid="TÜ-AB 12", reference="K-4711")
    extended, _ = book(airbnb, 5, 6, carid="TÜ-AB 12", reference="A-1")
    cancelled, _ = book(airbnb, 8, 9, carid="TÜ-AB 13", reference="A-2")

    # A partner's reference leads to the booking.
    found, = desk.json("bookings", "--reference", "K-4711")["bookings"]
    assert found["id"] == id_of(moved) and found["channel"] == "kayak"

    # The car goes to the workshop for two days: a booking is in the way, and is listed.
    block = ("block", "TÜ-AB 12", "--from", at(2)[:10], "--to", at(3)[:10], "--reason", "new brakes")
    wrong = desk.refused(*block)
    assert "1 booking, hold or block is in the way" in wrong and id_of(moved) in wrong
    assert "K-4711" in wrong and id_of(extended) not in wrong
    desk("change", id_of(moved), "--car", "TÜ-AB 13", "--reason", "new brakes", "--by", "Eve")
    assert desk(*block).startswith("Blocked ")
    assert follows(lambda: offer(kayak, 2, 3) is None)
    assert post(airbnb, order(3, 4, carid="TÜ-AB 12")).status == 409
    assert json.loads(kayak.ask(moved).body)["carid"] == "TÜ-AB 13"

    # Another is kept a day longer, a third is cancelled.
    desk("change", id_of(extended), "--return", at(7), "--reason", "asked by telephone")
    assert follows(lambda: post(kayak, order(6, 7, carid="TÜ-AB 12")).status == 409)
    desk("cancel", id_of(cancelled), "--reason", "no licence")
    assert follows(lambda: status_of(airbnb, cancelled) == "cancelled")
    assert follows(lambda: post(kayak, order(8, 9, carid="TÜ-AB 13")).status == 201)

    # The accountant gets the month.
    rows = list(csv.DictReader(io.StringIO(desk("export", "--from", at(0)[:10], "--to", at(31)[:10]))))
    assert {row["reference"]: (row["status"], row["carid"], row["price"], row["reason"])
            for row in rows} == {
        "K-4711": ("booked", "TÜ-AB 13", "111", "new brakes"),
        "A-1": ("booked", "TÜ-AB 12", "55.5", "asked by telephone"),
        "A-2": ("cancelled", "TÜ-AB 13", "60", "no licence"),
        "": ("booked", "TÜ-AB 13", "60", "")}
    assert [row["pickup_at"] for row in rows] == sorted(row["pickup_at"] for row in rows)
    assert [row["channel"] for row in rows].count("airbnb") == 2 and len(rows) == 4
    desk_of_airbnb = desk("export", "--from", at(0)[:10], "--to", at(31)[:10], "--channel", "airbnb")
    assert desk_of_airbnb.count("\n") == 3
