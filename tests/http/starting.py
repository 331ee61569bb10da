"""Starts services for tests, and ends them."""
import contextlib

import support


@contextlib.contextmanager
def ending():
    """Ends what was started, engines first: an adapter serves on until its engine has hung up."""
    started = []
    yield started
    started.sort(key=lambda one: not isinstance(one, support.Engine))
    wrong = [problem for problem in [one.end() for one in started] if problem]
    assert not wrong, "\n".join(wrong)


class Starter:
    def __init__(self, started):
        self.started = started

    def _add(self, one):
        self.started.append(one)
        return one

    def adapter(self, partner="kayak", *arguments, **kwargs):
        return self._add(support.Adapter(partner, *arguments, **kwargs)).wait_ready()

    def stand_in(self, script=None, **kwargs):
        return self._add(support.StandIn(script, **kwargs))

    def engine(self, adapter, *arguments, **kwargs):
        """An engine beside that adapter: a process, a stand-in or a URL."""
        url = adapter if isinstance(adapter, str) else adapter.url
        return self._add(support.Engine(url, *arguments, **kwargs)).wait_ready()

    def forget(self, one):
        """Ends one now, for a test that starts more than there is room for."""
        self.started.remove(one)
        wrong = one.end()
        assert not wrong, wrong

    def pod(self, partner, *arguments, **kwargs):
        adapter = self.adapter(partner)
        engine = self.engine(adapter, *arguments, **kwargs)
        engine.adapter = adapter
        return engine
