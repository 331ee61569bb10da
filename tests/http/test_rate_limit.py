"""--rate-limit: each key has its own share of the public port."""
import time

import pytest

from booking_support import order, post
from support import assert_problem, wait_until

POLICY = '"key";q=2;w=1'


@pytest.fixture
def pod(start, tmp_path):
    (tmp_path / "keys").write_text("spring first\nautumn second\n")
    return start.pod("kayak", "--api-keys", tmp_path / "keys", "--rate-limit", 2)


def ask(pod, key):
    return pod.ask(headers={"Authorization": f"Bearer {key}"})


def too_often(ask_once):
    """Asks until it is too often."""
    def refused():
        answer = ask_once()
        return answer if answer.status == 429 else None
    return wait_until(refused)


def test_one_key_over_its_limit_keeps_no_other_from_asking(pod):
    began = time.monotonic()
    answer = too_often(lambda: ask(pod, "first"))
    assert ask(pod, "second").status == 200
    assert_problem(answer, 429, "rate-limited", detail="RateLimit-Policy")
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["RateLimit-Policy"] == POLICY
    assert answer.headers["RateLimit"] == '"key";r=0;t=1'
    assert pod.log_of(answer.headers["X-Request-Id"])["caller"] == "spring"
    wait_until(lambda: ask(pod, "first").status == 200)
    refused = pod.metric("caller_limited_requests_total", caller="spring")
    granted = pod.metric("caller_requests_total", caller="spring") - refused
    assert refused >= 1
    assert granted <= 2 + 2 * (time.monotonic() - began)
    assert pod.metric("caller_requests_total", caller="autumn") == 1
    assert pod.metric("caller_limited_requests_total", caller="autumn") == 0


def test_a_good_answer_says_what_is_left(pod):
    answer = ask(pod, "first")
    assert answer.status == 200
    assert answer.headers["RateLimit-Policy"] == POLICY
    assert answer.headers["RateLimit"] == '"key";r=1;t=1'


def test_a_refused_order_books_nothing_and_its_idempotency_key_is_free(pod):
    def book():
        return post(pod, order(), headers={"Authorization": "Bearer first",
                                           "Idempotency-Key": "mine"})
    too_often(lambda: ask(pod, "first"))
    booked = wait_until(lambda: (answer := book()).status == 201 and answer)
    again = wait_until(lambda: (answer := book()).status == 201 and answer)
    assert booked.headers["Location"] == again.headers["Location"]
    assert pod.metric("booking_bookings_total") == 1


def test_without_keys_all_callers_share_one(start):
    pod = start.pod("kayak", "--rate-limit", 1)
    assert too_often(pod.ask).headers["RateLimit-Policy"] == '"key";q=1;w=1'
    assert pod.metric("caller_limited_requests_total", caller="") >= 1


def test_without_a_limit_no_fields_and_no_counters(kayak):
    answer = kayak.ask()
    assert "RateLimit" not in answer.headers and "RateLimit-Policy" not in answer.headers
    assert b"caller_requests_total" not in kayak.operator("/metrics").body


def test_keys_without_a_limit_are_counted(start, tmp_path):
    (tmp_path / "keys").write_text('the "spring" \\ tours first\n')
    pod = start.pod("kayak", "--api-keys", tmp_path / "keys")
    assert "RateLimit" not in ask(pod, "first").headers
    assert (b'\ncaller_requests_total{caller="the \\"spring\\" \\\\ tours"} 1\n'
            in pod.operator("/metrics").body)


def test_a_wrong_key_counts_for_nobody(pod):
    assert ask(pod, "wrong").status == 401
    assert pod.metric("caller_requests_total") == 0


def test_probes_and_metrics_have_no_limit(pod):
    too_often(lambda: ask(pod, "first"))
    for path in ("/healthz", "/readyz", "/metrics"):
        assert pod.operator(path).status == 200
