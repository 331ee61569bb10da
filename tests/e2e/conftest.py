"""Fixtures of the container tests; engine.py says what each one offers."""

import signal

import pytest

from engine import ROOT, Engine


@pytest.fixture(scope="session")
def engine():
    # A terminated run (a CI's time limit) cleans up too, as an interrupted one does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    podman = Engine()
    yield podman
    podman.close()


@pytest.fixture
def play(engine):
    """engine.play, whose pods are removed after the test."""
    started = []

    def start(manifest, **options):
        pods = engine.play(manifest, **options)
        started.extend(pods if isinstance(pods, list) else [pods])
        return pods

    yield start
    for pod in started:
        pod.remove()


@pytest.fixture(scope="session")
def busybox(engine):
    return engine.busybox_image()


@pytest.fixture(scope="session")
def nginx(engine):
    return engine.nginx_image()


@pytest.fixture(scope="session")
def version():
    return (ROOT / "VERSION").read_text().strip()


@pytest.fixture(scope="session")
def images(engine, version):
    return engine.service_images(version)
