"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication
    from argosy.parallel.checks import (
        check,
        check_ranks,
        layout_of,
        pipeline_micro_batch,
        refuse_layout,
        virtual_stages,
    )
    from argosy.parallel.collectives import all_reduce
    from argosy.parallel.engine import Engine, Manner, blocks_of, parallelize
    from argosy.parallel.launcher import die_with_parent, external_world, launch, report_failure, world_size
    from argosy.parallel.meeting import Crew, crew
    from argosy.parallel.mesh import Mesh
    from argosy.parallel.modules import check_plan, refuse_module
    from argosy.parallel.start import as_placed, first_row, is_placed, local_part
    from argosy.parallel.whole import gathered, told
    from argosy.parallel.world import World, compute_device, join

__all__ = [
    "Crew",
    "Engine",
    "ExposedCommunication",
    "Manner",
    "Mesh",
    "World",
    "all_reduce",
    "as_placed",
    "blocks_of",
    "check",
    "check_plan",
    "check_ranks",
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
    "pipeline_micro_batch",
    "refuse_layout",
    "refuse_module",
    "report_failure",
    "told",
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
        "check_plan": "modules",
        "refuse_module": "modules",
        "as_placed": "start",
        "first_row": "start",
        "is_placed": "start",
        "local_part": "start",
        "check": "checks",
        "check_ranks": "checks",
        "blocks_of": "engine",
        "virtual_stages": "checks",
        "refuse_layout": "checks",
        "pipeline_micro_batch": "checks",
        "layout_of": "checks",
        "external_world": "launcher",
        "die_with_parent": "launcher",
        "launch": "launcher",
        "report_failure": "launcher",
        "world_size": "launcher",
        "Crew": "meeting",
        "crew": "meeting",
        "gathered": "whole",
        "told": "whole",
        "World": "world",
        "compute_device": "world",
        "join": "world",
    },
)
