"""Accelerator catalogue and this machine's profile. Torch-free."""

from typing import TYPE_CHECKING

from argosy._lazy import lazy_exports

if TYPE_CHECKING:
    from argosy.hardware.catalogue import CATALOGUE, Accelerator, accelerator_peak_flops, find_accelerator
    from argosy.hardware.measure import cached_profile, measure_profile
    from argosy.hardware.profile import Finding, HardwareProfile, findings, system_profile, usable_cores

__all__ = [
    "CATALOGUE",
    "Accelerator",
    "Finding",
    "HardwareProfile",
    "accelerator_peak_flops",
    "cached_profile",
    "find_accelerator",
    "findings",
    "measure_profile",
    "system_profile",
    "usable_cores",
]

__getattr__ = lazy_exports(
    __name__,
    {
        "CATALOGUE": "catalogue",
        "Accelerator": "catalogue",
        "accelerator_peak_flops": "catalogue",
        "find_accelerator": "catalogue",
        "cached_profile": "measure",
        "measure_profile": "measure",
        "Finding": "profile",
        "HardwareProfile": "profile",
        "findings": "profile",
        "system_profile": "profile",
        "usable_cores": "profile",
    },
)
