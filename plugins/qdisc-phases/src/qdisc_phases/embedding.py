"""Coordinates in which settings that short paths connect lie close together.

Each edge of the sweep conducts like 1 / (squared distance of its two distributions + softening).
The commute-time coordinates of this network (Fouss et al., IEEE Trans. Knowl. Data Eng. 19, 355,
2007) are eigenvectors of its Laplacian over the square roots of their eigenvalues: squared
distances are resistances. A phase, inside which nothing changes, shrinks to a point, a boundary
opens a gap, and the first K - 1 coordinates hold the K best separated groups.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import eigh
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import eigsh

from qdisc_phases.settings import Settings, adjacency

SOFTENING = 0.1  # of the median squared distance
DENSE = 2000  # settings up to which all eigenvectors are computed


def coordinates(distance: np.ndarray, settings: Settings, count: int) -> np.ndarray:
    """Commute-time coordinates, scaled to a mean square of 1 altogether, (points, count).

    Args:
        distance: Squared distance of each edge, (E,).
        settings: The graph; settings without snapshots get NaN.
        count: Number of coordinates; fewer settings than that leave the rest zero.
    """
    index = np.flatnonzero(settings.occupied)
    place = np.full(settings.n_points, -1)
    place[index] = np.arange(index.size)
    soft = SOFTENING * float(np.median(distance)) or 1.0
    conductance = 1 / (np.maximum(distance, 0) + soft)
    graph = adjacency(place[settings.edges], conductance / conductance.mean(), index.size)
    matrix = laplacian(graph)
    have = min(count, index.size - 1)
    if index.size <= DENSE:
        value, vector = eigh(matrix.toarray(), subset_by_index=[1, have])
    else:
        start = np.ones(index.size)  # ARPACK draws its own start otherwise
        value, vector = eigsh(matrix.tocsc(), have + 1, sigma=-1e-6, v0=start)
        order = np.argsort(value)[1:]
        value, vector = value[order], vector[:, order]
    out = np.full((settings.n_points, count), np.nan)
    out[index] = 0.0
    found = vector / np.sqrt(np.maximum(value, 1e-12))
    out[index, :have] = found / np.sqrt(np.mean(found**2) * have)
    return out
