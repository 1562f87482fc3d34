"""Derivatives over theta as sparse matrices: central on grids, local planes on scattered sweeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse import csr_array, lil_array
from scipy.spatial import cKDTree


@dataclass(frozen=True)
class Derivative:
    """d/d theta_a of any quantity known at the settings.

    Attributes:
        matrix: Sparse (points, points); a row without entries where there is no derivative.
        step: Typical spacing of the settings along the axis.
    """

    matrix: csr_array
    step: float


def derivatives(dataset: Any) -> list[Derivative]:
    """One derivative per theta axis; settings without snapshots are left out.

    On a grid (f(next) - f(previous)) / (theta_next - theta_previous), one-sided at the ends and
    beside empty settings. Elsewhere the slope of the least-squares plane through the setting and
    its 2 k + 2 nearest neighbours, distances counted in typical spacings.
    """
    occupied = np.asarray(dataset.shots) > 0
    return _on_grid(dataset, occupied) if dataset.is_grid else _scattered(dataset, occupied)


def _on_grid(dataset: Any, occupied: np.ndarray) -> list[Derivative]:
    shape, out = dataset.theta_shape, []
    index = np.arange(occupied.size).reshape(shape)
    for axis, values in enumerate(dataset.thetas):
        matrix = lil_array((occupied.size, occupied.size))
        order = np.argsort(values, kind="stable")
        for line in np.moveaxis(index, axis, -1)[..., order].reshape(-1, shape[axis]):
            there = np.flatnonzero(occupied[line])
            for place, n in enumerate(there):
                before, after = there[max(0, place - 1)], there[min(len(there) - 1, place + 1)]
                if before < after:
                    length = values[order[after]] - values[order[before]]
                    matrix[line[n], line[after]] = 1 / length
                    matrix[line[n], line[before]] = -1 / length
        gaps = np.diff(np.unique(values))
        out.append(Derivative(csr_array(matrix), float(np.median(gaps)) if gaps.size else 1.0))
    return out


def _scattered(dataset: Any, occupied: np.ndarray) -> list[Derivative]:
    theta, index = np.asarray(dataset.theta, float), np.flatnonzero(occupied)
    k = theta.shape[1]
    extent = np.ptp(theta, axis=0)
    step = np.where(extent > 0, extent / max(1.0, len(theta) ** (1 / k) - 1), 1.0)
    places = theta[index] / step
    matrices = [lil_array((len(theta), len(theta))) for _ in range(k)]
    count = min(2 * k + 3, index.size)
    _, near = cKDTree(places).query(places, count)
    for row, neighbours in enumerate(near.reshape(index.size, count)):
        design = np.concatenate([np.ones((count, 1)), places[neighbours] - places[row]], axis=1)
        if np.linalg.matrix_rank(design, tol=1e-6) <= k:
            continue  # the neighbours lie on a line or a plane
        slopes = np.linalg.pinv(design)[1:] / step[:, None]
        for axis in range(k):
            matrices[axis][index[row], index[neighbours]] = slopes[axis]
    return [Derivative(csr_array(m), float(s)) for m, s in zip(matrices, step, strict=True)]
