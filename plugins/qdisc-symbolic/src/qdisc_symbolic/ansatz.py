"""The two-body ansatz f(x) = sum_{i<j} a_ij x_i x_j + b and what it is made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError

_CHUNK_BYTES = 1 << 26


def variables(dataset: Dataset, rows: Any, shift_data: bool = True) -> np.ndarray:
    """The x_i of the ansatz, float64 (n, columns).

    Args:
        dataset: Says what the columns mean.
        rows: Samples (n, columns) as the dataset stores them.
        shift_data: Map codes 0..d-1 linearly to -1..1 (s = 2x - 1 for spins). Continuous columns
            stay as they are.

    Raises:
        DataError: Shadow data: half of their columns name a basis, which is no spin.
    """
    if dataset.data_type == "shadow":
        raise DataError(
            "two-body formulas of shadows are not defined: basis codes are not spins",
            where=dataset.name or "dataset", value=dataset.data_type,
            hint="select the snapshots of one basis and pass their outcomes as discrete data",
        )  # fmt: skip
    x = np.asarray(rows, dtype=np.float64)
    if x.ndim != 2 or x.shape[1] != dataset.input_size:
        raise DataError("samples do not fit the dataset", where="samples",
                        value=f"shape {x.shape}", hint=f"(n, {dataset.input_size})")  # fmt: skip
    if not shift_data or dataset.data_type == "continuous":
        return x
    codes = dataset.input_size if dataset.data_type == "discrete" else dataset.n_sites
    top = max(dataset.local_dimension - 1, 1)
    return np.concatenate([2 * x[:, :codes] / top - 1, x[:, codes:]], axis=1)


def pairs(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns i < j of every pair, in the order of the coefficients."""
    return np.triu_indices(n, 1)


def features(x: np.ndarray) -> np.ndarray:
    """Products x_i x_j of all pairs, (n, pairs)."""
    i, j = pairs(x.shape[1])
    return x[:, i] * x[:, j]


def symmetric(alpha: np.ndarray, n: int) -> np.ndarray:
    """Coefficients as a symmetric matrix (n, n) with zero diagonal, so that df/dx = matrix @ x."""
    out = np.zeros((n, n))
    out[pairs(n)] = alpha
    return out + out.T


def evaluate(alpha: np.ndarray, constant: float, x: np.ndarray) -> np.ndarray:
    """f(x), (n,); never holds the products of all pairs."""
    matrix = symmetric(alpha, x.shape[1])
    return np.einsum("ni,ni->n", x @ matrix, x) / 2 + constant


def bilinear(u: np.ndarray, v: np.ndarray, weights: sp.csr_array) -> np.ndarray:
    """Weighted sums of u_i v_j + u_j v_i over rows, one line per row of weights, (p, pairs).

    Args:
        u: (n, columns).
        v: (n, columns).
        weights: (p, n), sparse.
    """
    n = u.shape[1]
    i, j = pairs(n)
    out = np.empty((weights.indptr.size - 1, i.size))
    step = max(1, _CHUNK_BYTES // (8 * max(u.shape[0], 1)))
    for start in range(0, i.size, step):
        a, b = i[start : start + step], j[start : start + step]
        out[:, start : start + step] = weights @ (u[:, a] * v[:, b] + u[:, b] * v[:, a])
    return out


def correlators(x: np.ndarray, weights: sp.csr_array) -> np.ndarray:
    """Weighted sums of x_i x_j over rows, one line per row of weights, (p, pairs)."""
    return bilinear(x, x, weights) / 2
