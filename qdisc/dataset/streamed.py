"""A Dataset whose samples stay in their HDF5 file: for data larger than memory.

    file    --one pass-->  checks: finite, codes in range; mean and spread of each column
            --one pass-->  checksum, when it is asked for
            --blocks---->  training (`qdisc.train.stream`): shuffled, read ahead in a thread
            --slices---->  encoder, decoder, observables: one pass each, added up as they come

What stays in memory, per snapshot: 4 bytes for its place, and once a model is analysed 12 bytes
per latent (mu, logvar, KL). Samples of 4 GB with 1 kB each are 4 million: 120 MB with two latents.
Samples are not searched for repeats (with "auto", data that repeat are read and counted as usual),
and whoever asks for all of them at once is told that they do not fit.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np

from qdisc.dataset.checks import Codes, check_samples
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.places import place
from qdisc.dataset.safe_read import check_array, read_array, row_chunks
from qdisc.dataset.stored_rows import StoredRows
from qdisc.dataset.theta import as_index, as_points, refuse_duplicates
from qdisc.dataset.unique import repeat
from qdisc.errors import DataError

Stream = bool | Literal["auto"]
STREAM_BYTES = 1 << 30  # of samples as memory would hold them, above which "auto" streams
BUFFER_MB = 128
_PIECE = 16 << 20
_PROBES, _PROBE_ROWS = 16, 1250


def streams(samples: Any, data_type: str, wanted: Stream) -> bool:
    """Whether samples are to stay in their file.

    Args:
        samples: The h5py dataset.
        data_type: What the columns mean.
        wanted: true, false, or "auto": more than `STREAM_BYTES`, and not repeating.
    """
    check_array(samples, ndim=2)
    if isinstance(wanted, bool):
        return wanted
    codes = data_type in ("discrete", "shadow")
    n, columns = samples.shape
    if n * columns * (1 if codes else 4) <= STREAM_BYTES:
        return False
    if not codes:
        return True
    few = min(_PROBE_ROWS, n)  # rows may be so long that there are not many
    starts = np.linspace(0, n - few, _PROBES).astype(np.int64)
    probe = [read_array(samples, start=int(s), stop=int(s) + few) for s in starts]
    rows = np.concatenate(probe)
    if not (np.isfinite(rows).all() and rows.min() >= 0 and rows.max() <= 65535):
        return True  # the checks say what is wrong with them
    return not repeat(np.ascontiguousarray(rows.astype(np.uint16)))


class StreamedDataset(Dataset):
    """Snapshots at many settings, in a file; see the module.

    Args:
        path: The file.
        samples: Its dataset (n, columns), open.
        point: Its dataset (n,): for each sample its row of theta, in any order.
        theta: Settings (points, k).
        data_type: discrete, continuous, hybrid or shadow.
        buffer_mb: Memory in MB that a training shuffles samples in.
        **options: As in `Dataset.from_points`.

    Attributes:
        buffer_bytes: The same in bytes.

    Raises:
        DataError: Anything that is not as described, with index and value.
    """

    buffer_bytes: int

    def __init__(
        self, path: Path, samples: h5py.Dataset, point: h5py.Dataset, theta: Any, *,
        data_type: str, local_states: Any = None, local_dimension: int = 0,
        theta_names: Any = None, theta_units: Any = None, sites: Any = None,
        periodic: Any = None, name: str = "", source: Any = None, buffer_mb: int = BUFFER_MB,
    ) -> None:  # fmt: skip
        where = place(path, str(samples.name))
        survey = _Survey(samples, data_type, local_dimension, local_states, where)
        self.configurations: Any = StoredRows(path, str(samples.name), survey.dtype)
        self.buffer_bytes = buffer_mb << 20
        self._spread = survey.mean, survey.sd
        points = np.array(as_points(theta, "theta"))
        refuse_duplicates(points, "theta")
        self.counts = _counts(point, samples.shape[0], points.shape[0])
        self._set_theta(points, theta_names, theta_units)
        self._set_rest(data_type, survey.codes, sites, periodic, name, source or {})

    def _reorder_points(self, order: np.ndarray) -> None:
        if not np.array_equal(order, np.arange(order.size)):  # the rows stay where they are
            moved = self.counts.take_points(order)
            self.counts = _ones(moved.indices, moved.indptr)

    def _set_rest(self, kind: str, codes: Codes, *rest: Any) -> None:
        rows, self.configurations = self.configurations, np.zeros((0, self.input_size))
        super()._set_rest(kind, codes, *rest)
        self.configurations = rows

    @property
    def deduplicated(self) -> bool:
        """Never: every snapshot is a row of its own."""
        return False

    @property
    def samples(self) -> np.ndarray:
        """All snapshots, point after point, if they are few."""
        return self.configurations[self.counts.indices]

    def spread(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the continuous sites over all snapshots, (sites,)."""
        return self._spread

    def part(self, rows: np.ndarray) -> StreamedDataset:
        """The dataset of some of its rows.

        Args:
            rows: Rows of `configurations`, increasing.
        """
        other = self.__class__.__new__(self.__class__)
        kept = {k: v for k, v in self.__dict__.items() if k not in _CACHED}
        other.__dict__.update(kept)
        other.configurations = self.configurations.only(rows)
        new = np.full(self.counts.n_configurations, -1, self.counts.indices.dtype)
        new[rows] = np.arange(rows.size)
        indices = new[self.counts.indices]
        ends = np.concatenate([[0], np.cumsum(indices >= 0)])
        other.counts = _ones(indices[indices >= 0], ends[self.counts.indptr])
        return other


