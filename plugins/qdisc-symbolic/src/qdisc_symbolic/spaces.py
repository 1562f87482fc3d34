"""What a formula is a sum of: features of snapshots, and their means over shots."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import scipy.sparse as sp

from qdisc_symbolic import ansatz


class Space(Protocol):
    """Features of configurations.

    Attributes:
        size: Number of features.
    """

    size: int

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Features of some configurations, (rows,) -> (rows, features)."""
        ...

    def means(self, share: sp.csr_array) -> np.ndarray:
        """Features averaged over the shots of each setting, (points, features)."""
        ...


class Pairs:
    """Products x_i x_j of all pairs; never held for all configurations at once.

    Args:
        x: Variables of every configuration, (configurations, columns).
    """

    def __init__(self, x: np.ndarray) -> None:
        self._x = x
        self.size = x.shape[1] * (x.shape[1] - 1) // 2

    def features(self, rows: np.ndarray) -> np.ndarray:
        """x_i x_j of some configurations, (rows, pairs)."""
        return ansatz.features(self._x[rows])

    def means(self, share: sp.csr_array) -> np.ndarray:
        """<x_i x_j> of each setting, (points, pairs)."""
        return ansatz.correlators(self._x, share)


class Table:
    """Features that are held for every configuration.

    Args:
        values: (configurations, features).
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.size = values, values.shape[1]

    def features(self, rows: np.ndarray) -> np.ndarray:
        """Some of the rows."""
        return self.values[rows]

    def means(self, share: sp.csr_array) -> np.ndarray:
        """Means over the shots of each setting."""
        return np.asarray(share @ self.values)
