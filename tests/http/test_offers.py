"""Which car is offered, and at what price."""
import datetime
import json

import pytest

PICKUP = (datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=30)).replace(
    second=0, microsecond=0)


def period(**length):
    later = PICKUP + datetime.timedelta(**length)
    return (f"pickup_at={PICKUP.strftime('%Y-%m-%dT%H:%M:00Z')}"
            f"&return_at={later.strftime('%Y-%m-%dT%H:%M:00Z')}")


@pytest.mark.parametrize("query,carid,price", [
    ("", "1-XXX-333", 55),
    ("location=NCE", "1-XXX-333", 55),
    ("location=CDG", "2-YYY-101", 59),
    ("category=ECMR", "1-XXX-333", 55),
    ("category=CDAR", "1-XXX-335", 72),
    ("category=****", "1-XXX-333", 55),
    ("category=*D**", "1-XXX-335", 72),
    ("category=***R&location=CDG", "2-YYY-101", 59),
    ("category=I***", "2-YYY-102", 84.9),
    ("category=P**R", "3-ZZZ-007", 240),
    ("category=S%2A%2A%2A", "2-YYY-103", 129),
    ("location=CDG&category=*F*R", "2-YYY-103", 129),
])
def test_the_cheapest_that_matches(kayak, query, carid, price):
    answer = kayak.ask("/bookCar?" + query)
    assert answer.status == 200
    document = json.loads(answer.body)
    assert (document["carid"], document["price"]) == (carid, price)


@pytest.mark.parametrize("length,days", [
    (dict(minutes=1), 1), (dict(hours=1), 1), (dict(hours=23, minutes=59), 1), (dict(days=1), 1),
    (dict(days=1, minutes=1), 2), (dict(days=2), 2), (dict(days=2, minutes=1), 3),
    (dict(days=7), 7), (dict(days=90), 90), (dict(days=89, minutes=1), 90)])
def test_started_days_are_charged(kayak, length, days):
    assert json.loads(kayak.ask("/bookCar?" + period(**length)).body)["price"] == 55 * days


@pytest.mark.parametrize("day_price,currency,days,price,name", [
    ("19.99", "EUR", 1, "19.99", "euro"),
    ("19.99", "EUR", 3, "59.97", "euro"),
    ("0.10", "EUR", 3, "0.3", "euro"),
    ("0.01", "EUR", 7, "0.07", "euro"),
    ("57.50", "EUR", 1, "57.5", "euro"),
    ("57.50", "EUR", 2, "115", "euro"),
    ("33.33", "USD", 90, "2999.7", "dollar"),
    ("5500", "JPY", 3, "16500", "yen"),
    ("5500.00", "JPY", 1, "5500", "yen"),
    ("15.505", "KWD", 1, "15.505", "Kuwaiti dinar"),
    ("15.505", "KWD", 2, "31.01", "Kuwaiti dinar"),
    ("0", "EUR", 3, "0", "euro"),
    ("100000000", "EUR", 90, "9000000000", "euro"),
    ("99999999.99", "EUR", 90, "8999999999.1", "euro"),
    ("10000000000", "JPY", 90, "900000000000", "yen"),
    ("9999999.999", "KWD", 89, "889999999.911", "Kuwaiti dinar"),
])
def test_prices_in_their_shortest_form(start, fleet, day_price, currency, days, price, name):
    pod = start.pod("kayak", "--fleet", fleet(f"a,ECMR,NCE,{day_price},,{currency}"))
    answer = pod.ask("/bookCar?" + period(days=days))
    assert answer.status == 200, answer.body
    assert f'"price":{price},"currency":"{name}"'.encode() in answer.body


def test_costs_in_words(start, fleet):
    pod = start.pod("airbnb", "--fleet", fleet("b,CDAR,CDG,42,,EUR", "a,ECMR,NCE,40,1,EUR"))
    assert b'"costs":"1 euro an hour"' in pod.ask().body
    assert b'"costs":"42 euros a day"' in pod.ask("/bookCar?location=CDG&" + period(days=3)).body


def test_equal_prices_go_by_carid(start, fleet):
    pod = start.pod("kayak", "--fleet", fleet("b,ECMR,NCE,50,,EUR", "c,ECMR,NCE,50.00,,EUR",
                                              "B,CDAR,NCE,50,,EUR", "a,ECMR,NCE,50.01,,EUR"))
    assert json.loads(pod.ask().body)["carid"] == "B"
    assert json.loads(pod.ask("/bookCar?category=E***").body)["carid"] == "b"


def test_the_period_reaches_the_adapter_in_utc(start):
    stand_in = start.stand_in()
    engine = start.engine(stand_in)
    zone = datetime.timezone(datetime.timedelta(hours=2))
    local = PICKUP.astimezone(zone).strftime("%Y-%m-%dT%H:%M:00+02:00")
    later = (PICKUP + datetime.timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:00Z")
    assert engine.ask(f"/bookCar?pickup_at={local}&return_at={later}").status == 200
    document = json.loads(stand_in.received[0].body)
    assert document["pickup_at"] == PICKUP.strftime("%Y-%m-%dT%H:%M:00Z")
    assert document["return_at"] == later
    assert (document["price"], document["day_price"]) == (110, 55)


def test_without_times_it_is_a_day_from_the_next_minute(start):
    stand_in = start.stand_in()
    engine = start.engine(stand_in)
    before = datetime.datetime.now(datetime.timezone.utc)
    assert engine.ask().status == 200
    document = json.loads(stand_in.received[0].body)
    pickup_at = datetime.datetime.fromisoformat(document["pickup_at"].replace("Z", "+00:00"))
    return_at = datetime.datetime.fromisoformat(document["return_at"].replace("Z", "+00:00"))
    assert datetime.timedelta(0) < pickup_at - before <= datetime.timedelta(seconds=61)
    assert return_at - pickup_at == datetime.timedelta(days=1)


def test_an_odd_carid_comes_through(start, fleet):
    pod = start.pod("kayak", "--fleet", fleet('"a""b,\\c<>&\'",ECMR,NCE,1,,EUR'))
    assert json.loads(pod.ask().body)["carid"] == 'a"b,\\c<>&\''
