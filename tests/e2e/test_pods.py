"""The plain pods on real containers, from a registry's images, asked from outside."""

import json
import socket

import pytest

from engine import ROOT, WITH_AN_IMAGE, fetch, run, wait_for

# The answers that are the same whenever they are asked for: they name no times.
SEED = {file.stem: file.read_bytes() for file in (ROOT / "tests" / "e2e" / "seed").glob("*.json")}


def manifest(partner):
    return ROOT / "deploy" / "pods" / f"booking-app-{partner}.yaml"


@pytest.fixture(scope="module", params=WITH_AN_IMAGE)
def partner(request):
    return request.param


@pytest.fixture(scope="module")
def pod(partner, engine, images):
    """One pod for all tests of a partner: each leaves it running and ready, but for the last."""
    pod = engine.play(manifest(partner))
    wait_for(lambda: fetch(pod.url("/readyz", 9033)).status == 200, what="the pod's readiness")
    yield pod
    pod.remove()


def assert_offer(partner, body):
    """The partner's seed line; of those whose offers differ from day to day, that it is one."""
    if partner in SEED:
        assert body == SEED[partner]
    else:
        assert isinstance(json.loads(body), dict)


@pytest.mark.parametrize("path", ["/bookCar", "/bookCar/"])
def test_seed_line(pod, partner, path):
    answer = run("curl", "--silent", "--show-error", "--fail", "--max-time", "5", pod.url(path))
    assert_offer(partner, answer.stdout.encode())


def test_only_the_engine_answers_from_outside(pod):
    assert fetch(pod.url("/healthz", 9033)).status == 200
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((pod.ip, 9096), timeout=2)
    # It does run, where only the engine can reach it.
    pod.exec("adapter", "/usr/bin/adapter", "--healthcheck")


def test_adapter_dies_and_comes_back(pod, partner):
    pod.kill("adapter")
    answer = fetch(pod.url("/bookCar"))
    assert answer.status == 503  # after a wait for its return, of two seconds at most
    assert answer.headers.get_content_type() == "application/problem+json"
    assert answer.headers["Retry-After"]
    problem = json.loads(answer.body)
    assert problem["type"] == "urn:problem-type:adapter-unavailable"
    assert problem["status"] == 503
    # Alive, and said not to be ready.
    assert fetch(pod.url("/healthz", 9033)).status == 200
    wait_for(lambda: fetch(pod.url("/readyz", 9033)).status == 503, what="/readyz to notice")

    pod.start("adapter")
    wait_for(lambda: fetch(pod.url("/bookCar")).status == 200, what="the adapter's return")
    assert_offer(partner, fetch(pod.url("/bookCar")).body)
    wait_for(lambda: fetch(pod.url("/readyz", 9033)).status == 200, what="readiness again")


def test_logs_are_json_lines(pod):
    fetch(pod.url("/bookCar"))
    for container in pod.containers:
        lines = wait_for(lambda c=container: pod.logs(c).splitlines(), what=f"{container}'s log")
        assert all(isinstance(json.loads(line), dict) for line in lines)


def test_stops_with_exit_code_0(pod):
    """The last one: the pod is gone then."""
    assert fetch(pod.url("/bookCar")).status == 200
    pod.stop()
    assert {c: pod.exit_code(c) for c in pod.containers} == {"booking-main": 0, "adapter": 0}


def test_engine_starts_before_its_adapter(play, images):
    text = manifest("kayak").read_text().replace("booking-app-kayak", "engine-first")
    pod = play(text, start=False)
    pod.start("booking-main")
    wait_for(lambda: fetch(pod.url("/healthz", 9033)).status == 200, what="the engine alone")
    assert fetch(pod.url("/bookCar")).status == 503
    assert fetch(pod.url("/readyz", 9033)).status == 503
    pod.start("adapter")
    wait_for(lambda: fetch(pod.url("/bookCar")).status == 200, what="the adapter's start")
    assert fetch(pod.url("/bookCar")).body == SEED["kayak"]
