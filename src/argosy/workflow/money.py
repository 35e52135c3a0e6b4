"""The stage that joins the money to the run: capital.toml beside the venture, and what training took."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import tomli_w

from argosy import capital
from argosy.config import AnyVenture, UserError, load_venture, toml_tree
from argosy.storage import Run, atomic_write, canonical_json, digest, file_digest, since_started, venture_tree
from argosy.workflow.stages import Options, Stage

if TYPE_CHECKING:
    from argosy.capital import CapitalPlan, Trained

NAME, OWN = "capital.toml", "venture.toml"


def has_capital(venture: AnyVenture) -> bool:
    """Whether a capital plan lies beside the venture."""
    return (venture.folder / NAME).is_file()


def refuse_broken(run: Run, venture: AnyVenture) -> None:
    """Compute the money before anything is spent, as the stage will, unless it was done with this plan already."""
    receipt = run.receipt("capital")
    if receipt is None or not _planned(run, venture).items() <= receipt.inputs.items():
        capital.capital_story(venture.folder / NAME, paths=100, advised=True)


def _portable(venture: AnyVenture) -> tuple["CapitalPlan", dict[str, Any]]:
    """The plan, and its file as it means the same in the run's folder: this venture is the copy there."""
    plan, path = capital.read_capital(venture.folder)
    tree = toml_tree(path, missing=f"no {NAME}", hint="")
    for entry in _priced(tree):
        asked = (venture.folder / entry["venture"]).resolve()
        own = asked.parent == venture.folder.resolve() and load_venture(asked).name == venture.name
        entry["venture"] = OWN if own else str(asked)
    table = tree.get("cap_table", {})
    table |= {key: str((venture.folder / table[key]).resolve()) for key in ("ocf", "ocf_schema") if key in table}
    return plan, tree


def _priced(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """The trainings and the ways in their place that name a venture."""
    return [entry for section in ("training", "options") for entry in tree.get(section, []) if "venture" in entry]


def _planned(run: Run, venture: AnyVenture) -> dict[str, str]:
    """Hashes of the plan and of the ventures it prices; of one that is gone, as it was."""
    plan, tree = _portable(venture)
    found = {NAME: digest(canonical_json(tree))}
    if plan.cap_table is not None and plan.cap_table.ocf is not None:  # a file or a folder of the table itself
        found["cap_table"] = digest(canonical_json(plan.cap_table.model_dump(mode="json")))
    for path in {entry["venture"] for entry in _priced(tree)}:
        try:
            asked = venture if path == OWN else load_venture(path)
        except UserError:
            receipt = run.receipt("capital")
            if receipt is None or receipt.inputs.get(NAME) != found[NAME]:
                raise
            found[path] = receipt.inputs[path]
        else:
            found[path] = digest(canonical_json(venture_tree(asked)))
    return found


def _inputs(run: Run, venture: AnyVenture) -> Mapping[str, str]:
    metrics = {run.metrics.name: file_digest(run.metrics)} if run.metrics.exists() else {}
    return {**_planned(run, venture), **metrics}


def _compute(run: Run, venture: AnyVenture, options: Options) -> list[Path]:
    _, tree = _portable(venture)
    with atomic_write(run.path / NAME) as temporary:
        temporary.write_text(tomli_w.dumps(tree), encoding="utf-8")
    run.write_result("capital", capital.capital_story(run.path / NAME, trained=trained_of(run), of=OWN, advised=True))
    return [run.path / "capital.json", run.path / NAME]


def trained_of(run: Run) -> "Trained | None":
    """What training took by its metrics, each step with the processes that did it; None without timed steps."""
    starts = [
        (event.get("step", 0), event["ranks"])
        for event in since_started(run.read_events())
        if event.get("kind") in ("started", "resumed") and isinstance(event.get("ranks"), int)
    ]
    lines = [orjson.loads(line) for line in run.metrics.read_bytes().splitlines()] if run.metrics.exists() else []
    timed = [line for line in lines if line.get("step_s") is not None]
    if not starts or not timed:
        return None
    wall, times = 0.0, 0.0
    for line in timed:
        ranks = next((ranks for begun, ranks in reversed(starts) if begun < line["step"]), starts[0][1])
        wall += line["step_s"] / 3600
        times += ranks * line["step_s"] / 3600
    return capital.Trained(steps=timed[-1]["step"], wall_h=wall, process_hours=times)


def discard_capital(run: Run) -> None:
    """Remove what was computed."""
    (run.path / "capital.json").unlink(missing_ok=True)


def forget_capital(run: Run) -> None:
    """Remove everything about money from the run of a venture that has no plan of it any more."""
    run.forget("capital")
    discard_capital(run)
    (run.path / NAME).unlink(missing_ok=True)


CAPITAL = Stage(
    "capital",
    _inputs,
    lambda venture: None,
    _compute,
    discard=discard_capital,
    applies=has_capital,
    packages=("numpy",),
)
