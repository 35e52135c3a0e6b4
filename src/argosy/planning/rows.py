"""Measured runs in a CSV, one a line, as jobs: what published tables have, and what has to be assumed for the rest."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from argosy.config import UserError, nearest
from argosy.hardware import accelerator
from argosy.planning.job import Arithmetic, Job, Recomputation, Sharding, Stack, Task
from argosy.planning.shape import ModelShape

NEEDED = ("accelerator", "layers", "hidden", "heads", "seq_len")
MEASURED = {"throughput": "tokens_per_s_per_accel", "memory": "peak_gb"}
ARITHMETIC: Mapping[str, Arithmetic] = {
    "bf16": "bfloat16",
    "bf16-true": "bfloat16",
    "fp16": "float16",
    "fp8": "float8",
    "fp8/int8": "float8",
    "mxfp8": "mxfp8",
    "nvfp4": "nvfp4",
}
TASKS: Mapping[str, Task] = {"pretrain": "pretrain", "sft": "finetune", "lora": "lora", "qlora": "qlora"}
ASSUMED_VOCABULARY = 32_000
FRAMEWORKS: Mapping[str, Stack] = {"megatron": "megatron", "nemo": "megatron", "maxtext": "xla", "tpu-recipes": "xla"}


class Row(NamedTuple):
    """One measured run."""

    name: str
    """Its `id`, else its place in the file."""
    group: str
    """Rows of one model and publisher, which stay together when the data is split."""
    framework: str
    """Whose trainer."""
    job: Job
    """What ran."""
    measured: float
    """Tokens a second on each accelerator, or bytes at the peak on one."""
    assumed: tuple[str, ...]
    """What the row does not say."""
    source: str
    """Where it was published."""


class Skipped(NamedTuple):
    """A row that was not used, and why."""

    name: str
    reason: str


class _Missing(Exception):
    """Why a row cannot be used."""


def read_rows(path: Path, target: str) -> tuple[list[Row], list[Skipped]]:
    """Read the rows of a CSV that have what a prediction of `target` (`throughput` or `memory`) needs.

    Raises `UserError` `bad-rows` for a file that is no such table, naming row and column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            lines = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError("bad-rows", f"{path} is not a CSV table: {error}") from None
    for name in (*NEEDED, MEASURED[target]):
        if name not in names:
            raise UserError("bad-rows", f"{path}: no column {name!r} in the header{nearest(name, names)}")
    if not lines:
        raise UserError("bad-rows", f"{path} has no rows")
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for number, line in enumerate(lines, start=2):
        if None in line or None in line.values():
            raise UserError("bad-rows", f"{path}: row {number} has another number of values than the header")
        name = line.get("id") or f"row {number}"
        try:
            rows.append(_row(name, line, target, f"{path}: row {number}"))
        except _Missing as reason:
            skipped.append(Skipped(name, str(reason)))
    return rows, skipped


def _row(name: str, line: Mapping[str, str], target: str, place: str) -> Row:
    measured = _number(line, MEASURED[target], place)
    if measured is None:
        raise _Missing(f"no {MEASURED[target]}")
    if measured <= 0:
        raise UserError("bad-rows", f"{place}: {MEASURED[target]} = {measured:g}, expected more than 0")
    assumed: list[str] = []
    job = _job(line, place, assumed)
    source = line.get("source", "")
    framework = source.partition(":")[0].rpartition("/")[2] or source
    group = line.get("group") or f"{line.get('model', name)}|{framework}"
    return Row(name, group, framework, job, measured, tuple(assumed), source)


