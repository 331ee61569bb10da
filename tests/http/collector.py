"""A collector that takes spans by OpenTelemetry's protocol, JSON over HTTP, and holds every document
to its rules: https://opentelemetry.io/docs/specs/otlp/ and opentelemetry-proto's trace.proto.
"""
import json
import re

from support import StandIn, http_answer, wait_until

SERVER, CLIENT = 2, 3
ERROR = 2
TAKEN = http_answer(b"{}")
RESOURCE = {"service.name", "service.version", "service.instance.id", "host.name", "booking.channel"}
NANOSECONDS = 1_000_000_000


def attributes(found):
    """{key: value} of a list of attributes, whose keys are unique and whose values have one type."""
    values = {}
    for attribute in found:
        assert set(attribute) == {"key", "value"} and attribute["key"] not in values
        (kind, value), = attribute["value"].items()
        assert isinstance(value, str)
        if kind == "intValue":
            assert re.fullmatch(r"-?\d{1,19}", value)
            value = int(value)
        else:
            assert kind == "stringValue"
        values[attribute["key"]] = value
    return values


def nanoseconds(text):
    """A 64-bit time, which is a string in JSON."""
    assert isinstance(text, str) and re.fullmatch(r"\d{19}", text), text
    return int(text)


class Span:
    """One that keeps the rules."""

    def __init__(self, span, resource):
        assert set(span) <= {"traceId", "spanId", "parentSpanId", "flags", "name", "kind",
                             "startTimeUnixNano", "endTimeUnixNano", "attributes", "status"}
        self.trace, self.id, self.parent = span["traceId"], span["spanId"], span.get("parentSpanId")
        assert re.fullmatch("[0-9a-f]{32}", self.trace) and int(self.trace, 16)
        assert re.fullmatch("[0-9a-f]{16}", self.id) and int(self.id, 16)
        assert self.parent is None or re.fullmatch("[0-9a-f]{16}", self.parent)
        assert type(span["kind"]) is int and span["kind"] in (SERVER, CLIENT)
        self.kind, self.name = span["kind"], span["name"]
        assert isinstance(self.name, str) and self.name
        # Sampled; and whether the parent is in another process is known (bit 8), and so (bit 9).
        remote = 0x200 if self.kind == SERVER and self.parent else 0
        assert span["flags"] == 0x101 | remote
        self.start, self.end = (nanoseconds(span[f"{name}TimeUnixNano"])
                                for name in ("start", "end"))
        assert self.start <= self.end
        self.attributes = attributes(span["attributes"])
        self.failed = "status" in span
        if self.failed:
            assert span["status"] == {"code": ERROR} and type(span["status"]["code"]) is int
            assert "error.type" in self.attributes
        self.resource = resource


def read(received):
    """The spans of one export."""
    assert (received.method, received.headers["Content-Type"]) == ("POST", "application/json")
    document = json.loads(received.body)
    assert set(document) == {"resourceSpans"}
    (group,) = document["resourceSpans"]
    assert set(group) == {"resource", "scopeSpans"} and set(group["resource"]) == {"attributes"}
    resource = attributes(group["resource"]["attributes"])
    assert set(resource) == RESOURCE
    (scope,) = group["scopeSpans"]
    assert set(scope) == {"scope", "spans"} and set(scope["scope"]) == {"name", "version"}
    assert 1 <= len(scope["spans"]) <= 512
    return [Span(span, resource) for span in scope["spans"]]


class Collector(StandIn):
    """Answers as `answers` says, the last one again and again."""

    def __init__(self, *answers, **kwargs):
        self.answers = list(answers) or [TAKEN]
        super().__init__(self._answer, **kwargs)

    def _answer(self, sock, _):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if not answer:
            return False
        sock.sendall(answer)
        return True

    def spans(self):
        """All that came, in order; those of an export that was sent again come again."""
        return [span for received in list(self.received) for span in read(received)]

    def wait_for(self, count):
        """So many spans, and no more."""
        wait_until(lambda: len(self.spans()) >= count, what=f"{count} spans")
        found = self.spans()
        assert len(found) == count, [span.name for span in found]
        return found
