"""What the tests of the desk's commands share."""
import json

from booking_support import run_command
from support import wait_until


class Desk:
    """The command line on a database: desk("block", "car-1", ...) is what must succeed, and its
    standard output; desk.refused(...) what must not, and its standard error."""

    def __init__(self, database, **environment):
        self.database, self.environment = database, environment

    def run(self, command, *arguments):
        return run_command(command, *arguments, "--database", self.database.url,
                           environment=self.environment)

    def __call__(self, command, *arguments):
        status, printed, wrong = self.run(command, *arguments)
        assert (status, wrong) == (0, ""), (command, arguments, status, wrong)
        return printed

    def json(self, command, *arguments):
        return json.loads(self(command, *arguments, "--json"))

    def refused(self, command, *arguments, status=1):
        got, printed, wrong = self.run(command, *arguments)
        assert got == status, (command, arguments, got, printed, wrong)
        assert wrong.startswith(f"booking-main {command}: "), wrong
        return wrong

    def ids(self, *arguments):
        return [booking["id"] for booking in self.json("bookings", *arguments)["bookings"]]


def id_of(location):
    return location.rsplit("/", 1)[1]


def follows(condition, what="an engine follows"):
    """An engine learns of a command's change within a moment."""
    return wait_until(condition, what=what)
