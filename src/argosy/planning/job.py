"""A training step to be predicted: which model, on what text, on which accelerators, laid out how."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from pydantic import Field

from argosy.config import Record
from argosy.hardware import AcceleratorSpec
from argosy.planning.shape import ModelShape

Arithmetic = Literal["float32", "float16", "bfloat16", "float8", "mxfp8", "nvfp4"]
Recomputation = Literal["none", "selective", "full", "unknown"]
Sharding = Literal["none", "optimizer", "gradients", "full"]
Task = Literal["pretrain", "finetune", "lora", "qlora"]
Stack = Literal["pytorch", "megatron", "xla"]
Family = Literal["volta", "ampere", "hopper", "blackwell", "tpu", "other"]
Columns = Mapping[str, npt.NDArray[Any]]
USUAL_NETWORK_GBIT_PER_S = 100.0  # of an accelerator, where nobody published it

FAMILIES: tuple[Family, ...] = get_args(Family)
_FAMILY_OF: Mapping[str, Family] = {
    "V100": "volta",
    "A100": "ampere",
    "A800": "ampere",
    "A10": "ampere",
    "A30": "ampere",
    "A40": "ampere",
    "RTX A6000": "ampere",
    "RTX 3090": "ampere",
    "H100": "hopper",
    "H200": "hopper",
    "H800": "hopper",
    "H20": "hopper",
    "GH200": "hopper",
    "B200": "blackwell",
    "B300": "blackwell",
    "GB200": "blackwell",
    "GB300": "blackwell",
    "TPU": "tpu",
}


def family_of(accelerator: AcceleratorSpec) -> Family:
    """The generation of chips, whose kernels reach like shares of their peaks."""
    return next((family for begin, family in _FAMILY_OF.items() if accelerator.name.startswith(begin)), "other")


def stack_of(accelerator: AcceleratorSpec) -> Stack:
    """Whose kernels an accelerator runs."""
    return "xla" if accelerator.maker in ("Google", "Amazon") else "pytorch"


class States(Record):
    """Bytes that a rank keeps for each scalar that is trained."""

    weights: float = 4.0
    """Of the weight that is computed with or copied from."""
    gradients: float = 4.0
    """Of its gradient; 0 where each is used up as soon as it is there."""
    master: float = 0.0
    """Of a wider copy that the optimiser moves."""
    moments: float = 8.0
    """Of what the optimiser remembers."""


# Mixed precision of each stack: FSDP2 shards float32 and gathers 16 bits; Megatron keeps both (Narayanan et al. 2021).
STATES: Mapping[Stack, States] = {
    "pytorch": States(),
    "megatron": States(weights=2.0, gradients=4.0, master=4.0, moments=8.0),
    "xla": States(),
}
IN_16_BITS = States(weights=2.0, gradients=2.0, master=0.0, moments=4.0)


class Job(Record):
    """One configuration."""

    shape: ModelShape
    """The model."""
    sequence_length: int = Field(ge=1)
    """Tokens of a sequence."""
    batch_size: float = Field(gt=0)
    """Sequences of a step, over all ranks."""
    micro_batch: float = Field(gt=0)
    """Sequences in one forward pass of one rank."""
    accelerator: AcceleratorSpec
    """Where each rank computes."""
    ranks: int = Field(ge=1)
    """Accelerators."""
    tensor: int = Field(1, ge=1)
    """Ranks that share each matrix product."""
    pipeline: int = Field(1, ge=1)
    """Stages."""
    context: int = Field(1, ge=1)
    """Ranks that share each sequence."""
    expert: int = Field(1, ge=1)
    """Ranks that share the experts of a layer."""
    virtual_stages: int = Field(1, ge=1)
    """Pieces of the model on each pipeline rank."""
    copies: int = Field(1, ge=1)
    """Groups of replicas, each of which shares among itself what replicas share (HSDP)."""
    sharding: Sharding = "full"
    """What replicas share: nothing, optimiser state (ZeRO-1), gradients too (ZeRO-2), parameters too (FSDP)."""
    arithmetic: Arithmetic = "bfloat16"
    """Of the linear layers; attention and the output projection stay at 16 bits."""
    recomputation: Recomputation = "none"
    """Of activations in the backward pass."""
    compiled: bool | None = None
    """Whether element-wise operations are fused by a compiler; null if not known."""
    stack: Stack = "pytorch"
    """Whose kernels and overlap."""
    task: Task = "pretrain"
    """What is trained: everything, or adapters beside a frozen model (with `qlora` in 4 bits)."""
    adapter_rank: int = Field(16, ge=1)
    """Inner width of adapters (Hu et al. 2021), on the four projections of attention."""
    states: States | None = None
    """What is kept for a trained scalar; the stack's usual unless given."""
    chunked_loss: bool = False
    """Whether logits exist for a part of the tokens at a time."""
    offloaded: bool = False
    """Whether kept activations wait in the host's memory."""
    recent_attention: bool = False
    """Whether a Hopper has its own attention kernels (Shah et al. 2024), as with Megatron, and PyTorch since 2.11."""
    stored_attention: bool = False
    """Whether the matrix of attention is stored, as deterministic kernels may."""
    held_whole: bool = False
    """Whether each rank keeps a frozen model whole besides its shard."""
    release: int | None = None
    """Month in which the trainer's software was released, counted from the year 0; null if not known."""
    parameters: float | None = None
    """Published number of parameters, where the shape does not tell all."""
    active_parameters: float | None = None
    """The same, of those that each token meets."""

    @property
    def data(self) -> float:
        """Replicas, sharded ones counted too."""
        return max(1.0, self.ranks / (self.tensor * self.pipeline * self.context))

    @property
    def kept(self) -> States:
        """Bytes for a trained scalar."""
        return self.states or (STATES[self.stack] if self.task == "pretrain" else IN_16_BITS)

    @property
    def tokens_per_step(self) -> float:
        """Over all ranks."""
        return self.batch_size * self.sequence_length


