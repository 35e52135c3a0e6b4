"""Measured runs in a CSV, one a line, as jobs: what published tables have, and what has to be assumed for the rest."""

import csv
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from argosy.config import UserError, nearest
from argosy.hardware import accelerator
from argosy.planning.job import IN_16_BITS, Arithmetic, Job, Recomputation, Sharding, Stack, States, Task
from argosy.planning.shape import ModelShape

Target = Literal["throughput", "memory"]
TARGETS: tuple[Target, ...] = get_args(Target)
NEEDED = ("accelerator", "layers", "hidden", "heads", "seq_len")
MEASURED: Mapping[Target, str] = {"throughput": "tokens_per_s_per_accel", "memory": "peak_gb"}
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
# torchtune's table adds one of these a row (README, "Optimization flags").
SAVINGS = ("chunked cross-entropy", "activation checkpointing", "fused in backward", "activation offload", "8-bit")
TOY_WIDTH = 1024  # Megatron's tests of anything wider run as production does
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
    """Tokens a second on each accelerator, or bytes at the peak on one; infinite where it ran out of memory."""
    assumed: tuple[str, ...]
    """What the row does not say."""
    source: str
    """Where it was published."""
    in_use: bool = False
    """Whether memory is what was in use, not what the allocator held."""
    last_stage: bool = False
    """Whether memory is that of the last pipeline stage, not of the fullest."""


class Skipped(NamedTuple):
    """A row that was not used, and why."""

    name: str
    reason: str


class _Missing(Exception):
    """Why a row cannot be used."""


def read_rows(path: Path, target: Target) -> tuple[list[Row], list[Skipped]]:
    """Read the rows of a CSV that have what a prediction of `target` (`throughput` or `memory`) needs.

    Raises `UserError` `bad-rows` for a file that is no such table, naming row and column.
    """
    rows: list[Row] = []
    skipped: list[Skipped] = []
    for place, line in read_table(path, (*NEEDED, MEASURED[target])):
        name = line.get("id") or place
        try:
            rows.append(_row(name, line, target, f"{path}: {place}"))
        except _Missing as reason:
            skipped.append(Skipped(name, str(reason)))
    return rows, skipped


def read_table(path: Path, needed: Sequence[str]) -> list[tuple[str, Mapping[str, str]]]:
    """The place and the values of each row of a CSV with some columns.

    Raises `UserError` `bad-rows` for what is no table, has no such column or no rows.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = reader.fieldnames or []
            lines = list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError("bad-rows", f"{path} is not a CSV table: {error}") from None
    for name in needed:
        if name not in names:
            raise UserError("bad-rows", f"{path}: no column {name!r} in the header{nearest(name, names)}")
    if not lines:
        raise UserError("bad-rows", f"{path} has no rows")
    for place, line in enumerate(lines, start=2):
        if None in line or None in line.values():
            raise UserError("bad-rows", f"{path}: row {place} has another number of values than the header")
    return [(f"row {place}", line) for place, line in enumerate(lines, start=2)]


def _row(name: str, line: Mapping[str, str], target: Target, place: str) -> Row:
    measured = number(line, MEASURED[target], place)
    if measured is None and target == "memory" and re.search(r"\bOOM\b", line.get("notes") or ""):
        measured = math.inf
    if measured is None:
        raise _Missing(f"no {MEASURED[target]}")
    if measured <= 0:
        raise UserError("bad-rows", f"{place}: {MEASURED[target]} = {measured:g}, expected more than 0")
    assumed: list[str] = []
    job = _job(line, place, assumed)
    source = line.get("source", "")
    if target == "memory":
        measured, job = 1e9 * measured, _remembered(line, job)
    framework = source.partition(":")[0].rpartition("/")[2] or source
    group = line.get("group") or f"{line.get('model', name)}|{framework}"
    in_use, last = "allocated" in (line.get("mem_kind") or ""), _continuous_integration(source)
    return Row(name, group, framework, job, measured, tuple(assumed), source, in_use, last)


def _remembered(line: Mapping[str, str], job: Job) -> Job:
    """What notes and sources tell of memory."""
    notes, source = (line.get("notes") or "").lower(), line.get("source", "").lower()
    if re.search(r"\bunpacked\b", notes):
        raise _Missing("sequences that are not filled (unpacked)")
    reached = max((place for place, saving in enumerate(SAVINGS) if saving in notes), default=-1)
    saved = [saving in notes or ("torchtune" in source and place <= reached) for place, saving in enumerate(SAVINGS)]
    states = job.kept if "fp32 states" not in (line.get("optimizer") or "") else States()
    if "bf16 params and optimizer states" in notes:
        states = IN_16_BITS
    if saved[2]:
        states = states.model_copy(update={"gradients": 0.0})
    if saved[4] or "8-bit" in (line.get("optimizer") or "").lower():
        states = states.model_copy(update={"moments": 2.0})
    adapters = job.task in ("lora", "qlora")
    changes: dict[str, Any] = {
        "states": states,
        "chunked_loss": saved[0] or (adapters and ("torchtune" in source or "litgpt" in source)),
        "offloaded": saved[3],
        "stored_attention": _continuous_integration(source) and job.shape.dim <= TOY_WIDTH,
    }
    if adapters and "litgpt" in source and job.sharding == "full" and job.ranks > 1:
        # Its sharded recipe recomputes blocks, and each rank loads all weights before they are sharded.
        changes |= {"recomputation": "full", "held_whole": True}
    return job.model_copy(update=changes)


def _continuous_integration(source: str) -> bool:
    """Megatron's own tests: deterministic kernels, figures from the last rank, layers of a virtual stage in `vp`."""
    return "functional_tests" in source.lower()


