"""How little there is: resident memory, and what is linked."""
import subprocess

import pytest

from support import BUILD, SANITIZED, at_once

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

    load()  # the most connections at a time, more or less
    before = pod.resident_mebibytes(), pod.adapter.resident_mebibytes()
    load()
    after = pod.resident_mebibytes(), pod.adapter.resident_mebibytes()
    assert after[0] <= before[0] + 1.5
    assert after[1] <= before[1] + 1


@pytest.mark.parametrize("binary,linked", [("adapter-kayak", False), ("adapter-airbnb", False),
                                           ("booking-main", True)])
def test_only_the_engine_links_libcurl(binary, linked):
    loaded = subprocess.run(["ldd", BUILD / binary], capture_output=True, text=True, check=True)
    assert ("libcurl" in loaded.stdout) == linked
