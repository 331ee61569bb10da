"""Each view and each dialog, in light and dark, at the width of a desk and of a tablet."""
import json

import pytest

from selenium.webdriver.common.keys import Keys

import accessibility
from test_operators_day import book, noon

LOOKS = [pytest.param((1280, False), id="wide-light"),
         pytest.param((800, True), id="tablet-dark")]


@pytest.fixture(params=LOOKS)
def page(request, start, open_page):
    """A desk at which there is one of everything."""
    width, dark = request.param
    pod = start.pod("kayak", "--channel", "kayak")
    page = open_page(pod, width=width, dark=dark)
    book(pod, "K-1", "1-XXX-333", 1, 3)
    book(pod, "K-2", "1-XXX-333", 4, 6)
    book(pod, "K-3", "1-XXX-334", 1, 3)
    location = book(pod, "K-4", "1-XXX-335", 1, 3)
    page.api(pod, f"{location}/cancel", "POST", reason="Flight cancelled")
    page.api(pod, "/blocks", "POST", carid="2-YYY-101", reason="Brakes",
             **{"from": noon(-2).isoformat(), "to": noon(3).isoformat()})
    held = {"pickup_at": noon(2).isoformat(), "return_at": noon(4).isoformat(),
            "carid": "2-YYY-102", "hold_seconds": 3600, "reference": "K-5"}
    assert pod.ask("/bookCar", "POST", body=json.dumps(held)).status == 201
    return page


def check(page, *checks):
    wrong = accessibility.all_wrong(page, *checks)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("address", ["#/today", "#/calendar", "#/calendar?view=free", "#/bookings",
                                     "#/bookings?carid=nobody", "#/fleet", "#/webhooks", "#/nowhere",
                                     "#/booking/nobody"])
def test_a_view_has_no_barriers(page, address):
    page.go(address)
    check(page)


def test_a_booking_and_its_dialogs_have_no_barriers(page):
    page.search("K-1")
    page.wait_for_view("Booking K-1")
    check(page)
    for action in ("Cancel the booking", "Move to another car", "Change the return"):
        page.press(action)
        page.field("Reason")
        check(page)
        page.keys(Keys.ESCAPE)
        page.wait_for_view("Booking K-1")
        # The focus is where it was.
        assert page.focused().accessible_name == action
    # A refusal is read out where it is shown: three days longer, K-2 is in the way.
    page.press("Change the return")
    for _ in range(3):
        page.press("A day later")
    page.fill("Reason", "The customer asked", Keys.ENTER)
    page.named("K-2", "link")
    assert page.script("return document.querySelector('dialog [role=alert]').innerText")
    check(page)


def test_what_was_done_is_read_out_and_has_no_barriers(page):
    page.search("K-2")
    page.wait_for_view("Booking K-2")
    page.press("Change the return")
    page.press("A day later")
    page.fill("Reason", "The customer asked", Keys.ENTER)
    page.notice("The return of K-2")
    page.wait_for_view("Booking K-2")
    assert page.script("return document.querySelector('#notice').getAttribute('role')") == "status"
    check(page)


def test_a_view_takes_the_focus_to_its_heading(page):
    page.press("Bookings")
    page.wait_for_view("Bookings")
    page.until(lambda: page.script("return document.activeElement.tagName") == "H1", "the focus")
    page.press("K-3")
    page.wait_for_view("Booking K-3")
    page.until(lambda: page.script("return document.activeElement.innerText") == "Booking K-3",
               "the focus")


def test_the_first_link_leads_over_the_frame_to_the_content(page):
    page.press("Skip to the content")
    assert page.script("return document.activeElement.id") == "main"