_CACHED = ("n_snapshots", "shots", "weights", "spec", "sha256")


class _Survey:
    """One pass over the samples: what they are, and whether they are what they should be."""

    def __init__(
        self, samples: h5py.Dataset, kind: str, dimension: int, states: Any, where: str
    ) -> None:
        columns = samples.shape[1]
        half = columns // 2 if kind == "hybrid" else 0
        real = kind in ("continuous", "hybrid")
        high, shift, count = 0, None, 0
        self.dtype = np.dtype(np.float32)
        width = columns - half if real else 0
        total, square = np.zeros(width), np.zeros(width)
        for first, piece in row_chunks(samples, nbytes=_PIECE):
            rows, _ = check_samples(piece, kind, dimension, states, where, first)
            if kind in ("discrete", "hybrid"):
                high = max(high, int(piece[:, : half or columns].max()))
            if real:
                values = rows[:, half:].astype(np.float64)
                shift = values.mean(axis=0) if shift is None else shift  # against cancellation
                values -= shift
                total += values.sum(axis=0)
                square += np.einsum("ij,ij->j", values, values)
            count += rows.shape[0]
        if count == 0:
            raise DataError("the sweep is empty", where=where, value=f"shape {samples.shape}")
        largest = np.zeros((1, columns), np.float32)
        largest[:, : half or columns] = high
        if kind == "shadow":
            largest[:, 0::2] = 2
        stored, self.codes = check_samples(largest, kind, dimension, states, where)
        self.dtype = stored.dtype
        mean = total / count
        self.sd = np.sqrt(np.maximum(square / count - mean**2, 0.0))
        self.mean = mean + (0.0 if shift is None else shift)


def _counts(point: h5py.Dataset, n: int, n_points: int) -> CountMatrix:
    """One count for each row, at its point; rows of a point keep their order."""
    check_array(point, ndim=1)
    if point.shape != (n,):
        as_index(read_array(point, stop=1) if point.shape[0] else [], n, n_points)
    own = np.empty(n, np.int32)
    for first, piece in row_chunks(point, nbytes=_PIECE):
        try:
            own[first : first + piece.size] = as_index(piece, piece.size, n_points)
        except DataError as error:
            bad = int(np.argmax((piece < 0) | (piece >= n_points) | (piece != np.floor(piece))))
            raise DataError(
                error.what, where=f"point[{first + bad}]", value=piece[bad].item(), hint=error.hint
            ) from error
    shots = np.bincount(own, minlength=n_points)
    if (own[1:] >= own[:-1]).all():
        return CountMatrix.one_each(shots)
    order = np.argsort(own, kind="stable").astype(np.int32 if n < 2**31 else np.int64)
    return _ones(order, np.concatenate([[0], np.cumsum(shots)]).astype(np.int64))


def _ones(indices: np.ndarray, indptr: np.ndarray) -> CountMatrix:
    return CountMatrix(np.broadcast_to(np.int64(1), indices.size), indices, indptr, indices.size)
