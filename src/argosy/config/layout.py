"""Where a computation runs (`Layout`) and how (`Execution`); neither changes what is computed."""

from typing import Literal

from pydantic import Field

from argosy.config.errors import nearest
from argosy.config.record import Record

Precision = Literal["float32", "bfloat16"]
PipelineSchedule = Literal["gpipe", "1f1b", "interleaved", "zero-bubble"]


class Layout(Record):
    """Degrees of parallelism; the ranks are their product, the batch is split over `data` × `shard`."""

    data: int = Field(1, ge=1)
    """Replicas of the model, each seeing its part of every batch."""
    shard: int = Field(1, ge=1)
    """Ranks that share one copy of parameters, gradients and optimiser state (FSDP, ZeRO-3)."""
    tensor: int = Field(1, ge=1)
    """Ranks that share each matrix product (Megatron)."""
    pipeline: int = Field(1, ge=1)
    """Stages the layers are divided into."""
    context: int = Field(1, ge=1)
    """Ranks that share each sequence."""

    @property
    def ranks(self) -> int:
        """Number of processes."""
        return self.data * self.shard * self.tensor * self.pipeline * self.context

    def __str__(self) -> str:
        degrees = [f"{name}={value}" for name, value in self.model_dump().items() if value > 1]
        return ",".join(degrees) or "one process"


class AutomaticLayout(Layout):
    """What `layout = "auto"` is until the planner has chosen: one process."""


def layout_from(text: str) -> Layout:
    """The layout written as `data=2,tensor=2`; `auto` leaves it to the planner.

    Raises `ValueError` naming the part that is wrong.
    """
    if text.strip() == "auto":
        return AutomaticLayout()
    degrees: dict[str, int] = {}
    for part in text.split(","):
        name, _, number = (word.strip() for word in part.partition("="))
        if name not in Layout.model_fields:
            known = ", ".join(Layout.model_fields)
            raise ValueError(f"{name!r} is no degree: {known}, or auto alone{nearest(name, Layout.model_fields)}")
        if name in degrees or not number.isdecimal() or int(number) < 1:
            raise ValueError(f"{part.strip()!r}: expected each degree once, with a whole number from 1: {name}=2")
        degrees[name] = int(number)
    return Layout(**degrees)


class Execution(Record):
    """How each rank carries out its part of a step."""

    micro_batch: int = Field(ge=1)
    """Sequences in one forward pass of one rank."""
    precision: Precision
    """Type of the matrix products; parameters and optimiser state stay float32."""
    compile: bool
    """Whether `torch.compile` is applied to the model."""
    recompute: bool
    """Whether block activations are recomputed in the backward pass (Chen et al. 2016)."""
    accumulation: int = 1
    """Passes of a pipeline in one step."""
    schedule: PipelineSchedule = "1f1b"
    """Order of a pipeline's micro-batches."""
    virtual_stages: int = 1
    """Stages of one rank of a pipeline."""
