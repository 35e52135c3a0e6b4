"""The verb that prints what a venture may hold."""

from typing import Literal

from cyclopts import App

from argosy.cli.app import Json, app

config_app = App(name="config", help="The venture file's keys.")
app.command(config_app)


@config_app.command
def schema(goal: Literal["language-model", "classification"] = "language-model", *, json: Json = False) -> None:
    """Print the JSON Schema of a venture, for editors and checks.

    Example: argosy config schema > venture.schema.json

    Parameters
    ----------
    goal
        Task of the venture's goal.
    """
    from argosy.cli.output import show
    from argosy.config import VENTURES

    show(VENTURES[goal].model_json_schema(), "", as_json=True)
