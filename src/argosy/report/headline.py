"""The figures at the top of the page, each with the file it comes from."""

from dataclasses import dataclass

from argosy.config import TransformerConfig
from argosy.report.tree import branch, branches, number, text
from argosy.report.units import SPACE, count, duration, share
from argosy.report.views import RunView


@dataclass(frozen=True)
class Fact:
    """One figure."""

    label: str
    """What it is."""
    value: str
    """As people read it."""
    note: str
    """What it means, or how it was measured."""
    files: tuple[str, ...]
    """Where it comes from, inside the run."""
    exact: str = ""
    """All its digits."""
    key: str = ""
    """Where in that file, or in what it was made from."""


@dataclass(frozen=True)
class Bar:
    """Bits per byte of the model or of a baseline."""

    name: str
    """Who needs them."""
    bits: float
    """Bits for each byte of held-out text."""
    share: float
    """Of the longest bar."""
    own: bool
    """Whether it is this model."""
    note: str
    """How it was measured."""


def facts(view: RunView) -> list[Fact]:
    """Every headline figure this run has so far."""
    found = [_held_out_loss(view), _perplexity(view), _parameters(view), _tokens(view)]
    found += [_wall_time(view), _throughput(view), _mfu(view), _memory(view)]
    return [fact for fact in found if fact is not None]


def bars(view: RunView) -> list[Bar]:
    """The model beside its baselines, fewest bits first; empty before evaluation."""
    own = number(view.evaluation, "held_out", "bits_per_byte")
    if own is None:
        return []
    rows = [("this model", own, True, "of the newest checkpoint, in float32")]
    for baseline in branches(view.evaluation, "baselines"):
        bits = number(baseline, "bits_per_byte")
        if bits is not None:
            rows.append((text(baseline, "name") or "baseline", bits, False, text(baseline, "note") or ""))
    longest = max(bits for _, bits, _, _ in rows) or 1.0
    return [Bar(name, bits, bits / longest, mine, note) for name, bits, mine, note in sorted(rows, key=lambda r: r[1])]


def parameter_count(view: RunView) -> tuple[float, str] | None:
    """(trainable scalars, file that says so): the checkpoint's shape, else the story of the start."""
    try:
        return TransformerConfig.model_validate(dict(branch(view.checkpoint, "model"))).parameter_count(), (
            view.checkpoint_file
        )
    except ValueError:  # pydantic's is one: no checkpoint yet, or a shape of another version
        told = number(view.start, "parameters")
        return None if told is None else (told, "events.jsonl")


def passes(view: RunView) -> float | None:
    """Times the training text was seen."""
    trained, available = view.metrics.last("tokens"), number(view.dataset, "tokens")
    return trained / available if trained and available else None


def summary(view: RunView) -> str:
    """The run in one or two sentences."""
    parameters, tokens = parameter_count(view), view.metrics.last("tokens")
    if parameters is None and tokens is None:
        return "This run has not been trained yet."
    subject = f"A language model of {count(parameters[0])} parameters" if parameters else "A language model"
    trained = f", trained on {count(tokens)} tokens" if tokens else ", not yet trained"
    titles = [title for source in branches(view.dataset, "sources") if (title := text(source, "title"))]
    source = f" of {_listed(titles)}" if titles and tokens else ""
    return f"{subject}{trained}{source}. {_verdict(view)}".strip()


def _verdict(view: RunView) -> str:
    ranked = bars(view)
    own = next((bar for bar in ranked if bar.own), None)
    if own is None:
        return ""
    others = [
        f"{share(abs(1 - own.bits / bar.bits))} {'fewer' if own.bits < bar.bits else 'more'} than {bar.name}"
        for bar in ranked
        if not bar.own and bar.bits > 0
    ]
    compared = f": {_listed(others)}" if others else ""
    return f"It needs {own.bits:.2f} bits for each byte of text it has never seen{compared}."


def _listed(names: list[str]) -> str:
    if len(names) > 4:
        return f"{', '.join(names[:3])} and {len(names) - 3} more"
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _held_out_loss(view: RunView) -> Fact | None:
    loss = number(view.evaluation, "held_out", "loss")
    if loss is None:
        return None
    tokens = number(view.evaluation, "held_out", "tokens")
    over = f"nats a token, over {count(tokens)} tokens" if tokens else "nats a token"
    return Fact("held-out loss", f"{loss:.3f}", over, ("evaluation.json",), str(loss))


def _perplexity(view: RunView) -> Fact | None:
    value = number(view.evaluation, "held_out", "perplexity")
    if value is None:
        return None
    vocabulary = number(view.dataset, "vocabulary_size")
    note = f"of {count(vocabulary)} tokens to choose from" if vocabulary else "on held-out text"
    return Fact("perplexity", f"{value:.4g}", note, ("evaluation.json",), str(value))


def _parameters(view: RunView) -> Fact | None:
    known = parameter_count(view)
    if known is None:
        return None
    shape = branch(view.checkpoint, "model")
    layers, dim = number(shape, "layers"), number(shape, "dim")
    note = f"{layers:.0f} layers, {dim:.0f} wide" if layers and dim else "trainable scalars"
    return Fact("parameters", count(known[0]), note, (known[1],), f"{known[0]:,.0f}")


def _tokens(view: RunView) -> Fact | None:
    tokens = view.metrics.last("tokens")
    if tokens is None:
        return None
    seen = passes(view)
    steps = view.metrics.last("step") or 0
    note = f"in {steps:,.0f} steps" + (f", {seen:.2g} passes over the text" if seen else "")
    return Fact("tokens trained on", count(tokens), note, ("metrics.jsonl",), f"{tokens:,.0f}")


def _wall_time(view: RunView) -> Fact | None:
    """All stages by their receipts; the receipt of a resumed training knows its last session only."""
    walls = {stage: number(receipt, "wall_s") for stage, receipt in view.receipts.items()}
    known = {stage: wall for stage, wall in walls.items() if wall is not None}
    if "train" in known and len(view.starts) <= 1:
        note = ", ".join(f"{stage} {duration(wall)}" for stage, wall in known.items())
        files = tuple(f"receipts/{stage}.json" for stage in known)
        return Fact("wall time", duration(sum(known.values())), note, files, f"{sum(known.values())} s")
    stepping = view.metrics.total("step_s")
    if not stepping:
        return None
    sessions = len(view.starts)
    note = "in training steps" + (f", over {sessions} sessions" if sessions > 1 else "")
    return Fact("training time", duration(stepping), note, ("metrics.jsonl",), f"{stepping} s")


def _throughput(view: RunView) -> Fact | None:
    rate = view.metrics.weighted("tokens_per_s")
    if rate is None:
        return None
    ranks = number(view.start, "ranks")
    note = "mean over the run" + (f", {ranks:.0f} process{'es' if ranks > 1 else ''} together" if ranks else "")
    return Fact(f"tokens{SPACE}/{SPACE}s", count(rate), note, ("metrics.jsonl",), str(rate))


def _mfu(view: RunView) -> Fact | None:
    value = view.metrics.weighted("mfu")
    if value is None:
        return None
    return Fact("model FLOPs utilisation", share(value), "of the hardware’s peak", ("metrics.jsonl",), str(value))


def _memory(view: RunView) -> Fact | None:
    peak = view.metrics.most("memory_gib")
    if peak is None:
        return None
    return Fact("peak memory", f"{peak:.3g}{SPACE}GiB", "of rank 0", ("metrics.jsonl",), f"{peak} GiB")
