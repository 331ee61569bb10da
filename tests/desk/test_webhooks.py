"""Webhooks at the desk's page: who is told, what waits and why, again, a test."""
from support import http_answer, wait_until
from test_operators_day import book
from webhook_receiver import TAKEN, Receiver, secret_line

FAILED = http_answer(b"<b onclick=x>no</b>", status="500 Internal Server Error")


def test_what_waits_is_seen_and_sent_again(start, open_page, tmp_path):
    (tmp_path / "secret").write_text(secret_line())
    receiver = start._add(Receiver(FAILED))
    pod = start.pod("kayak", "--channel", "kayak", "--webhook-url", receiver.url,
                    "--webhook-secret", tmp_path / "secret", "--webhook-private")
    wait_until(lambda: "this engine sends the webhooks" in pod.stderr())
    location = book(pod, "K-1", "1-XXX-333", 3, 5)
    page = open_page(pod)
    page.api(pod, f"{location}/cancel", "POST", reason="By phone")
    wait_until(lambda: pod.metric("webhook_tries_total", result="failed") >= 1)
    wait_until(lambda: page.api(pod, "/webhooks")["deliveries"][0]["attempts"])
    page.go("#/webhooks")
    page.wait_for_view("Webhooks")
    page.reads(r"booking\.cancelled")
    page.reads(r"status 500: <b onclick=x>no</b> \(1 try\)")  # as text
    receiver.answers = [TAKEN]
    (row,) = page.api(pod, "/webhooks")["deliveries"]
    page.press(f"Send {row['id']} again")
    page.notice(rf"Webhook {row['id']} is sent again\.")
    receiver.wait_for(1)
    page.press("Send a test to kayak")
    page.notice(r"A test is sent to kayak")
    assert receiver.wait_for(2)[1].type == "webhook.test"
    wait_until(lambda: not page.api(pod, "/webhooks")["deliveries"])
    page.driver.refresh()
    page.reads("Nothing waits, and nothing was given up")
    assert not page.troubles()


def test_where_no_partner_has_one(start, open_page):
    page = open_page(start.pod("kayak", "--channel", "kayak"))
    page.go("#/webhooks")
    page.reads("No partner has a webhook")
