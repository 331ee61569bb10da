"""What the page does beside the day's work: changes by others, many cars, an engine gone."""
import datetime
import json

import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select

from booking_support import fleet_text
from test_operators_day import book, day, noon


@pytest.fixture
def pod(start):
    """A kayak pod with the demo fleet, where nothing is booked."""
    return start.pod("kayak", "--channel", "kayak")


def test_a_change_by_somebody_else_is_shown_and_not_overwritten(pod, open_page):
    location = book(pod, "K-1", "1-XXX-333", 3, 5)
    page = open_page(pod)
    page.search("K-1")
    page.wait_for_view("Booking K-1")
    page.press("Change the return")
    page.press("A day later")
    page.api(pod, f"{location}/change", "POST", return_at=noon(8).isoformat(), reason="By phone")
    page.fill("Reason", "The customer asked", Keys.ENTER)
    page.reads(r"This is what K-1 is now:\s+period: .*you saw:")
    booking = page.api(pod, location)["booking"]
    assert (booking["version"], booking["reason"]) == (2, "By phone")
    # Who has read that may send it again, and can undo it to what the other had made of it.
    page.fill("Reason", "The customer asked", Keys.ENTER)
    page.notice(rf"is now {day(noon(6))}, 12:00; it was {day(noon(8))}, 12:00\.")
    page.press(f"Undo: back to {day(noon(8))}, 12:00")
    page.notice(rf"is {day(noon(8))}, 12:00 again")
    assert page.api(pod, location)["booking"]["version"] == 4


def utc(moment):
    return moment.astimezone(datetime.timezone.utc)


def test_times_are_in_the_zone_that_is_chosen(pod, open_page):
    location = book(pod, "K-1", "1-XXX-333", 3, 5)
    page = open_page(pod)
    page.go("#/booking/" + location.rsplit("/", 1)[1])
    page.reads(r"12:00")
    Select(page.field("Times in")).select_by_value("UTC")
    page.reads(rf"{day(noon(3))}, {utc(noon(3)):%H:%M}")
    page.driver.refresh()
    page.wait_for_view("Booking K-1")
    assert Select(page.field("Times in")).first_selected_option.get_attribute("value") == "UTC"
    # An input is in that zone as well.
    page.press("Change the return")
    value = page.script("return document.querySelector('dialog [name=return_at]').value")
    assert value == f"{utc(noon(5)):%Y-%m-%dT%H:%M}"


def test_a_large_fleet_is_shown_by_place_and_leads_down_to_its_cars(start, open_page, tmp_path):
    (tmp_path / "many.csv").write_text(fleet_text(
        *(f"CAR-{i:04},{'ECMR' if i % 3 else 'IFAR'},{'NCE' if i % 2 else 'CDG'},55,,EUR"
          for i in range(300))))
    pod = start.pod("kayak", "--channel", "kayak", "--fleet", tmp_path / "many.csv")
    book(pod, "K-1", "CAR-0001", 3, 5)
    page = open_page(pod)
    page.press("Calendar")
    page.reads(r"300 cars in 4 groups")
    cell = page.cell("NCE ECMR", day(noon(4)))
    assert cell.get_attribute("aria-label").endswith(": 99 of 100 free")
    page.script("arguments[0].focus()", cell)
    page.keys(Keys.ENTER)
    page.reads(r"100 cars shown")
    assert "booked by kayak" in page.cell("CAR-0001", day(noon(4))).get_attribute("aria-label")
    # Enter on a bar's day opens the booking, and back leads back.
    page.script("arguments[0].focus()", page.cell("CAR-0001", day(noon(4))))
    page.keys(Keys.ENTER)
    page.wait_for_view("Booking K-1")
    page.driver.back()
    page.wait_for_view("Calendar")
    page.reads(r"100 cars shown")


def test_an_import_of_much_asks_again(start, open_page, tmp_path):
    cars = [f"CAR-{i:02},ECMR,NCE,55,,EUR" for i in range(20)]
    (tmp_path / "fleet.csv").write_text(fleet_text(*cars))
    (tmp_path / "half.csv").write_text(fleet_text(*cars[:10]))
    pod = start.pod("kayak", "--channel", "kayak", "--fleet", tmp_path / "fleet.csv")
    location = book(pod, "K-1", "CAR-15", 3, 5)
    page = open_page(pod)
    page.go("#/fleet")
    page.choose_file(tmp_path / "half.csv")
    page.press("Show what it would change")
    page.reads(r"10 withdrawn")
    page.reads(r"1 booking of cars that are withdrawn")
    page.named(location.rsplit("/", 1)[1], "link")
    assert not page.named("Import it", "button").is_enabled()
    page.field("Yes, import it all the same").send_keys(Keys.SPACE)
    page.press("Import it")
    page.notice(r"0 added, 0 changed, 10 withdrawn\. To undo")
    # What it kept is the fleet as it was.
    page.press("Download it")
    kept = page.until(lambda: list(tmp_path.glob("fleet-before-*.csv")), "the file")[0]
    assert kept.read_text().count("CAR-") == 20


def test_turnaround_is_set_and_set_back(pod, open_page):
    page = open_page(pod)
    page.go("#/fleet")
    page.fill("Minutes between a return and the next pickup", "60", Keys.ENTER)
    page.notice(r"The turnaround is 60 min now; it was 0 min\.")
    assert page.api(pod, "/status")["turnaround"] == 60
    page.press("Undo: back to 0 min")
    page.notice(r"The turnaround is 0 min again\.")
    assert page.api(pod, "/status")["turnaround"] == 0


def test_an_engine_that_is_gone_is_said_and_waited_for(start, open_page, tmp_path):
    database = ("--database", f"sqlite:{tmp_path / 'booking.db'}")
    adapter = start.adapter()
    engine = start.engine(adapter, *database)
    page = open_page(engine)
    start.forget(engine)
    page.press("Bookings")
    page.reads(r"The engine does not answer\. This page keeps trying\.")
    again = start.engine(adapter, *database, "--desk-port", engine.desk_port,
                         address=engine.address)
    page.until(lambda: "does not answer" not in page.text(), "the engine's answer")
    page.reads(r"0 bookings shown")
    assert again.running()


def test_an_operator_with_a_key_stands_in_the_history_by_name(start, open_page, tmp_path):
    (tmp_path / "keys").write_text("Anna Berg 0123456789abcdef0123456789abcdef\n")
    pod = start.pod("kayak", "--channel", "kayak", "--operator-keys", tmp_path / "keys")
    book(pod, "K-1", "1-XXX-333", 3, 5)
    page = open_page(pod, key="0123456789abcdef0123456789abcdef")
    page.reads(r"signed in as Anna Berg")
    page.search("K-1")
    page.wait_for_view("Booking K-1")
    page.press("Cancel the booking")
    page.fill("Reason", "Flight cancelled", Keys.ENTER)
    page.notice(r"Cancelled K-1")
    page.reads(r"Cancelled\s+Anna Berg \(operator\)\s+Flight cancelled")
    assert "0123456789abcdef" not in page.text()


def test_names_are_text_and_never_markup(pod, open_page):
    reference = "<img src=x onerror=document.title=1>"
    body = json.dumps({"pickup_at": noon(3).isoformat(), "return_at": noon(4).isoformat(),
                       "reference": reference})
    assert pod.ask("/bookCar", "POST", body=body).status == 201
    page = open_page(pod)
    page.search(reference)
    page.wait_for_view(f"Booking {reference}")
    assert page.script("return document.images.length") == 0
    assert page.troubles() == []
