"""The operator's page in a real browser: Debian's chromium, driven by python3-selenium."""
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "http"))

import stores  # noqa: E402
from starting import Starter, ending  # noqa: E402

try:
    import selenium  # noqa: F401
    MISSING = [name for name in ("chromium", "chromedriver") if not shutil.which(name)]
except ImportError:
    MISSING = ["python3-selenium"]


def pytest_configure():
    stores.share_server()


def pytest_collection_modifyitems(items):
    if MISSING:
        reason = f"no {' and no '.join(MISSING)} here: tools/install-deps browser installs them"
        for item in items:
            item.add_marker(pytest.mark.skip(reason=reason))


@pytest.fixture
def start():
    """Starts services for one test."""
    with ending() as started:
        yield Starter(started)


@pytest.fixture
def open_page(tmp_path):
    """Opens an engine's desk: open_page(engine, key=None, width=1280, dark=False)."""
    from page import Page
    opened = []

    def open_it(engine, **kwargs):
        opened.append(Page(engine, downloads=tmp_path, **kwargs))
        return opened[-1]
    yield open_it
    for page in opened:
        page.close()
