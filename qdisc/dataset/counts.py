"""Which configuration was seen how often at which setting: a sparse matrix of counts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from qdisc.dataset.checks import owned
from qdisc.errors import DataError

_BLOCK = 1 << 20  # entries that are worked on at once
_MOST = 2**53  # snapshots that float64 still counts one by one


@dataclass(frozen=True)
class CountMatrix:
    """Counts (points x configurations) in compressed sparse row form.

    Attributes:
        data: int64 (nnz,), each at least 1.
        indices: int32 or int64 (nnz,), configuration of each entry.
        indptr: int64 (points + 1,), where each point's entries start.
        n_configurations: Number of columns.
    """

    data: np.ndarray
    indices: np.ndarray
    indptr: np.ndarray
    n_configurations: int

    @property
    def n_points(self) -> int:
        """Number of rows."""
        return self.indptr.size - 1

    @property
    def nbytes(self) -> int:
        """Memory of the three arrays in bytes."""
        return self.data.nbytes + self.indices.nbytes + self.indptr.nbytes

    def point_of_entry(self) -> np.ndarray:
        """Point (nnz,) of each entry."""
        return np.repeat(np.arange(self.n_points), np.diff(self.indptr))

    def shots(self) -> np.ndarray:
        """Snapshots per point, int64 (points,)."""
        totals = np.concatenate([[0], np.cumsum(self.data, dtype=np.int64)])
        return totals[self.indptr[1:]] - totals[self.indptr[:-1]]

    def weights(self) -> np.ndarray:
        """Snapshots per configuration over all points, int64 (configurations,)."""
        if self.plain:
            return self.data
        out = np.zeros(self.n_configurations, dtype=np.int64)
        np.add.at(out, self.indices, self.data)
        return out

    @property
    def plain(self) -> bool:
        """Whether every configuration was seen once, at one point (`one_each` knows)."""
        return self.data.strides == (0,) and self.data.size == self.n_configurations

    def blocks(self) -> Iterator[tuple[slice, np.ndarray]]:
        """Entries in blocks of a million, and the `indptr` of each block."""
        for start in range(0, max(self.data.size, 1), _BLOCK):
            block = slice(start, min(start + _BLOCK, self.data.size))
            yield block, np.clip(self.indptr - start, 0, block.stop - start)

    def sums(
        self, values: np.ndarray, function: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> np.ndarray:
        """Count-weighted sums over configurations, float64 (points, ...).

        Args:
            values: (configurations, ...).
            function: What is summed of them, number by number; they themselves by default.
        """
        from scipy.sparse import csr_array

        values = np.asarray(values)
        if self.data.size <= _BLOCK:  # as a whole: a configuration may stand in many entries
            pieces = iter([(values, self.data, self.indices, self.indptr)])
        else:
            pieces = (
                (values[self.indices[b]], self.data[b], np.arange(b.stop - b.start), indptr)
                for b, indptr in self.blocks()
            )
        total: Any = 0.0
        for piece, data, indices, indptr in pieces:
            flat = piece.astype(np.float64, copy=False)
            flat = (flat if function is None else function(flat)).reshape(len(piece), -1)
            shape = (self.n_points, len(piece))
            total = (
                total + csr_array((data.astype(np.float64), indices, indptr), shape=shape) @ flat
            )
        return np.asarray(total).reshape(self.n_points, *values.shape[1:])

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Count-weighted mean over all configurations, float64 (...)."""
        if values.shape[0] <= _BLOCK:
            return np.average(values.astype(np.float64, copy=False), axis=0, weights=self.weights())
        weights = self.weights()
        total: Any = 0.0
        for start in range(0, values.shape[0], _BLOCK):
            block = slice(start, start + _BLOCK)
            total = total + np.tensordot(weights[block].astype(np.float64), values[block], 1)
        return total / weights.sum()

    def take_points(self, order: np.ndarray) -> CountMatrix:
        """Rows in another order."""
        lengths = np.diff(self.indptr)[order]
        indptr = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = np.repeat(self.indptr[:-1][order] - indptr[:-1], lengths)
        take = starts + np.arange(indptr[-1])
        return CountMatrix(self.data[take], self.indices[take], indptr, self.n_configurations)

    @staticmethod
    def checked(
        data: np.ndarray, indices: np.ndarray, indptr: np.ndarray, n_configurations: int, where: str
    ) -> CountMatrix:
        """Own copies of the three arrays, once they are known to be counts.

        Raises:
            DataError: Not whole numbers, a count below 1, an index out of range, `indptr` that
                decreases or does not span the entries; with index and value.
        """
        data, indices, indptr = (
            _whole(array, f"{where}/{name}")
            for name, array in (("data", data), ("indices", indices), ("indptr", indptr))
        )
        if data.size != indices.size:
            raise DataError(
                "each count has one configuration",
                where=f"{where}/indices",
                value=f"{indices.size} indices, {data.size} counts",
            )
        _first(data < 1, data, f"{where}/data", "a count is at least 1", "leave zeros out")
        _first(
            (indices < 0) | (indices >= n_configurations), indices, f"{where}/indices",
            "an index points at no configuration", f"0..{n_configurations - 1}",
        )  # fmt: skip
        if indptr.size < 2 or indptr[0] != 0 or indptr[-1] != data.size:
            raise DataError(
                "indptr starts at 0, ends at the number of counts, and has one entry per point + 1",
                where=f"{where}/indptr",
                value=f"{indptr.size} entries, first {indptr[:1]}, last {indptr[-1:]}",
                hint=f"last entry {data.size}",
            )
        falls = np.concatenate([[False], np.diff(indptr) < 0])
        _first(falls, indptr, f"{where}/indptr", "indptr decreases", "start of each point's counts")
        if data.sum(dtype=np.float64) > _MOST:
            raise DataError("more snapshots than can be counted", where=f"{where}/data",
                            value=float(data.sum(dtype=np.float64)))  # fmt: skip
        narrow = np.int32 if n_configurations < 2**31 else np.int64
        return CountMatrix(data, owned(indices, narrow), indptr, n_configurations)

    @staticmethod
    def from_pairs(
        point: np.ndarray, configuration: np.ndarray, count: np.ndarray, n_points: int, n_conf: int
    ) -> CountMatrix:
        """Sum the counts of equal (point, configuration) pairs."""
        flat = point.astype(np.int64) * n_conf + configuration
        keys, inverse = np.unique(flat, return_inverse=True)
        data = np.zeros(keys.size, dtype=np.int64)
        np.add.at(data, inverse.reshape(-1), count)
        keys, data = keys[data > 0], data[data > 0]
        rows, columns = np.divmod(keys, n_conf)
        indptr = np.searchsorted(rows, np.arange(n_points + 1)).astype(np.int64)
        return CountMatrix(data, columns.astype(np.int32), indptr, n_conf)

    @staticmethod
    def one_each(shots: np.ndarray) -> CountMatrix:
        """Row i of the samples belongs to one point only and was seen once."""
        indptr = np.concatenate([[0], np.cumsum(shots)]).astype(np.int64)
        n = int(indptr[-1])
        ones = np.broadcast_to(np.int64(1), n)  # a view of one number, not 8 bytes per row
        narrow = np.int32 if n < 2**31 else np.int64
        return CountMatrix(ones, np.arange(n, dtype=narrow), indptr, n)


def _whole(array: object, where: str) -> np.ndarray:
    values = np.asarray(array)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(
            "a list of whole numbers is wanted", where=where,
            value=f"{values.dtype}, shape {values.shape}",
        )  # fmt: skip
    if values.dtype.kind != "i":
        bad = ~(np.abs(values.astype(np.float64)) <= _MOST) | (values != np.floor(values))
        _first(bad, values, where, "a whole number is wanted", "counts and indices are integers")
    return owned(values, np.int64)


def _first(bad: np.ndarray, values: np.ndarray, where: str, what: str, hint: str) -> None:
    if bad.any():
        i = int(np.argmax(bad))
        raise DataError(what, where=f"{where}[{i}]", value=values[i].item(), hint=hint)
