"""The manifests of partners that tools/new-partner has made, by the tests of all manifests."""

import shutil
import sys

from engine import ROOT, run
from manifests import render


def test_new_manifests_pass_the_tests_of_all(tmp_path):
    assert render(ROOT / "deploy" / "base")  # skips where nothing renders
    copy = tmp_path / "copy"
    ignored = shutil.ignore_patterns("build", ".git", "__pycache__")
    shutil.copytree(ROOT, copy, symlinks=True, ignore=ignored)
    run("tools/new-partner", "new-in-c", cwd=copy)
    run("tools/new-partner", "new-in-jq", "--jq", cwd=copy)
    run("tools/new-partner", "new-image", "--image", cwd=copy)
    tests = ["tests/e2e/test_manifests.py", "tests/e2e/test_components.py"]
    pytest = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "-q"]
    done = run(*pytest, *tests, cwd=copy)
    assert " passed" in done.stdout
    for partner in ("new-in-c", "new-in-jq", "new-image"):
        listed = run(*pytest, "--collect-only", *tests, "-k", partner, cwd=copy).stdout
        assert listed.count("::test_") > 20
