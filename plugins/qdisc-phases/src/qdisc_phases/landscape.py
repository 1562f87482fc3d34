"""How fast a distribution changes from setting to setting, and what that says about a labelling.

The landscape of a sweep is the squared Hellinger distance per step, sum (sqrt p - sqrt p')^2, on
its settings: low inside a phase, high on a boundary. Two labelled regions are separate phases when
the lowest way from one into the other leads over something: the pass, divided by the higher of
the two floors, is their separation. A crossover, however long, has separation 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc_phases.settings import Settings

LOW = 0.1  # quantile that stands for the lowest value; the minimum itself would follow the noise


@dataclass(frozen=True)
class Separations:
    """Separations of neighbouring regions.

    Attributes:
        pairs: (m, 2) labels.
        ratio: (m,) pass over the higher floor.
    """

    pairs: np.ndarray
    ratio: np.ndarray


def edge_distances(features: np.ndarray, settings: Settings) -> np.ndarray:
    """Squared distance per squared step along each edge of the graph, (E,)."""
    a, b = settings.edges.T
    return ((features[a] - features[b]) ** 2).sum(axis=1) / settings.length**2


def node_means(distance: np.ndarray, settings: Settings) -> np.ndarray:
    """Mean distance per squared step of the edges at each setting, (points,); NaN without any."""
    n = settings.n_points
    degree = np.bincount(settings.edges.ravel(), minlength=n)
    ends = np.repeat(distance / settings.length**2, 2)
    sums = np.bincount(settings.edges.ravel(), ends, n)
    return np.divide(sums, degree, out=np.full(n, np.nan), where=degree > 0)


def landscape(distance: np.ndarray, settings: Settings) -> np.ndarray:
    """Mean distance of the edges at each setting, averaged over its neighbours, (points,).

    NaN where there are no snapshots.
    """
    a, b = settings.edges.T
    n = settings.n_points
    degree = np.bincount(settings.edges.ravel(), minlength=n)
    sums = np.bincount(a, distance, n) + np.bincount(b, distance, n)
    height = sums / np.maximum(degree, 1)
    mean = height + np.bincount(a, height[b], n) + np.bincount(b, height[a], n)
    return np.where(settings.occupied, mean / (degree + 1), np.nan)


def separations(
    height: np.ndarray, label: np.ndarray, settings: Settings, resolution: float
) -> Separations:
    """Compare the border of each pair of neighbouring regions with the regions.

    Args:
        height: Landscape (points,).
        label: Region of each setting, -1 where there is none.
        settings: The graph.
        resolution: Distance that the shots of one setting cannot see; added to every height, so
            that ratios of noise to noise are 1.
    """
    count = int(label.max()) + 1
    floor = [float(np.quantile(height[label == n], LOW)) for n in range(count)]
    ends = np.sort(label[settings.edges], axis=1)
    top = height[settings.edges].max(axis=1)
    pairs = np.unique(ends[(ends[:, 0] != ends[:, 1]) & (ends[:, 0] >= 0)], axis=0)
    ratio = []
    for pair in pairs:
        crossing = (ends == pair).all(axis=1)
        saddle = float(np.quantile(top[crossing], LOW))
        highest = max(floor[pair[0]], floor[pair[1]])
        ratio.append((saddle + resolution) / (highest + resolution))
    return Separations(pairs.reshape(-1, 2), np.array(ratio))
