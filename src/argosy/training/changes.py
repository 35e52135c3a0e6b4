"""What of a venture decides what is computed, and what differs between a checkpoint and the venture now. Torch-free."""

from collections.abc import Iterator, Mapping
from typing import Any

from argosy.config import ClassificationVenture, UserError, Venture, resolve_recipe
from argosy.training.results import Checkpoint, TrainedClassifier

# Keys that change when, where or how fast a run goes, not what it computes.
_BOOKKEEPING = {
    "micro_batch",
    "accumulation",
    "pipeline_schedule",
    "virtual_stages",
    "reshard",
    "compile",
    "recompute",
    "checkpoint_every",
    "keep_last",
    "async_checkpoint",
    "evaluate_every",
    "max_skipped_steps",
    "profile_step",
}


def configuration_of(venture: Venture) -> dict[str, Any]:
    """The keys of a venture that decide what training computes; the data enters by its hash."""
    tree = venture.model_dump(mode="json", include={"model", "training"})
    training = {name: value for name, value in tree["training"].items() if name not in _BOOKKEEPING}
    data = {"sequence_length": venture.data.sequence_length, "document_mask": venture.data.document_mask}
    return {"model": tree["model"], "training": training, "data": data}


def classifier_configuration(venture: ClassificationVenture) -> dict[str, Any]:
    """The keys of a classifier's venture that decide what training computes."""
    return venture.model_dump(mode="json", include={"model", "training"})


def check_classifier_unchanged(classifier: TrainedClassifier, venture: ClassificationVenture, data_sha256: str) -> None:
    """Refuse to go on with what would not be the same run; raises `UserError` listing each key then and now."""
    differences = list(_differences(classifier.configuration, classifier_configuration(venture)))
    if classifier.data_sha256 != data_sha256:
        differences.append("data: the prepared examples are others")
    if differences:
        raise _changed(classifier, differences, "")


def check_unchanged(checkpoint: Checkpoint, venture: Venture, data_sha256: str, *, allow_changes: bool) -> None:
    """Refuse to resume what would not be the same run.

    Raises `UserError` listing each key with its value then and now. `allow_changes` accepts other training keys, never
    another optimiser, model or data, which the saved state does not fit, nor an end that is past already.
    """
    differences = list(_differences(checkpoint.configuration, configuration_of(venture)))
    if checkpoint.cursor.manifest_sha256 != data_sha256:
        differences.append(f"data: manifest {checkpoint.cursor.manifest_sha256[:12]} then, {data_sha256[:12]} now")
    steps = resolve_recipe(venture, checkpoint.model).steps
    fatal = [d for d in differences if not d.startswith("training.") or d.startswith("training.optimizer:")]
    if steps <= checkpoint.step and (differences or steps != checkpoint.recipe.steps):
        fatal.append(f"training.steps: {steps} in all, and {checkpoint.step} are done")
    refused = fatal if allow_changes else [*differences, *(line for line in fatal if line not in differences)]
    if refused:
        allowed = (
            "" if fatal else "--allow-changes goes on with the new values (never with another batch size or seed); "
        )
        raise _changed(checkpoint, refused, allowed)


def data_changed(checkpoint: Checkpoint, then: Mapping[str, Any], now: Mapping[str, Any]) -> UserError:
    """The error for data that is no longer what `checkpoint` was trained on.

    `then` and `now` are the data sections; where they are the same, it is the text that changed.
    """
    differences = list(_differences(then, now, "data.")) or ["the text of the sources is not what was prepared"]
    return _changed(checkpoint, differences, "")


def _changed(checkpoint: Checkpoint | TrainedClassifier, differences: list[str], allowed: str) -> UserError:
    return UserError(
        "venture-changed",
        f"the venture changed since checkpoint {checkpoint.name}:\n  " + "\n  ".join(differences),
        hint=f"{allowed}`argosy train --force` trains again from the start (its checkpoints are removed); "
        "--run DIR keeps both",
    )


def _differences(then: Mapping[str, Any], now: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key in sorted({*then, *now}):
        a, b = then.get(key), now.get(key)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            yield from _differences(a, b, f"{prefix}{key}.")
        elif a != b:
            yield f"{prefix}{key}: {a!r} then, {b!r} now"
