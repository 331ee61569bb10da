"""SIGHUP, logs that are rotated, keys that are changed while the engine runs."""
import os
import signal
import stat

import pytest

from booking_support import book
from support import assert_problem, wait_until


def messages(service):
    return [line["msg"] for line in service.log("stderr")]


def accepts(engine, key):
    answer = engine.ask(headers={"Authorization": f"Bearer {key}"})
    if answer.status == 401:
        assert_problem(answer, 401, "unauthorized", "Authorization")
    else:
        assert answer.status == 200, answer
    return answer.status == 200


def test_sighup_ends_no_service(start):
    pod = start.pod("kayak")
    for service in (pod, pod.adapter):
        service.signal(signal.SIGHUP)
        wait_until(lambda service=service: any("told to open" in one for one in messages(service)))
    book(pod)
    assert pod.running() and pod.adapter.running()


def test_sighup_while_draining(start):
    pod = start.pod("kayak", "--drain-delay", 3600)
    pod.signal(signal.SIGTERM)
    wait_until(lambda: pod.operator("/readyz").status == 503)
    pod.signal(signal.SIGHUP)
    wait_until(lambda: any("told to open" in one for one in messages(pod)))
    assert pod.ask().status == 200
    pod.signal(signal.SIGINT)
    assert pod.wait() == 0


def test_the_access_log_is_rotated(start, tmp_path):
    path, old = tmp_path / "access.log", tmp_path / "access.log.1"
    pod = start.pod("kayak", "--access-log", path)

    def ask(name):
        assert pod.ask(headers={"X-Request-Id": name}).status == 200

    ask("first")
    wait_until(lambda: '"first"' in path.read_text())
    path.rename(old)
    ask("second")  # still into the old one
    wait_until(lambda: '"second"' in old.read_text())
    assert not path.exists()
    pod.signal(signal.SIGHUP)
    wait_until(path.exists)
    assert stat.S_IMODE(path.stat().st_mode) & ~0o640 == 0
    ask("third")
    wait_until(lambda: '"third"' in path.read_text())
    assert '"third"' not in old.read_text()


def test_an_access_log_that_cannot_be_opened_again(start, tmp_path):
    folder = tmp_path / "logs"
    folder.mkdir()
    pod = start.pod("kayak", "--access-log", folder / "access.log")
    folder.rename(tmp_path / "moved")
    pod.signal(signal.SIGHUP)
    wait_until(lambda: any("--access-log again" in one for one in messages(pod)))
    pod.ask(headers={"X-Request-Id": "kept"})
    wait_until(lambda: '"kept"' in (tmp_path / "moved" / "access.log").read_text())


# --- keys -----------------------------------------------------------------------------------------

@pytest.fixture
def keys(tmp_path):
    path = tmp_path / "keys"
    path.write_text("first\n")
    path.chmod(0o600)
    return path


def by_itself(_engine):
    """It looks at the file once a second."""


def by_signal(engine):
    engine.signal(signal.SIGHUP)


@pytest.mark.parametrize("told", [by_itself, by_signal])
def test_keys_are_read_again(start, keys, told):
    engine = start.engine(start.adapter(), "--api-keys", keys)
    assert accepts(engine, "first") and not accepts(engine, "second")
    keys.write_text("first\nsecond\n")
    told(engine)
    wait_until(lambda: accepts(engine, "second"))
    assert accepts(engine, "first")
    replaced = keys.with_name("new")
    replaced.write_text("second\n")
    replaced.rename(keys)
    told(engine)
    wait_until(lambda: not accepts(engine, "first"))
    assert accepts(engine, "second")
    assert messages(engine).count("keys read again") >= 2


def test_keys_behind_the_links_of_a_secret(start, tmp_path):
    for name, key in (("..1", "first"), ("..2", "second")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keys").write_text(key + "\n")
    data, keys = tmp_path / "..data", tmp_path / "keys"
    data.symlink_to("..1")
    keys.symlink_to("..data/keys")
    engine = start.engine(start.adapter(), "--api-keys", keys)
    assert accepts(engine, "first")
    (tmp_path / "..tmp").symlink_to("..2")
    (tmp_path / "..tmp").rename(data)
    wait_until(lambda: accepts(engine, "second"))
    assert not accepts(engine, "first")


@pytest.mark.parametrize("told", [by_itself, by_signal])
@pytest.mark.parametrize("content,says", [
    (b"", "no key"), (b"good\ntwo  words\n", ":2:"), (b"\xef\xbb\xbfsecond\n", "byte order mark"),
    (b"\xff\xfes\0", "UTF-16"), (None, "No such file")])
def test_a_bad_file_leaves_the_keys_in_use(start, keys, content, says, told):
    engine = start.engine(start.adapter(), "--api-keys", keys)
    if content is None:
        keys.unlink()
    else:
        keys.write_bytes(content)
    told(engine)

    def complaint():
        return [line for line in engine.log("stderr") if line["msg"].startswith("keys not read again")]
    line = wait_until(complaint)[0]
    assert str(keys) in line["error"] and says in line["error"]
    assert accepts(engine, "first") and not accepts(engine, "second")
    keys.write_text("second\n")
    told(engine)
    wait_until(lambda: accepts(engine, "second"))


@pytest.mark.parametrize("mode,named", [(0o600, False), (0o644, False), (0o620, True), (0o602, True)])
def test_a_key_file_that_others_may_write_is_named(start, keys, mode, named):
    os.chmod(keys, mode)
    engine = start.engine(start.adapter(), "--api-keys", keys)
    warnings = [line for line in engine.log("stderr") if "may write the key file" in line["msg"]]
    assert bool(warnings) == named
    assert all(line["file"] == str(keys) and line["level"] == "error" for line in warnings)
