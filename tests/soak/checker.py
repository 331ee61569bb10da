#!/usr/bin/env python3
"""Holds what partners were told (histories.py) against the database, afterwards.

    checker.py HISTORY URL

HISTORY has a line of JSON for each exchange; URL is of the PostgreSQL database, for a user who may
read it all. Ends with 0 and one line of figures, or with the first thing that is wrong:

  - no car has two bookings at one time, at no point of the events' order;
  - every booking that was answered is there, once, as it was asked for and as the answer says;
  - no booking is there whose order was refused, or never made. One whose answers were all lost or
    said that it is not known may be there or not;
  - answers to one key are the same, byte for byte, whichever engine gave them and whenever;
  - events are numbered without a gap, in an order that the partners can have seen: what was
    answered before another thing was asked for is before it;
  - the events come to exactly the bookings that are there.
"""
import bisect
import collections
import datetime
import json
import math
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "postgresql"))

from postgresql import read_rows  # noqa: E402

TAKEN, FREED, FLEET = 1, 2, 3
HELD, BOOKED, CANCELLED, EXPIRED = 1, 2, 3, 4

Booking = collections.namedtuple("Booking", "id reference channel carid car period state total")
Event = collections.namedtuple("Event", "number kind car period booking_id")


def minutes(text):
    return int(datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()) // 60


def in_doubt(exchange):
    return exchange["status"] is None or (exchange["status"] == 503
                                          and "not known yet" in exchange["body"])


def succeeded(exchange):
    return exchange["status"] in (200, 201)


def told(exchange):
    return exchange["status"], exchange["location"], exchange["content_type"], exchange["body"]


class Asked:
    """All exchanges of one question."""

    def __init__(self, exchanges):
        self.exchanges = exchanges
        self.answers = [exchange for exchange in exchanges if succeeded(exchange)]
        self.first = min((exchange["asked"] for exchange in exchanges), default=math.inf)
        self.done = min((exchange["answered"] for exchange in self.answers), default=math.inf)

    @property
    def may_have_happened(self):
        return bool(self.answers) or any(map(in_doubt, self.exchanges))


