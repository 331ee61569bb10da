"""The engine is killed at random moments under load: what was answered is there afterwards."""
import concurrent.futures
import random
import time

from booking_support import cars, overlapping, rows
from ledger import Ledger
from load import partner
from soak_support import KILLS, SEED, client_of, working
from support import wait_until

PARTNERS, CHECKERS = 8, 4
FLEET = 20  # so few that in a long run many orders find no car


def check_all(engine, ledger, entries):
    """By several clients at once, or it takes long."""
    def check(number):
        client = client_of(engine)
        for entry in entries[number::CHECKERS]:
            ledger.check(client, entry)
        client.close()
    with concurrent.futures.ThreadPoolExecutor(CHECKERS) as pool:
        list(pool.map(check, range(CHECKERS)))  # raises what one of them raised


def check_database(database, ledger):
    assert not overlapping(database)
    assert not rows(database, "SELECT reference FROM all_bookings GROUP BY reference HAVING count(*) > 1")
    assert rows(database, "SELECT count(*) FROM all_bookings") == [(len(ledger.answered()),)]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def test_nothing_answered_is_lost(start, fleet, database, say):
    chances, ledger = random.Random(SEED), Ledger()
    adapter = start.adapter()
    arguments = ("--database", f"sqlite:{database}", "--fleet", fleet(*cars(FLEET)))
    killed_under_way = repeated = checked = 0
    begun = time.monotonic()
    for turn in range(KILLS + 1):
        engine = start.engine(adapter, *arguments)
        if turn:
            client = client_of(engine)
            lost = ledger.repeat_lost(client)
            client.close()
            repeated, killed_under_way = repeated + lost, killed_under_way + (lost > 0)
            entries = ledger.answered()
            check_all(engine, ledger, entries[checked:] + chances.sample(
                entries[:checked], min(checked, 50)))
            check_database(database, ledger)
        checked = len(ledger.answered())
        if turn == KILLS:
            break
        with working(*(partner(engine, ledger, number, f"{SEED}-{turn}")
                       for number in range(PARTNERS))):
            # Or a refusal: towards the end of a long run no car may be left at all.
            wait_until(lambda before=checked + ledger.refused:
                       len(ledger.answered()) + ledger.refused > before, what="an answer")
            time.sleep(chances.uniform(0, 0.4))
            engine.kill()
        start.forget(engine)
    check_all(engine, ledger, ledger.answered())
    assert engine.metric("booking_index_repairs_total") == 0
    assert killed_under_way > KILLS / 3, "the engine was killed when it had nothing to do"
    say(f"{KILLS} kills, {len(ledger.answered())} bookings answered, {repeated} answers lost on the "
        f"way and asked for again, {ledger.refused} refused, {time.monotonic() - begun:.0f} s")
