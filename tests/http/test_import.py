"""Importing a fleet, the fleet of a start, and what a command says about them."""
import json
import subprocess

import pytest

from booking_support import book, fleet_text, offer, order, post, rows, run_command
from support import BUILD, SANITIZER_ENVIRONMENT, wait_until

PLATE = "TÜ-AB 12"


@pytest.fixture
def write(tmp_path):
    """Writes a fleet file whole."""
    def write_file(text):
        path = tmp_path / "new.csv"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path
    return write_file


def import_file(path, database, *options):
    return run_command("import", path, "--database", database.url, *options)


# --- the database ---------------------------------------------------------------------------------

@pytest.mark.sqlite_only
def test_a_database_that_is_not_there_is_not_made_by_a_slip(database, write):
    path = write(fleet_text("a,ECMR,NCE,55,,EUR"))
    for options in ((), ("--dry-run",)):
        status, printed, wrong = import_file(path, database, *options)
        assert (status, printed) == (1, "")
        assert str(database) in wrong and "--create" in wrong and "--database" in wrong
        assert not database.path.exists()
    assert import_file(path, database, "--create", "--dry-run") == (
        0, "Nothing done; it would be: 1 added, 0 changed, 0 withdrawn, 0 unchanged\n", "")
    assert not database.path.exists()
    assert import_file(path, database, "--create")[0] == 0
    assert rows(database, "SELECT carid FROM cars") == [("a",)]
    assert import_file(path, database, "--create")[1].endswith("1 unchanged\n")


def test_a_database_of_another_kind(write):
    path = write(fleet_text("a,ECMR,NCE,55,,EUR"))
    status, _, wrong = run_command("import", path, "--database", "mysql://h/b", "--create")
    assert status == 1 and "mysql://h/b" in wrong and "sqlite:FILE" in wrong