class Check:
    def __init__(self, exchanges, database):
        self.asked = collections.defaultdict(list)
        for exchange in exchanges:
            self.asked[exchange["action"], exchange["key"]].append(exchange)
        self.asked = {question: Asked(all_of_it) for question, all_of_it in self.asked.items()}
        self.bookings = [Booking(*row[:5], tuple(row[5:7]), *row[7:]) for row in database(
            "SELECT b.id, reference, channel, carid, car, pickup_at, return_at, state, total"
            " FROM all_bookings b JOIN cars c ON c.number = b.car")]
        self.by_reference = {booking.reference: booking for booking in self.bookings}
        self.by_id = {booking.id: booking for booking in self.bookings}
        self.events = [Event(*row[:3], tuple(row[3:5]), row[5]) for row in database(
            "SELECT number, kind, car, pickup_at, return_at, booking_id FROM events"
            " ORDER BY number")]
        self.counter = database("SELECT last FROM event_counter")[0][0]
        self.kept = {(channel, key): tuple(answer) for channel, key, *answer in database(
            "SELECT channel, key, status, location, content_type,"
            " convert_from(body, 'UTF8') FROM answers")}
        self.doubtful = self.replays = 0

    def about(self, action, key):
        return self.asked.get((action, key), Asked([]))

    def all(self):
        self.answers_are_equal()
        self.answered_bookings_are_there()
        self.bookings_were_asked_for()
        self.events_have_an_order()
        self.events_come_to_the_bookings()

    def answers_are_equal(self):
        for (action, key), asked in self.asked.items():
            for exchange in asked.exchanges:
                assert exchange["status"] in (None, 200, 201, 409, 503), exchange
            if action == "cancel" or not asked.answers:
                continue
            first = asked.answers[0]
            for answer in asked.answers:
                assert told(answer) == told(first), ("two answers", first, answer)
            kept = self.kept.get((first["channel"], key))
            assert kept == told(first), ("kept is another answer than given", kept, first)
            self.replays += len(asked.answers) - 1
        for channel, key in self.kept:
            action = "confirm" if key.endswith("-confirm") else "book"
            assert self.about(action, key).may_have_happened, ("kept, but never given", key)

    def answered_bookings_are_there(self):
        for (action, key), asked in self.asked.items():
            if action != "book" or not asked.answers:
                continue
            answer, booking = asked.answers[0], self.by_reference.get(key)
            assert booking, ("answered, and not there", answer)
            said = json.loads(answer["body"])
            assert answer["location"].rsplit("/", 1)[1] == said["booking_id"] == booking.id, answer
            assert said["carid"] == booking.carid, (answer, booking)
            assert said.get("price", booking.total / 100) * 100 == booking.total, (answer, booking)
            held = "hold_seconds" in answer["fields"]
            assert said["status"] == ("held" if held else "booked"), answer

    def bookings_were_asked_for(self):
        assert len(self.by_reference) == len(self.bookings), "an order was booked twice"
        for booking in self.bookings:
            order = self.about("book", booking.reference)
            assert order.exchanges, ("nobody asked for it", booking)
            assert order.may_have_happened, ("refused, and booked", booking, order.exchanges)
            self.doubtful += not order.answers
            one, fields = order.exchanges[0], order.exchanges[0]["fields"]
            assert booking.channel == one["channel"], (booking, one)
            assert booking.period == (minutes(fields["pickup_at"]), minutes(fields["return_at"]))
            assert booking.state in self.states(booking.reference, fields), (booking, one)

    def states(self, reference, fields):
        """What it may be, by what was answered."""
        states = {BOOKED}
        if "hold_seconds" in fields:
            states = {HELD, EXPIRED} if fields["hold_seconds"] < 3600 else {HELD}
        for action, state in (("confirm", BOOKED), ("cancel", CANCELLED)):
            change = self.about(action, reference + ("-confirm" if action == "confirm" else ""))
            if change.answers:
                states = {state}
            elif change.may_have_happened:
                states.add(state)
        return states

    def events_have_an_order(self):
        """A set of intervals fits an order if nothing ended before something earlier was begun."""
        missing = set(range(1, self.counter + 1)) ^ {event.number for event in self.events}
        assert not missing, ("the events have gaps", missing, self.counter)
        latest, before = -math.inf, None
        taken = set()
        for event in self.events:
            booking = self.by_id.get(event.booking_id)
            if event.kind == FLEET:
                continue
            assert booking, ("an event of no booking", event)
            if event.kind == FREED:
                cause = self.about("cancel", booking.reference)
            elif booking.id in taken:
                cause = self.about("confirm", booking.reference + "-confirm")
            else:
                cause = self.about("book", booking.reference)
                taken.add(booking.id)
            if not cause.exchanges:
                assert booking.state == EXPIRED, ("changed, and nobody asked", event, booking)
                continue
            assert cause.done >= latest, ("in another order than it was seen", before, event)
            if cause.first > latest:
                latest, before = cause.first, event

    def events_come_to_the_bookings(self):
        live, cars = {}, collections.defaultdict(list)
        for event in self.events:
            if event.kind == FLEET:
                continue
            periods, one = cars[event.car], (event.car, event.period)
            if event.kind == FREED:
                assert live.pop(event.booking_id, None) == one, ("freed, and not taken", event)
                periods.remove(event.period)
            elif event.booking_id in live:
                assert live[event.booking_id] == one, ("confirmed as another", event)
            else:
                place = bisect.bisect(periods, event.period)
                for other in periods[max(place - 1, 0):place + 1]:
                    assert event.period[1] <= other[0] or other[1] <= event.period[0], (
                        "sold twice", event, other)
                periods.insert(place, event.period)
                live[event.booking_id] = one
        there = {booking.id: (booking.car, booking.period) for booking in self.bookings
                 if booking.state in (HELD, BOOKED)}
        assert live == there, ("events and bookings differ", live.items() ^ there.items())

    def figures(self):
        exchanges = [one for asked in self.asked.values() for one in asked.exchanges]
        refused = sum(action == "book" and not asked.may_have_happened
                      for (action, _), asked in self.asked.items())
        later = sum(exchange["status"] == 503 for exchange in exchanges)
        return (f"{len(exchanges)} exchanges, {len(self.bookings)} bookings, {refused} orders"
                f" refused, {self.replays} answers given again, {later} times told to ask again,"
                f" {sum(map(in_doubt, exchanges))} answers lost or in doubt, {self.doubtful}"
                f" bookings in doubt at the end, {len(self.events)} events")


def main(history, url):
    with open(history, encoding="utf-8") as file:
        exchanges = [json.loads(line) for line in file]
    check = Check(exchanges, lambda sql: read_rows(url, sql))
    try:
        check.all()
    except AssertionError as wrong:
        sys.exit(f"checker: {wrong}")
    print(check.figures())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
