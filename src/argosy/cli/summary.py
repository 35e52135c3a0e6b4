"""Results as a person wants to read them in a terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from argosy.cli.classifier import classification_summary, classifier_summary, examples_summary
from argosy.cli.output import table

if TYPE_CHECKING:
    from argosy.data import Dataset, ExampleSet, TracedRow
    from argosy.evaluation import Classification, Evaluation, TaskResult
    from argosy.report import Comparison
    from argosy.storage import Run
    from argosy.sweep import Sweep
    from argosy.training import Checkpoint, TrainedClassifier
    from argosy.workflow import Status


def journey_summary(run: "Run") -> tuple[dict[str, Any], str]:
    """The end of `argosy run`: held-out figures beside the baselines, a sample, where the report is."""
    from argosy.evaluation import Evaluation
    from argosy.workflow import journey

    evaluation = run.read_result("evaluation", journey(run.venture()).evaluation)
    result = {"run": str(run.path), "report": str(run.report), **evaluation.model_dump(mode="json")}
    lines = ["", evaluation_summary(evaluation)]
    if isinstance(evaluation, Evaluation) and evaluation.samples:
        sample = evaluation.samples[0]
        lines += ["", f"a continuation of {sample.prompt!r}:", "", _indented(sample.prompt + sample.text)]
    return result, "\n".join([*lines, "", f"report: {run.report}"])


def evaluation_summary(evaluation: "Evaluation | Classification") -> str:
    """Bits per byte of the model and of each baseline, lowest first; then each task. Of a classifier, accuracy."""
    from argosy.evaluation import Classification

    if isinstance(evaluation, Classification):
        return classification_summary(evaluation)
    held_out = evaluation.held_out
    rows = [
        ("this model", held_out.bits_per_byte),
        *((b.name, b.bits_per_byte) for b in evaluation.baselines),
    ]
    rows.sort(key=lambda row: row[1])
    widest = max(bits for _, bits in rows)
    bars = [(name, f"{bits:.3f}", "█" * round(40 * bits / widest)) for name, bits in rows]
    size = f"{held_out.tokens:,} tokens, {held_out.bytes:,} bytes of held-out text"
    parts = [f"{size}, perplexity {held_out.perplexity:.2f}", table(bars, ("", "bits per byte", "less is better"))]
    return "\n\n".join([*parts, *map(task_summary, evaluation.tasks)])


def task_summary(task: "TaskResult") -> str:
    """How each contestant answered, and how far this model is ahead of it."""
    rows = [
        (
            each.name,
            f"{each.right:,} of {task.questions:,}",
            f"{100 * each.accuracy:.1f} %",
            _percent(each.interval),
            "" if each.accuracy_by_length is None else f"{100 * each.accuracy_by_length:.1f} %",
            "" if each.lead is None else f"{100 * each.lead.accuracy:+.1f} ({_percent(each.lead.interval)})",
            "" if each.lead is None else f"{100 * each.lead.share_better:.0f} %",
            "not known" if each.cost_per_right_usd is None else f"{each.cost_per_right_usd:.3g}",
        )
        for each in task.contestants
    ]
    chance = "" if task.chance is None else f"; a blind guess: {100 * task.chance:.1f} %"
    header = ("", "right", "accuracy", "95 % between", "by length", "our lead", "better in", "USD a right answer")
    return f"task {task.name}{chance}\n\n{table(rows, header)}"


def _percent(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.1f} to {100 * interval[1]:.1f}"


def training_summary(trained: "Checkpoint | TrainedClassifier") -> str:
    """Where training ended."""
    from argosy.training import TrainedClassifier

    if isinstance(trained, TrainedClassifier):
        return classifier_summary(trained)
    return f"trained to step {trained.step}, loss {figure(trained.loss)}: {trained.folder}"


def data_summary(dataset: "Dataset | ExampleSet") -> str:
    """Documents, bytes and tokens of each source; of examples, how many of each class."""
    from argosy.data import ExampleSet

    if isinstance(dataset, ExampleSet):
        return examples_summary(dataset)
    rows = [
        (
            s.title,
            f"{s.documents:,}",
            f"{s.bytes:,}",
            f"{s.tokens:,}",
            f"{s.held_out_documents:,}",
            s.license or "—",
        )
        for s in dataset.sources
    ]
    header = ("source", "documents", "bytes", "tokens", "held out", "licence")
    return table(rows, header) + f"\n\n{dataset.bytes_per_token:.2f} bytes a token; {dataset.encoder}"


def status_summary(status: "Status") -> str:
    """Stages and training progress."""
    rows = [(s.stage, s.state, "" if s.wall_s is None else f"{s.wall_s:.1f} s") for s in status.stages]
    training = (
        f"step {status.step} of {status.steps}, loss {figure(status.loss)}" if status.steps else "no checkpoint yet"
    )
    use = "in use now" if status.in_use else "not in use"
    again = f", started again {status.restarts} time{'s' if status.restarts > 1 else ''}" if status.restarts else ""
    return f"{status.run}: {use}, {status.size_bytes / 1e6:.1f} MB; {training}{again}\n\n" + table(
        rows, ("stage", "state", "took")
    )


def comparison_summary(comparison: "Comparison") -> str:
    """Figures and differing keys of two runs."""
    names = [Path(run).name for run in comparison.runs]
    figures = [(name, *(figure(value) for value in row)) for name, row in comparison.figures.items()]
    differences = [(name, *(value or "—" for value in row)) for name, row in comparison.differences.items()]
    parts = [table(figures, ("figure", *names))]
    parts.append(table(differences, ("differs", *names)) if differences else "the ventures are the same")
    return "\n\n".join(parts)


def sweep_summary(sweep: "Sweep", folder: Path) -> str:
    """Every trial, the best first, what to know before believing it, and how to go on."""
    from argosy.report import sweep_table

    header, rows = sweep_table(sweep.model_dump(mode="json"))
    lines = ["", *(f"note: {note}" for note in sweep.notes)]
    if sweep.command:
        lines.append(f"to go on with the best: {sweep.command}")
    lines.append(f"curves: {folder / 'sweep.html'}")
    return table(rows, header) + "\n" + "\n".join(lines)


def trace_summary(rows: "Sequence[TracedRow]") -> str:
    """Documents of each traced sequence."""
    return "\n".join(str(row) for row in rows)


def figure(value: float | int | None) -> str:
    """A number as people read it."""
    if value is None:
        return "—"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}"


def _indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())
