"""The verb that learns from one's own runs how loss falls with size and text."""

from typing import TYPE_CHECKING

from argosy.cli.app import Json, app

if TYPE_CHECKING:
    from argosy.planning import FittedLaw

LARGER = (10.0, 100.0)  # times the largest run's compute


@app.command(name="fit-scaling")
def fit_scaling(*runs: str, json: Json = False) -> None:
    """Fit a scaling law to finished runs on one text, and say what larger models would reach.

    Example: argosy fit-scaling runs/tiny runs/small runs/medium runs/long runs/large

    Parameters
    ----------
    runs
        Folders or names of five runs or more, of several sizes and numbers of tokens.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.storage import Run

    law = workflow.fit_scaling([Run.find(run) for run in runs])
    show(law, _summary(law), as_json=json)


def _summary(law: "FittedLaw") -> str:
    from argosy.cli.output import table
    from argosy.planning import compute_optimal, count

    fitted = law.law
    rows = [
        ("E, what no model of this kind does better", f"{fitted.irreducible:.3f}", f"± {fitted.irreducible_error:.3f}"),
        ("α, of parameters", f"{fitted.parameter_exponent:.3f}", f"± {fitted.parameter_exponent_error:.3f}"),
        ("β, of tokens", f"{fitted.token_exponent:.3f}", f"± {fitted.token_exponent_error:.3f}"),
    ]
    reached = []
    for times in LARGER:
        best = compute_optimal(times * law.largest_flops, fitted)
        middle, low, high = law.predict(best.parameters, best.tokens)
        reached.append(
            (
                f"{times:g} times",
                count(best.parameters),
                count(best.tokens),
                f"{middle:.3f}",
                f"{low:.3f} to {high:.3f}",
            )
        )
    return "\n\n".join(
        [
            f"loss = E + A/N^α + B/D^β in nats a token, of {law.points} runs on {fitted.text}; "
            f"nine of ten of them within {100 * 1.645 * law.spread:.1f} %",
            table(rows, ("", "", "")),
            table(reached, ("compute of the largest run", "best size", "tokens", "loss", "90 %")),
        ]
    )
