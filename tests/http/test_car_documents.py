"""Each adapter against the corpus of car documents in tests/data/car_document."""
import json

import pytest

from support import DATA, assert_problem

CORPUS = DATA / "car_document"
VALID = sorted(path.stem for path in (CORPUS / "valid").glob("*.json"))
INVALID = sorted(path.stem for path in (CORPUS / "invalid").glob("*.json"))


@pytest.mark.parametrize("partner", ["kayak", "airbnb"])
@pytest.mark.parametrize("name", VALID)
def test_valid(pods, partner, name):
    document = (CORPUS / "valid" / f"{name}.json").read_bytes()
    expected = (CORPUS / "valid" / f"{name}.{partner}").read_bytes().removesuffix(b"\n")
    answer = pods[partner].adapter.ask(body=document)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == expected
    assert list(json.loads(answer.body))[0] == "carid"


@pytest.mark.parametrize("partner", ["kayak", "airbnb"])
@pytest.mark.parametrize("name", INVALID)
def test_invalid(pods, partner, name):
    document = (CORPUS / "invalid" / f"{name}.json").read_bytes()
    member, detail = (CORPUS / "invalid" / f"{name}.expected").read_text().splitlines()
    answer = pods[partner].adapter.ask(body=document)
    assert_problem(answer, 400, "invalid-request", None if member == "-" else member, detail)


def test_the_corpus_is_whole():
    assert len(VALID) > 20 and len(INVALID) > 60


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "nonsense"])
def test_the_content_type_of_a_document_does_not_matter(pods, kind):
    document = (CORPUS / "valid" / "seed.json").read_bytes()
    for pod in pods.values():
        answer = pod.adapter.ask(body=document, headers={"Content-Type": kind} if kind else {})
        assert answer.status == 200


def test_an_adapter_names_itself(pods):
    for partner, pod in pods.items():
        server = pod.adapter.ask("/healthz", "GET").headers["Server"]
        assert server.startswith(f"adapter-{partner}/")
