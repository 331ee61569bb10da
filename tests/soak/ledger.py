"""What partners were told, to be held against the engine.

Each booking has one writer, so what it may be is known at every moment: the state that was last
answered, or, if an answer was lost on the way, also the state that was asked for.
"""
import json
import threading

from booking_support import seen
from soak_support import LOST

UNTIL_MUCH_LATER = 86400  # seconds that a hold lasts


class Entry:
    """One order: its key, what was answered, what the booking may be by now."""

    def __init__(self, key, fields):
        self.key, self.fields = key, fields
        self.answer = None        # to the order; None: not known
        self.may_be = set()       # its states
        self.confirmed = None     # the answer to the confirmation

    @property
    def location(self):
        return self.answer.headers["Location"]


class Ledger:
    def __init__(self):
        self.entries = []
        self.lock = threading.Lock()
        self.refused = 0

    def answered(self):
        with self.lock:
            return [entry for entry in self.entries if entry.answer]

    def book(self, client, key, fields):
        """Orders; the entry, without an answer if that was lost; None if there was no car."""
        entry = Entry(key, fields)
        with self.lock:
            self.entries.append(entry)
        try:
            answer = client.post(fields, key)
        except LOST:
            return entry
        return self._take(entry, answer)

    def _take(self, entry, answer):
        if answer.status == 201:
            entry.answer = answer
            entry.may_be = {json.loads(answer.body)["status"]}
            return entry
        assert answer.status == 409, answer
        self.refused += 1
        with self.lock:
            self.entries.remove(entry)
        return None

    def confirm(self, client, entry):
        entry.may_be.add("booked")
        answer = client.post(None, entry.key + "-confirm", entry.location + "/confirm")
        assert answer.status == 200, answer
        entry.confirmed = answer
        entry.may_be = {"booked"}

    @staticmethod
    def cancel(client, entry):
        entry.may_be.add("cancelled")
        answer = client.ask(entry.location, "DELETE")
        assert answer.status == 200, answer
        entry.may_be = {"cancelled"}

    def repeat_lost(self, client):
        """Orders again whose answer was lost. Returns how many."""
        with self.lock:
            lost = [entry for entry in self.entries if not entry.answer]
        for entry in lost:
            self._take(entry, client.post(entry.fields, entry.key))
        return len(lost)

    @staticmethod
    def check(client, entry):
        """It is there, it is what it was said to be, and its answers can be had again."""
        shown = client.ask(entry.location)
        assert shown.status == 200, (shown, entry.key)
        state = json.loads(shown.body)["status"]
        assert state in entry.may_be, (state, entry.may_be, entry.key)
        entry.may_be = {state}
        assert seen(client.post(entry.fields, entry.key)) == seen(entry.answer)
        if entry.confirmed:
            again = client.post(None, entry.key + "-confirm", entry.location + "/confirm")
            assert seen(again) == seen(entry.confirmed)
