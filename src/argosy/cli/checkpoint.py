"""The verbs that look after a run's checkpoints."""

from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from argosy.cli.app import Json, Overrides, _open, app
from argosy.cli.output import table

if TYPE_CHECKING:
    from argosy.storage import Run
    from argosy.training import Inventory, StoredCheckpoint

checkpoint_app = App(name="checkpoint", help="A run's checkpoints: inspect, verify, prune.")
app.command(checkpoint_app)
AnyStep = Annotated[int | None, Parameter(help="Of this step only.")]


@checkpoint_app.command
def inspect(run: str, *, step: AnyStep = None, json: Json = False) -> None:
    """List a run's checkpoints; of one step, its tensors too.

    Example: argosy checkpoint inspect runs/my-venture --step 200

    Parameters
    ----------
    run
        Run, venture file or its folder.
    """
    from argosy import training
    from argosy.cli.output import show

    found = _run(run)
    if step is None:
        listed = training.stored_checkpoints(found)
        show(listed, _listing(listed), as_json=json)
        return
    checkpoint = training.checkpoint_at(found, step)
    tensors = training.stored_tensors(checkpoint)
    rows = [(one.name, " × ".join(map(str, one.shape)), one.dtype) for one in tensors]
    result = {**checkpoint.model_dump(mode="json"), "tensors": [one.model_dump(mode="json") for one in tensors]}
    show(result, table(rows, ("tensor", "shape", "type")), as_json=json)


@checkpoint_app.command
def verify(run: str, *, step: AnyStep = None, json: Json = False) -> int:
    """Compare every file of a run's checkpoints with its hash; exit status 1 when one is damaged.

    Example: argosy checkpoint verify runs/my-venture

    Parameters
    ----------
    run
        Run, venture file or its folder.
    """
    from argosy import training
    from argosy.cli.output import show

    found = training.verified(_run(run), step)
    show(found, _listing(found), as_json=json)
    return 1 if any(one.damage for one in found.checkpoints) else 0


@checkpoint_app.command
def prune(
    run: str,
    *,
    keep_last: int,
    dry_run: Annotated[bool, Parameter(name="--dry-run", negative="", help="Only tell what would go.")] = False,
    json: Json = False,
) -> None:
    """Remove a run's older checkpoints; the best one stays.

    Example: argosy checkpoint prune runs/my-venture --keep-last 1 --dry-run

    Parameters
    ----------
    run
        Run, venture file or its folder.
    keep_last
        How many of the newest stay.
    """
    from argosy import training
    from argosy.cli.output import show

    goes = training.pruned(_run(run), keep_last, dry_run=dry_run)
    size = _gib(sum(one.bytes for one in goes))
    count = f"{len(goes)} checkpoint{'' if len(goes) == 1 else 's'}"
    text = f"{'would remove' if dry_run else 'removed'} {count}, {size}"
    shown = {"removed": [] if dry_run else _steps(goes), "would_remove": _steps(goes) if dry_run else []}
    show(shown, "\n".join([text, *(f"  {one.folder}" for one in goes)]), as_json=json)


def _run(target: str) -> "Run":
    return _open(target, Overrides())[1]


def _steps(some: "tuple[StoredCheckpoint, ...]") -> list[int]:
    return [one.step for one in some]


def _listing(found: "Inventory") -> str:
    if not found.checkpoints:
        return f"no checkpoint in {found.run} yet"
    rows = [
        (
            one.step,
            "" if one.loss is None else f"{one.loss:.3f}",
            str(one.layout),
            _gib(one.bytes),
            "best" if one.best else "",
            "" if one.damage is None else "; ".join(one.damage) or "sound",
        )
        for one in found.checkpoints
    ]
    lines = [
        table(rows, ("step", "loss", "layout", "size", "held out", "files")),
        f"{_gib(found.bytes)} in {found.run}",
    ]
    return "\n".join([*lines, *(f"unfinished: {name}" for name in found.unfinished)])


def _gib(size: int) -> str:
    return f"{size / 2**30:.2f} GiB" if size >= 2**28 else f"{size / 2**20:.1f} MiB"
