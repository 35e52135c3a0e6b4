"""What is not cash and whom a plan hangs on, as the program prints them."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import CommandLine

pytestmark = pytest.mark.fast
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "capital"


def test_resources_partners_and_gaps_of_the_example(argosy: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE, tmp_path / "plan")
    found = json.loads(argosy("capital", "plan", str(tmp_path / "plan"), "--json").stdout)
    resources = found["resources"]
    paid = (resources[f"{by}_cents"] for by in ("cash", "credits", "resources"))
    assert sum(paid) == resources["bills_cents"]
    assert sum(one["displaced_cents"] for one in resources["uses"] if one["kind"] != "credits") == sum(
        month["resources_cents"] for month in found["hoped"]["months"]
    )
    text = argosy("capital", "plan", str(tmp_path / "plan")).stdout
    for said in ("What is not cash", "will expire unused at the end of 2027-11", "HHI", "is not in the register"):
        assert said in text
    path = tmp_path / "plan" / "capital.toml"
    path.write_text(path.read_text().replace('displaces = "annotation"', 'displaces = "anotation"'))
    wrong = argosy("capital", "plan", str(tmp_path / "plan"), code=2)
    assert "did you mean 'annotation'" in wrong.stderr and "Traceback" not in wrong.stderr
