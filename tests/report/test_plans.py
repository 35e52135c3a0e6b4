"""The page of a plan: its figures stand there, and nothing a user wrote is markup."""

from pathlib import Path

import pytest

from argosy.planning import ask, plan
from argosy.report import render_plan

pytestmark = pytest.mark.fast


def test_the_page_holds_the_plan(tmp_path: Path) -> None:
    found = plan(ask(size="7B", accelerators="64xH100", tokens="140B", budget_usd=4_000.0))
    page = render_plan(found, tmp_path / "plan.html").read_text()
    assert found.assessments[2].change and found.assessments[2].change in page
    for said in ("7B: feasible if", "Fewer and more accelerators", "Memory of the fullest rank", "8-bit products"):
        assert said in page
    assert all(one.title in page for one in found.runners_up)
    assert render_plan(found, tmp_path / "again.html").read_text() == page


def test_a_name_is_text(tmp_path: Path) -> None:
    found = plan(ask(size="1B", accelerators="H100", tokens="1B"))
    asked = found.question.model_copy(update={"model": "<script>alert(1)</script>"})
    page = render_plan(found.model_copy(update={"question": asked}), tmp_path / "plan.html").read_text()
    assert "<script>alert" not in page and "&lt;script&gt;alert" in page
