"""Partners at work: orders, holds, confirmations, cancellations, each with an own seed."""
import random

from booking_support import at
from ledger import UNTIL_MUCH_LATER
from soak_support import LOST, client_of

DAYS = 600  # that periods are spread over


def partner(engine, ledger, name, seed):
    """A work for soak_support.working(): goes on until it is stopped, or the engine dies."""
    def work(stopped):
        chances, client, mine, count = random.Random(f"{seed}-{name}"), client_of(engine), [], 0
        while not stopped.is_set():
            kind = chances.random()
            try:
                if kind < 0.7 or not mine:
                    first, count = chances.randrange(DAYS), count + 1
                    hours = chances.randrange(1, 48)
                    fields = {"pickup_at": at(first), "return_at": at(first, hours=hours),
                              "reference": f"{seed}-{name}-{count}"}
                    if chances.random() < 0.3:
                        fields["hold_seconds"] = UNTIL_MUCH_LATER
                    entry = ledger.book(client, fields["reference"], fields)
                    if entry and not entry.answer:
                        break
                    if entry:
                        mine.append(entry)
                elif kind < 0.85:
                    held = [entry for entry in mine if entry.may_be == {"held"}]
                    if held:
                        ledger.confirm(client, chances.choice(held))
                else:
                    entry = mine.pop(chances.randrange(len(mine)))
                    ledger.cancel(client, entry)
            except LOST:
                break
        client.close()
    return work
