"""Many runs of one venture that differ in a few keys: trained as far as a budget allows, and compared. Torch-free."""

from argosy.sweep.carry_out import sweep
from argosy.sweep.results import Point, Sweep, Trial

__all__ = ["Point", "Sweep", "Trial", "sweep"]
