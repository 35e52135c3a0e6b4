"""Every kind of parallelism computes what one process computes: the cells of `benchmarks/parity.py --quick`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_layouts_agree_with_one_process(tmp_path: Path) -> None:
    command = [sys.executable, "benchmarks/parity.py", "--quick", "--json", "--output", str(tmp_path / "parity.json")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = json.loads(done.stdout)
    assert found["failed"] == [] and found["not run"] == 0, done.stderr[-4000:]
    assert found["passed"] == found["cells"] == 15 - len(found["refused"])
