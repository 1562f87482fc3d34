"""Which settings are neighbours: the graph that boundaries, basins and clusters live on.

Theta axes have different units, so that a distance in theta is counted in steps: one step is the
typical spacing of the settings along an axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, minimum_spanning_tree
from scipy.spatial import Delaunay, QhullError, cKDTree

LONGEST = 2.5  # edges of a triangulation longer than this many typical edges span no measured area
DELAUNAY = 3  # most theta axes for which triangulations stay small


@dataclass(frozen=True)
class Settings:
    """Settings of a sweep as a graph.

    Attributes:
        theta: (points, k), in the order of the dataset.
        step: (k,) typical spacing along each axis, in its units.
        edges: (E, 2) pairs of neighbouring settings; the graph of all settings with snapshots is
            connected.
        length: (E,) distance in steps.
        occupied: (points,) whether there are snapshots.
    """

    theta: np.ndarray
    step: np.ndarray
    edges: np.ndarray
    length: np.ndarray
    occupied: np.ndarray

    @property
    def scaled(self) -> np.ndarray:
        """Theta in steps, (points, k)."""
        return self.theta / self.step

    @property
    def n_points(self) -> int:
        """Number of settings."""
        return self.theta.shape[0]

    def inside(self, theta: np.ndarray) -> np.ndarray:
        """Whether points (n, k) lie within the sweep: at most 0.75 steps from a setting."""
        nearest, _ = cKDTree(self.scaled[self.occupied]).query(theta / self.step)
        return nearest <= 0.75 * max(1.0, np.sqrt(self.theta.shape[1]) / 1.5)


def settings_of(dataset: Any) -> Settings:
    """Build the graph of a dataset's settings.

    On a grid, neighbours along an axis (over a gap where settings are empty); elsewhere the
    Delaunay triangulation without its long edges, or nearest neighbours in more than three axes.
    """
    theta, occupied = np.asarray(dataset.theta, np.float64), np.asarray(dataset.shots) > 0
    if dataset.is_grid:
        step = np.array([_spacing(axis) for axis in dataset.thetas])
        edges = _grid_edges(dataset.theta_shape, dataset.thetas, occupied)
    else:
        step = _scattered_steps(theta)
        edges = _scattered_edges(theta / step, occupied)
    edges = _connected(edges, theta / step, occupied)
    length = np.linalg.norm((theta[edges[:, 0]] - theta[edges[:, 1]]) / step, axis=1)
    return Settings(theta, step, edges, length, occupied)


def _spacing(values: np.ndarray) -> float:
    gaps = np.diff(np.unique(values))
    return float(np.median(gaps)) if gaps.size else 1.0


def _grid_edges(shape: tuple[int, ...], axes: Any, occupied: np.ndarray) -> np.ndarray:
    index = np.arange(occupied.size).reshape(shape)
    edges: list[tuple[int, int]] = []
    for axis, values in enumerate(axes):
        lines = np.moveaxis(index, axis, -1)[..., np.argsort(values, kind="stable")]
        for line in lines.reshape(-1, shape[axis]):
            edges += pairwise(line[occupied[line]].tolist())
    return np.array(edges, np.int64).reshape(-1, 2)


def _scattered_steps(theta: np.ndarray) -> np.ndarray:
    """Extent of each axis over the number of settings that a grid of this size would have."""
    n = len(theta)
    extent = np.ptp(theta, axis=0)
    per_axis = max(1.0, n ** (1 / max(1, int((extent > 0).sum()))) - 1)
    return np.where(extent > 0, extent / per_axis, 1.0)


def _scattered_edges(points: np.ndarray, occupied: np.ndarray) -> np.ndarray:
    index = np.flatnonzero(occupied)
    inside = points[index]
    if inside.shape[1] == 1:
        order = index[np.argsort(inside[:, 0], kind="stable")]
        return np.stack([order[:-1], order[1:]], axis=1)
    if inside.shape[1] <= DELAUNAY and index.size > inside.shape[1] + 1:
        try:
            corners = Delaunay(inside).simplices
        except QhullError:  # the settings lie on a line or a plane
            return _nearest(inside, index)
        pairs = np.concatenate(
            [corners[:, [a, b]] for a in range(corners.shape[1]) for b in range(a)]
        )
        pairs = np.unique(np.sort(pairs, axis=1), axis=0)
        length = np.linalg.norm(inside[pairs[:, 0]] - inside[pairs[:, 1]], axis=1)
        return index[pairs[length <= LONGEST * np.median(length)]]
    return _nearest(inside, index)


def _nearest(points: np.ndarray, index: np.ndarray) -> np.ndarray:
    count = min(2 * points.shape[1], index.size - 1)
    if count < 1:
        return np.zeros((0, 2), np.int64)
    _, near = cKDTree(points).query(points, count + 1)
    pairs = np.stack([np.repeat(np.arange(index.size), count), near[:, 1:].ravel()], axis=1)
    return index[np.unique(np.sort(pairs, axis=1), axis=0)]


def _connected(edges: np.ndarray, points: np.ndarray, occupied: np.ndarray) -> np.ndarray:
    """Add the shortest edges that join what the graph leaves apart."""
    index = np.flatnonzero(occupied)
    place = np.full(occupied.size, -1)
    place[index] = np.arange(index.size)
    inside = place[edges]
    graph = adjacency(inside, np.ones(len(inside)), index.size)
    count, part = connected_components(graph, directed=False)
    if count <= 1:
        return edges
    pairs, cost = [], []
    for a in range(count):
        own = np.flatnonzero(part == a)
        for b in range(a):
            other = np.flatnonzero(part == b)
            distance, near = cKDTree(points[index[own]]).query(points[index[other]])
            best = int(np.argmin(distance))
            pairs.append((own[near[best]], other[best]))
            cost.append((a, b, distance[best] + 1e-9))
    a, b, distance = (np.array(column) for column in zip(*cost, strict=True))
    tree = minimum_spanning_tree(
        csr_array((distance, (a.astype(int), b.astype(int))), shape=(count, count))
    ).tocoo()
    joined = {(int(r), int(c)) for r, c in zip(tree.row, tree.col, strict=True)}
    extra = [p for p, (r, c, _) in zip(pairs, cost, strict=True) if (r, c) in joined]
    return np.concatenate([edges, index[np.array(extra, np.int64)]])


def adjacency(edges: np.ndarray, weight: np.ndarray, n: int) -> csr_array:
    """Symmetric sparse matrix (n, n) of edge weights."""
    rows = np.concatenate([edges[:, 0], edges[:, 1]])
    columns = np.concatenate([edges[:, 1], edges[:, 0]])
    return csr_array(coo_array((np.concatenate([weight, weight]), (rows, columns)), shape=(n, n)))
