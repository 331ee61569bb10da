"""tools/new-partner in a copy of the sources: what it makes is whole as it is, and what it refuses
leaves no trace."""
import os
import shutil
import subprocess
import sys

import pytest

from support import BUILD, ROOT

IN_C = {"adapter-new-one/main.c", "deploy/components/partner-new-one/kustomization.yaml",
        "deploy/overlays/new-one/ingress.yaml", "deploy/overlays/new-one/kustomization.yaml",
        "deploy/pods/booking-app-new-one.yaml", "tests/partners/new-one.json"}
AN_IMAGE = IN_C - {"adapter-new-one/main.c", "tests/partners/new-one.json"}
IN_JQ = IN_C - {"adapter-new-one/main.c"} | {"deploy/components/partner-new-one/format.jq"}


@pytest.fixture
def copy(tmp_path):
    shutil.copytree(ROOT, tmp_path / "copy", symlinks=True,
                    ignore=shutil.ignore_patterns("build", ".git", "__pycache__"))
    return tmp_path / "copy"


def files(folder):
    return {str(path.relative_to(folder)): path.read_bytes()
            for path in folder.glob("**/*") if path.is_file()}


def run(folder, *command, **environment):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False,
                          timeout=300, env={"PATH": os.environ["PATH"], **environment})


def new_partner(folder, *arguments):
    return run(folder, "tools/new-partner", *arguments)


@pytest.mark.parametrize("options,made,changed", [
    ([], IN_C, {"partners", "deploy/components/images/kustomization.yaml"}),
    (["--jq"], IN_JQ, {"partners"}),
    (["--image"], AN_IMAGE, {"partners", "deploy/components/images/kustomization.yaml"}),
], ids=["c", "jq", "image"])
def test_it_is_whole_as_it_is(copy, options, made, changed):
    before = files(copy)
    done = new_partner(copy, "new-one", *options)
    assert (done.returncode, done.stderr) == (0, "")
    after = files(copy)
    assert after.keys() - before.keys() == made
    assert {name for name in before if after.get(name) != before[name]} == changed
    assert not [name for name in made if b"kayak" in after[name] or b"ooking.com" in after[name]]
    for name in made | changed:
        assert name in done.stdout or os.path.dirname(name) in done.stdout

    if not options:
        built = run(copy, "make", "-s", "-j2", "WERROR=1", "build/adapter-new-one")
        assert built.returncode == 0, built.stderr
    # What is not the partner's is what is tested here anyway.
    (copy / "build").mkdir(exist_ok=True)
    for binary in ("booking-main", "adapter-jq", "adapter-kayak"):
        (copy / "build" / binary).symlink_to(BUILD / binary)
    tests = run(copy, sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q",
                "tests/http/test_partners.py", "-k", "new-one or list", BUILD_DIR="build")
    assert tests.returncode == 0, tests.stdout
    assert " passed" in tests.stdout and "skipped" not in tests.stdout

    again = new_partner(copy, "new-one", *options)
    assert again.returncode == 1 and "'new-one' exists: " in again.stderr


@pytest.mark.parametrize("name,rule", [
    ("Acme", "small letters"), ("ac_me", "small letters"), ("ac.me", "small letters"),
    ("ac me", "small letters"), ("ac\nme", "small letters"), ("acmé", "small letters"),
    ("../acme", "small letters"), ("new-", "no '-' last"), ("4cme", "a letter first"),
    ("a" * 38, "37 characters"), ("no", "no name in YAML"), ("bookings", "a path of the engine's own"),
    ("kayak", "'kayak' exists: adapter-kayak"), ("jq", "'jq' exists: adapter-jq"),
    ("bookingcom", "exists: deploy/components/partner-bookingcom"),
    ("all", "'all' exists: deploy/overlays/all"), ("-acme", "usage:"), ("", "usage:"),
])
def test_a_name_that_cannot_be_is_refused(copy, name, rule):
    before = files(copy)
    for options in ([], ["--jq"], ["--image"]):
        done = new_partner(copy, name, *options)
        assert done.returncode in (1, 2) and rule in done.stderr
    assert files(copy) == before


def test_it_is_one_of_three():
    for arguments in ((), ("new-one", "--jq", "--image"), ("new-one", "other"), ("new-one", "--c")):
        done = new_partner(ROOT, *arguments)
        assert (done.returncode, done.stdout) == (2, "") and "usage:" in done.stderr
    assert "usage:" in new_partner(ROOT, "--help").stdout


def test_the_shortest_and_the_longest_name(copy):
    for letter, options in (("a", []), ("d", ["--jq"]), ("p", ["--image"])):
        for name in (letter, letter * 37):
            assert new_partner(copy, name, *options).returncode == 0
            pod = (copy / "deploy" / "pods" / f"booking-app-{name}.yaml").read_text()
            assert f"\n  name: booking-app-{name}\n" in pod
    if shutil.which("yamllint"):
        done = run(copy, "yamllint", "--strict", "deploy")
        assert done.returncode == 0, done.stdout


def test_a_half_made_partner_is_not_left_behind(copy):
    (copy / "deploy" / "overlays" / "kayak" / "ingress.yaml").unlink()  # as it is made ready
    (copy / "tools" / "pod-format").write_text("#!/bin/sh\nexit 1\n")  # as it is moved
    before = files(copy)
    for options in ([], ["--jq"]):
        assert new_partner(copy, "new-one", *options).returncode != 0
        assert files(copy) == before
        assert not [path for path in copy.glob("**/*new-one*")]


def test_a_changed_format_is_brought_into_the_pod(copy):
    assert new_partner(copy, "new-one", "--jq").returncode == 0
    pod = copy / "deploy" / "pods" / "booking-app-new-one.yaml"
    before = pod.read_text()
    format_file = copy / "deploy" / "components" / "partner-new-one" / "format.jq"
    format_file.write_text("# Two lines,\n\n{id: .carid}\n")
    assert run(copy, "tools/pod-format", "new-one").returncode == 0
    assert pod.read_text() == before.split("  format.jq: |\n")[0] + (
        "  format.jq: |\n    # Two lines,\n\n    {id: .carid}\n")
    for wrong in ("kayak", "nobody"):
        assert run(copy, "tools/pod-format", wrong).returncode == 2
