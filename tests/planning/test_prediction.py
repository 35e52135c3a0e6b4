"""Fitting, what physics leaves, intervals, and replaying published runs."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argosy.config import UserError
from argosy.hardware import accelerator
from argosy.planning import Learned, backtest, columns, fit, fitted, known, log_rates, predict_throughput, read_rows
from argosy.planning.backtesting import anchors_of
from argosy.planning.rows import Row
from tests.planning.test_step_time import SHAPE, USUAL, job

pytestmark = pytest.mark.fast

LINE = {
    "id": "a",
    "source": "pytorch/torchtitan:x.md",
    "model": "llama3-8b",
    "params_b": "8.03",
    "layers": "32",
    "hidden": "4096",
    "heads": "32",
    "kv_heads": "8",
    "ffn": "14336",
    "vocab": "128256",
    "seq_len": "8192",
    "global_batch_seqs": "16",
    "micro_batch": "2",
    "accelerator": "H100-80G-SXM",
    "n_accel": "8",
    "precision": "bf16",
    "act_ckpt": "selective",
    "compile": "yes",
    "tokens_per_s_per_accel": "6000",
    "gated_mlp": "1",
    "sharding": "FSDP2",
    "task": "pretrain",
}


def write(path: Path, *changes: dict[str, str], without: str = "") -> Path:
    lines = [{**LINE, **change} for change in changes or ({},)]
    names = [name for name in LINE if name != without]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(lines)
    return path


def row(number: int, **changes: Any) -> Row:
    """A run that physics explains exactly, with other coefficients than the priors."""
    one = job(**changes)
    truth = USUAL | {"product_hopper": 0.6, "bandwidth": 0.5, "half_depth": 400.0}
    rate = float(np.exp(log_rates(columns([one]), truth))[0])
    return Row(f"r{number}", f"g{number}", "torchtitan", one, rate, (), "here")


def test_a_fit_finds_what_made_the_rows() -> None:
    sizes = [{"dim": dim, "ffn_dim": 3 * dim, "heads": dim // 128} for dim in (1024, 2048, 8192)]
    shapes = [SHAPE.model_copy(update=size) for size in sizes]
    rows = [row(n, shape=shape, micro_batch=m) for n, (shape, m) in enumerate((s, m) for s in shapes for m in (1, 2))]
    begun = np.array([r.measured for r in rows]) / np.exp(log_rates(columns([r.job for r in rows]), USUAL)) - 1
    ended = (
        np.array([r.measured for r in rows])
        / np.exp(log_rates(columns([r.job for r in rows]), fit(rows, "throughput")))
        - 1
    )
    assert np.abs(begun).max() > 0.1 and np.abs(ended).max() < 0.03


def test_what_physics_leaves_is_learned_near_and_forgotten_far() -> None:
    kernel = fitted().throughput.kernel
    near = known("a", "g", "", "torchtitan", job(), 0.3)
    far = known("b", "", "", "", job(accelerator=accelerator("TPU v5e"), ranks=512, sequence_length=512), 0.0)
    mean, variance, _ = Learned(kernel, [near] * 3).of([near, far])
    nothing, prior, _ = Learned(kernel, []).of([near, far])
    assert 0.2 < mean[0] < 0.3 and abs(mean[1]) < 0.1
    assert nothing.tolist() == [0, 0] and variance[0] < 0.5 * prior[0] and variance[1] > 0.8 * prior[1]


def test_a_prediction_says_how_far_it_may_be_off_and_by_whom() -> None:
    usual, strange = predict_throughput(
        [job(micro_batch=2, compiled=True, recomputation="selective"), job(accelerator=accelerator("Gaudi 3"))],
        framework="torchtitan",
    )
    assert (
        usual.low < usual.tokens_per_s_per_accelerator < usual.high and 4500 < usual.tokens_per_s_per_accelerator < 8000
    )
    assert usual.seen and usual.nearest[0].source.startswith("pytorch/torchtitan") and 0.3 < usual.mfu < 0.6
    widths = [found.high / found.low for found in (usual, strange)]
    assert widths[1] > widths[0], "further from all that was measured"
    parts = usual.parts.model_dump()
    assert sum(parts.values()) == pytest.approx(usual.step_time_s * usual.correction, rel=0.25)


def test_rows_with_gaps_are_used_and_say_what_was_assumed(tmp_path: Path) -> None:
    gaps = {"id": "b", "global_batch_seqs": "", "act_ckpt": "", "vocab": ""}
    path = write(tmp_path / "r.csv", {}, gaps, {"id": "c", "accelerator": "H1000"}, {"id": "d", "layers": ""})
    rows, skipped = read_rows(path, "throughput")
    assert [r.name for r in rows] == ["a", "b"] and rows[0].assumed == ()
    assert set(rows[1].assumed) == {"one micro-batch a step", "a mixture of recomputation", "a vocabulary of 32,000"}
    assert [one.name for one in skipped] == ["c", "d"] and "did you mean" in skipped[0].reason
    assert (
        rows[0].job.sharding == "full" and rows[0].framework == "torchtitan" and rows[0].group == "llama3-8b|torchtitan"
    )


@pytest.mark.parametrize(
    ("change", "without", "said"),
    [
        ({"layers": "many"}, "", "row 2: layers = 'many' is no number"),
        ({"n_accel": "-8"}, "", "n_accel = -8, expected a number of 0 or more"),
        ({"n_accel": "inf"}, "", "n_accel = inf"),
        ({"act_ckpt": "some"}, "", "act_ckpt = 'some', expected none, selective, full or nothing"),
        ({"tokens_per_s_per_accel": "0"}, "", "expected more than 0"),
        ({}, "seq_len", "no column 'seq_len'"),
        ({"accelerator": "none"}, "", "no row can be predicted"),
    ],
)
def test_a_table_that_is_wrong_is_named(tmp_path: Path, change: dict[str, str], without: str, said: str) -> None:
    with pytest.raises(UserError) as caught:
        backtest(write(tmp_path / "r.csv", change, without=without))
    assert said in caught.value.message and caught.value.code == "bad-rows"


def test_files_that_are_no_table(tmp_path: Path) -> None:
    path = tmp_path / "r.csv"
    for content, said in (
        (b"", "no column"),
        (b"\xff\xfe\x00", "not a CSV"),
        (write(path).read_bytes()[:-90], "another number"),
    ):
        path.write_bytes(content)
        with pytest.raises(UserError, match=said):
            backtest(path)
    with pytest.raises(UserError, match="did you mean 'throughput'"):
        backtest(write(path), "troughput")


def test_the_first_of_each_kind_is_told_and_not_judged(tmp_path: Path) -> None:
    path = write(tmp_path / "r.csv", *({"id": str(n), "tokens_per_s_per_accel": "3000"} for n in range(4)))
    rows, _ = read_rows(path, "throughput")
    assert [one.name for one in anchors_of(rows)] == ["0"]
    blind, told = backtest(path), backtest(path, anchor=True)
    assert (blind.rows, told.rows, told.anchors) == (4, 3, 1)
    assert told.median_absolute_percentage_error < blind.median_absolute_percentage_error


def test_published_runs_are_replayed(data_folder: Path) -> None:
    found = backtest(data_folder / "planner" / "calibration_throughput.csv")
    assert found.rows + len(found.skipped) == 326 and set(found.by_regime) >= {"dense", "dense_bf16", "moe"}
    assert found.median_absolute_percentage_error < 0.10 and found.p90_absolute_percentage_error < 0.33
    assert 0.7 < found.interval_coverage < 0.95 and found.nominal_coverage == 0.8
