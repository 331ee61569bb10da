"""The clock that other tests move is a clock."""
import time

from support import PATIENCE, wait_until


def test_the_services_follow_it(start, clock):
    pod = start.pod("kayak", clock=clock)

    def logged():
        """The wall clock's reading in the line of a request made now."""
        answer = pod.ask()
        return pod.log_of(answer.headers["X-Request-Id"])["time"]

    assert abs(clock.now() - time.time()) < PATIENCE
    clock.stop(0.25)
    stopped = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock.now()))
    assert logged() == logged() == stopped + ".250Z"
    clock.move(86400)
    tomorrow = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(clock.now()))
    assert tomorrow > stopped
    assert logged() == tomorrow + ".250Z"
    clock.move(-2 * 86400)
    assert logged() < stopped
    clock.run()
    begun = logged()
    wait_until(lambda: logged() > begun, what="the clock's going on")
