"""The operator port: probes and metrics."""
import re

import pytest

from support import VERSION, assert_problem, fresh_address, http_answer

NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
SAMPLE = re.compile(rf'({NAME})(?:\{{(.*)\}})? (-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\+Inf|NaN)')
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)')


def parse_metrics(text):
    """A strict reading of the Prometheus text format 0.0.4: {family: {(name, labels): value}}."""
    assert text.endswith("\n") and "\n\n" not in text
    kinds, helped, families, current = {}, set(), {}, None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            _, _, name, help_text = line.split(" ", 3)
            assert name not in helped and help_text.strip()
            helped.add(name)
            current = None
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name in helped, "HELP comes before TYPE"
            assert name not in kinds, f"{name} is introduced twice"
            assert kind in ("counter", "gauge", "histogram")
            assert kind != "counter" or name.endswith("_total")
            kinds[name], families[name], current = kind, {}, name
        else:
            match = SAMPLE.fullmatch(line)
            assert match, "no sample: " + line
            name, labels, value = match.groups()
            allowed = {current} if kinds.get(current) != "histogram" else {
                current + end for end in ("_bucket", "_sum", "_count")}
            assert name in allowed, f"{name} stands apart from its family {current}"
            pairs = tuple(LABEL.findall(labels or ""))
            assert LABEL.sub("", labels or "") == "", "labels: " + line
            assert len(dict(pairs)) == len(pairs)
            key = (name, tuple(sorted(pairs)))
            assert key not in families[current], "twice: " + line
            families[current][key] = float(value)
    for name, kind in kinds.items():
        if kind == "counter":
            assert all(value >= 0 for value in families[name].values())
        if kind == "histogram":
            check_histogram(name, families[name])
    return families


def check_histogram(name, samples):
    series = {}
    for (sample, labels), value in samples.items():
        rest = tuple(pair for pair in labels if pair[0] != "le")
        one = series.setdefault(rest, {"buckets": []})
        if sample.endswith("_bucket"):
            one["buckets"].append((float(dict(labels)["le"].replace("+Inf", "inf")), value))
        else:
            one[sample.removeprefix(name)] = value
    assert series
    for one in series.values():
        bounds = [bound for bound, _ in one["buckets"]]
        counts = [count for _, count in one["buckets"]]
        assert bounds == sorted(set(bounds)) and bounds[-1] == float("inf")
        assert counts == sorted(counts)
        assert counts[-1] == one["_count"]
        assert one["_sum"] >= 0


def metrics_of(answer):
    assert answer.status == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return parse_metrics(answer.body.decode())


def total(families, name, **labels):
    return sum(value for (sample, pairs), value in families[name].items()
               if sample == name and labels.items() <= dict(pairs).items())


def test_healthz(pods):
    for pod in pods.values():
        for answer in (pod.operator("/healthz"), pod.adapter.ask("/healthz", "GET")):
            assert (answer.status, answer.body) == (200, b"ok\n")
            assert answer.headers["Content-Type"] == "text/plain"
        assert pod.operator("/healthz", method="HEAD").status == 200
        assert pod.operator("/healthz/").status == 200
        assert pod.operator("/healthz", method="POST").status == 405


def test_healthz_does_not_depend_on_the_adapter(start):
    engine = start.engine(f"http://{fresh_address()}:9")
    assert engine.operator("/healthz").status == 200
    assert_problem(engine.operator("/readyz"), 503, "adapter-unavailable")


@pytest.mark.parametrize("healthz,ready", [
    (http_answer(b"ok\n"), True), (http_answer(b""), True),
    (http_answer(status="500 Internal Server Error"), False),
    (http_answer(status="404 Not Found"), False), (b"nonsense\r\n\r\n", False)])
def test_readyz_follows_the_adapters_healthz(start, healthz, ready):
    stand_in = start.stand_in()
    stand_in.healthz = healthz
    engine = start.engine(stand_in)
    assert engine.operator("/readyz").status == (200 if ready else 503)


def test_readyz_follows_a_real_adapter(start):
    adapter = start.adapter("kayak")
    engine = start.engine(adapter)
    assert engine.operator("/readyz").status == 200
    adapter.kill()
    answer = engine.operator("/readyz")
    assert_problem(answer, 503, "adapter-unavailable")
    start.adapter("kayak", address=adapter.address, port=adapter.port)
    assert engine.operator("/readyz").status == 200


def test_metrics_parse_from_the_first_on(start):
    pod = start.pod("kayak")
    for _ in range(2):
        metrics_of(pod.operator("/metrics"))
        metrics_of(pod.adapter.ask("/metrics", "GET"))
        pod.ask()


def test_counters_rise_by_what_was_asked(start):
    pod = start.pod("airbnb")
    before = metrics_of(pod.operator("/metrics"))
    for path, times in (("/bookCar", 3), ("/bookCar/", 1), ("/bookCar?x=1", 2), ("/no", 4),
                        ("/bookCar?location=XXX", 1)):
        for _ in range(times):
            pod.ask(path)
    pod.ask("/bookCar", "PUT")
    pod.ask("/bookCar", "HEAD")
    after = metrics_of(pod.operator("/metrics"))
    requests = "http_requests_total"
    assert total(before, requests) == 0
    assert total(after, requests, method="GET", path="/bookCar", code="200") == 5
    assert total(after, requests, path="/bookCar", code="400") == 2
    assert total(after, requests, path="/bookCar", code="404") == 1
    assert total(after, requests, path="", code="404") == 4
    assert total(after, requests, code="405") == 1
    assert total(after, requests) == 13
    assert total(after, "adapter_calls_total", result="answered") == 5
    assert after["adapter_call_duration_seconds"][("adapter_call_duration_seconds_count", ())] == 5
    duration = after["http_request_duration_seconds"]
    assert [value for (name, _), value in duration.items() if name.endswith("_count") and value] == [8]
    assert total(after, "http_requests_in_progress") == 0
    adapter = metrics_of(pod.adapter.ask("/metrics", "GET"))
    assert total(adapter, requests, method="POST", path="/formatCarInfo", code="200") == 5


def test_unknown_paths_make_no_new_series(start):
    pod = start.pod("kayak")
    for number in range(50):
        pod.ask(f"/probe-{number}")
        pod.ask("/bookCar", f"METHOD{number}")
    families = metrics_of(pod.operator("/metrics"))
    assert len(families["http_requests_total"]) == 2


def test_what_else_is_measured(kayak):
    for one, service in ((kayak.operator("/metrics"), "booking-main"),
                         (kayak.adapter.ask("/metrics", "GET"), "adapter-kayak")):
        families = metrics_of(one)
        assert total(families, "booking_build_info", service=service, version=VERSION) == 1
        assert total(families, "process_resident_memory_bytes") > 1024 * 1024
        assert 3 < total(families, "process_open_fds") < 200
        assert total(families, "process_cpu_seconds_total") > 0
        assert total(families, "log_lines_dropped_total") == 0
    assert total(metrics_of(kayak.operator("/metrics")), "booking_cars") == 7


def test_the_public_port_has_none_of_it(kayak):
    for path in ("/healthz", "/readyz", "/metrics"):
        assert kayak.ask(path).status == 404
    assert kayak.operator("/bookCar").status == 404
    assert kayak.operator("/").status == 404
