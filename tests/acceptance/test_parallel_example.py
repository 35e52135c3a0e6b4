"""The example of every kind of parallelism runs as its README says, leaves a timeline, and shows it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conftest import write_corpus

EXAMPLE = Path(__file__).parents[2] / "examples" / "parallel" / "transformer"
SOURCE = 'kind = "python-stdlib"'


def test_layouts_agree_and_leave_a_timeline(tmp_path: Path) -> None:
    for name in ("compare.py", "venture.toml"):
        shutil.copy(EXAMPLE / name, tmp_path)
    write_corpus(tmp_path / "corpus.jsonl", 200)
    venture = (tmp_path / "venture.toml").read_text()
    assert SOURCE in venture
    small = venture.replace(SOURCE, 'kind = "jsonl"\npath = "corpus.jsonl"').replace(
        "vocabulary_size = 1024", "vocabulary_size = 320"
    )
    (tmp_path / "venture.toml").write_text(small)
    command = [sys.executable, str(tmp_path / "compare.py"), "--steps", "6", "pipeline=2"]
    done = subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "losses agree" in done.stdout

    run = tmp_path / "runs" / "pipeline=2"
    timeline = json.loads((run / "timeline" / "timeline.json").read_text())
    assert timeline["step"] == 2 and timeline["layout"] == "pipeline=2" and 0 < timeline["bubble"] < 1
    for rank in timeline["ranks"]:
        acted = [f"{action['kind']}{action['micro_batch']}" for action in rank["actions"]]
        assert sorted(acted) == sorted(f"{kind}{number}" for kind in "FB" for number in range(4))
        assert rank["compute_ms"] > 0 and rank["waiting_ms"] > 0
        assert (run / "timeline" / f"rank-{rank['rank']}.json.gz").stat().st_size > 1000
    svg = (run / "timeline" / "timeline.svg").read_text()
    assert "waiting in the pipeline" in svg and re.search(r">F\d<", svg)
    assert "One step of every process: step 2" in (run / "report.html").read_text()
    assert json.loads((tmp_path / "runs" / "one-process" / "timeline" / "timeline.json").read_text())["bubble"] is None
