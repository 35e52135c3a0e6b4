"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication
    from argosy.parallel.checks import check, check_ranks, layout_of, problems, refuse_layout
    from argosy.parallel.collectives import all_reduce
    from argosy.parallel.engine import Engine, Manner, blocks_of, parallelize
    from argosy.parallel.launcher import Ranks, die_with_parent, external_world, launch, world_size
    from argosy.parallel.matrices import WholeMatrices
    from argosy.parallel.meeting import Crew, crew
    from argosy.parallel.mesh import Mesh
    from argosy.parallel.modules import check_plan, refuse_module
    from argosy.parallel.replicas import Drifted, compare_replicas
    from argosy.parallel.reports import accounted
    from argosy.parallel.start import as_placed, first_row, is_placed, local, local_part
    from argosy.parallel.survival import Survival
    from argosy.parallel.watch import phase
    from argosy.parallel.whole import gathered, told
    from argosy.parallel.world import World, compute_device, join

__all__ = [
    "Crew",
    "Drifted",
    "Engine",
    "ExposedCommunication",
    "Manner",
    "Mesh",
    "Ranks",
    "Survival",
    "WholeMatrices",
    "World",
    "accounted",
    "all_reduce",
    "as_placed",
    "blocks_of",
    "check",
    "check_plan",
    "check_ranks",
    "compare_replicas",
    "compute_device",
    "crew",
    "die_with_parent",
    "external_world",
    "first_row",
    "gathered",
    "is_placed",
    "join",
    "launch",
    "layout_of",
    "local",
    "local_part",
    "parallelize",
    "phase",
    "problems",
    "refuse_layout",
    "refuse_module",
    "told",
    "world_size",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ExposedCommunication": "apply",
        "check": "checks",
        "check_ranks": "checks",
        "layout_of": "checks",
        "problems": "checks",
        "refuse_layout": "checks",
        "all_reduce": "collectives",
        "Engine": "engine",
        "Manner": "engine",
        "blocks_of": "engine",
        "parallelize": "engine",
        "Ranks": "launcher",
        "die_with_parent": "launcher",
        "external_world": "launcher",
        "launch": "launcher",
        "world_size": "launcher",
        "WholeMatrices": "matrices",
        "Crew": "meeting",
        "crew": "meeting",
        "Mesh": "mesh",
        "check_plan": "modules",
        "refuse_module": "modules",
        "Drifted": "replicas",
        "compare_replicas": "replicas",
        "accounted": "reports",
        "as_placed": "start",
        "first_row": "start",
        "is_placed": "start",
        "local": "start",
        "local_part": "start",
        "Survival": "survival",
        "phase": "watch",
        "gathered": "whole",
        "told": "whole",
        "World": "world",
        "compute_device": "world",
        "join": "world",
    },
)
