"""`argosy train --dry-run` as users meet it: ranks of layouts that no machine here has, and layouts that are none."""

from pathlib import Path

import pytest

from tests.conftest import CommandLine

VENTURE = """
name = "tiny"
[data]
sequence_length = 32
vocabulary_size = 320
[[data.sources]]
kind = "jsonl"
path = "not-there-yet.jsonl"
[model]
dim = 32
layers = 2
heads = 4
kv_heads = 2
[training]
steps = 12
batch_size = 8
"""


@pytest.fixture
def venture(tmp_path: Path) -> str:
    """A venture whose text nobody has prepared."""
    path = tmp_path / "venture.toml"
    path.write_text(VENTURE)
    return str(path)


def test_every_stage_is_counted_beside_the_plan(argosy: CommandLine, venture: str, tmp_path: Path) -> None:
    found = argosy.json("train", venture, "--dry-run", "--layout", "pipeline=2,shard=2,tensor=2")
    assert [one["counted"]["rank"] for one in found["ranks"]] == [0, 4]
    for one in found["ranks"]:
        counted, planned = one["counted"], one["planned"]
        assert counted["exchanges"] == planned["exchanges"] and counted["flops"] == planned["flops"]
        assert {"all_gather", "reduce_scatter", "all_reduce", "send", "receive"} == set(counted["exchanges"])
        assert one["ratios"]["parameters_bytes"] == one["ratios"]["optimizer_bytes"] == 1
    assert not (tmp_path / "runs").exists(), "nothing was run"


def test_a_table_for_people(argosy: CommandLine, venture: str) -> None:
    shown = argosy("train", venture, "--dry-run", "--layout", "shard=2")
    assert "shard=2, 2 ranks in bfloat16" in shown.stdout and "rank 0 of 2 counted" in shown.stderr
    for row in ("parameters", "gradients", "optimiser", "activations", "FLOPs", "all-gather", "reduce-scatter"):
        assert row in shown.stdout


@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ("tensr=2", "did you mean 'tensor'?"),
        ("data=x", "each degree once, with a whole number"),
        ("data=0", "a whole number from 1"),
        ("tensor=3", "must divide the 4 heads"),
        ("pipeline=4", "2 layers are fewer than 4 stages"),
        ("shard=3", "does not divide over data × shard = 3; 9 would"),
    ],
)
def test_a_layout_that_is_none_is_refused(argosy: CommandLine, venture: str, layout: str, said: str) -> None:
    assert said in argosy("train", venture, "--dry-run", "--layout", layout, code=2).stderr
