"""The adapter in docs/partners.md that is not in C: as it stands there, beside an engine."""
import json
import re
import subprocess
import sys

import pytest

from support import PATIENCE, ROOT, fresh_address, free_port, listens, wait_until


@pytest.fixture
def example(tmp_path):
    text = (ROOT / "docs" / "partners.md").read_text()
    (program,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    address = fresh_address()
    port = free_port(address)
    assert '("127.0.0.1", 9096)' in program
    file = tmp_path / "adapter.py"
    file.write_text(program.replace('("127.0.0.1", 9096)', f'("{address}", {port})')
                    .replace("//127.0.0.1:9096/", f"//{address}:{port}/"))
    probe = [sys.executable, "-B", file, "--healthcheck"]
    assert subprocess.run(probe, stderr=subprocess.DEVNULL, timeout=PATIENCE).returncode == 1
    with subprocess.Popen([sys.executable, "-B", file], stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: listens(address, port), what="the example's start")
            assert subprocess.run(probe, timeout=PATIENCE).returncode == 0
            yield f"http://{address}:{port}"
        finally:
            process.kill()
            process.wait(PATIENCE)


def test_the_example_serves_an_engine(start, example):
    engine = start.engine(example)
    assert json.loads(engine.ask().body) == {"vehicle": "1-XXX-333", "total": 55,
                                             "state": "available"}
    wait_until(lambda: engine.operator("/readyz").status == 200, what="readiness")
