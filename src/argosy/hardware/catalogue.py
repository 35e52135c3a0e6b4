"""Published peaks of accelerators: dense matrix products, without sparsity. A wrong figure here doubles somebody's MFU.

Vendors print the rate with 2:4 sparsity first; where a document gives only that one, the dense rate is half of it.
`tests/hardware/test_catalogue.py` recomputes the figures from the chips' units and clocks.
"""

import re
from typing import Literal

from argosy.config import Record

MatmulPrecision = Literal["float32", "tfloat32", "float16", "bfloat16"]


class AcceleratorPeak(Record):
    """What one accelerator can do at most, by its maker's document."""

    name: str
    """Model."""
    pattern: str
    """Regular expression for the whole of the name the driver reports, less the maker's prefix."""
    float32_tflops: float | None
    """Peak of matrix products as PyTorch runs them by default, that is without TF32."""
    tfloat32_tflops: float | None
    """Peak after `torch.set_float32_matmul_precision("high")`."""
    float16_tflops: float | None
    """Peak with float32 accumulation, which is what PyTorch uses."""
    bfloat16_tflops: float | None
    """Peak with float32 accumulation; null where the hardware has no bfloat16."""
    source: str
    """Document the figures stand in, and its year."""


def _peak(
    name: str,
    pattern: str,
    source: str,
    *,
    float32: float | None,
    tfloat32: float | None,
    float16: float | None,
    bfloat16: float | None,
) -> AcceleratorPeak:
    return AcceleratorPeak(
        name=name,
        pattern=pattern,
        float32_tflops=float32,
        tfloat32_tflops=tfloat32,
        float16_tflops=float16,
        bfloat16_tflops=bfloat16,
        source=source,
    )


def _tensor(
    name: str, pattern: str, float32: float | None, tfloat32: float | None, half: float, source: str
) -> AcceleratorPeak:
    """An accelerator that runs float16 and bfloat16 at the same rate."""
    return _peak(name, pattern, source, float32=float32, tfloat32=tfloat32, float16=half, bfloat16=half)


# A bare "NVIDIA H100" is left out on purpose: it may be the SXM (989) or the PCIe part (756). float32 of Blackwell
# data-centre parts is left out because NVIDIA's own documents give 75 to 90. An unknown peak makes MFU null, not wrong.
CATALOGUE = (
    _tensor("GB200", r"GB200", None, 1250.0, 2500.0, "NVIDIA GB200 NVL72 data sheet, 2024; half of sparse"),
    _tensor("B200", r"B200", None, 1125.0, 2250.0, "NVIDIA Blackwell architecture brief, HGX B200, 2024"),
    _tensor("GH200", r"GH200 \d+GB?( HBM3e?)?", 66.9, 494.7, 989.4, "NVIDIA GH200 data sheet, 2023; half of sparse"),
    _tensor("H200 SXM", r"H200", 66.9, 494.7, 989.4, "NVIDIA H200 data sheet, 2024; half of sparse"),
    _tensor("H200 NVL", r"H200 NVL", 60.0, 417.5, 835.5, "NVIDIA H200 data sheet, 2024; half of sparse"),
    _tensor("H100 SXM", r"H100 (SXM5 )?\d+GB HBM3", 66.9, 494.7, 989.4, "NVIDIA H100 architecture white paper, 2022"),
    _tensor("H100 PCIe", r"H100 PCIe", 51.2, 378.0, 756.0, "NVIDIA H100 architecture white paper, 2022"),
    _tensor("H100 NVL", r"H100 NVL", 60.0, 417.5, 835.5, "NVIDIA H100 data sheet, 2024; half of sparse"),
    _tensor("A100", r"A100(-SXM4|-PCIE)-\d+GB|A100 80GB PCIe", 19.5, 156.0, 312.0, "NVIDIA A100 data sheet, 2021"),
    _tensor("A40", r"A40", 37.4, 74.8, 149.7, "NVIDIA A40 data sheet, 2021"),
    _tensor("A30", r"A30", 10.3, 82.0, 165.0, "NVIDIA A30 data sheet, 2021"),
    _tensor("A10", r"A10", 31.2, 62.5, 125.0, "NVIDIA A10 data sheet, 2021"),
    _tensor("L40S", r"L40S", 91.6, 183.0, 362.05, "NVIDIA L40S data sheet, 2023"),
    _tensor("L40", r"L40", 90.5, 90.5, 181.05, "NVIDIA L40 data sheet, 2023"),
    _tensor("L4", r"L4", 30.3, 60.0, 121.0, "NVIDIA L4 data sheet, 2023; half of sparse"),
    _tensor("RTX 6000 Ada", r"RTX 6000 Ada Generation", 91.1, 182.1, 364.2, "NVIDIA Ada white paper, 2023"),
    _tensor("RTX A6000", r"RTX A6000", 38.7, 77.4, 154.8, "NVIDIA GA102 white paper, 2021"),
    _tensor("RTX 5090", r"GeForce RTX 5090", 104.8, 104.8, 209.5, "NVIDIA RTX Blackwell white paper, 2025"),
    _tensor("RTX 4090", r"GeForce RTX 4090", 82.6, 82.6, 165.2, "NVIDIA Ada white paper, 2022"),
    _tensor("RTX 3090", r"GeForce RTX 3090", 35.6, 35.6, 71.0, "NVIDIA GA102 white paper, 2021"),
    _peak("T4", r"T4", "NVIDIA T4 data sheet, 2019", float32=8.1, tfloat32=None, float16=65.0, bfloat16=None),
    _peak(
        "V100 SXM2",
        r"V100-SXM2-\d+GB",
        "NVIDIA V100 data sheet, 2020",
        float32=15.7,
        tfloat32=None,
        float16=125.0,
        bfloat16=None,
    ),
    _peak(
        "V100 PCIe",
        r"V100-PCIE-\d+GB",
        "NVIDIA V100 data sheet, 2020",
        float32=14.0,
        tfloat32=None,
        float16=112.0,
        bfloat16=None,
    ),
    _tensor("MI300X", r"MI300X( OAM| VF)?", 163.4, 653.7, 1307.4, "AMD Instinct MI300X data sheet, 2023"),
    _tensor("MI325X", r"MI325X( OAM| VF)?", 163.4, 653.7, 1307.4, "AMD Instinct MI325X data sheet, 2024"),
    _tensor("MI355X", r"MI355X( OAM| VF)?", 157.3, None, 2516.6, "AMD Instinct MI355X data sheet, 2025"),
)

MAKERS = re.compile(r"^(NVIDIA |AMD Instinct |Tesla )+")


def find_accelerator(device_name: str) -> AcceleratorPeak | None:
    """The entry for a name as `torch.cuda.get_device_name` gives it; None for unknown ones and for MIG slices."""
    model = MAKERS.sub("", device_name.strip())
    return next((entry for entry in CATALOGUE if re.fullmatch(entry.pattern, model, re.IGNORECASE)), None)


def accelerator_peak_flops(device_name: str, precision: MatmulPrecision) -> float | None:
    """Dense peak of `precision` in FLOP/s; None when the device is not in the catalogue or lacks the precision.

    PaLM's MFU (Chowdhery et al. 2022, appendix B) divides by this figure.
    """
    entry = find_accelerator(device_name)
    tflops: float | None = None if entry is None else getattr(entry, f"{precision}_tflops")
    return None if tflops is None else tflops * 1e12
