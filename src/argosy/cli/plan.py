"""The verb that answers: can we do it, how, how long, how good, at what cost."""

import textwrap
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter

from argosy.cli.app import Json, app

if TYPE_CHECKING:
    from argosy.planning import Candidate, Plan

WIDTH, MARGIN = 92, 28  # of sentences, and of what stands before them


@Parameter(name="*")
@dataclass(frozen=True)
class Means:
    """What is to be trained and with which means; each goes before what a venture says."""

    size: Annotated[str | None, Parameter(help="Parameters of a new model: 7B.")] = None
    model: Annotated[str | None, Parameter(help="A preset, or a Hugging Face config.json.")] = None
    accelerators: Annotated[str | None, Parameter(help="How many of what: 8xH100; this machine unless given.")] = None
    tokens: Annotated[str | None, Parameter(help="To train on: 140B; 20 a parameter unless given.")] = None
    sequence_length: Annotated[int | None, Parameter(help="Tokens of a sequence; 4096 unless given.")] = None
    batch_tokens: Annotated[float | None, Parameter(help="Tokens of a step.")] = None
    vocabulary_size: Annotated[int | None, Parameter(help="Of a new model; 128,256 unless given.")] = None
    arithmetic: Annotated[
        Literal["float16", "bfloat16", "float8", "mxfp8", "nvfp4"] | None,
        Parameter(help="Of the matrix products; bfloat16 unless given."),
    ] = None
    budget_usd: Annotated[float | None, Parameter(help="What may be spent on computing.")] = None
    deadline: Annotated[str | None, Parameter(help="2027-03-01, or 45d.")] = None
    usd_per_hour: Annotated[float | None, Parameter(help="Of one accelerator; by public lists unless given.")] = None
    reserved_usd_per_hour: Annotated[float | None, Parameter(help="Of one accelerator that is reserved.")] = None
    reserved_months: Annotated[float | None, Parameter(help="For how long; 12 unless given.")] = None
    purchase_usd: Annotated[
        float | None, Parameter(help="Of one accelerator that is bought, and its share of all.")
    ] = None
    usd_per_gb_month: Annotated[float | None, Parameter(help="Of storage, for 10⁹ bytes.")] = None
    usd_per_gb_moved: Annotated[float | None, Parameter(help="Of moving text in and the model out.")] = None
    usd_per_kwh: Annotated[float | None, Parameter(help="Of electricity, where accelerators are owned.")] = None
    contract: Annotated[Literal["on demand", "spot"] | None, Parameter(help="How they are rented.")] = None
    text_gb: Annotated[float | None, Parameter(help="Text that there is, in 10⁹ bytes.")] = None
    bytes_per_token: Annotated[float | None, Parameter(help="Of that text; 4 unless given.")] = None
    hours_between_failures: Annotated[float | None, Parameter(help="Of one accelerator.")] = None
    served_tokens_per_month: Annotated[float | None, Parameter(help="Tokens that users will have in and out.")] = None
    api_usd_per_million_tokens: Annotated[float | None, Parameter(help="Price of somebody's model.")] = None
    goal: Annotated[Literal["time", "head-room"] | None, Parameter(help="What a layout is chosen for.")] = None


@app.command
def plan(
    venture: str | None = None,
    *,
    means: Means = Means(),
    set_: Annotated[tuple[str, ...], Parameter(name="--set", negative="", help="Override a key of the venture.")] = (),
    what_if: Annotated[
        tuple[str, ...], Parameter(negative="", help="Plan it again with one of these changed: tokens=70B.")
    ] = (),
    page: Annotated[Path | None, Parameter(help="Write it as a page, too: plan.html.")] = None,
    json: Json = False,
) -> None:
    """Tell whether it can be done, how, how long it takes, how good it gets and what it costs.

    Example: argosy plan --size 7B --accelerators 64xH100 --tokens 140B

    Parameters
    ----------
    venture
        Venture file or its folder; none is needed with --size or --model.
    """
    from argosy.cli.output import show
    from argosy.planning import plan as answer

    words = {name: value for name, value in asdict(means).items() if value is not None}
    found = answer(_question(venture, set_, words))
    others = [(change, answer(_question(venture, set_, words | _changed(change)))) for change in what_if]
    tree: dict[str, Any] = found.model_dump(mode="json")
    if others:
        tree["what_if"] = {change: other.model_dump(mode="json") for change, other in others}
    text = _page(found)
    if page is not None:
        from argosy.report import render_plan

        text += f"\n\npage: {render_plan(found, page)}"
    if others:
        text += "\n\n" + _beside([("as asked", found), *others])
    show(tree, text, as_json=json)


