"""An operator at the command line, at work beside the partners: blocks, moves, extensions. Some of
the commands are killed, and are then done or not, but nothing in between.

What was done is found in the database by its reason, of which each is given once.
"""
import datetime
import json
import random
import subprocess

from booking_support import at, rows
from load import DAYS
from support import BUILD, PATIENCE, SANITIZER_ENVIRONMENT


class Operator:
    def __init__(self, database, ledger, fleet, seed):
        self.database, self.ledger, self.fleet = database, ledger, fleet
        self.chances = random.Random(f"{seed}-operator")
        self.acts = []  # [reason, booking or None, what it changes, whether it may be done]
        self.killed = self.refused = 0

    def work(self, stopped):
        """A work for soak_support.working()."""
        while not stopped.is_set():
            kind, chances = self.chances.random(), self.chances
            answered = [entry for entry in self.ledger.answered() if entry.may_be != {"cancelled"}]
            carid = f"car-{chances.randrange(self.fleet):04}"
            if kind < 0.3 or not answered:
                first = chances.randrange(DAYS)
                self._do("block", carid, None, "--from", at(first), "--to",
                         at(first, hours=chances.randrange(1, 48)))
                continue
            entry = chances.choice(answered)
            booking = entry.location.rsplit("/", 1)[1]
            if kind < 0.6:
                self._do("change", booking, {"carid": carid}, "--car", carid)
            else:
                end = entry.fields["pickup_at"]
                day = (int(end[8:10]) % 28) + 1  # any time behind the pickup, mostly
                end = f"{end[:8]}{day:02}T{chances.randrange(24):02}:{end[14:]}"
                self._do("change", booking, {"return_at": end}, "--return", end)

    def _do(self, command, subject, change, *words):
        reason = f"act {len(self.acts)}"
        process = subprocess.Popen(
            [BUILD / "booking-main", command, "--reason", reason, "--json", "--database",
             self.database.url, *words, "--", subject], env=SANITIZER_ENVIRONMENT,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        act = [reason, subject if change else None, change, {True, False}]
        self.acts.append(act)
        kill = self.chances.random() < 0.2
        try:
            printed, wrong = process.communicate(
                timeout=self.chances.uniform(0.001, 0.06) if kill else PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            self.killed += 1
            return
        if process.returncode == 0:
            document = json.loads(printed)["booking"]
            for name, value in (change or {}).items():
                assert document[name] == value
            # What is so already is not written.
            act[3] = {document.get("reason") == reason}
            return
        # Refused; anything else, a database in trouble included, is a fault.
        assert process.returncode == 1 and "nothing was changed" in wrong, (process.returncode, wrong)
        self.refused += 1
        act[3] = {False}

    def check(self):
        """What was done is there, once, and nothing else; each booking is what the last act made
        of it. Returns how many were done."""
        done = [reason for reason, in rows(
            self.database, "SELECT reason FROM history WHERE reason LIKE 'act %'")]
        assert len(set(done)) == len(done)
        expected = {}
        for act in self.acts:
            there = act[0] in done
            assert there in act[3], act
            act[3] = {there}
            if there and act[1]:
                expected.setdefault(act[1], {}).update(act[2])
        made = dict((booking, (carid, end)) for booking, carid, end in rows(
            self.database, "SELECT b.id, c.carid, b.return_at FROM all_bookings b"
                           " JOIN cars c ON c.number = b.car"))
        for booking, change in expected.items():
            carid, end = made[booking]
            assert change.get("carid", carid) == carid, (booking, change)
            assert "return_at" not in change or change["return_at"] == minute_text(end)
        blocks = sum(1 for act in self.acts if not act[1] and act[3] == {True})
        assert rows(self.database, "SELECT count(*) FROM all_bookings WHERE channel = ''"
                    ) == [(blocks,)]
        return len(done)


def minute_text(minute):
    moment = datetime.datetime.fromtimestamp(minute * 60, datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:00Z")
