"""Snapshots as counts: those to learn from and those held out, per setting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator

HELD_OUT = 0.5  # share of the shots of each setting that no fit sees


@dataclass(frozen=True)
class Shots:
    """Counts (points, configurations), float64.

    Attributes:
        train: Shots to learn from.
        held_out: Shots to judge by.
    """

    train: sp.csr_array
    held_out: sp.csr_array


def split(dataset: Dataset, key: Any, held_out: float = HELD_OUT) -> Shots:
    """Put every single shot on one of two sides, with probability `held_out` on the second.

    Args:
        dataset: The sweep.
        key: jax key, new or legacy, or a whole number.
        held_out: Expected share of shots that are held out.
    """
    counts = dataset.counts
    taken = generator(key, 0).binomial(counts.data, held_out)
    shape = (counts.n_points, counts.n_configurations)

    def matrix(data: np.ndarray) -> sp.csr_array:
        out = sp.csr_array((data.astype(np.float64), counts.indices, counts.indptr), shape=shape)
        out = out.copy()
        out.eliminate_zeros()
        return out

    return Shots(matrix(counts.data - taken), matrix(taken))


def parts(counts: sp.csr_array, n: int, rng: np.random.Generator) -> list[sp.csr_array]:
    """Deal every single shot to one of n parts, each with the same probability."""
    dealt = rng.multinomial(counts.data.astype(np.int64), np.full(n, 1 / n))
    out = []
    for k in range(n):
        part = sp.csr_array(
            (dealt[:, k].astype(np.float64), counts.indices.copy(), counts.indptr.copy()),
            shape=counts.shape,
        )
        part.eliminate_zeros()
        out.append(part)
    return out


def pooled(counts: sp.csr_array, mask: np.ndarray) -> np.ndarray:
    """How often each configuration was seen at the settings of a mask, (configurations,)."""
    return np.asarray(counts[np.flatnonzero(mask)].sum(axis=0)).reshape(-1)


def draw(weights: np.ndarray, n: int, rng: np.random.Generator) -> np.ndarray:
    """Pick n of the counted shots without replacement; all of them when there are fewer."""
    total = int(weights.sum())
    if n >= total:
        return weights
    chosen = np.zeros(weights.size)
    seen = np.flatnonzero(weights)
    picked = rng.choice(total, size=n, replace=False, shuffle=False)
    owner = np.searchsorted(np.cumsum(weights[seen]), picked, side="right")
    np.add.at(chosen, seen[owner], 1.0)
    return chosen


def shares(counts: sp.csr_array) -> sp.csr_array:
    """Counts divided by the shots of their setting; rows without shots stay empty."""
    total = np.asarray(counts.sum(axis=1)).reshape(-1)
    scale = np.divide(1.0, total, out=np.zeros_like(total), where=total > 0)
    return sp.csr_array(sp.diags_array(scale) @ counts)
