"""A run's files as the report reads them: what is missing is empty, what is damaged is named. Torch-free."""

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pydantic import ValidationError

from argosy.report.metrics import Metrics, read_metrics
from argosy.report.tree import Tree, branch, number, text
from argosy.storage import Run, since_started

if TYPE_CHECKING:
    from argosy.capital import CapitalStory

# The report does not tell of itself: the same run gives the same page.
STAGES = ("prepare", "train", "evaluate", "capital")


@dataclass(frozen=True)
class HeldOutPoint:
    """A held-out loss measured during training."""

    step: int
    """Optimiser updates done."""
    tokens: float
    """Tokens trained on."""
    loss: float
    """Nats a token."""
    bits_per_byte: float | None
    """Bits for each byte of the text."""


@dataclass(frozen=True)
class RunView:
    """Everything the page shows."""

    run: Run
    """The run."""
    venture: Tree
    """`venture.toml`."""
    dataset: Tree
    """`data/index.json`."""
    evaluation: Tree
    """`evaluation.json`."""
    plan: Tree
    """`plan.json`: what the run was predicted to take."""
    money: "CapitalStory | None"
    """`capital.json`, where a capital plan lies beside the venture."""
    timeline: Tree
    """`timeline/timeline.json`: the step that was profiled, if one was."""
    checkpoint: Tree
    """Manifest of the newest checkpoint."""
    checkpoint_file: str
    """Where that manifest is, inside the run."""
    receipts: dict[str, Tree]
    """Receipts of the stages that completed, in order."""
    metrics: Metrics
    """`metrics.jsonl`."""
    events: list[Tree]
    """`events.jsonl`, without the report's own."""
    damaged: list[str]
    """Files that are there and cannot be read."""

    @property
    def name(self) -> str:
        """Name of the run."""
        return text(self.venture, "name") or self.run.path.resolve().name

    @property
    def title(self) -> str:
        """Headline of the page."""
        return text(self.venture, "title") or self.name

    @property
    def starts(self) -> list[Tree]:
        """The last start of training and each time it was resumed since."""
        return [event for event in since_started(self.events) if event.get("kind") in ("started", "resumed")]

    @property
    def start(self) -> Tree:
        """How training last began: ranks, layout, precision."""
        return self.starts[-1] if self.starts else {}

    @property
    def recipe(self) -> Tree:
        """The numbers of the training, every default resolved."""
        return branch(self.checkpoint, "recipe") or branch(self.start, "recipe")

    @property
    def held_out(self) -> list[HeldOutPoint]:
        """Held-out losses during training, one a step, as far as the metrics reach."""
        points = {}
        for event in since_started(self.events):
            step, loss = number(event, "step"), number(event, "loss")
            if event.get("kind") == "held_out" and step is not None and loss is not None:
                tokens = self.metrics.tokens_at(step)
                if tokens is not None:
                    points[step] = HeldOutPoint(int(step), tokens, loss, number(event, "bits_per_byte"))
        return [points[step] for step in sorted(points)]


def view_run(run: Run) -> RunView:
    """Read a run as far as it goes."""
    damaged: list[str] = []

    def read(file: str, parse: Callable[[bytes], Any]) -> Tree:
        try:
            tree = parse((run.path / file).read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):  # both JSON and TOML errors are ValueErrors
            tree = None
        if not isinstance(tree, dict):
            damaged.append(file)
            return {}
        return tree

    manifests = sorted(run.checkpoints.glob("step-*/manifest.json"))
    manifest = str(manifests[-1].relative_to(run.path)) if manifests else ""
    checkpoint, evaluation = read(manifest, orjson.loads) if manifest else {}, read("evaluation.json", orjson.loads)
    if number(evaluation, "step") != number(checkpoint, "step"):
        evaluation = {}  # of a checkpoint before this one
    receipts = {stage: read(f"receipts/{stage}.json", orjson.loads) for stage in STAGES}
    return RunView(
        run=run,
        venture=read("venture.toml", lambda data: tomllib.loads(data.decode())),
        dataset=read("data/index.json", orjson.loads),
        evaluation=evaluation,
        plan=read("plan.json", orjson.loads),
        money=_money(run, damaged),
        timeline=read("timeline/timeline.json", orjson.loads),
        checkpoint=checkpoint,
        checkpoint_file=manifest,
        receipts={stage: receipt for stage, receipt in receipts.items() if receipt},
        metrics=read_metrics(run.metrics),
        events=[event for event in run.read_events() if event.get("stage") != "report"],
        damaged=damaged,
    )


def _money(run: Run, damaged: list[str]) -> "CapitalStory | None":
    path = run.path / "capital.json"
    if not path.exists():
        return None
    from argosy.capital import CapitalStory  # brings NumPy, which comparing runs does without

    try:
        return CapitalStory.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        damaged.append(path.name)
        return None
