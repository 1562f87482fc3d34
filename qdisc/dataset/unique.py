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
    n, base = samples.shape[0], int(samples.max(initial=1)) + 1
    if n > 4 * _PROBE:
        # A probe of well spread rows: if hardly any repeat there, sorting everything is a waste.
        probe = samples[np.linspace(0, n - 1, _PROBE).astype(np.int64)]
        if np.unique(_row_keys(probe, base)).size > 0.98 * _PROBE:
            return None
    keys = _row_keys(samples, base)
    _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
    counts = CountMatrix.from_pairs(
        point, inverse.reshape(-1), np.ones(n, np.int64), n_points, first.size
    )
    configurations = samples[first]
    if configurations.nbytes + counts.nbytes >= samples.nbytes + 4 * n:
        return None
    return configurations, counts


def repeat(samples: np.ndarray) -> bool:
    """Whether many of these rows of codes are the same."""
    keys = _row_keys(samples, int(samples.max(initial=1)) + 1)
    return np.unique(keys).size <= 0.98 * samples.shape[0]


def _row_keys(samples: np.ndarray, base: int) -> np.ndarray:
    """One sortable key per row whose order is the rows' lexicographic order; codes below `base`."""
    n, columns = samples.shape
    if base == 2 and columns <= 64:
        keys = np.zeros((n, 8), np.uint8)  # the columns as bits of one number, the first on top
        packed = np.packbits(samples, axis=1)
        keys[:, : packed.shape[1]] = packed
        return keys.view(">u8").reshape(-1)
    if columns * np.log2(base) < 63:
        powers = base ** np.arange(columns - 1, -1, -1, dtype=np.int64)
        keys = np.zeros(n, np.int64)
        for column, power in enumerate(powers):  # by column: no (n, columns) int64 copy
            keys += samples[:, column] * power
        return keys
    big_endian = np.ascontiguousarray(samples.astype(samples.dtype.newbyteorder(">"), copy=False))
    return big_endian.view(np.dtype((np.void, big_endian.dtype.itemsize * columns))).reshape(-1)
