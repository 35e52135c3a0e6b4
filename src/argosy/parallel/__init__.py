"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication
    from argosy.parallel.checks import check, layout_of, pipeline_micro_batch, problems, refuse_layout, virtual_stages
    from argosy.parallel.collectives import all_reduce
    from argosy.parallel.engine import Engine, Manner, blocks_of, parallelize
    from argosy.parallel.launcher import Ranks, die_with_parent, external_world, launch, world_size
    from argosy.parallel.meeting import Crew, crew
    from argosy.parallel.mesh import Mesh
    from argosy.parallel.replicas import Drifted, compare_replicas
    from argosy.parallel.reports import accounted
    from argosy.parallel.start import first_row, is_placed, local_part
    from argosy.parallel.survival import Survival
    from argosy.parallel.watch import phase
    from argosy.parallel.whole import gathered
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
    "World",
    "accounted",
    "all_reduce",
    "blocks_of",
    "check",
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
    "local_part",
    "parallelize",
    "phase",
    "pipeline_micro_batch",
    "problems",
    "refuse_layout",
    "virtual_stages",
    "world_size",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "ExposedCommunication": "apply",
        "Engine": "engine",
        "Manner": "engine",
        "parallelize": "engine",
        "Mesh": "mesh",
        "all_reduce": "collectives",
        "first_row": "start",
        "is_placed": "start",
        "local_part": "start",
        "check": "checks",
        "blocks_of": "engine",
        "virtual_stages": "checks",
        "refuse_layout": "checks",
        "pipeline_micro_batch": "checks",
        "layout_of": "checks",
        "external_world": "launcher",
        "die_with_parent": "launcher",
        "launch": "launcher",
        "Ranks": "launcher",
        "accounted": "reports",
        "Survival": "survival",
        "phase": "watch",
        "problems": "checks",
        "Drifted": "replicas",
        "compare_replicas": "replicas",
        "world_size": "launcher",
        "Crew": "meeting",
        "crew": "meeting",
        "gathered": "whole",
        "World": "world",
        "compute_device": "world",
        "join": "world",
    },
)