_LOW: Mapping[Arithmetic, str] = {"float8": "float8", "mxfp8": "float8", "nvfp4": "float4"}
_SHAPE: tuple[str, ...] = (
    "layers",
    "dim",
    "heads",
    "kv_heads",
    "head_dim",
    "ffn_dim",
    "vocabulary_size",
    "experts",
    "experts_per_token",
    "expert_ffn_dim",
    "shared_ffn_dim",
)
_OWN: tuple[str, ...] = (
    "sequence_length",
    "batch_size",
    "micro_batch",
    "ranks",
    "tensor",
    "pipeline",
    "context",
    "expert",
    "virtual_stages",
    "copies",
    "data",
)
_MARKS: Mapping[str, Callable[[Job], bool]] = {
    "gated": lambda job: job.shape.gated,
    "float8": lambda job: job.arithmetic == "float8",
    "mxfp8": lambda job: job.arithmetic == "mxfp8",
    "nvfp4": lambda job: job.arithmetic == "nvfp4",
    "recomputed": lambda job: job.recomputation == "full",
    "selective": lambda job: job.recomputation == "selective",
    "recomputation_unknown": lambda job: job.recomputation == "unknown",
    "compiled": lambda job: job.compiled is True or job.stack == "xla",
    "compiled_unknown": lambda job: job.compiled is None and job.stack != "xla",
    "megatron": lambda job: job.stack == "megatron",
    "full_sharding": lambda job: job.sharding == "full",
    "gradient_sharding": lambda job: job.sharding == "gradients",
    "optimizer_sharding": lambda job: job.sharding == "optimizer",
    "adapters": lambda job: job.task in ("lora", "qlora"),
    "four_bits": lambda job: job.task == "qlora",
    "chunked_loss": lambda job: job.chunked_loss,
    "offloaded": lambda job: job.offloaded,
    "recent_attention": lambda job: job.recent_attention or job.stack == "megatron",
    "stored_attention": lambda job: job.stored_attention,
    "held_whole": lambda job: job.held_whole,
    "tied_embeddings": lambda job: job.shape.tied_embeddings,
}


def _rate(job: Job, arithmetic: Arithmetic) -> float:
    """Dense peak, FLOP/s; where the hardware lacks the format, of the next wider one."""
    spec = job.accelerator
    for name in (_LOW.get(arithmetic, arithmetic), "float8" if arithmetic == "nvfp4" else "bfloat16", "float16"):
        peak = spec.peak_flops(name)  # type: ignore[arg-type]
        if peak is not None:
            return peak
    return spec.float32_tflops * 1e12 if spec.float32_tflops else float("nan")


def columns(jobs: Sequence[Job]) -> Columns:
    """The figures of many jobs as arrays [N], in FLOP/s and bytes a second, which prediction takes at once."""
    found: dict[str, npt.NDArray[Any]] = {}
    for name in _SHAPE:
        found[name] = np.array([getattr(job.shape, name) for job in jobs], dtype=np.float64)
    for name in _OWN:
        found[name] = np.array([getattr(job, name) for job in jobs], dtype=np.float64)
    for name, mark in _MARKS.items():
        found[name] = np.array([mark(job) for job in jobs], dtype=bool)
    found["parameters"] = np.array([job.parameters or job.shape.parameter_count() for job in jobs], dtype=np.float64)
    found["active_parameters"] = np.array(
        [job.active_parameters or job.shape.parameter_count(active=True) for job in jobs], dtype=np.float64
    )
    found["peak"] = np.array([_rate(job, job.arithmetic) for job in jobs])
    found["peak16"] = np.array([_rate(job, "bfloat16") for job in jobs])
    specs = [job.accelerator for job in jobs]
    found["bandwidth"] = 1e9 * np.array([spec.bandwidth_gb_per_s for spec in specs])
    found["link"] = 1e9 / 2 * np.array([spec.link_gb_per_s for spec in specs])
    found["domain"] = np.array([spec.link_domain for spec in specs], dtype=np.float64)
    network = [_network_gb_per_s(spec) for spec in specs]
    found["network"] = 1e9 * np.array(network)
    for name in States.model_fields:
        found[f"{name}_bytes"] = np.array([getattr(job.kept, name) for job in jobs])
    found["adapter_rank"] = np.array([job.adapter_rank for job in jobs], dtype=np.float64)
    found["memory"] = 2.0**30 * np.array([spec.memory_gib for spec in specs])
    found["family"] = np.array([FAMILIES.index(family_of(spec)) for spec in specs])
    return found


def _network_gb_per_s(spec: AcceleratorSpec) -> float:
    """Between domains; a TPU's slices are one torus, so that its links are its network."""
    if family_of(spec) == "tpu":
        return spec.link_gb_per_s / 2
    return (spec.network_gbit_per_s or USUAL_NETWORK_GBIT_PER_S) / 8
