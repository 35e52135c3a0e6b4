"""Help, start-up and the manners of the command line."""

import json
import subprocess
import sys

import pytest

from tests.conftest import CommandLine

pytestmark = pytest.mark.fast

VERBS = [
    "init",
    "run",
    "prepare",
    "train",
    "evaluate",
    "generate",
    "export",
    "import",
    "report",
    "status",
    "sweep",
    "compare",
    "trace",
    "calibrate",
    "doctor",
    "hardware",
    "plan",
    "fit-scaling",
    "backtest",
]


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_every_verb_has_an_example(argosy: CommandLine, verb: str) -> None:
    text = argosy(verb, "--help").stdout
    assert f"argosy {verb}" in text and "Example" in text and "--json" in text


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom argosy.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pandas', 'pyarrow', 'plotly', 'pydantic'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.rstrip().endswith("heavy: []")


def test_unknown_verbs_and_options_exit_2(argosy: CommandLine) -> None:
    assert "argosy --help" in argosy("trian", code=2).stderr
    assert "argosy train --help" in argosy("train", "--stesp", code=2).stderr


def test_errors_are_json_where_json_is_asked_for(argosy: CommandLine) -> None:
    result = argosy("run", "missing.toml", "--json", code=2)
    assert json.loads(result.stdout)["error"]["code"] == "missing-file"
    assert "missing.toml" in result.stderr
