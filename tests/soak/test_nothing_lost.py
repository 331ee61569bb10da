"""The engine is killed at random moments under load: what was answered is there afterwards. So is
what an operator did meanwhile by the command line, some of whose commands are killed as well."""
import concurrent.futures
import random
import time

import stores
from booking_support import cars, overlapping, rows
from ledger import Ledger
from load import partner
from operator_work import Operator
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
    assert not rows(database, "SELECT reference FROM all_bookings WHERE channel <> ''"
                    " GROUP BY reference HAVING count(*) > 1")
    assert rows(database, "SELECT count(*) FROM all_bookings WHERE channel <> ''") == [
        (len(ledger.answered()),)]
    assert rows(database, "PRAGMA integrity_check") == [("ok",)]


def test_nothing_answered_is_lost(start, fleet, database, say):
    chances, ledger = random.Random(SEED), Ledger()
    operator = Operator(stores.Sqlite(database), ledger, FLEET, SEED)
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
            operator.check()
        checked = len(ledger.answered())
        if turn == KILLS:
            break
        with working(operator.work, *(partner(engine, ledger, number, f"{SEED}-{turn}")
                                      for number in range(PARTNERS))):
            # Or a refusal: towards the end of a long run no car may be left at all.
            wait_until(lambda before=checked + ledger.refused:
                       len(ledger.answered()) + ledger.refused > before, what="an answer")
            time.sleep(chances.uniform(0, 0.4))
            engine.kill()
        start.forget(engine)
    check_all(engine, ledger, ledger.answered())
    assert engine.metric("booking_index_repairs_total") == 0
    done = operator.check()
    assert done, "the operator had nothing to do"
    assert killed_under_way > KILLS / 3, "the engine was killed when it had nothing to do"
    say(f"{KILLS} kills, {len(ledger.answered())} bookings answered, {repeated} answers lost on the "
        f"way and asked for again, {ledger.refused} refused; an operator did {done} things, {operator.refused} were refused, "
        f"{operator.killed} commands killed; {time.monotonic() - begun:.0f} s")
