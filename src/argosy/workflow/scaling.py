"""A scaling law of one's own runs."""

from collections.abc import Sequence

from argosy import training as training_room
from argosy.config import UserError, language_venture
from argosy.evaluation import Evaluation
from argosy.planning import FittedLaw, Point
from argosy.planning import fit_scaling as fit_points
from argosy.storage import Run
from argosy.workflow import language


def fit_scaling(runs: Sequence[Run]) -> FittedLaw:
    """Fit a scaling law to the held-out losses of runs on one text with one tokeniser.

    Raises `UserError`: `different-texts` for runs whose losses do not compare, `too-few-runs`, or that one is not
    evaluated yet.
    """
    texts: dict[tuple[str, int], str] = {}
    points = []
    for run in runs:
        language_venture(run.venture())
        dataset = language.JOURNEY.prepared(run)
        texts.setdefault((dataset.tokenizer_sha256, dataset.held_out_bytes), run.path.name)
        checkpoint = training_room.trained_checkpoint(run.checkpoints)
        evaluation = run.read_result("evaluation", Evaluation)
        points.append(Point(checkpoint.model.parameter_count(), checkpoint.tokens, evaluation.held_out.loss))
    if len(texts) > 1:
        raise UserError(
            "different-texts",
            f"losses of {' and '.join(texts.values())} do not compare: tokeniser or held-out text differ",
            hint='prepare once and give every run that tokeniser: data.tokenizer = "tokenizer.json"',
        )
    return fit_points(points, name=f"{len(points)} own runs", text=f"the held-out text of {next(iter(texts.values()))}")