def _job(line: Mapping[str, str], place: str, assumed: list[str]) -> Job:
    for column in NEEDED:
        if not line[column]:
            raise _Missing(f"no {column}")
    try:
        spec = accelerator(line["accelerator"])
    except UserError as error:
        raise _Missing(error.message) from None
    shape, source = _shape(line, place, assumed), line.get("source", "").lower()

    def whole(column: str, otherwise: int = 1) -> int:
        return max(1, round(_number(line, column, place) or otherwise))

    ranks, tensor, pipeline, context = whole("n_accel"), whole("tp"), whole("pp"), whole("cp")
    if spec.name.startswith("Trainium"):
        tensor = max(1, tensor // 2)  # two cores on a chip
    data = max(1.0, ranks / (tensor * pipeline * context))
    batch, micro = _number(line, "global_batch_seqs", place), _number(line, "micro_batch", place)
    length = _number(line, "seq_len", place) or 0.0
    if batch is None:
        batch = (micro or 1.0) * data
        assumed.append("one micro-batch a step")
    if micro is None:
        micro = min(batch / data, max(1.0, 8192 / length))
        assumed.append(f"micro-batches of {micro:g}")
    if pipeline > 1 and "torchtitan" in source:
        micro = max(1.0, micro / (2 * pipeline))  # it lists the batch of all a rank's micro-batches
    precision = line.get("precision") or "bf16"
    if precision.startswith("bnb"):
        precision = "bf16"  # stored in 4 bits, multiplied in 16
    if precision not in ARITHMETIC:
        raise _Missing(f"precision {precision!r} is not known")
    recomputation = line.get("act_ckpt") or "unknown"
    if recomputation == "unknown":
        assumed.append("a mixture of recomputation")
    return Job(
        shape=shape,
        sequence_length=max(1, round(length)),
        batch_size=batch,
        micro_batch=micro,
        accelerator=spec,
        ranks=ranks,
        tensor=tensor,
        pipeline=pipeline,
        context=context,
        expert=whole("ep") if shape.experts else 1,
        virtual_stages=whole("vp") if pipeline > 1 else 1,
        sharding=_sharding(line.get("sharding") or ""),
        arithmetic=ARITHMETIC[precision],
        recomputation=_recomputation(recomputation, place),
        compiled={"yes": True, "no": False}.get(line.get("compile") or ""),
        stack=_stack(source, spec.maker),
        task=TASKS.get(line.get("task") or "pretrain", "pretrain"),
        parameters=_scaled(_number(line, "params_b", place)),
        active_parameters=_scaled(_number(line, "active_params_b", place)),
    )


def _shape(line: Mapping[str, str], place: str, assumed: list[str]) -> ModelShape:
    def number(column: str) -> int:
        return round(_number(line, column, place) or 0)

    layers, dim, heads, hidden = number("layers"), number("hidden"), number("heads"), number("ffn")
    vocabulary, experts = number("vocab"), number("experts")
    if not vocabulary:
        vocabulary = ASSUMED_VOCABULARY
        assumed.append(f"a vocabulary of {vocabulary:,}")
    if not hidden:
        hidden = 4 * dim
        assumed.append(f"a feed-forward width of {hidden:,}")
    if min(layers, dim, heads) < 1:
        raise _Missing("layers, hidden or heads of 0")
    return ModelShape(
        layers=layers,
        dim=dim,
        heads=heads,
        kv_heads=number("kv_heads") or heads,
        head_dim=number("head_dim") or max(1, dim // heads),
        ffn_dim=0 if experts else hidden,
        vocabulary_size=vocabulary,
        gated=line.get("gated_mlp", "1") not in ("0", "0.0"),
        experts=experts,
        experts_per_token=number("topk"),
        expert_ffn_dim=hidden if experts else 0,
    )


def _number(line: Mapping[str, str], column: str, place: str) -> float | None:
    text = (line.get(column) or "").strip()
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise UserError("bad-rows", f"{place}: {column} = {text!r} is no number") from None
    if not math.isfinite(value) or value < 0:
        raise UserError("bad-rows", f"{place}: {column} = {text}, expected a number of 0 or more")
    return value


def _scaled(billions: float | None) -> float | None:
    return None if billions is None else billions * 1e9


def _sharding(text: str) -> Sharding:
    if "SHARD_GRAD" in text:
        return "gradients"
    if "FSDP" in text:
        return "full"
    return "optimizer" if "distopt" in text or "ZeRO-1" in text or not text else "none"


def _recomputation(text: str, place: str) -> Recomputation:
    match text:
        case "none" | "selective" | "full" | "unknown":
            return text
    raise UserError("bad-rows", f"{place}: act_ckpt = {text!r}, expected none, selective, full or nothing")


def _stack(source: str, maker: str) -> Stack:
    if maker in ("Google", "Amazon"):
        return "xla"
    return next((stack for name, stack in FRAMEWORKS.items() if name in source), "pytorch")
