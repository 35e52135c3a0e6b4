"""Files of flows are read as they are or refused; nothing in them is guessed."""

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from argosy.capital import day_count, read_flows
from argosy.capital.flow_files import Flow
from argosy.cli import main
from argosy.config import UserError

pytestmark = pytest.mark.fast


def _read(tmp_path: Path, text: str) -> tuple[Flow, ...]:
    path = tmp_path / "flows.csv"
    path.write_text(text, encoding="utf-8")
    return read_flows(path)


@pytest.mark.parametrize(
    "line",
    [
        "2026-01-31,-1234.5",
        "2026/1/31, -1234.50",
        "2026.01.31;-1234.5",
        "20260131\t-1234.5",
        "2026年1月31日,−1234.5",
        '31 Jan 2026,"-1,234.50"',
        '31-january-2026,"(1,234.50)"',
        "2026-01-31T00:00:00Z,-1.2345e3,",
        "\ufeffDate,Amount\n\n2026-01-31 12:00,-1234.5\n\n",
    ],
)
def test_read(tmp_path: Path, line: str) -> None:
    assert _read(tmp_path, line) == (Flow(date(2026, 1, 31), Decimal("-1234.5")),)


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("", "no-flows", "no cash flow"),
        ("date,amount\n", "no-flows", "no cash flow"),
        ("03/04/2026,5", "bad-flow", "line 1: date = '03/04/2026'"),
        ("2026-01-31,5\n31.01.2026,5", "bad-flow", "line 2"),
        ("2026-02-30,5", "bad-flow", "no such day"),
        ("31 Foo 2026,5", "bad-flow", "no such day"),
        ("2026-01-31,$5", "bad-flow", "amount = '$5'"),
        ("2026-01-31,nan", "bad-flow", "amount = 'nan'"),
        ("2026-01-31,1e999", "bad-flow", "amount = '1e999'"),
        ("2026-01-31;1234,5", "bad-flow", "amount = '1234,5'"),
        ("2026-01-31,1,234", "bad-flow", "3 columns"),
        ("2026-01-31", "bad-flow", "1 columns"),
        ("5,2026-01-31", "bad-flow", "date = '5'"),
    ],
)
def test_refused(tmp_path: Path, text: str, code: str, message: str) -> None:
    with pytest.raises(UserError) as refused:
        _read(tmp_path, text)
    assert refused.value.code == code
    assert message in refused.value.message


def test_unreadable_bytes(tmp_path: Path) -> None:
    (tmp_path / "flows.csv").write_bytes(b"\xff\xfe2\x000")
    with pytest.raises(UserError, match="UTF-8"):
        read_flows(tmp_path / "flows.csv")


def test_day_count_names() -> None:
    assert day_count("30e/360") == "30E/360"
    with pytest.raises(UserError, match="did you mean 'actual/365'"):
        day_count("actual/356")


def _verb(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(["capital", "xirr", *arguments])
    shown = capsys.readouterr()
    return int(left.value.code or 0), shown.out, shown.err


def test_verb(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "flows.csv"
    path.write_text("2026-01-01,230\n2025-01-01,-100\n2027-01-01,-132\n")
    status, out, _ = _verb(capsys, str(path), "--json")
    result = json.loads(out)
    assert status == 0
    assert set(result) == {"rate", "roots", "ambiguous"}
    assert result["roots"] == pytest.approx([0.1, 0.2], abs=1e-8)
    assert (result["rate"], result["ambiguous"]) == (result["roots"][0], True)
    assert "ambiguous" in _verb(capsys, str(path))[1]
    path.write_text("2026-01-01,230\n2025-01-01,100\n")
    assert json.loads(_verb(capsys, str(path), "--json")[1]) == {"rate": None, "roots": [], "ambiguous": False}
    assert "no rate of return" in _verb(capsys, str(path))[1]


def test_verb_refuses(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = _verb(capsys, str(tmp_path / "none.csv"), "--json")
    assert status == 2 and json.loads(out)["error"]["code"] == "file-access" and "none.csv" in err
    path = tmp_path / "flows.csv"
    path.write_text("01/02/2026,5\n")
    status, _, err = _verb(capsys, str(path))
    assert status == 2 and "[bad-flow]" in err and "day and month" in err
    path.write_text("2026-01-01,-5\n2027-01-01,6\n")
    status, _, err = _verb(capsys, str(path), "--day-count", "actual/364")
    assert status == 2 and "[bad-day-count]" in err
