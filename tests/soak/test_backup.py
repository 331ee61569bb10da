"""A backup of an engine at work, put back as docs/operations.md says."""
import random
import time

from booking_support import cars, overlapping, rows, run_command
from ledger import Ledger
from load import partner
from soak_support import BACKUPS, SEED, client_of, working
from support import wait_until

PARTNERS = 6


def put_back(backup, database):
    for suffix in ("-wal", "-shm"):
        database.with_name(database.name + suffix).unlink(missing_ok=True)
    backup.replace(database)


def test_backup_and_restore(start, fleet, database, tmp_path, say):
    chances, adapter = random.Random(SEED), start.adapter()
    arguments = ("--database", f"sqlite:{database}", "--fleet", fleet(*cars(60)))
    restored, longest = 0, 0
    for turn in range(BACKUPS):
        ledger, backup = Ledger(), tmp_path / f"backup-{turn}.db"
        engine = start.engine(adapter, *arguments)
        with working(*(partner(engine, ledger, number, f"{SEED}-{turn}")
                       for number in range(PARTNERS))):
            wait_until(ledger.answered, what="the partners' work")
            time.sleep(chances.uniform(0, 0.5))
            answered = ledger.answered()
            begun = time.monotonic()
            status, _, wrong = run_command("backup", backup, "--database", f"sqlite:{database}")
            longest = max(longest, time.monotonic() - begun)
            assert (status, wrong) == (0, ""), wrong
            wait_until(lambda before=len(answered): len(ledger.answered()) > before,
                       what="an order after the backup")
        engine.kill()
        start.forget(engine)
        put_back(backup, database)

        engine = start.engine(adapter, *arguments)
        client = client_of(engine)
        for entry in answered:
            # Partners went on after the backup; none of these is as it was for certain.
            entry.may_be, entry.confirmed = {"held", "booked", "cancelled"}, None
            ledger.check(client, entry)
        # What came later is lost, or it came early enough: either way it can be ordered again.
        for entry in ledger.answered():
            if entry not in answered:
                assert client.post(entry.fields, entry.key).status in (201, 409)
        client.close()
        assert rows(database, "PRAGMA integrity_check") == [("ok",)]
        assert not overlapping(database)
        assert engine.metric("booking_index_repairs_total") == 0
        restored += len(answered)
        engine.kill()
        start.forget(engine)
    say(f"{BACKUPS} backups of an engine at work, {longest:.2f} s at most, {restored} bookings of "
        "before them restored")
