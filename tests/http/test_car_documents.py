"""The corpus of car documents in tests/data/car_document, against one adapter: what a document is, and
how its amounts, texts and currencies come back, is every adapter's. What is a partner's own is in
test_partners.py."""
import pytest

from support import DATA, assert_problem

CORPUS = DATA / "car_document"
VALID = sorted(path.stem for path in (CORPUS / "valid").glob("*.json"))
INVALID = sorted(path.stem for path in (CORPUS / "invalid").glob("*.json"))


@pytest.mark.parametrize("name", VALID)
def test_valid(kayak, name):
    document = (CORPUS / "valid" / f"{name}.json").read_bytes()
    expected = (CORPUS / "valid" / f"{name}.expected").read_bytes().removesuffix(b"\n")
    answer = kayak.adapter.ask(body=document)
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == expected


@pytest.mark.parametrize("name", INVALID)
def test_invalid(kayak, name):
    document = (CORPUS / "invalid" / f"{name}.json").read_bytes()
    member, detail = (CORPUS / "invalid" / f"{name}.expected").read_text().splitlines()
    answer = kayak.adapter.ask(body=document)
    assert_problem(answer, 400, "invalid-request", None if member == "-" else member, detail)


def test_the_corpus_is_whole():
    assert len(VALID) > 20 and len(INVALID) > 60


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded",
                                  "multipart/form-data; boundary=x", "nonsense"])
def test_the_content_type_of_a_document_does_not_matter(kayak, kind):
    document = (CORPUS / "valid" / "seed.json").read_bytes()
    answer = kayak.adapter.ask(body=document, headers={"Content-Type": kind} if kind else {})
    assert answer.status == 200
