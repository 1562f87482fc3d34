"""Snapshots as numbers: one column per site, and products of two of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.plugin import DataSpec

BLOCK = 1 << 22  # numbers at a time


def columns(dataset: Any, rows: np.ndarray) -> np.ndarray:
    """Configurations (n, columns) as float64 (n, features), one feature per site.

    Spins are -1 and +1, other local states their physical values, standardised over all codes;
    values are standardised over the data. A shadow's site has three columns X, Y, Z: sqrt(3) times
    the outcome in the one that was measured, 0 in the others, so that columns have variance one.
    """
    kind, n = dataset.data_type, dataset.n_sites
    if kind == "shadow":
        basis, outcome = rows[:, 0::2], 2.0 * rows[:, 1::2] - 1
        shown = (basis[..., None] == np.arange(2, 5)) * outcome[..., None]
        return np.sqrt(3) * shown.reshape(len(rows), -1)
    parts = []
    if kind != "continuous":
        states = np.asarray(dataset.local_states, float)
        states = (states - states.mean()) / states.std()
        parts.append(states[rows[:, :n].astype(np.int64)])
    if kind != "discrete":
        location, scale = np.asarray(dataset.spec.location), np.asarray(dataset.spec.scale)
        parts.append((rows[:, -n:] - location) / scale)
    return np.concatenate(parts, axis=1)


def site_of_column(spec: DataSpec) -> np.ndarray:
    """Site of each feature of `columns`."""
    sites = np.arange(spec.n_sites)
    if spec.data_type == "shadow":
        return np.repeat(sites, 3)
    return np.tile(sites, 2) if spec.data_type == "hybrid" else sites


def pairs_of_columns(spec: DataSpec, most: int) -> np.ndarray:
    """Pairs (m, 2) of features on different sites, nearest sites first, at most `most`.

    Whole shells of equal distance are taken, so that no lattice symmetry is broken.
    """
    site = site_of_column(spec)
    a, b = np.triu_indices(site.size, 1)
    apart = site[a] != site[b]
    a, b = a[apart], b[apart]
    distance = spec.distances()[site[a], site[b]].round(6)
    shells, size = np.unique(distance, return_counts=True)
    fits = np.cumsum(size) <= most
    if not fits.any():
        return np.zeros((0, 2), np.int64)
    keep = distance <= shells[fits].max()
    return np.stack([a[keep], b[keep]], axis=1)


def with_pairs(x: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Columns and their products over pairs, (n, features + pairs)."""
    return np.concatenate([x, x[:, pairs[:, 0]] * x[:, pairs[:, 1]]], axis=1)


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of features over the shots of each setting.

    Attributes:
        shots: (points,).
        mean: (points, F); NaN without shots.
        covariance: (points, F, F), over all shots (divided by their number).
    """

    shots: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray

    def without_empty(self, keep: np.ndarray) -> Moments:
        """The settings for which `keep` holds."""
        return Moments(self.shots[keep], self.mean[keep], self.covariance[keep])


def settings_of(dataset: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Configurations and how often each was seen, setting after setting."""
    counts = dataset.counts
    for p in range(dataset.n_points):
        entries = slice(counts.indptr[p], counts.indptr[p + 1])
        yield dataset.configurations[counts.indices[entries]], counts.data[entries]


def moments(dataset: Any, pairs: np.ndarray) -> Moments:
    """Moments of columns and pairs at each setting."""
    width = site_of_column(dataset.spec).size + len(pairs)
    mean = np.full((dataset.n_points, width), np.nan)
    covariance = np.full((dataset.n_points, width, width), np.nan)
    step = max(1, BLOCK // width)
    for p, (rows, count) in enumerate(settings_of(dataset)):
        if not len(rows):
            continue
        total, square, shots = np.zeros(width), np.zeros((width, width)), count.sum()
        for start in range(0, len(rows), step):
            part = slice(start, start + step)
            phi = with_pairs(columns(dataset, rows[part]), pairs)
            weighted = phi * count[part, None]
            total += weighted.sum(axis=0)
            square += phi.T @ weighted
        mean[p] = total / shots
        covariance[p] = square / shots - np.outer(mean[p], mean[p])
    return Moments(np.asarray(dataset.shots), mean, covariance)
