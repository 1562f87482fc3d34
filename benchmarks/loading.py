"""Reading snapshots from HDF5: row by row against pieces, and against the plain bytes."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np

from benchmarks.measure import Limit, Row, check, in_child, in_turns_warm, resident_bytes
from qdisc.dataset.hdf5 import read_dataset

COLUMNS, POINTS = 32, 100


def write(path: Path, count: int) -> None:
    """Write a file as a colleague would with plain h5py: contiguous bytes, random bits."""
    rng = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        file.attrs["qdisc_type"], file.attrs["data_type"] = "dataset", "discrete"
        theta = file.create_dataset("theta", data=np.linspace(0, 1, POINTS)[:, None])
        theta.attrs["names"], theta.attrs["units"] = ["h"], ["1"]
        file["point"] = np.repeat(np.arange(POINTS), -(-count // POINTS))[:count].astype(np.int32)
        samples = file.create_dataset("samples", (count, COLUMNS), np.uint8)
        for start in range(0, count, 1 << 18):
            stop = min(start + (1 << 18), count)
            samples[start:stop] = rng.integers(0, 2, (stop - start, COLUMNS), dtype=np.uint8)


def by_row(path: Path, count: int) -> np.ndarray:
    """The first `count` snapshots, one read per row."""
    with h5py.File(path) as file:
        samples, point = file["samples"], file["point"]
        rows, points = [], []
        for i in range(count):
            rows.append(np.asarray(samples[i], np.float64))
            points.append(int(point[i]))
    return np.array(rows)


def raw(path: Path) -> int:
    """Read all bytes of the arrays and look at each once: what the machine can do at best."""
    with h5py.File(path) as file:
        return int(file["samples"][:].max()) + int(file["point"][:].max())


def load(path: str) -> dict[str, float]:
    """Load in a process of its own: seconds and memory."""
    before = resident_bytes()
    start = time.perf_counter()
    dataset = read_dataset(path)
    return {"before": before, "seconds": time.perf_counter() - start,
            "bytes": dataset.configurations.nbytes + dataset.point.nbytes}  # fmt: skip


def rows(small: bool) -> Iterator[Row]:
    """One row."""
    count, timed, repeats = (2000, 200, 1) if small else (10_000_000, 5000, 3)
    path = f"loading {count:.0e} snapshots of {COLUMNS} sites".replace("e+0", "e")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "snapshots.h5"
        write(file, count)
        first = by_row(file, timed)
        samples = read_dataset(file).samples
        with h5py.File(file) as stored:
            last = stored["samples"][count - timed :]
        same = (samples[:timed] == first).all() and (samples[count - timed :] == last).all()
        found = check(path, 0.0 if same else 1.0, 0.0)
        del samples, first
        times = in_turns_warm(
            repeats,
            lambda: by_row(file, timed),
            lambda: read_dataset(file),
            lambda: raw(file),
        )
        used = in_child("benchmarks.loading:load", str(file))
    size = count * (COLUMNS + 4)
    slower = float(np.median(np.array(times[1]) / np.array(times[2])))
    factor = (used["peak"] - used["before"]) / size
    yield Row(
        path, "h5py, one read per row", [t * count / timed for t in times[0]], times[1],
        deviation=found,
        limits=(Limit("times the plain read", slower, 5), Limit("memory / data", factor, 3)),
        note=f"naive time of {timed} rows, multiplied by {count // timed}; "
        f"{size / 1e6 / float(np.median(times[1])):.0f} MB/s, {size / 1e6:.0f} MB of data",
        toy=small,
    )  # fmt: skip
