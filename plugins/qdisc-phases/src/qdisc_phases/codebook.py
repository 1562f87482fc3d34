"""The distribution of the latents at each setting: shares of cells that cover where mu lies.

A phase with two signs of the order has the same mean of mu as one without order, and another
distribution. Cells are those of k-means on mu of all snapshots, so that they are small where many
snapshots are. The square roots of the shares are the features: their Euclidean distances are
Hellinger distances, and their shot noise is the same everywhere, variance 1/(4 shots) in every
direction.
"""

from __future__ import annotations

import numpy as np
from sklearn.cluster import KMeans

FITTED = 20_000  # rows that cells are fitted to
SHOTS_PER_CELL = 16  # fewer, and a square root of a share is biased
MOST, LEAST = 64, 4


def n_cells(shots: np.ndarray) -> int:
    """Number of cells that the shots of a typical setting fill."""
    typical = float(np.median(shots[shots > 0]))
    return int(np.clip(typical / SHOTS_PER_CELL, LEAST, MOST))


def cells_of(values: list[np.ndarray], weights: np.ndarray, count: int, key: int) -> np.ndarray:
    """Number of the cell of each row, int (len(values), rows).

    Args:
        values: Latents (rows, latents) of snapshots, and of their mirror images if these count
            as the same.
        weights: Snapshots per row, (rows,).
        count: Number of cells.
        key: Fixes the start.
    """
    rows, weight = np.concatenate(values), np.tile(weights, len(values)).astype(np.float64)
    fitted, heavy = rows, weight
    if len(rows) > FITTED:
        ends = np.cumsum(weight) / weight.sum()
        taken = np.unique(np.searchsorted(ends, np.random.default_rng(key).random(FITTED)))
        fitted, heavy = rows[taken], np.ones(taken.size)
    count = min(count, len(np.unique(fitted.round(6), axis=0)))
    means = KMeans(count, n_init=2, random_state=key).fit(fitted.astype(np.float64),
                                                          sample_weight=heavy)  # fmt: skip
    return means.predict(rows.astype(np.float64)).reshape(len(values), -1)


def shares_of(cells: np.ndarray, counts: object) -> np.ndarray:
    """Share of the shots of each setting in each cell, (points, cells); zeros without shots."""
    n = int(cells.max()) + 1
    point, row = counts.point_of_entry() * n, counts.indices  # type: ignore[attr-defined]
    total = sum(
        np.bincount(point + one[row], counts.data, counts.n_points * n)  # type: ignore[attr-defined]
        for one in cells
    )
    table = np.asarray(total, np.float64).reshape(-1, n)
    return table / np.maximum(table.sum(axis=1, keepdims=True), 1)


def resampled(shares: np.ndarray, shots: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Shares of a bootstrap replicate: as many shots, drawn with replacement at each setting."""
    out = np.zeros_like(shares)
    seen = np.flatnonzero(shots > 0)
    out[seen] = rng.multinomial(shots[seen], shares[seen]) / shots[seen, None]
    return out
