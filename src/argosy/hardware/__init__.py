"""Accelerator catalogue, this machine's profile and what is wrong with it. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.hardware.calibration import calibrate
    from argosy.hardware.catalogue import (
        AcceleratorSpec,
        MatmulPrecision,
        accelerator,
        accelerator_peak_flops,
        accelerators,
        find_accelerator,
    )
    from argosy.hardware.diagnosis import BFLOAT16_WORTHWHILE, Finding, findings
    from argosy.hardware.limits import GLIBC_TUNABLES, ContainerLimits, container_limits, usable_cores
    from argosy.hardware.measure import load_profile, measure_profile
    from argosy.hardware.price_history import PastPrice, Terms, past_prices
    from argosy.hardware.price_list import Contract, Price, prices, prices_of
    from argosy.hardware.profile import (
        Accelerator,
        AllReduceRate,
        DiskRate,
        HardwareProfile,
        MatmulRate,
        MeasuredStep,
        MemoryRate,
        Speed,
        StepSetup,
    )
    from argosy.hardware.system import system_profile

__all__ = [
    "BFLOAT16_WORTHWHILE",
    "GLIBC_TUNABLES",
    "Accelerator",
    "AcceleratorSpec",
    "AllReduceRate",
    "ContainerLimits",
    "Contract",
    "DiskRate",
    "Finding",
    "HardwareProfile",
    "MatmulPrecision",
    "MatmulRate",
    "MeasuredStep",
    "MemoryRate",
    "PastPrice",
    "Price",
    "Speed",
    "StepSetup",
    "Terms",
    "accelerator",
    "accelerator_peak_flops",
    "accelerators",
    "calibrate",
    "container_limits",
    "find_accelerator",
    "findings",
    "load_profile",
    "measure_profile",
    "past_prices",
    "prices",
    "prices_of",
    "system_profile",
    "usable_cores",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "calibrate": "calibration",
        "AcceleratorSpec": "catalogue",
        "MatmulPrecision": "catalogue",
        "accelerator": "catalogue",
        "accelerators": "catalogue",
        "accelerator_peak_flops": "catalogue",
        "find_accelerator": "catalogue",
        "BFLOAT16_WORTHWHILE": "diagnosis",
        "Finding": "diagnosis",
        "findings": "diagnosis",
        "GLIBC_TUNABLES": "limits",
        "ContainerLimits": "limits",
        "container_limits": "limits",
        "usable_cores": "limits",
        "load_profile": "measure",
        "measure_profile": "measure",
        "PastPrice": "price_history",
        "Terms": "price_history",
        "past_prices": "price_history",
        "Contract": "price_list",
        "Price": "price_list",
        "prices": "price_list",
        "prices_of": "price_list",
        "Accelerator": "profile",
        "AllReduceRate": "profile",
        "DiskRate": "profile",
        "HardwareProfile": "profile",
        "MatmulRate": "profile",
        "MeasuredStep": "profile",
        "MemoryRate": "profile",
        "Speed": "profile",
        "StepSetup": "profile",
        "system_profile": "system",
    },
)
