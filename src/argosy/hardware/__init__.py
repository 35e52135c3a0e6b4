"""Accelerator catalogue, this machine's profile and what is wrong with it. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.hardware.catalogue import CATALOGUE, AcceleratorPeak, accelerator_peak_flops, find_accelerator
    from argosy.hardware.diagnosis import BFLOAT16_WORTHWHILE, Finding, findings
    from argosy.hardware.limits import ContainerLimits, container_limits, usable_cores
    from argosy.hardware.measure import load_profile, measure_profile
    from argosy.hardware.profile import (
        Accelerator,
        AllReduceRate,
        DiskRate,
        HardwareProfile,
        MatmulRate,
        MemoryRate,
        Speed,
    )
    from argosy.hardware.system import system_profile

__all__ = [
    "BFLOAT16_WORTHWHILE",
    "CATALOGUE",
    "Accelerator",
    "AcceleratorPeak",
    "AllReduceRate",
    "ContainerLimits",
    "DiskRate",
    "Finding",
    "HardwareProfile",
    "MatmulRate",
    "MemoryRate",
    "Speed",
    "accelerator_peak_flops",
    "container_limits",
    "find_accelerator",
    "findings",
    "load_profile",
    "measure_profile",
    "system_profile",
    "usable_cores",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "CATALOGUE": "catalogue",
        "AcceleratorPeak": "catalogue",
        "accelerator_peak_flops": "catalogue",
        "find_accelerator": "catalogue",
        "BFLOAT16_WORTHWHILE": "diagnosis",
        "Finding": "diagnosis",
        "findings": "diagnosis",
        "ContainerLimits": "limits",
        "container_limits": "limits",
        "usable_cores": "limits",
        "load_profile": "measure",
        "measure_profile": "measure",
        "Accelerator": "profile",
        "AllReduceRate": "profile",
        "DiskRate": "profile",
        "HardwareProfile": "profile",
        "MatmulRate": "profile",
        "MemoryRate": "profile",
        "Speed": "profile",
        "system_profile": "system",
    },
)