def _job(line: Mapping[str, str], place: str, assumed: list[str]) -> Job:
    for column in NEEDED:
        if not line[column]:
            raise _Missing(f"no {column}")
    try:
        spec = accelerator(line["accelerator"])
    except UserError as error:
        raise _Missing(error.message) from None
    shape, source = _shape(line, place, assumed), line.get("source", "").lower()

    for column in ("seq_len", "micro_batch", "global_batch_seqs"):
        if number(line, column, place) == 0:
            raise UserError("bad-rows", f"{place}: {column} = {line[column]}, expected more than 0")

    def whole(column: str, otherwise: int = 1) -> int:
        return max(1, round(number(line, column, place) or otherwise))

    ranks, tensor, pipeline, context = whole("n_accel"), whole("tp"), whole("pp"), whole("cp")
    if spec.name.startswith("Trainium"):
        tensor = max(1, tensor // 2)  # two cores on a chip
    data = max(1.0, ranks / (tensor * pipeline * context))
    batch, micro = number(line, "global_batch_seqs", place), number(line, "micro_batch", place)
    length = number(line, "seq_len", place) or 0.0
    if batch is None:
        batch = (micro or 1.0) * data
        assumed.append("one micro-batch a step")
    if micro is None:
        micro = min(batch / data, max(1.0, 8192 / length))
        assumed.append(f"micro-batches of {micro:g}")
    if pipeline > 1 and "torchtitan" in source:
        micro = max(1.0, micro / (2 * pipeline))  # it lists the batch of all a rank's micro-batches
    pieces = whole("vp") if pipeline > 1 else 1
    if pipeline > 1 and line.get("vp") and _continuous_integration(source):
        pieces = max(1, shape.layers // (pipeline * pieces))
    precision = line.get("precision") or "bf16"
    task = TASKS.get(line.get("task") or "pretrain", "pretrain")
    if precision.startswith("bnb"):
        precision, task = "bf16", "qlora"  # stored in 4 bits, multiplied in 16
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
        virtual_stages=pieces,
        sharding=_sharding(line.get("sharding") or ""),
        arithmetic=ARITHMETIC[precision],
        recomputation=_recomputation(recomputation, place),
        compiled={"yes": True, "no": False}.get(line.get("compile") or ""),
        stack=_stack(source, spec.maker),
        task=task,
        release=_release(line.get("notes") or ""),
        parameters=_scaled(number(line, "params_b", place)),
        active_parameters=_scaled(number(line, "active_params_b", place)),
    )


def _shape(line: Mapping[str, str], place: str, assumed: list[str]) -> ModelShape:
    def count(column: str) -> int:
        return round(number(line, column, place) or 0)

    layers, dim, heads, hidden = count("layers"), count("hidden"), count("heads"), count("ffn")
    vocabulary, experts = count("vocab"), count("experts")
    if not vocabulary:
        vocabulary = ASSUMED_VOCABULARY
        assumed.append(f"a vocabulary of {vocabulary:,}")
    if not hidden:
        hidden = 4 * dim
        assumed.append(f"a feed-forward width of {hidden:,}")
    if min(layers, dim, heads) < 1:
        raise _Missing("layers, hidden or heads of 0")
    shape = ModelShape(
        layers=layers,
        dim=dim,
        heads=heads,
        kv_heads=count("kv_heads") or heads,
        head_dim=count("head_dim") or max(1, dim // heads),
        ffn_dim=0 if experts else hidden,
        vocabulary_size=vocabulary,
        gated=line.get("gated_mlp", "1") not in ("0", "0.0"),
        experts=experts,
        experts_per_token=count("topk"),
        expert_ffn_dim=hidden if experts else 0,
    )
    tied = shape.model_copy(update={"tied_embeddings": True})
    published = 1e9 * (number(line, "params_b", place) or 0.0)
    nearer = abs(tied.parameter_count() - published) < abs(shape.parameter_count() - published)
    return tied if published and nearer else shape


def number(line: Mapping[str, str], column: str, place: str) -> float | None:
    """A finite value of 0 or more; None where there is none; raises `UserError` `bad-rows` for anything else."""
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


def _release(notes: str) -> int | None:
    """Month of the release that notes name (`container 26.02.01` is of February 2026), counted from the year 0."""
    found = re.search(r"\bcontainer (\d\d)\.(\d\d)\b", notes)
    return 12 * (2000 + int(found[1])) + int(found[2]) if found else None


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
