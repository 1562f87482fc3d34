"""The published names of the data layer."""

from __future__ import annotations

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import sample_spin_configurations
from qdisc.dataset.shadows import get_classical_shadow

__all__ = ["Dataset", "get_classical_shadow", "sample_spin_configurations"]