def test_standard_input(database):
    done = subprocess.run(
        [BUILD / "booking-main", "import", "-", "--database", database.url, "--create"],
        input=fleet_text(f"{PLATE},ECMR,STR,55,,EUR").encode(), capture_output=True, timeout=30,
        env=SANITIZER_ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rows(database, "SELECT carid FROM cars") == [(PLATE,)]
    done = subprocess.run(
        [BUILD / "booking-main", "import", "-", "--database", database.url],
        input=b"PK\x03\x04...", capture_output=True, timeout=30, env=SANITIZER_ENVIRONMENT,
        check=False)
    assert done.returncode == 1 and b"standard input:1:1: the file is a spreadsheet's" in done.stderr


@pytest.mark.sqlite_only
def test_a_backup_named_like_a_database(start, tmp_path, database):
    start.pod("kayak", "--database", database.url)
    for name in (f"sqlite:{tmp_path}/one.db", f"{tmp_path}/two.db"):
        assert run_command("backup", name, "--database", database.url) == (0, "", "")
    assert (tmp_path / "one.db").exists() and (tmp_path / "two.db").exists()


@pytest.mark.sqlite_only
def test_a_backup_to_standard_output(start, tmp_path, database):
    pod = start.pod("kayak", "--database", database.url)
    location, _ = book(pod)
    done = subprocess.run([BUILD / "booking-main", "backup", "-", "--database", database.url],
                          capture_output=True, timeout=30, env=SANITIZER_ENVIRONMENT, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    (tmp_path / "copy.db").write_bytes(done.stdout)
    assert rows(tmp_path / "copy.db", "SELECT '/bookings/' || id FROM bookings") == [(location,)]
    assert not list(tmp_path.glob("*backup-*"))


# --- what the file says ---------------------------------------------------------------------------

def test_warnings_name_file_and_line(database, write):
    path = write("carid,colour,category,location,day_price,hour_price,currency\n"
                 "a,\x1b[31mred,ECMR,NCE,55,,EUR\nb,,ECMR,NCE,0,,EUR\n")
    status, printed, wrong = import_file(path, database, "--create")
    assert (status, printed) == (0, "2 added, 0 changed, 0 withdrawn, 0 unchanged\n")
    assert wrong == (
        f"booking-main import: warning: {path}:1: column 'colour' is not one of a fleet's and is not "
        f"read\nbooking-main import: warning: {path}:3: car 'b' costs nothing a day, so it is offered "
        "first\n")


def test_nothing_of_the_file_reaches_the_terminal_raw(database, write):
    path = write(fleet_text("a\x1b]0;x\x07\x9b,ECMR,NCE,55,,EUR"))
    _, _, wrong = import_file(path, database, "--create")
    assert "\\x1B]0;x\\x07\\xC2\\x9B" in wrong
    assert all(letter == "\n" or letter.isprintable() for letter in wrong)


def test_a_number_plate_from_file_to_partner(start, write):
    pod = start.pod("kayak", "--fleet", write(
        "\ufeffcarid;category;location;day_price;hour_price;currency\r\n"
        f"{PLATE};ECMR;STR;55,50;;EUR\r\n"))
    assert offer(pod) == PLATE
    location, made = book(pod, carid=PLATE)
    assert made["carid"] == PLATE and made["price"] == 55.5
    assert json.loads(pod.ask(location).body)["carid"] == PLATE
    assert post(pod, order(carid=PLATE)).status == 409


# --- bookings of cars that change -----------------------------------------------------------------

def test_bookings_of_cars_that_change_place_or_go_are_named(start, database, write):
    pod = start.pod("kayak", "--database", database.url, "--fleet", write(fleet_text(
        "a,ECMR,NCE,55,,EUR", "b,ECMR,NCE,55,,EUR", "c,ECMR,NCE,55,,EUR")))
    moved = [book(pod, day, day + 1, carid="a")[0] for day in range(7)]
    gone = [book(pod, 0, 1, carid="b", hold_seconds=600)[0]]
    book(pod, 0, 1, carid="c")
    released = book(pod, 2, 3, carid="b")[0]
    assert pod.ask(released, "DELETE").status == 200
    path = write(fleet_text("a,ECMR,CDG,55,,EUR", "c,ECMR,NCE,60,,EUR"))

    def named(locations):
        return ", ".join(location.rsplit("/", 1)[1] for location in locations)

    for options in (("--dry-run",), ()):
        status, printed, wrong = import_file(path, database, "--force", *options)
        assert status == 0 and printed.endswith("0 added, 2 changed, 1 withdrawn, 0 unchanged\n")
        assert wrong.splitlines() == [
            "booking-main import: warning: 7 bookings or holds are of cars that now stand elsewhere "
            f"or are of another category: {named(moved[:5])}, ...",
            "booking-main import: warning: 1 bookings or holds are of cars that are withdrawn: "
            + named(gone)]
    assert import_file(path, database)[2] == ""


# --- the fleet of a start -------------------------------------------------------------------------

def test_half_a_file_and_a_slip_of_a_price_are_asked_about(start, database, write):
    """One sentence, nothing done, and status 1; --force does it."""
    pod = start.pod("kayak", "--database", database.url, "--fleet",
                    write(fleet_text("a,ECMR,NCE,50,,EUR", "b,ECMR,NCE,60,,EUR", "c,ECMR,NCE,70,,EUR")))
    path = write(fleet_text("a,ECMR,NCE,500,,EUR", "b,ECMR,NCE,60,,EUR"))
    would = ("would withdraw 1 of 3 cars and give 1 of 3 cars a price of less than half or more than "
             "double, or in another currency")
    before = rows(database, "SELECT carid, day_price, offered FROM cars ORDER BY carid")
    assert import_file(path, database, "--dry-run") == (
        0, "Nothing done; it would be: 0 added, 1 changed, 1 withdrawn, 1 unchanged\n",
        f"booking-main import: warning: it needs --force, since it {would}\n")
    assert import_file(path, database) == (
        1, "", f"booking-main import: nothing done, since it {would}: look at the file with "
        "--dry-run, and if it is right, import it with --force\n")
    assert rows(database, "SELECT carid, day_price, offered FROM cars ORDER BY carid") == before
    assert import_file(path, database, "--force") == (
        0, "0 added, 1 changed, 1 withdrawn, 1 unchanged\n", "")
    wait_until(lambda: offer(pod) == "b", what="the new fleet")


def warnings(engine):
    return [line for line in engine.log("stderr") if "fleet" in line["msg"]]


def test_a_fleet_that_is_not_used_is_said_so(start, database, write):
    path = write(fleet_text("a,ECMR,NCE,55,,EUR"))
    adapter = start.adapter()
    first = start.engine(adapter, "--database", database.url, "--fleet", path)
    assert offer(first) == "a" and not warnings(first)
    second = start.engine(adapter, "--database", database.url, "--fleet",
                          write(fleet_text("b,ECMR,NCE,55,,EUR")))
    assert offer(second) == "a"
    assert [line["fleet"] for line in warnings(second)] == [str(path)]
    assert "was not used" in warnings(second)[0]["msg"]
    assert not warnings(start.engine(adapter, "--database", database.url))


def test_the_demo_fleet_by_its_name(start, database):
    engine = start.engine(start.adapter(), "--database", database.url, "--fleet", "demo")
    assert offer(engine) == "1-XXX-333" and not warnings(engine)


def test_warnings_of_the_file_at_a_start(start, write):
    path = write(fleet_text("a,ECMR,NCE,0,,EUR"))
    engine = start.engine(start.adapter(), "--fleet", path)
    assert [line["warning"] for line in warnings(engine)] == [
        f"{path}:2: car 'a' costs nothing a day, so it is offered first"]
