"""Rows of a table that stay in their HDF5 file and are read when they are asked for.

`StoredRows` stands where a Dataset has its array of configurations: it has a shape and a dtype, and
gives NumPy arrays for slices and for lists of rows. What it never does is become one large array by
accident: more than `LARGEST` bytes at once are refused with a word about what to do.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from qdisc.dataset.places import h5_errors, place
from qdisc.errors import DataError

LARGEST = 256 << 20  # bytes of rows that are handed out at once
_WINDOW = 4 << 20  # bytes read at once: small slices that follow each other cost one read


class StoredRows:
    """A read-only table (n, columns) in a file.

    Args:
        path: The HDF5 file; it must not change while it is in use.
        name: Its dataset of rows, checked when the file was opened.
        dtype: What the rows are converted to.
        rows: Rows of the file that this table consists of, in increasing order; all by default.
        largest: Bytes that are handed out at once.

    Attributes:
        shape: (n, columns).
        dtype: As given.
    """

    ndim = 2

    def __init__(
        self, path: Path, name: str, dtype: Any, rows: np.ndarray | None = None,
        largest: int = LARGEST,
    ) -> None:  # fmt: skip
        self.path, self.name, self.dtype = path, name, np.dtype(dtype)
        self.largest = largest
        self._rows = rows
        self._lock = threading.Lock()  # training reads ahead in a thread of its own
        self._first, self._window = 0, np.zeros((0, 0))
        self._stamp = _stamp(path)
        self._file = h5py.File(path, "r", rdcc_nbytes=4 * _WINDOW)
        self._table: Any = self._file[name]
        total, columns = self._table.shape
        self.shape = (total if rows is None else rows.size, columns)

    @property
    def nbytes(self) -> int:
        """Bytes of all rows, were they in memory."""
        return self.shape[0] * self.row_bytes

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.shape[1] * self.dtype.itemsize

    @property
    def size(self) -> int:
        """Numbers in the table."""
        return self.shape[0] * self.shape[1]

    def __len__(self) -> int:
        return self.shape[0]

    def only(self, rows: np.ndarray) -> StoredRows:
        """The table of some of the rows.

        Args:
            rows: Their numbers in this table, increasing.
        """
        chosen = rows if self._rows is None else self._rows[rows]
        return StoredRows(self.path, self.name, self.dtype, chosen, self.largest)

    def astype(self, dtype: Any, copy: bool = False) -> StoredRows:
        """The table in another dtype; nothing is read."""
        return StoredRows(self.path, self.name, dtype, self._rows, self.largest)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Rows of a slice, of a list of numbers, or of one number; behind a comma, columns."""
        if isinstance(key, tuple):
            rows, columns = key
            picked = self[rows]
            return picked[..., columns]
        if isinstance(key, slice):
            start, stop, step = key.indices(self.shape[0])
            if step == 1:
                return self._between(start, max(start, stop))
            return self._listed(np.arange(start, stop, step))
        if np.ndim(key) == 0:
            return self._listed(np.array([key]))[0]
        index = np.asarray(key)
        return self._listed(np.flatnonzero(index) if index.dtype == bool else index)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype, copy=False)

    # -- reading -----------------------------------------------------------------------------

    def _between(self, start: int, stop: int) -> np.ndarray:
        self._refuse_much(stop - start)
        if stop == start:
            return np.zeros((0, self.shape[1]), self.dtype)
        if self._rows is None:
            return self._of_file(start, stop)
        rows = self._rows[start:stop]
        return self._picked(rows)

    def _listed(self, index: np.ndarray) -> np.ndarray:
        self._refuse_much(index.size)
        index = index.astype(np.int64, copy=False)
        bad = (index < -self.shape[0]) | (index >= self.shape[0])
        if bad.any():
            raise IndexError(f"row {index[bad][0]} of {self.shape[0]}")
        index = np.where(index < 0, index + self.shape[0], index)
        rows, place_of = np.unique(index, return_inverse=True)
        return self._picked(rows if self._rows is None else self._rows[rows])[place_of.reshape(-1)]

    def _picked(self, rows: np.ndarray) -> np.ndarray:
        """Rows of the file, numbers increasing: neighbours in one read, lonely ones alone."""
        out = np.empty((rows.size, self.shape[1]), self.dtype)
        window = max(1, _WINDOW // self.row_bytes)
        ends = np.flatnonzero(np.diff(rows // window)) + 1
        for part in np.split(np.arange(rows.size), ends):
            if part.size:
                low, high = int(rows[part[0]]), int(rows[part[-1]]) + 1
                out[part] = self._of_file(low, high)[rows[part] - low]
        return out

    def _of_file(self, start: int, stop: int) -> np.ndarray:
        """Rows start..stop of the file, through a window that is kept for the next slice."""
        with self._lock:
            first, last = self._first, self._first + self._window.shape[0]
            if start < first or stop > last:
                ahead = max(1, _WINDOW // self.row_bytes)
                if stop - start >= ahead or not first <= start <= last:  # not one after another
                    return self._read(start, stop)
                first = start
                self._window = self._read(start, min(start + ahead, self._table.shape[0]))
                self._first = first
            return self._window[start - first : stop - first].copy()

    def _read(self, start: int, stop: int) -> np.ndarray:
        if _stamp(self.path) != self._stamp:
            raise DataError(
                "the file changed while its rows were in use", where=str(self.path),
                hint="let it be, and start again",
            )  # fmt: skip
        with h5_errors(str(self.path), self.name, DataError):
            return self._table[start:stop].astype(self.dtype, copy=False)

    def _refuse_much(self, count: int) -> None:
        if count * self.row_bytes > self.largest:
            raise DataError(
                "the rows of a streamed dataset stay in their file: too many at once",
                where=place(self.path, self.name),
                value=f"{count} rows, {count * self.row_bytes / 1e6:.0f} MB",
                hint="take slices, one after another; or data.stream = false, if they fit",
            )


def _stamp(path: Path) -> tuple[int, ...]:
    try:
        about = os.stat(path)
    except OSError as error:
        raise DataError(
            "the file of a streamed dataset is gone", where=str(path), value=error.strerror
        ) from error
    return about.st_dev, about.st_ino, about.st_size, about.st_mtime_ns
