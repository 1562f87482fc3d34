"""Write a Dataset to HDF5, in a layout that anyone with plain h5py can read and write.

    /samples (n, columns), /point (n,)             every snapshot and its row of theta, or
    /configurations (U, columns), /counts/...      each distinct one, CSR counts (points x U):
                                                   data, indices, indptr
    /theta (points, k)     attributes names, units
    /sites (N, dim)        optional
    attributes of /        qdisc_type="dataset" qdisc_schema data_type local_states, optional
                           local_dimension name periodic report (JSON: what a loader did)

Column i is site i. Equal datasets give equal bytes: no times are stored.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5_read import REPORT, SCHEMA, read_dataset
from qdisc.errors import DataError

__all__ = ["SCHEMA", "check_target", "read_dataset", "replacing", "write_dataset"]

_CHUNK_BYTES = 1 << 20
_SMALL_BYTES = 4096


def write_dataset(
    dataset: Dataset, path: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a dataset to one HDF5 file, completely or not at all.

    Args:
        dataset: What to write; repeating snapshots are stored once, with counts.
        path: The file; its folder must exist.
        overwrite: Replace an existing file.

    Returns:
        The path.

    Raises:
        DataError: The file exists, its folder is missing, or nothing can be written there.
    """
    with (
        replacing(path, overwrite) as temporary,
        h5py.File(temporary, "w", libver=("earliest", "v110")) as file,
    ):
        _attributes(file, dataset)
        _theta(file, dataset)
        if dataset.sites is not None:
            _array(file, "sites", dataset.sites, "positions of the sites, lattice units")
        if dataset.deduplicated:
            _counts(file, dataset)
        else:
            _array(file, "samples", _rows(dataset), "snapshots; column i is site i")
            _array(file, "point", dataset.point.astype(np.int64), "row of theta of each sample")
    return Path(path)


def check_target(path: str | os.PathLike[str], overwrite: bool = False) -> Path:
    """The path of a file to write, if nothing stands in its way.

    Raises:
        DataError: It is a folder, exists already, or its folder is missing.
    """
    path = Path(path)
    where = str(path)
    if path.is_dir():
        raise DataError("this is a folder, not a file", where=where, hint="add a file name")
    if path.exists() and not overwrite:
        raise DataError("the file exists", where=where, hint="overwrite=True replaces it")
    if not path.parent.is_dir():
        raise DataError(
            "the folder does not exist", where=where, value=str(path.parent), hint="create it first"
        )
    return path


@contextmanager
def replacing(path: str | os.PathLike[str], overwrite: bool = False) -> Iterator[Path]:
    """Give a temporary file in the same folder, and put it in place when the block succeeds.

    A kill at any moment leaves the old file or the new one.
    """
    path = check_target(path, overwrite)
    where = str(path)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    except OSError as error:
        raise DataError(
            "nothing can be written into this folder", where=str(path.parent),
            value=error.strerror or str(error), hint="choose another folder",
        ) from error  # fmt: skip
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _put_in_place(temporary, path)
    except (OSError, RuntimeError, ValueError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            "the file could not be written", where=where, value=str(error),
            hint="is the disk full?",
        ) from error  # fmt: skip
    finally:
        temporary.unlink(missing_ok=True)


def _put_in_place(temporary: Path, path: Path) -> None:
    mask = os.umask(0)
    os.umask(mask)
    temporary.chmod(0o666 & ~mask)  # a temporary file is private, the file it becomes is not
    _sync(temporary)
    os.replace(temporary, path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    if path.is_dir() and os.name == "nt":  # folders cannot be synchronised there
        return
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _attributes(file: h5py.File, dataset: Dataset) -> None:
    file.attrs["qdisc_type"] = "dataset"
    file.attrs["qdisc_schema"] = SCHEMA
    file.attrs["data_type"] = dataset.data_type
    file.attrs["local_dimension"] = np.int64(dataset.local_dimension)
    if dataset.local_states is not None:
        file.attrs["local_states"] = dataset.local_states
    if dataset.name:
        file.attrs["name"] = dataset.name
    report = {key: dataset.source[key] for key in REPORT if key in dataset.source}
    if report:
        file.attrs["report"] = json.dumps(report)
    if dataset.periodic is not None:
        file.attrs["periodic"] = np.array(dataset.periodic, dtype=np.uint8)


def _theta(file: h5py.File, dataset: Dataset) -> None:
    stored = _array(file, "theta", dataset.theta, "settings, one row per point")
    text = h5py.string_dtype()
    stored.attrs.create("names", list(dataset.theta_names), dtype=text)
    stored.attrs.create("units", list(dataset.theta_units), dtype=text)


def _counts(file: h5py.File, dataset: Dataset) -> None:
    _array(file, "configurations", dataset.configurations, "distinct snapshots; column i is site i")
    group = file.create_group("counts")
    group.attrs["long_name"] = "how often each configuration was seen at each point (CSR)"
    for name in ("data", "indices", "indptr"):
        _array(group, name, getattr(dataset.counts, name))


def _rows(dataset: Dataset) -> np.ndarray:
    indices = dataset.counts.indices
    in_order = indices.size < 2 or bool((np.diff(indices) == 1).all())
    return dataset.configurations if in_order and indices[0] == 0 else dataset.samples


def _array(
    group: h5py.Group, name: str, array: np.ndarray, long_name: str | None = None
) -> h5py.Dataset:
    long = {"long_name": long_name} if long_name else {}
    if array.nbytes < _SMALL_BYTES:  # an index of chunks would be larger than the array
        stored = group.create_dataset(name, data=array, track_times=False)
        stored.attrs.update(long)
        return stored
    row = max(1, array.dtype.itemsize * int(np.prod(array.shape[1:], dtype=np.int64)))
    rows = max(1, min(array.shape[0], _CHUNK_BYTES // row))
    stored = group.create_dataset(
        name,
        data=array,
        chunks=(rows, *array.shape[1:]),
        compression="gzip",
        compression_opts=4,
        shuffle=True,
        track_times=False,
    )
    stored.attrs.update(long)
    return stored
