"""The money side: cap table, cash by month, runway, rounds, returns, and their probabilities. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.capital.asking import asked, checked_for_raise, day
    from argosy.capital.conversion import Converting, Impossible, Offer, Solution, Terms, solve, solve_rounded
    from argosy.capital.exact import Rounding
    from argosy.capital.next_round import raise_round
    from argosy.capital.ocf_exchange import Exported, Imported, from_ocf, to_ocf
    from argosy.capital.plan_file import CapitalPlan, load_capital, read_capital, table_of
    from argosy.capital.table import cap_table
    from argosy.capital.table_config import CapTableConfig
    from argosy.capital.table_results import CapTable, ClassLine, RoundResult, TableAt

__all__ = [
    "CapTable",
    "CapTableConfig",
    "CapitalPlan",
    "ClassLine",
    "Converting",
    "Exported",
    "Imported",
    "Impossible",
    "Offer",
    "RoundResult",
    "Rounding",
    "Solution",
    "TableAt",
    "Terms",
    "asked",
    "cap_table",
    "checked_for_raise",
    "day",
    "from_ocf",
    "load_capital",
    "raise_round",
    "read_capital",
    "solve",
    "solve_rounded",
    "table_of",
    "to_ocf",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "asked": "asking",
        "checked_for_raise": "asking",
        "day": "asking",
        "cap_table": "table",
        "Converting": "conversion",
        "Impossible": "conversion",
        "Offer": "conversion",
        "Solution": "conversion",
        "Terms": "conversion",
        "solve": "conversion",
        "solve_rounded": "conversion",
        "Rounding": "exact",
        "raise_round": "next_round",
        "Exported": "ocf_exchange",
        "Imported": "ocf_exchange",
        "from_ocf": "ocf_exchange",
        "to_ocf": "ocf_exchange",
        "CapitalPlan": "plan_file",
        "load_capital": "plan_file",
        "read_capital": "plan_file",
        "table_of": "plan_file",
        "CapTableConfig": "table_config",
        "CapTable": "table_results",
        "ClassLine": "table_results",
        "RoundResult": "table_results",
        "TableAt": "table_results",
    },
)
