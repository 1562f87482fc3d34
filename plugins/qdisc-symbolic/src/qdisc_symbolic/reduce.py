"""Coefficients as a function of distance: the step from 36 numbers to a formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError

from qdisc_symbolic.ansatz import pairs


@dataclass(frozen=True)
class DistanceClass:
    """Pairs of sites at one distance.

    Attributes:
        distance: Distance in lattice units.
        mean: Mean coefficient.
        std: Standard deviation of the coefficients; small where distance explains them.
        n_pairs: Number of pairs.
    """

    distance: float
    mean: float
    std: float
    n_pairs: int


def by_distance(dataset: Dataset, alpha: np.ndarray) -> tuple[DistanceClass, ...]:
    """Group the coefficients by the distance of their sites, nearest first.

    Periodic directions of length L (sites at 0..L-1) count the shorter way around.

    Raises:
        DataError: Hybrid data, where a pair may be two variables of one site.
    """
    if dataset.data_type == "hybrid":
        raise DataError("pairs of hybrid data have a kind as well as a distance",
                        where="reduce_alpha", value=dataset.data_type)  # fmt: skip
    position = dataset.spec.positions
    i, j = pairs(dataset.n_sites)
    apart = np.abs(position[i] - position[j])
    if dataset.periodic is not None:
        length = position.max(0) - position.min(0) + 1
        around = np.asarray(dataset.periodic, dtype=bool)
        apart = np.where(around, np.minimum(apart, length - apart), apart)
    distance = np.round(np.linalg.norm(apart, axis=1), 9)
    out = []
    for value in np.unique(distance):
        group = alpha[distance == value]
        out.append(DistanceClass(float(value), float(group.mean()), float(group.std()), group.size))
    return tuple(out)
