"""Find repeating snapshots, cheaply, and only when storing them once is smaller."""

from __future__ import annotations

import numpy as np

from qdisc.dataset.counts import CountMatrix

_PROBE = 20_000


def deduplicate(
    samples: np.ndarray, point: np.ndarray, n_points: int
) -> tuple[np.ndarray, CountMatrix] | None:
    """Unique rows and their counts, or None when that would not be smaller.

    Args:
        samples: Codes, uint8 or uint16 (n, columns).
        point: Point of each row, int (n,).
        n_points: Number of points.
    """
    n = samples.shape[0]
    keys = _row_keys(samples)
    if n > 4 * _PROBE:
        # A probe of well spread rows: if hardly any repeat there, sorting everything is a waste.
        probe = keys[np.linspace(0, n - 1, _PROBE).astype(np.int64)]
        if np.unique(probe).size > 0.98 * _PROBE:
            return None
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    counts = CountMatrix.from_pairs(
        point, inverse.reshape(-1), np.ones(n, np.int64), n_points, first.size
    )
    configurations = samples[first]
    if configurations.nbytes + counts.nbytes >= samples.nbytes + 4 * n:
        return None
    return configurations, counts


def _row_keys(samples: np.ndarray) -> np.ndarray:
    """One sortable key per row whose order is the rows' lexicographic order."""
    n, columns = samples.shape
    base = int(samples.max(initial=1)) + 1
    if columns * np.log2(base) < 63:
        powers = base ** np.arange(columns - 1, -1, -1, dtype=np.int64)
        keys = np.zeros(n, np.int64)
        for column, power in enumerate(powers):  # by column: no (n, columns) int64 copy
            keys += samples[:, column] * power
        return keys
    big_endian = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder(">"), copy=False))
    return big_endian.view(np.dtype((np.void, big_endian.dtype.itemsize * columns))).reshape(-1)
