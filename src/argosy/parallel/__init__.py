"""Starting processes, joining them, and applying data parallelism to a model from outside."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.parallel.apply import ExposedCommunication
    from argosy.parallel.checks import check, execution_of, layout_of, refuse_layout
    from argosy.parallel.collectives import all_reduce
    from argosy.parallel.engine import Engine, Manner, blocks_of, parallelize
    from argosy.parallel.launcher import die_with_parent, external_world, launch, report_failure, world_size
    from argosy.parallel.meeting import Crew, crew
    from argosy.parallel.mesh import Mesh
    from argosy.parallel.shared import PipelineEngine
    from argosy.parallel.start import first_row, is_placed, local_part
    from argosy.parallel.tensor import local
    from argosy.parallel.whole import gathered
    from argosy.parallel.world import World, compute_device, join

__all__ = [
    "Crew",
    "Engine",
    "ExposedCommunication",
    "Manner",
    "Mesh",
    "PipelineEngine",
    "World",
    "all_reduce",
    "blocks_of",
    "check",
    "compute_device",
    "crew",
    "die_with_parent",
    "execution_of",
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
    "refuse_layout",
    "report_failure",
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
        "PipelineEngine": "shared",
        "all_reduce": "collectives",
        "first_row": "start",
        "is_placed": "start",
        "local": "tensor",
        "local_part": "start",
        "check": "checks",
        "blocks_of": "engine",
        "refuse_layout": "checks",
        "execution_of": "checks",
        "layout_of": "checks",
        "external_world": "launcher",
        "die_with_parent": "launcher",
        "launch": "launcher",
        "report_failure": "launcher",
        "world_size": "launcher",
        "Crew": "meeting",
        "crew": "meeting",
        "gathered": "whole",
        "World": "world",
        "compute_device": "world",
        "join": "world",
    },
)
