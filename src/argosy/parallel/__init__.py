"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication, replicate
    from argosy.parallel.checks import check
    from argosy.parallel.launcher import die_with_parent, external_world, launch, report_failure, world_size
    from argosy.parallel.meeting import Crew, crew
    from argosy.parallel.world import World, compute_device, join

__all__ = [
    "Crew",
    "ExposedCommunication",
    "World",
    "check",
    "compute_device",
    "crew",
    "die_with_parent",
    "external_world",
    "join",
    "launch",
    "replicate",
    "report_failure",
    "world_size",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ExposedCommunication": "apply",
        "replicate": "apply",
        "check": "checks",
        "external_world": "launcher",
        "die_with_parent": "launcher",
        "launch": "launcher",
        "report_failure": "launcher",
        "world_size": "launcher",
        "Crew": "meeting",
        "crew": "meeting",
        "World": "world",
        "compute_device": "world",
        "join": "world",
    },
)