def _question(venture: str | None, overrides: tuple[str, ...], words: dict[str, Any]) -> Any:
    from argosy.config import UserError, language_venture, load_venture
    from argosy.planning import ask, question_of

    if venture is not None:
        return question_of(language_venture(load_venture(venture, overrides)), words)
    if overrides:
        raise UserError("bad-option", "--set overrides keys of a venture, and none is given")
    return ask(**words)


def _changed(change: str) -> dict[str, Any]:
    """One option as `KEY=VALUE`, of its type."""
    from argosy.config import UserError, nearest

    name, equals, text = change.partition("=")
    name = name.strip().removeprefix("--").replace("-", "_")
    kinds = tuple(Means.__annotations__)
    if not equals or name not in kinds:
        raise UserError(
            "bad-option", f"--what-if {change!r}: expected KEY=VALUE{nearest(name, kinds)}", hint="--what-if tokens=70B"
        )
    given = text.strip()
    numbers: dict[str, type[int] | type[float]] = {
        "sequence_length": int,
        "vocabulary_size": int,
        "batch_tokens": float,
        "budget_usd": float,
        "usd_per_hour": float,
        "reserved_usd_per_hour": float,
        "reserved_months": float,
        "purchase_usd": float,
        "usd_per_gb_month": float,
        "usd_per_gb_moved": float,
        "usd_per_kwh": float,
        "text_gb": float,
        "bytes_per_token": float,
        "hours_between_failures": float,
        "served_tokens_per_month": float,
        "api_usd_per_million_tokens": float,
    }
    try:
        return {name: numbers[name](given) if name in numbers else given}
    except ValueError:
        raise UserError("bad-option", f"--what-if {change!r}: {given!r} is no number") from None


def _page(found: "Plan") -> str:
    from argosy.planning import count

    parts = [textwrap.fill(found.summary, WIDTH + MARGIN), _assessments(found), _layouts(found)]
    parts += [
        _memory(found),
        _step(found),
        _frontier(found),
        _budgets(found),
        _choices(found),
        _ways(found),
        _tenures(found),
    ]
    even = next((w.break_even_tokens_per_month for w in found.ways if w.break_even_tokens_per_month), None)
    if even is not None:
        parts.append(f"below {count(even)} tokens a month the API costs less for two years, even were serving free")
    speed = found.layout.throughput
    near = "; ".join(f"{one.name} ({one.source.partition(':')[0]})" for one in speed.nearest)
    seen = "runs like it were measured" if speed.seen else "no run like it was measured, so intervals are wide"
    parts.append(textwrap.fill(f"{seen}; nearest: {near}", WIDTH + MARGIN))
    parts.append(textwrap.fill("assumed: " + "; ".join(found.assumed), WIDTH + MARGIN))
    parts.append(f"{found.flops:.3g} FLOP in all; {found.layouts_tried:,} layouts tried")
    return "\n\n".join(part for part in parts if part)


def _assessments(found: "Plan") -> str:
    from argosy.cli.output import table

    rows = [
        (one.subject if first else "", one.verdict if first else "", line)
        for one in found.assessments
        for first, line in _wrapped((*one.evidence, *((f"→ {one.change}",) if one.change else ())))
    ]
    return table(rows, ("assessment", "verdict", ""))


def _layouts(found: "Plan") -> str:
    from argosy.cli.output import table

    rows = [_layout_row(one) for one in (found.layout, *found.runners_up)]
    return table(rows, ("layout", "trainer", "micro-batch", "recompute", "tokens/s", "MFU", "GiB", ""))


def _memory(found: "Plan") -> str:
    parts = sorted(found.layout.memory.parts_gib.items(), key=lambda item: -item[1])
    return "memory, GiB: " + ", ".join(f"{name} {value:.1f}" for name, value in parts if value >= 0.05)


def _step(found: "Plan") -> str:
    from argosy.planning import PART_NAMES

    speed = found.layout.throughput
    parts = sorted(speed.parts.model_dump().items(), key=lambda item: -item[1])
    whole = sum(value for _, value in parts)
    shares = (f"{PART_NAMES[name]} {100 * value / whole:.0f} %" for name, value in parts if value / whole >= 0.01)
    return f"a step of {speed.step_time_s:.3g} s: {', '.join(shares)}"


def _frontier(found: "Plan") -> str:
    from argosy.cli.output import table
    from argosy.planning import days, money

    name = found.question.accelerator.name
    rows = [
        (f"{p.accelerators:,} × {name}", days(p.wall_h), "" if p.usd is None else money(p.usd)) for p in found.frontier
    ]
    return table(rows, ("on", "takes", "costs")) if len(rows) > 1 else ""


