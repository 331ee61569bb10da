"""docs/openapi says all that is there, its examples are true, and openapi.py lets nothing else pass."""
import json
import re

import jsonschema
import pytest

import openapi
from support import ROOT, ask, ask_raw, http_answer

NAMES = ("partner", "operator", "desk", "adapter")
ROUTES = {"partner": "booking-main/partner/routes.c", "operator": "booking-main/operator/health.c",
          "desk": "booking-main/operator/desk/desk_server.c", "adapter": "lib/adapter/adapter.c"}


@pytest.mark.parametrize("name", NAMES)
def test_every_route_is_described_and_no_other(name):
    text = (ROOT / ROUTES[name]).read_text()
    routes = {(method, path) for method, path in re.findall(r'\{"([A-Z]+)", "(/[^"]*)", \w+', text)}
    described = {(method.upper(), path.replace("{file}", "{id}"))
                 for path, item in openapi.description(name).document["paths"].items()
                 for method in item if method in ("get", "post", "put", "delete", "patch")}
    assert described == routes


def test_every_problem_is_described_and_no_other():
    text = (ROOT / "lib/http/problem.h").read_text()
    problems = set(re.findall(r"X\([A-Z_]+, *[0-9]+, *\"([a-z-]+)\"", text))
    described = set()
    for name in NAMES:
        document = json.dumps(openapi.description(name).document)
        described |= set(re.findall(r"urn:problem-type:([a-z-]+)", document))
    assert described == problems


def parts(node):
    """All objects in a document."""
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list):
        for item in node:
            yield from parts(item)


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_are_what_they_are_examples_of(name):
    description = openapi.description(name)
    seen = 0
    for part in parts(description.resolve(description.document)):
        examples = part.get("examples", {})
        if "schema" not in part or not isinstance(examples, dict):
            continue
        jsonschema.Draft202012Validator.check_schema(part["schema"])
        for value in [part[key] for key in ("example",) if key in part] + [
                example["value"] for example in examples.values()]:
            description.check_value(part["schema"], value, f"an example in {name}.yaml")
            seen += 1
    assert seen


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_has_a_name_of_its_own(name):
    operations = [part["operationId"] for part in parts(openapi.description(name).document)
                  if "operationId" in part]
    assert len(operations) == len(set(operations)) > 0


GOOD = (200, [("Server", "booking-main/1"), ("X-Request-Id", "a"), ("Content-Length", "15"),
              ("traceparent", "00-" + "1" * 32 + "-" + "2" * 16 + "-00"),
              ("Content-Type", "application/json")], b'{"bookings":[]}')


def saw(target="/bookings", status=GOOD[0], fields=(), body=GOOD[2], without=None, method="GET"):
    openapi.serve("partner", "192.0.2.1", 1)
    fields = [field for field in GOOD[1] if field[0] != without] + list(fields)
    openapi.saw("192.0.2.1", 1, method, target, (status, fields, body))


def test_what_is_described_passes():
    saw()
    saw(fields=[("RateLimit", '"key";r=49;t=1')])
    saw("/bookings/?limit=1")


@pytest.mark.parametrize("answer, reason", [
    ({"body": b'{"bookings":[],"total":0}'}, "'total' was unexpected"),
    ({"body": b'{"next":"a"}'}, "'bookings' is a required property"),
    ({"body": b'{"bookings":[{"booking_id":1}]}'}, r"\$.bookings\[0\]"),
    ({"status": 202}, "no status 202"),
    ({"target": "/cars"}, "no status 200"),
    ({"method": "PUT"}, "no status 200"),
    ({"fields": [("X-Powered-By", "C")]}, "header field X-Powered-By"),
    ({"fields": [("RateLimit", "49")]}, "header field RateLimit"),
    ({"without": "traceparent"}, "without header field traceparent"),
    ({"without": "Content-Type"}, "content type"),
    ({"fields": [("Content-Type", "text/plain")]}, "content type"),
])
def test_what_is_not_described_is_refused(answer, reason):
    with pytest.raises(openapi.Undocumented, match=reason):
        saw(**answer)


def problem(status, name, **more):
    document = {"type": "urn:problem-type:" + name, "title": "T", "status": status, "detail": "D."}
    return {"status": status, "body": json.dumps({**document, **more}).encode(),
            "without": "Content-Type", "fields": [("Content-Type", "application/problem+json")]}


def test_a_problem_that_is_described_passes():
    saw(**problem(400, "invalid-request", parameter="limit"))
    saw(**problem(414, "uri-too-long"))
    saw("/nowhere", **problem(404, "not-found"))


@pytest.mark.parametrize("answer, reason", [
    (problem(400, "invalid-request", hint="h"), "hint"),
    (problem(400, "price-changed"), "price-changed"),
    (problem(409, "price-changed"), "price-changed"),
    ({**problem(400, "invalid-request"), "status": 414}, "414"),
    (problem(405, "method-not-allowed"), "allow"),
    (problem(503, "overloaded"), "retry-after"),
])
def test_a_problem_that_is_not_described_is_refused(answer, reason):
    with pytest.raises(openapi.Undocumented, match=f"(?i){reason}"):
        saw(**answer)


def test_the_client_of_the_tests_shows_what_it_sees(start):
    """Both of its ways of asking."""
    adapter = start.stand_in()
    adapter.healthz = http_answer(b"ok\n", content_type="text/plain", more="Server: a/1\r\n")
    openapi.serve("adapter", adapter.address, adapter.port)
    with pytest.raises(openapi.Undocumented, match="without header field x-request-id"):
        ask(adapter.address, adapter.port, "/healthz")
    with pytest.raises(openapi.Undocumented, match="without header field x-request-id"):
        ask_raw(adapter.address, adapter.port, shut=True,
                data=b"GET /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
