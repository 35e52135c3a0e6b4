"""Published figures of accelerators, kept in `accelerators.csv`. A wrong figure here doubles somebody's MFU.

Rates are dense: vendors print the rate with 2:4 sparsity first; where a document gives only that one, the dense rate is
half of it. `tests/hardware/test_catalogue.py` recomputes the peaks from the chips' units and clocks.
"""

import csv
import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any, Literal

from argosy.config import Record, UserError, nearest

MatmulPrecision = Literal["float32", "tfloat32", "float16", "bfloat16", "float8", "float4"]


class AcceleratorSpec(Record):
    """What one accelerator has and can do at most, by its maker's document."""

    name: str
    """Model."""
    aliases: tuple[str, ...]
    """Other names people use."""
    maker: str
    """Company."""
    pattern: str | None
    """Regular expression for the whole of the name the driver reports, less the maker's prefix; null if not known."""
    memory_gib: float
    """Memory."""
    bandwidth_gb_per_s: float
    """Of the memory."""
    float32_tflops: float | None
    """Peak of matrix products as PyTorch runs them by default, that is without TF32."""
    tfloat32_tflops: float | None
    """Peak after `torch.set_float32_matmul_precision("high")`."""
    float16_tflops: float | None
    """Peak with float32 accumulation, which is what PyTorch uses."""
    bfloat16_tflops: float | None
    """Peak with float32 accumulation; null where the hardware has no bfloat16."""
    float8_tflops: float | None
    """Peak; null where the hardware has no 8-bit floating point."""
    float4_tflops: float | None
    """Peak; null where the hardware has no 4-bit floating point."""
    link_gb_per_s: float
    """To the other accelerators of its domain (NVLink, ICI, PCIe), both directions together."""
    link_domain: int
    """Accelerators that are linked so."""
    network_gbit_per_s: float | None
    """To other domains, each accelerator's share in the usual machine; null if not usual."""
    power_w: float | None
    """Thermal design power."""
    year: int
    """When it came out."""
    usd_per_hour: float | None
    """Median list price of an hour on demand; null where no public catalogue has one."""
    usd_low: float | None
    """Lowest of those prices."""
    usd_high: float | None
    """Highest of those prices."""
    priced: str | None
    """When they were read: year and month, or day."""
    source: str
    """Document the figures stand in, and its year."""

    def peak_flops(self, precision: MatmulPrecision) -> float | None:
        """Dense peak in FLOP/s; None where the hardware lacks the precision."""
        tflops: float | None = getattr(self, f"{precision}_tflops")
        return None if tflops is None else tflops * 1e12


def _entry(row: Mapping[str, str]) -> AcceleratorSpec:
    text = {"name", "maker", "pattern", "priced", "source"}
    values: dict[str, Any] = {
        key: (value or None) if key in text else None if value == "" else float(value)
        for key, value in row.items()
        if key != "aliases"
    }
    aliases = tuple(row["aliases"].split(";")) if row["aliases"] else ()
    whole = {key: int(values[key]) for key in ("link_domain", "year")}
    return AcceleratorSpec(**values | whole | {"aliases": aliases})


@cache
def accelerators() -> tuple[AcceleratorSpec, ...]:
    """Every accelerator known.

    A bare "NVIDIA H100" has no pattern on purpose: it may be the SXM (989) or the PCIe part (756). float32 of Blackwell
    data-centre parts is left out because NVIDIA's own documents give 75 to 90. An unknown peak makes MFU null, not
    wrong.
    """
    with resources.files("argosy.hardware").joinpath("accelerators.csv").open(encoding="utf-8") as file:
        return tuple(map(_entry, csv.DictReader(file)))


MAKERS = re.compile(r"^(NVIDIA |AMD |Radeon |Instinct |Google |Intel |Amazon |Huawei |Tesla )+")


def find_accelerator(device_name: str) -> AcceleratorSpec | None:
    """The entry for a name as `torch.cuda.get_device_name` gives it; None for unknown ones and for MIG slices."""
    model = MAKERS.sub("", device_name.strip())
    return next((e for e in accelerators() if e.pattern and re.fullmatch(e.pattern, model, re.IGNORECASE)), None)


def accelerator(name: str) -> AcceleratorSpec:
    """The entry that a user means: its name, another name, or the driver's; raises `UserError` with the nearest."""
    for wanted in (_plain(name), _plain(MAKERS.sub("", name.strip()))):
        for entry in accelerators():
            if wanted in map(_plain, (entry.name, *entry.aliases)):
                return entry
    if (reported := find_accelerator(name)) is not None:
        return reported
    known = [other.lower() for entry in accelerators() for other in (entry.name, *entry.aliases)]
    raise UserError(
        "unknown-accelerator",
        f"accelerator {name!r} is not known{nearest(name.lower(), known)}",
        hint="`argosy hardware` lists them",
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def accelerator_peak_flops(device_name: str, precision: MatmulPrecision) -> float | None:
    """Dense peak of `precision` in FLOP/s; None when the device is not in the catalogue or lacks the precision.

    PaLM's MFU (Chowdhery et al. 2022, appendix B) divides by this figure.
    """
    entry = find_accelerator(device_name)
    return None if entry is None else entry.peak_flops(precision)
