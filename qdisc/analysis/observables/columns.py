"""The columns of a snapshot that hold one number per site, and which pairs to correlate."""

from __future__ import annotations

import numpy as np

from qdisc.plugin import DataSpec

KINDS = ("discrete", "continuous", "hybrid")


def site_values(snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
    """Values s (samples, N): all columns, or the discrete half of hybrid data."""
    return np.asarray(snapshots[:, : data_spec.n_sites], dtype=np.float64)
