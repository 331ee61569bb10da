"""A partner whose format is a jq filter in a ConfigMap, in a pod beside the others."""

import json
import threading
from pathlib import Path

import pytest
import yaml

from engine import ROOT, WITH_AN_IMAGE, fetch, wait_for

PODS = ROOT / "deploy" / "pods"
FORMAT = (ROOT / "deploy" / "components" / "partner-bookingcom" / "format.jq").read_text()
# Good for every sample, and not for a car of one category.
HARMFUL = 'if .category == "PDAR" then (HARM) else {vehicle: .carid} end'


def manifest(partner, restart="Never", filter_text=None):
    documents = list(yaml.safe_load_all((PODS / f"booking-app-{partner}.yaml").read_text()))
    for document in documents:
        if document["kind"] == "Pod":
            document["spec"]["restartPolicy"] = restart
            for container in document["spec"]["containers"]:
                container.pop("ports", None)  # podman would have them on the host, each once
        if document["kind"] == "ConfigMap" and filter_text:
            document["data"]["format.jq"] = filter_text
    return yaml.safe_dump_all(documents)


def ready(pod):
    wait_for(lambda: fetch(pod.url("/readyz", 9033)).status == 200, what="the pod's readiness")
    return pod


def processes(pod):
    return {container: pod.inspect(container)["State"]["Pid"] for container in pod.containers}


class Load:
    """Asks a pod for offers, one after the other, until it is left; keeps what was no 200."""

    def __init__(self, pod):
        self.url, self.answers, self.failures = pod.url("/bookCar"), 0, []
        self.leave = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.leave.is_set():
            try:
                answer = fetch(self.url)
            except OSError as error:
                self.failures.append(error)
                continue
            self.answers += 1
            if answer.status != 200:
                self.failures.append((answer.status, answer.body))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.leave.set()
        self.thread.join()

    def goes_on(self):
        """Waits until it has had answers to requests that begin from now on."""
        enough = self.answers + 10
        wait_for(lambda: self.answers >= enough, what="further answers")


def write_format(pod, text):
    """As the kubelet brings a ConfigMap that was edited: the whole file at once."""
    mounts = pod.inspect("adapter")["Mounts"]
    folder = next(Path(m["Source"]) for m in mounts if m["Destination"] == "/etc/booking")
    (folder / "new").write_text(text)
    (folder / "new").chmod(0o644)
    (folder / "new").rename(folder / "format.jq")


def test_an_edited_format_is_used_and_no_request_fails(images, play):
    pods = {partner: ready(play(manifest(partner))) for partner in WITH_AN_IMAGE}
    bookingcom = pods["bookingcom"]

    def supplier():
        return json.loads(fetch(bookingcom.url("/bookCar")).body)["data"][0]["supplier"]

    assert supplier() == 17
    loads = [Load(pod) for pod in pods.values()]
    for load in loads:
        load.__enter__()
    try:
        for load in loads:
            load.goes_on()
        write_format(bookingcom, FORMAT.replace("supplier_id: 17", "supplier_id: 18"))
        wait_for(lambda: supplier() == 18, what="the new format")
        write_format(bookingcom, "{a: }")  # the file is left as it was saved too early
        wait_for(lambda: '"level":"error"' in bookingcom.logs("adapter"), what="the mistake's line")
        for load in loads:
            load.goes_on()
    finally:
        for load in loads:
            load.__exit__()
    assert supplier() == 18
    assert [load.failures for load in loads] == [[]] * len(loads)


@pytest.mark.parametrize("harm", ["def f: f; f", "[range(1e12)] | length"])
def test_a_filter_that_does_not_end_ends_its_container_alone(images, play, harm):
    bad = HARMFUL.replace("HARM", harm)
    pod = ready(play(manifest("bookingcom", "Always", bad)))
    other = ready(play(manifest("kayak", "Always")))
    before = processes(other)
    with Load(other) as load:
        for _ in range(2):
            starts = pod.logs("adapter").count('"listening"')
            answer = fetch(pod.url("/bookCar?category=PDAR"))
            assert answer.status in (502, 503, 504)
            assert answer.headers.get_content_type() == "application/problem+json"
            wait_for(lambda s=starts: pod.logs("adapter").count('"listening"') > s,
                     what="the container's return")
            ready(pod)
            assert json.loads(fetch(pod.url("/bookCar?category=ECMR")).body).keys() == {"vehicle"}
        load.goes_on()
    assert not load.failures
    assert processes(other) == before


def test_a_filter_that_reads_the_environment_is_refused(images, play):
    pod = play(manifest("bookingcom", filter_text="{a: .carid,\n b: env.HOME}"))
    wait_for(lambda: not pod.inspect("adapter")["State"]["Running"], what="the adapter's end")
    assert pod.exit_code("adapter") == 1
    said = pod.logs("adapter")
    assert "env" in said and "line 2" in said