def _budgets(found: "Plan") -> str:
    from argosy.cli.output import table
    from argosy.planning import count, money

    rows = [
        (
            money(one.usd) if one.usd is not None else f"{one.accelerator_hours:,.3g} h",
            count(one.tokens),
            f"{one.loss:.2f}",
            f"{one.optimal.loss:.2f}: {count(one.optimal.parameters)} on {count(one.optimal.tokens)}",
        )
        for one in found.budgets
    ]
    return table(rows, ("for", "tokens", "loss, nats", "the best for as much"))


def _choices(found: "Plan") -> str:
    from argosy.cli.output import table
    from argosy.planning import money, percent

    rows = [
        (c.name, percent(c.time), f"{c.memory_gib:+.1f} GiB", c.verdict, "" if c.usd is None else money(c.usd))
        for c in found.choices
    ]
    return table(rows, ("or else", "time", "memory", "", "bill"))


def _ways(found: "Plan") -> str:
    from argosy.cli.output import table
    from argosy.planning import count, days, money

    rows = [
        (
            way.name,
            "" if way.tokens is None else count(way.tokens),
            "" if way.wall_h is None else days(way.wall_h),
            "" if way.usd is None else money(way.usd),
            way.gives_up,
        )
        for way in found.ways
    ]
    return table(rows, ("the way", "tokens", "takes", "costs", "gives up"))


def _tenures(found: "Plan") -> str:
    from argosy.cli.output import table
    from argosy.planning import tenure_row

    rows = [tenure_row(one) for one in found.tenures]
    return table(rows, ("accelerators", "costs", "of it bound", "pays if in use", "gives up")) if rows else ""


def _wrapped(sentences: tuple[str, ...]) -> list[tuple[bool, str]]:
    """Lines that a terminal holds, and whether each is the first."""
    lines = [line for one in sentences for line in textwrap.wrap(one, WIDTH, subsequent_indent="  ")]
    return [(number == 0, line) for number, line in enumerate(lines)]


def _layout_row(one: "Candidate") -> tuple[str, ...]:
    job = one.job
    return (
        one.title,
        one.trainer,
        f"{job.micro_batch:g}",
        job.recomputation,
        f"{one.tokens_per_s:,.0f}",
        f"{100 * one.throughput.mfu:.0f} %",
        f"{one.memory.peak_gib:.0f} ({one.memory.verdict})",
        one.lost or "best",
    )


def compare_plans(first: str, second: str, *, as_json: bool) -> None:
    """Set two kept plans side by side; raises `UserError` for a file that is none."""
    from argosy.cli.output import show

    plans = [(path, _kept(path)) for path in (first, second)]
    show({path: found.model_dump(mode="json") for path, found in plans}, _beside(plans), as_json=as_json)


def _kept(path: str) -> "Plan":
    from pydantic_core import from_json

    from argosy.config import UserError
    from argosy.planning import Plan

    try:
        tree = from_json(Path(path).read_bytes())
        return Plan.model_validate({name: value for name, value in tree.items() if name != "what_if"}, strict=False)
    except (OSError, ValueError, AttributeError) as error:
        raise UserError(
            "damaged-file", f"{path} is no plan: {str(error).splitlines()[0]}", hint=f"argosy plan … --json > {path}"
        ) from None


def _beside(plans: "list[tuple[str, Plan]]") -> str:
    """Plans side by side."""
    from argosy.cli.output import table
    from argosy.planning import count, days, money

    rows = [
        ("verdict", *(p.verdict for _, p in plans)),
        ("parameters", *(count(p.parameters) for _, p in plans)),
        ("tokens", *(count(p.question.tokens) for _, p in plans)),
        ("on", *(f"{p.question.accelerators} × {p.question.accelerator.name}" for _, p in plans)),
        ("takes", *(days(p.duration.wall_h.middle) for _, p in plans)),
        ("costs", *("" if p.cost.usd is None else money(p.cost.usd.middle) for _, p in plans)),
        ("loss", *(f"{p.loss.nats_per_token:.3f}" for _, p in plans)),
        ("tokens/s", *(f"{p.layout.tokens_per_s:,.0f}" for _, p in plans)),
        ("memory", *(f"{p.layout.memory.peak_gib:.0f} GiB, {p.layout.memory.verdict}" for _, p in plans)),
    ]
    return table(rows, ("", *(title for title, _ in plans)))
