"""What a machine has and how fast it really is."""

from pathlib import Path
from typing import Literal

from argosy.config import Precision, Record, TransformerConfig

GIB = 2**30


class Processor(Record):
    """The processor, and how much of it this process may use."""

    model: str
    """Name by its maker."""
    logical_cores: int
    """Hardware threads of the machine."""
    physical_cores: int | None
    """Cores of the machine, hyper-threads not counted; null where the system does not tell."""
    usable_cores: int
    """Whole cores left by this process's affinity and its container's quota."""
    quota_cores: float | None
    """The container's quota, in cores; null without one."""


class Memory(Record):
    """Main memory, and how much of it this process may use."""

    total_gib: float
    """Memory of the machine."""
    usable_gib: float
    """The same, or the container's limit where that is lower."""
    swap_used_gib: float
    """Memory now moved out to disk."""
    swap_gib: float
    """Room for moving memory out to disk."""
    shared_gib: float | None
    """Size of /dev/shm; null where there is none."""


class Disk(Record):
    """The disk under the working folder."""

    folder: Path
    """Folder looked at."""
    free_gib: float
    """Space this user may still write."""


class Software(Record):
    """What is installed, and the settings that change speed."""

    system: str
    """Operating system, its version and architecture."""
    python: str
    """Version of Python."""
    torch: str | None
    """Version of PyTorch; null when it is not installed."""
    compiler: Path | None
    """C++ compiler that `torch.compile` finds: `$CXX`, else `g++`; null when it finds none."""
    python_headers: bool
    """Whether Python.h, which compiled kernels include, is installed."""
    nvidia_driver: str | None
    """Version of the NVIDIA driver; null without one."""
    missing: tuple[str, ...]
    """Optional packages that are not installed."""
    omp_num_threads: str | None
    """Environment variable OMP_NUM_THREADS, which every rank obeys; null when unset."""
    visible_devices: str | None = None
    """Environment variable CUDA_VISIBLE_DEVICES; null when unset."""
    open_files_limit: int
    """Files and sockets a process may hold open (`ulimit -n`)."""


class Accelerator(Record):
    """Accelerators of one kind that PyTorch sees."""

    name: str
    """Model as the driver reports it."""
    count: int
    """How many."""
    memory_gib: float
    """Memory of each."""
    bfloat16: bool
    """Whether the hardware multiplies bfloat16 (not emulated)."""


class MatmulRate(Record):
    """The product of two square matrices, each element of order 1/√size as in a trained network."""

    device: str
    """`cpu`, or the accelerator's name."""
    precision: Precision
    """Number format."""
    size: int
    """Side of the matrices."""
    tflops: float
    """Best rate, 2·size³ operations, in 10¹² a second."""


class MemoryRate(Record):
    """Streaming over arrays larger than the caches (STREAM, McCalpin 1995)."""

    device: str
    """`cpu`, or the accelerator's name."""
    kind: Literal["copy", "triad"]
    """`copy` is a = b, `triad` is a = b + s·c."""
    bandwidth_gib_per_s: float
    """Best rate, bytes read and written both counted."""


class DiskRate(Record):
    """Reading a file that the system's cache does not hold."""

    kind: Literal["sequential", "random"]
    """In order, or rows at random places as a shuffled epoch reads them."""
    block_bytes: int
    """Size of one read."""
    bandwidth_gib_per_s: float
    """Rate over the whole file."""


class AllReduceRate(Record):
    """A sum over processes of this machine, in place."""

    ranks: int
    """Processes."""
    backend: str
    """`gloo` between CPUs, `nccl` between accelerators."""
    bytes: int
    """Size of each rank's buffer."""
    seconds: float
    """Median time, which is what training meets."""
    bandwidth_gib_per_s: float
    """Bytes each rank must send in that time, 2·(ranks − 1)/ranks of the buffer (nccl-tests' bus bandwidth)."""


class StepSetup(Record):
    """A training step of a language model on the processors of one machine."""

    model: TransformerConfig
    """Shape; `sequence_length` is that of the batch."""
    batch_size: int
    """Sequences of a step, over all ranks."""
    micro_batch: int
    """Sequences in one forward pass of one rank."""
    precision: Precision
    """Type of the matrix products."""
    compile: bool = False
    """Whether blocks are compiled."""
    recompute: bool = False
    """Whether blocks are recomputed in the backward pass."""
    ranks: int = 1
    """Processes that share the cores and the batch."""
    optimizer: Literal["adamw", "muon", "sgd"] = "adamw"
    """What updates the weights; Muon those of the blocks, AdamW the others."""

    @property
    def tokens(self) -> int:
        """Of a step."""
        return self.batch_size * self.model.sequence_length


class MeasuredStep(StepSetup):
    """How long it took here, and what it needed."""

    step_time_s: float
    """Median."""
    peak_memory_gib: float
    """High-water mark of the fullest rank over what it had before the model was built."""


class Speed(Record):
    """Measured rates. Those of the processor use all usable cores; all-reduce divides them among the ranks."""

    measured_at: str
    """When, ISO 8601, UTC."""
    busy_cores: float | None = None
    """Cores that other programs kept busy just before; the figures are too low by about as much."""
    matmul: tuple[MatmulRate, ...] = ()
    """Matrix products on the device that training uses."""
    memory: tuple[MemoryRate, ...] = ()
    """Memory bandwidth of that device."""
    disk: tuple[DiskRate, ...] = ()
    """Reads from the disk under the working folder; empty where it cannot be written."""
    all_reduce: tuple[AllReduceRate, ...] = ()
    """Sums over two processes."""
    training: tuple[MeasuredStep, ...] = ()
    """Training steps, with AdamW; empty until `argosy calibrate`."""
    calibrated_at: str | None = None
    """When those were measured."""

    def best_tflops(self, precision: Precision) -> float | None:
        """Best matrix product in `precision` over all sizes, in 10¹² operations a second; None if not measured."""
        return max((rate.tflops for rate in self.matmul if rate.precision == precision), default=None)

    def bfloat16_gain(self) -> float | None:
        """Rate of bfloat16 over that of float32 at the largest size measured in both; None if there is none."""
        rates = {(rate.precision, rate.size): rate.tflops for rate in self.matmul}
        both = [size for precision, size in rates if precision == "float32" and ("bfloat16", size) in rates]
        return rates["bfloat16", max(both)] / rates["float32", max(both)] if both else None


class HardwareProfile(Record):
    """One machine: what it has, and how fast it really is."""

    hostname: str
    """Name of the machine."""
    processor: Processor
    """Its processor."""
    memory: Memory
    """Its memory."""
    disk: Disk
    """Its disk."""
    software: Software
    """What is installed."""
    accelerators: tuple[Accelerator, ...] = ()
    """What PyTorch can compute on besides the processor; empty until measured."""
    speed: Speed | None = None
    """Measured rates; null until measured."""
