"""The verbs that look at runs: status, compare, trace."""

from argosy.cli.app import Json, Overrides, _open, app

NO_OVERRIDES = Overrides()


@app.command
def status(run: str, *, options: Overrides = NO_OVERRIDES, json: Json = False) -> None:
    """Tell what of a run is done, what is current, and how far training is.

    Example: argosy status runs/my-venture

    Parameters
    ----------
    run
        Run, venture file or its folder.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import status_summary

    parsed, target = _open(run, options)
    result = workflow.status(parsed, target)
    show(result, status_summary(result), as_json=json)


@app.command
def compare(run: str, other: str, *, json: Json = False) -> None:
    """Set two runs side by side: figures, and the keys in which they differ; or two plans, kept as JSON.

    Example: argosy compare runs/small runs/large

    Parameters
    ----------
    run
        First run, or a file that `argosy plan --json` wrote.
    other
        Second one.
    """
    if run.endswith(".json") or other.endswith(".json"):
        from argosy.cli.plan import compare_plans

        compare_plans(run, other, as_json=json)
        return
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import comparison_summary

    _, first = _open(run, Overrides())
    _, second = _open(other, Overrides())
    comparison = workflow.compare(first, second)
    show(comparison, comparison_summary(comparison), as_json=json)


@app.command
def trace(
    run: str, step: int, row: int | None = None, *, options: Overrides = NO_OVERRIDES, json: Json = False
) -> None:
    """Name the documents a training batch was made of.

    Example: argosy trace runs/my-venture 120 3

    Parameters
    ----------
    run
        Run, venture file or its folder.
    step
        Training step, from 1 as in metrics.jsonl.
    row
        Sequence in the batch, from 0; all of them unless given.
    """
    from argosy import workflow
    from argosy.cli.output import show
    from argosy.cli.summary import trace_summary

    parsed, target = _open(run, options)
    rows = workflow.trace(parsed, target, step, row)
    show([r.model_dump(mode="json") for r in rows], trace_summary(rows), as_json=json)
