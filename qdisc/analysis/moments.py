"""Means and variances over the shots of every point, from values that come in blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
from scipy.sparse import csr_array

from qdisc.dataset.counts import CountMatrix


def streamed_sums(counts: CountMatrix, blocks: Iterable[tuple[slice, np.ndarray]]) -> np.ndarray:
    """Count-weighted sums over configurations, float64 (points, ...), in bounded memory.

    Args:
        counts: Points x configurations.
        blocks: Pairs of rows a:b and values (b - a, ...), together every configuration once.
    """
    of_rows = _in_order(counts) if _is_in_order(counts) else _by_column(counts)
    sums: np.ndarray | None = None
    tail: tuple[int, ...] = ()
    for rows, values in blocks:
        tail = values.shape[1:]
        flat = values.reshape(values.shape[0], -1).astype(np.float64, copy=False)
        if sums is None:
            sums = np.zeros((counts.n_points, flat.shape[1]))
        part = of_rows(rows)
        touched = np.flatnonzero(np.diff(part.indptr))  # plain data: a block has few points
        sums[touched] += part[touched] @ flat
    assert sums is not None
    return sums.reshape(counts.n_points, *tail)


def _is_in_order(counts: CountMatrix) -> bool:
    """Whether row i of the configurations is entry i, seen once."""
    return counts.plain and bool((np.diff(counts.indices) == 1).all())


def _in_order(counts: CountMatrix) -> Callable[[slice], csr_array]:
    def part(rows: slice) -> csr_array:
        size = rows.stop - rows.start
        indptr = np.clip(counts.indptr - rows.start, 0, size)
        return csr_array((np.ones(size), np.arange(size), indptr), shape=(counts.n_points, size))

    return part


def _by_column(counts: CountMatrix) -> Callable[[slice], csr_array]:
    shape = (counts.n_points, counts.n_configurations)
    data = counts.data.astype(np.float64)
    matrix = csr_array((data, counts.indices, counts.indptr), shape=shape).tocsc()
    return lambda rows: csr_array(matrix[:, rows])


def streamed_mean(counts: CountMatrix, blocks: Iterable[tuple[slice, np.ndarray]]) -> np.ndarray:
    """Mean over the shots of each point, float64 (points, ...); NaN for empty points."""
    sums = streamed_sums(counts, blocks)
    shots = _shots(counts, sums.ndim)
    return np.divide(sums, shots, out=np.full_like(sums, np.nan), where=shots > 0)


def streamed_moments(
    counts: CountMatrix, blocks: Iterable[tuple[slice, np.ndarray]]
) -> tuple[np.ndarray, np.ndarray]:
    """Mean and population variance over the shots of each point, each (points, ...)."""
    centre: list[np.ndarray] = []

    def centred() -> Iterator[tuple[slice, np.ndarray]]:
        for rows, values in blocks:
            values = values.astype(np.float64, copy=False)
            if not centre:  # any constant guards against cancellation
                centre.append(values.mean(axis=0))
            shifted = values - centre[0]
            yield rows, np.stack([shifted, shifted * shifted], axis=1)

    both = streamed_mean(counts, centred())
    mean, square = both[:, 0], both[:, 1]
    return mean + centre[0], np.maximum(square - mean**2, 0.0)


def standard_error(variance: np.ndarray, shots: np.ndarray) -> np.ndarray:
    """Ideal bootstrap error of a mean: sqrt(population variance / n), NaN below two shots.

    It is the spread of the mean over infinitely many resamplings of the shots with replacement;
    the usual sample error is larger by sqrt(n / (n - 1)).

    Source: Efron, Tibshirani, An Introduction to the Bootstrap (1993), section 5.2.
    """
    n = shots.reshape(-1, *(1,) * (variance.ndim - 1)).astype(np.float64)
    ratio = np.divide(variance, n, out=np.full_like(variance, np.nan), where=n > 1)
    return np.sqrt(ratio)


def _shots(counts: CountMatrix, ndim: int) -> np.ndarray:
    return counts.shots().reshape(-1, *(1,) * (ndim - 1)).astype(np.float64)
