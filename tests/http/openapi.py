"""Holds what the services answer to docs/openapi: a status, a header field, a content type or a
member that is not described there fails the test that saw it.

Every server that the tests start is named here with its description, by serve(). The client (ask()
and ask_raw() in support.py) shows each of its answers to saw(). An object whose members are
described has no others, unless `additionalProperties` says so: what callers are asked to ignore one
day is described first.
"""
import functools
import json
import pathlib
import re
import urllib.parse

import jsonschema
import yaml

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "docs" / "openapi"
# Of HTTP itself (RFC 9110, RFC 9112), so in no description.
TRANSPORT = {"date", "content-length", "content-type", "connection", "transfer-encoding"}
# What a request may be answered that is for no operation: these, or else `Refused`.
ELSEWHERE = {400: "Invalid", 401: "Unauthorized", 403: "Forbidden", 503: "Unavailable"}

_served = {}


class Undocumented(AssertionError):
    pass


def serve(name, address, port, prefix="", formatted=True):
    """What listens there answers as docs/openapi/<name>.yaml says, also under a prefix. Without
    `formatted`, a car is in the format of an adapter that is described nowhere."""
    _served[address, port] = name, prefix.rstrip("/"), formatted


def is_adapter(url):
    """Whether what listens at the URL is one that is described."""
    parts = urllib.parse.urlsplit(url)
    return _served.get((parts.hostname, parts.port), ("",))[0] == "adapter"


def saw(address, port, method, target, answer):
    """Checks an answer (status, header fields as pairs, body) of what listens there, if that is
    described at all."""
    if (address, port) not in _served:
        return
    name, prefix, formatted = _served[address, port]
    try:
        description(name).check(method, target.removeprefix(prefix), *answer, formatted)
    except Undocumented as error:
        raise Undocumented(f"{name}.yaml, {method} {target[:200]}: {error}") from None


def saw_raw(address, port, request, received):
    """The same of bytes, as far as they are one request and one whole answer. Of several requests
    only the first answer is known to be the first one's, and a broken request has no target."""
    if (address, port) not in _served or not received.startswith(b"HTTP/1."):
        return
    head, end, body = received.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    fields = [tuple(line.split(": ", 1)) for line in lines[1:] if ": " in line]
    lengths = [value for name, value in fields if name.lower() == "content-length"]
    line = re.match(rb"([A-Z]+) ([!-~]+) HTTP/1\.[01]\r\n", request)
    method, target = (part.decode() for part in line.groups()) if line else ("", "")
    if not end or lines[0].split()[1] == "100" or len(lengths) != 1:
        return
    if lines[0].split()[1] == "431" and b"<html>" in body:
        return  # header fields so large that the library answers by itself
    if method != "HEAD":
        body = body[:int(lengths[0])]
        if len(body) < int(lengths[0]):
            return
    saw(address, port, method, target, (int(lines[0].split()[1]), fields, body))


@functools.lru_cache(maxsize=None)
def description(name):
    """Of one port, whose files are <name>.yaml and <name>-*.yaml. A component has one meaning."""
    whole = {"paths": {}, "components": {}}
    for path in (FOLDER / f"{name}.yaml", *sorted(FOLDER.glob(f"{name}-*.yaml"))):
        document = yaml.safe_load(path.read_text())
        whole["paths"].update(document["paths"])
        for kind, components in document["components"].items():
            known = whole["components"].setdefault(kind, {})
            assert all(known.get(key, value) == value for key, value in components.items()), path
            known.update(components)
    return Description(whole)


class Description:
    def __init__(self, document):
        self.document = document
        self.paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]*", path)), item)
                      for path, item in document["paths"].items()]
        self.validators = {}  # of a schema, by its id
        self.good = set()  # small bodies that were checked: many are the same

    def resolve(self, node):
        """With every reference replaced by what it refers to."""
        if isinstance(node, list):
            return [self.resolve(item) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            found = self.document
            for key in node["$ref"].removeprefix("#/").split("/"):
                found = found[key]
            return self.resolve(found)
        return {key: self.resolve(value) for key, value in node.items()}

    def operation(self, method, path):
        path = path.removesuffix("/") or "/"
        for shape, item in self.paths:
            if shape.fullmatch(path):
                return item.get("get" if method == "HEAD" else method.lower())
        return None

    @functools.lru_cache(maxsize=None)
    def response(self, method, path, status):
        operation = self.operation(method, path)
        shared = self.document["components"]["responses"]
        if operation:
            responses = operation["responses"]
            found = responses.get(str(status)) or responses["default"]
        else:
            found = shared.get(ELSEWHERE.get(status)) or shared["Refused"]
        if status < 400 and (not operation or found is operation["responses"]["default"]):
            raise Undocumented(f"no status {status}")
        return self.resolve(found)

    def check(self, method, target, status, fields, body, formatted=True):
        response = self.response(method, target.split("?")[0], status)
        self.check_fields(response, status, fields)
        content = response.get("content", {})
        kind = ", ".join(value for name, value in fields if name.lower() == "content-type")
        schema = content.get(kind, {}).get("schema")
        own_format = content.get("application/json", {}).get("schema", {}).get(
            "additionalProperties") is True
        if not content or (own_format and not formatted):
            return
        if not schema:
            raise Undocumented(f"{status} with content type {kind}, not {list(content)}")
        if method == "HEAD" or not kind.endswith("json") or (id(schema), body) in self.good:
            return
        document = json.loads(body)
        if status >= 400 and document.get("status") != status:
            raise Undocumented(f"{status} with a document of {document.get('status')}")
        self.check_value(schema, document, f"{status}")
        if len(body) < 1024:
            self.good.add((id(schema), body))

    def check_fields(self, response, status, fields):
        described = {name.lower(): field for name, field in response.get("headers", {}).items()}
        there = {name.lower() for name, _ in fields}
        for name, value in fields:
            if name.lower() in TRANSPORT:
                continue
            if name.lower() not in described:
                raise Undocumented(f"{status} with header field {name}: {value}")
            schema = described[name.lower()]["schema"]
            if schema.get("type") == "integer":
                value = int(value)
            self.check_value(schema, value, f"{status}, header field {name}")
        for name, field in described.items():
            if field.get("required") and name not in there:
                raise Undocumented(f"{status} without header field {name}")
        # Of some answers among those that share a description.
        needed = {401: "www-authenticate", 405: "allow", 503: "retry-after"}.get(status)
        if needed and needed not in there:
            raise Undocumented(f"{status} without header field {needed}")

    def check_value(self, schema, value, what):
        if id(schema) not in self.validators:  # which keep the schema, and so its id
            self.validators[id(schema)] = schema, jsonschema.Draft202012Validator(closed(schema))
        error = jsonschema.exceptions.best_match(
            self.validators[id(schema)][1].iter_errors(value))
        if error:
            raise Undocumented(f"{what}: {error.json_path}: {error.message[:500]}")


def closed(schema, inside=False):
    """With no members but those that are described."""
    if isinstance(schema, list):
        return [closed(item, inside) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "allOf" in schema:
        return {"unevaluatedProperties": False, "allOf": closed(schema["allOf"], True)}
    made = {key: closed(value) for key, value in schema.items()
            if key not in ("example", "examples", "description")}
    if isinstance(schema.get("properties"), dict):
        made["properties"] = {key: closed(value) for key, value in schema["properties"].items()}
        if not inside:
            made.setdefault("additionalProperties", False)
    return made
