"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication, replicate
    from argosy.parallel.checks import check
    from argosy.parallel.launcher import external_world, launch, report_failure
    from argosy.parallel.world import World, join

__all__ = ["ExposedCommunication", "World", "check", "external_world", "join", "launch", "replicate", "report_failure"]

__getattr__ = lazy_exports(
    __name__,
    {
        "ExposedCommunication": "apply",
        "replicate": "apply",
        "check": "checks",
        "external_world": "launcher",
        "launch": "launcher",
        "report_failure": "launcher",
        "World": "world",
        "join": "world",
    },
)
