"""An operator's day, by keyboard alone: the fleet comes in, a booking is found, a car goes to the
workshop, bookings are moved, extended and cancelled, and the accountant gets a file."""
import csv
import datetime
import io
import json
import zoneinfo

from selenium.webdriver.common.keys import Keys

from page import ZONE
from support import wait_until

FLEET = """carid;category;location;day_price;hour_price;currency
1-XXX-333;ECMR;NCE;55,00;10,00;EUR
2-XXX-444;ECMR;NCE;60,00;10,00;EUR
3-XXX-555;CDMR;NCE;75,50;;EUR
"""
NOON = datetime.datetime.combine(
    datetime.datetime.now(zoneinfo.ZoneInfo(ZONE)).date(), datetime.time(12),
    zoneinfo.ZoneInfo(ZONE))


def noon(days):
    """Noon on the wall, that many days ahead."""
    return NOON + datetime.timedelta(days=days)


def day(moment):
    """As the page writes it: in British English, which has one month of four letters."""
    return f"{moment:%a} {moment.day} {moment:%b %Y}".replace("Sep ", "Sept ")


def book(engine, reference, carid, first, last):
    """By the partner, at the public port; where it shows the booking from then on."""
    body = json.dumps({"pickup_at": noon(first).isoformat(), "return_at": noon(last).isoformat(),
                       "carid": carid, "reference": reference})
    answer = engine.ask("/bookCar", "POST", body=body)
    assert answer.status == 201, answer
    return answer.headers["Location"]


def shown_to_partner(engine, location):
    return json.loads(engine.ask(location).body)


def test_an_operators_day(start, open_page, tmp_path):
    engine = start.pod("kayak", "--channel", "kayak", "--fleet", "none")
    page = open_page(engine)

    # The fleet comes from a spreadsheet. What it would change is shown first.
    (tmp_path / "fleet.csv").write_text(FLEET)
    page.press("Fleet")
    page.wait_for_view("Fleet")
    page.choose_file(tmp_path / "fleet.csv")
    page.press("Show what it would change")
    page.reads(r"3 added")
    assert page.api(engine, "/cars")["cars"] == []
    page.press("Import it")
    page.notice(r"Imported fleet\.csv: 3 added, 0 changed, 0 withdrawn\. To undo")
    page.named("Download it", "link")
    assert [car["carid"] for car in page.api(engine, "/cars")["cars"]] == [
        "1-XXX-333", "2-XXX-444", "3-XXX-555"]

    # The engine sells the cars as soon as it has read them.
    wait_until(lambda: engine.ask("/bookCar").status == 200, what="an offer")
    moved = book(engine, "K-1", "1-XXX-333", 3, 5)
    extended = book(engine, "K-2", "3-XXX-555", 4, 6)
    cancelled = book(engine, "K-3", "3-XXX-555", 9, 11)

    # Search first: the reference leads to the booking.
    page.search("K-1")
    page.wait_for_view("Booking K-1")
    page.reads(r"Goes out in 2 days|Goes out in 3 days")

    # The workshop wants the car for two days. A booking is in the way: it is listed.
    page.go(f"#/calendar?from={noon(0):%Y-%m-%d}&days=14")
    assert "booked by kayak, K-1" in page.cell("1-XXX-333", day(noon(4))).get_attribute(
        "aria-label")
    block_two_days(page)
    page.reads(r"K-1\s+Booked\s+kayak, 1-XXX-333")
    assert page.api(engine, "/bookings?state=blocked")["bookings"] == []

    # So it is moved to a car that is free.
    page.press("K-1")
    page.wait_for_view("Booking K-1")
    page.press("Move to another car")
    page.press("2-XXX-444 ECMR")
    page.fill("Reason", "The workshop needs 1-XXX-333", Keys.ENTER)
    page.notice(r"K-1 has 2-XXX-444 now; it had 1-XXX-333\.")
    page.wait_for_view("Booking K-1")
    page.reads(r"car 1-XXX-333 → 2-XXX-444")
    assert page.api(engine, "/bookings?q=K-1")["bookings"][0]["carid"] == "2-XXX-444"

    # Now the block is taken, and what is undone is undone.
    page.go(f"#/calendar?from={noon(0):%Y-%m-%d}&days=14")
    block_two_days(page)
    page.notice(r"1-XXX-333 is out of service from .* to .*: New brakes\.")
    page.until(lambda: "blocked, New brakes" in page.cell("1-XXX-333", day(noon(5)))
               .get_attribute("aria-label"), "the block's bar")
    page.press("Undo: release it")
    page.notice(r"1-XXX-333 is in service again\.")
    page.wait_for_view("Calendar")
    block_two_days(page)
    page.notice(r"1-XXX-333 is out of service")
    blocks = page.api(engine, "/bookings?state=blocked")["bookings"]
    assert [block["reason"] for block in blocks] == ["New brakes"]

    # A customer keeps the car a day longer.
    page.search("K-2")
    page.wait_for_view("Booking K-2")
    page.press("Change the return")
    page.press("A day later")
    page.fill("Reason", "The customer asked", Keys.ENTER)
    was, now = day(noon(6)), day(noon(7))
    page.notice(rf"The return of K-2 is now {now}, 12:00; it was {was}, 12:00\.")
    page.wait_for_view("Booking K-2")
    page.named(f"Undo: back to {was}, 12:00", "button")
    returns = page.api(engine, "/bookings?q=K-2")["bookings"][0]["return_at"]
    assert datetime.datetime.fromisoformat(returns.replace("Z", "+00:00")) == noon(7)

    # Another does not come. Why is asked for, and kept.
    page.search("K-3")
    page.wait_for_view("Booking K-3")
    page.press("Cancel the booking")
    page.press("Cancel the booking")
    page.reads(r"Not complete")
    assert shown_to_partner(engine, cancelled)["status"] == "booked"
    page.fill("Reason", "Flight cancelled", Keys.ENTER)
    page.notice(r"Cancelled K-3\. 3-XXX-555 is free\. There is no undo")
    page.wait_for_view("Booking K-3")
    page.reads(r"Cancelled\s+operator.*\s+Flight cancelled")
    assert [shown_to_partner(engine, one)["status"] for one in (moved, extended, cancelled)] == [
        "booked", "booked", "cancelled"]

    # The accountant gets exactly what the filter shows.
    page.go(f"#/bookings?pickup_from={noon(0):%Y-%m-%d}&pickup_to={noon(30):%Y-%m-%d}"
            "&order=pickup")
    page.reads(r"3 bookings shown")
    page.press("Download CSV of all of them")
    rows = list(csv.DictReader(io.StringIO(page.downloaded("bookings.csv"))))
    assert [(row["reference"], row["status"], row["carid"]) for row in rows] == [
        ("K-1", "booked", "2-XXX-444"), ("K-2", "booked", "3-XXX-555"),
        ("K-3", "cancelled", "3-XXX-555")]
    assert page.troubles() == []


def block_two_days(page):
    """On the calendar: the day that K-1 has, and the next, by keys."""
    page.script("arguments[0].focus()", page.cell("1-XXX-333", day(noon(4))))
    page.keys(Keys.SHIFT, Keys.ARROW_RIGHT)
    page.keys(Keys.ENTER)
    page.fill("Reason", "New brakes", Keys.ENTER)
