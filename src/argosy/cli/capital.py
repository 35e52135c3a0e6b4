"""The verbs of the money side share one name: `argosy capital`."""

from cyclopts import App

from argosy.cli.app import app

capital_app = App(name="capital", help="The money side: cap table, rounds, cash, returns, and their probabilities.")
app.command(capital_app)
