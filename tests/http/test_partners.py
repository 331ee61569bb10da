"""What every partner in the list has to be, in C or jq: its documents with their answers, byte for
byte, in tests/partners/NAME.json, and an adapter that an engine can work with."""
import json
import subprocess

import pytest

from support import BUILD, DATA, PARTNERS, PATIENCE, ROOT, VERSION, adapter_of, assert_problem

ANSWERS = ROOT / "tests" / "partners"
HERE = [partner for partner, kind in PARTNERS.items() if kind != "image"]
CASES = [(partner, case) for partner in HERE
         for case in json.loads((ANSWERS / f"{partner}.json").read_text())]
INVALID = DATA / "car_document" / "invalid"


@pytest.fixture(scope="module")
def adapters(_shared):
    """partner -> its adapter, started when it is first asked for."""
    started = {}

    def get(partner):
        if partner not in started:
            started[partner] = _shared.adapter(*adapter_of(partner))
        return started[partner]
    return get


def compact(document):
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


@pytest.mark.parametrize("partner,case", CASES)
def test_answers(adapters, partner, case):
    path = "/formatCarList" if "cars" in case["document"] else "/formatCarInfo"
    answer = adapters(partner).ask(path, body=compact(case["document"]).encode())
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body.decode() == compact(case["answer"])


@pytest.mark.parametrize("partner", HERE)
def test_a_booking_and_a_list_are_among_the_documents(partner):
    """The partner asks for its booking with the id, the answer's last member."""
    documents = [case["document"] for name, case in CASES if name == partner]
    assert any("cars" in document for document in documents)
    bookings = [case for name, case in CASES if name == partner and "booking_id" in case["document"]]
    assert bookings
    for case in bookings:
        assert list(case["answer"].items())[-1] == ("booking_id", case["document"]["booking_id"])


@pytest.mark.parametrize("partner", HERE)
def test_a_bad_document_is_refused(adapters, partner):
    document = (INVALID / "no-price.json").read_bytes()
    assert_problem(adapters(partner).ask(body=document), 400, "invalid-request", "price")


@pytest.mark.parametrize("partner", HERE)
def test_an_adapter_names_itself(adapters, partner):
    adapter = adapters(partner)
    answer = adapter.ask("/healthz", "GET")
    assert (answer.status, answer.headers["Server"]) == (200, f"{adapter.name}/{VERSION}")


@pytest.mark.parametrize("partner", HERE)
def test_an_engine_offers_a_car(_shared, adapters, partner):
    answer = _shared.engine(adapters(partner), "--channel", partner).ask()
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert json.loads(answer.body)


@pytest.mark.parametrize("partner", [partner for partner, kind in PARTNERS.items() if kind == "jq"])
def test_the_check_that_an_author_runs(partner):
    _, _, path = adapter_of(partner)
    done = subprocess.run([BUILD / "adapter-jq", "--check", path], capture_output=True, text=True,
                          timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr


def test_the_list_is_whole():
    """Each has its adapter, manifests and answers, and none is left out of the list."""
    def names(pattern, before, after=""):
        return {path.name.removeprefix(before).removesuffix(after) for path in ROOT.glob(pattern)}
    assert names("deploy/components/partner-*", "partner-") == set(PARTNERS)
    assert names("deploy/pods/*.yaml", "booking-app-", ".yaml") == set(PARTNERS)
    assert names("tests/partners/*", "", ".json") == set(HERE)
    assert set(PARTNERS) <= names("deploy/overlays/*", "")
    in_c = {partner for partner, kind in PARTNERS.items() if kind == "c"}
    assert {path.parent.name for path in ROOT.glob("adapter-*/main.c")} == {
        "adapter-jq", *(f"adapter-{partner}" for partner in in_c)}
