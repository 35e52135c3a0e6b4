"""Accelerators and their published peaks: dense, without sparsity. A wrong figure here doubles somebody's MFU."""

from argosy.config import Precision, Record


class Accelerator(Record):
    """One accelerator as its data sheet describes it."""

    name: str
    """Model."""
    matches: tuple[str, ...]
    """Parts of the name the driver reports; the first entry of the catalogue that matches counts."""
    float32_tflops: float
    """Peak of matrix products as PyTorch runs them by default (no TF32)."""
    bfloat16_tflops: float | None
    """Peak of dense bfloat16 matrix products; null where the hardware has none."""
    memory_gib: float
    """Memory as sold."""
    bandwidth_gb_per_s: float
    """Memory bandwidth."""
    source: str
    """Data sheet, read on 2026-11-24."""


def _entry(
    name: str, matches: str, float32: float, bfloat16: float | None, memory: float, bandwidth: float, source: str
) -> Accelerator:
    return Accelerator(
        name=name,
        matches=tuple(matches.split("|")),
        float32_tflops=float32,
        bfloat16_tflops=bfloat16,
        memory_gib=memory,
        bandwidth_gb_per_s=bandwidth,
        source=source,
    )


CATALOGUE = (
    _entry("B200 SXM", "B200", 75.0, 2250.0, 180, 8000, "NVIDIA DGX B200 data sheet (dense = half of sparse)"),
    _entry("H200 SXM", "H200", 67.0, 989.5, 141, 4800, "NVIDIA H200 data sheet (dense = half of sparse)"),
    _entry("H100 PCIe", "H100 PCIe", 51.0, 756.5, 80, 2000, "NVIDIA H100 data sheet (dense = half of sparse)"),
    _entry("H100 NVL", "H100 NVL", 60.0, 835.5, 94, 3900, "NVIDIA H100 data sheet (dense = half of sparse)"),
    _entry("H100 SXM", "H100", 67.0, 989.5, 80, 3350, "NVIDIA H100 data sheet (dense = half of sparse)"),
    _entry("A100 80GB", "A100-SXM4-80GB|A100 80GB", 19.5, 312.0, 80, 2039, "NVIDIA A100 data sheet"),
    _entry("A100 40GB", "A100", 19.5, 312.0, 40, 1555, "NVIDIA A100 data sheet"),
    _entry("L40S", "L40S", 91.6, 362.05, 48, 864, "NVIDIA L40S data sheet (dense = half of sparse)"),
    _entry("L4", "NVIDIA L4", 30.3, 121.0, 24, 300, "NVIDIA L4 data sheet (dense = half of sparse)"),
    _entry("A10G", "A10G", 31.2, 70.0, 24, 600, "AWS and NVIDIA A10G product brief"),
    _entry("RTX 4090", "RTX 4090", 82.6, 165.2, 24, 1008, "NVIDIA Ada GPU architecture white paper, appendix A"),
    _entry("RTX 3090", "RTX 3090", 35.6, 71.0, 24, 936, "NVIDIA GA102 white paper, appendix A"),
    _entry("V100 SXM2", "V100", 15.7, None, 16, 900, "NVIDIA V100 data sheet"),
    _entry("T4", "T4", 8.1, None, 16, 300, "NVIDIA T4 data sheet"),
    _entry("MI300X", "MI300X", 163.4, 1307.4, 192, 5300, "AMD Instinct MI300X data sheet"),
    _entry("MI250X", "MI250X", 47.9, 383.0, 128, 3277, "AMD Instinct MI250X data sheet"),
)


def find_accelerator(device_name: str) -> Accelerator | None:
    """The catalogue's entry for a name as the driver reports it, or None."""
    return next((a for a in CATALOGUE if any(part in device_name for part in a.matches)), None)


def accelerator_peak_flops(device_name: str, precision: Precision) -> float | None:
    """Published dense peak in FLOP/s, or None when the device or the precision is not in the catalogue."""
    accelerator = find_accelerator(device_name)
    if accelerator is None:
        return None
    tflops = accelerator.bfloat16_tflops if precision == "bfloat16" else accelerator.float32_tflops
    return None if tflops is None else tflops * 1e12
