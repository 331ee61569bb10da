"""How little there is: resident memory, and what is linked."""
import subprocess

import pytest

from support import BUILD, ROOT, SANITIZED, at_once

release_only = pytest.mark.skipif(SANITIZED, reason="a sanitizer takes memory of its own")


@release_only
@pytest.mark.parametrize("partner", ["kayak", "airbnb"])
def test_idle_memory(start, partner):
    pod = start.pod(partner)
    for _ in range(20):
        assert pod.ask().status == 200
    pod.operator("/readyz")
    pod.operator("/metrics")
    assert pod.resident_mebibytes() <= 16
    assert pod.adapter.resident_mebibytes() <= 8


@release_only
def test_memory_does_not_grow_with_requests(start):
    pod = start.pod("kayak")

    def load():
        at_once(50, lambda _: [pod.ask("/bookCar?location=" + "x" * 300) and pod.ask()
                               for _ in range(20)])

    def grown(service):
        """How much one more load adds, in the best of some: how many connections there are at a time
        is left to chance, and more of them take more. What leaks grows with each."""
        sizes = [service.resident_mebibytes()]
        while len(sizes) < 8 and (len(sizes) < 2 or sizes[-1] > sizes[-2] + 0.25):
            load()
            sizes.append(service.resident_mebibytes())
        return min(after - before for before, after in zip(sizes, sizes[1:]))

    load()
    assert grown(pod) <= 0.25
    assert grown(pod.adapter) <= 0.25


@pytest.mark.parametrize("main", sorted(path.parent.name for path in ROOT.glob("*/main.c")))
def test_only_the_engine_links_libcurl(main):
    loaded = subprocess.run(["ldd", BUILD / main], capture_output=True, text=True, check=True)
    assert ("libcurl" in loaded.stdout) == (main == "booking-main")
