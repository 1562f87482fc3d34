"""Read a dataset file, whoever wrote it: every wrong thing is named with its place and value."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from qdisc.dataset.checks import check_data_type, check_samples
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.places import in_file, place
from qdisc.dataset.safe_hdf5 import Limits, safe_open
from qdisc.dataset.safe_read import check_array, read_array, read_attribute, row_chunks
from qdisc.dataset.streamed import BUFFER_MB, Stream, StreamedDataset, streams
from qdisc.errors import DataError

SCHEMA = "1.0"
REPORT = ("dropped", "notes", "levels", "bit_order", "metadata")  # of a dataset's `source`
_OTHERS = {
    "result": "open it with qdisc.open_result(path)",
    "checkpoint": "checkpoints are read by the run that wrote them (--resume)",
}


def read_dataset(
    path: str | os.PathLike[str],
    *,
    limits: Limits | None = None,
    overrides: dict[str, Any] | None = None,
    source: dict[str, str] | None = None,
    stream: Stream = False,
    buffer_mb: int = BUFFER_MB,
) -> Dataset:
    """Read a dataset file; samples are converted piece by piece, so that memory stays bounded.

    Args:
        path: An HDF5 file in the layout of `qdisc.dataset.hdf5`, written by anyone.
        limits: Other limits than those of `safe_open`.
        overrides: Keywords of `Dataset.from_points` that replace what the file says.
        source: Where the data come from, kept with the dataset.
        stream: Leave the samples in the file (`qdisc.dataset.streamed`): "auto" does so with more
            than 1 GiB of them that do not repeat.
        buffer_mb: Memory in MB that a training on streamed samples shuffles them in.

    Raises:
        DataError: With the file, the place in it, the value and what to try.
    """
    path = Path(path)
    with safe_open(path, limits=limits) as file:
        check_header(file, path)
        try:
            return _read(
                file, path, overrides or {}, source or {"path": path.name}, stream, buffer_mb
            )
        except DataError as error:
            raise in_file(error, path) from error


def check_header(file: h5py.File, path: Path) -> None:
    """Refuse other kinds of file and newer major schemas."""
    kind = _one(read_attribute(file, "qdisc_type", "dataset"))
    if kind != "dataset":
        raise DataError(
            f"this is a {kind} file, a dataset is wanted",
            where=place(path, "/@qdisc_type"),
            value=kind,
            hint=_OTHERS.get(str(kind)),
        )
    version = read_attribute(file, "qdisc_schema", SCHEMA)
    version = str(version[0]) if isinstance(version, tuple) and version else str(version)
    parts = version.split(".")
    if len(parts) != 2 or not all(part.isascii() and part.isdigit() for part in parts):
        raise DataError(
            "the schema version is not of the form 'major.minor'",
            where=place(path, "/@qdisc_schema"),
            value=version,
            hint=f"qdisc_schema = '{SCHEMA}'",
        )
    major, minor = (int(part) for part in parts)
    host_major, host_minor = (int(part) for part in SCHEMA.split("."))
    if major != host_major:
        raise DataError(
            f"dataset schema {version}; this qdisc reads {host_major}.x",
            where=place(path, "/@qdisc_schema"),
            value=version,
            hint=f"install a qdisc that reads schema {major}",
        )
    if minor > host_minor:
        warnings.warn(
            f"{path}: dataset schema {version} is newer than {SCHEMA}; "
            "what it adds is not read, a newer qdisc reads it",
            UserWarning,
            stacklevel=3,
        )


def _read(
    file: h5py.File, path: Path, overrides: dict[str, Any], source: dict[str, str],
    stream: Stream, buffer_mb: int,
) -> Dataset:  # fmt: skip
    options: dict[str, Any] = {
        "data_type": _one(read_attribute(file, "data_type")),
        "local_states": read_attribute(file, "local_states"),
        "local_dimension": _one(read_attribute(file, "local_dimension", 0)),
        "name": str(_one(read_attribute(file, "name", ""))),
    }
    theta = _member(file, path, "theta", "one row of settings per point")
    options["theta_names"] = _words(read_attribute(theta, "names"))
    options["theta_units"] = _words(read_attribute(theta, "units"))
    if "sites" in file:
        options["sites"] = read_array(file["sites"])
    options["periodic"] = _flags(read_attribute(file, "periodic"))
    options |= {key: value for key, value in overrides.items() if value is not None}
    options["data_type"] = _data_type(options["data_type"], path)
    options["source"] = _report(read_attribute(file, "report")) | source
    settings = read_array(theta)
    if "samples" in file and "configurations" in file:
        raise DataError(
            "the file holds samples and configurations: only one of them is read",
            where="/samples and /configurations",
            hint="leave one out",
        )
    if "configurations" in file:
        if stream is True:
            raise DataError(
                "configurations with counts are small and read at once: only /samples stream",
                where="/configurations", hint="leave data.stream out",
            )  # fmt: skip
        rows = _rows(file["configurations"], path, options)
        return Dataset.from_configurations(
            rows, _counts(file, path, rows.shape[0]), settings, **options
        )
    samples = _member(file, path, "samples", "(n, columns), or /configurations and /counts")
    point = _member(file, path, "point", "(n,), for each sample its row of /theta")
    if streams(samples, options["data_type"], stream):
        return StreamedDataset(path, samples, point, settings, buffer_mb=buffer_mb, **options)
    return Dataset.from_points(_rows(samples, path, options), read_array(point), settings,
                               **options)  # fmt: skip


def _report(text: Any) -> dict[str, str]:
    """What a loader said when it read the original file."""
    try:
        report = json.loads(text) if isinstance(text, str) else {}
    except ValueError:
        return {}
    report = report if isinstance(report, dict) else {}
    return {key: report[key] for key in REPORT if isinstance(report.get(key), str)}


def _member(parent: Any, path: Path, name: str, hint: str) -> Any:
    if name not in parent:
        there = ", ".join(list(parent)[:20]) or "nothing"
        inner = f"{parent.name.rstrip('/')}/{name}"
        raise DataError(
            f"the file has no {inner}", where=place(path, parent.name),
            value=f"holds {there}", hint=f"add {inner}: {hint}",
        )  # fmt: skip
    return parent[name]


def _data_type(value: Any, path: Path) -> str:
    where = place(path, "/@data_type")
    if value is None:
        raise DataError(
            "the file does not say what its samples are",
            where=where,
            hint="root attribute data_type = discrete, continuous, hybrid or shadow",
        )
    if not isinstance(value, str):
        raise DataError("data_type is a word", where=where, value=value)
    return check_data_type(value)


def _rows(dataset: Any, path: Path, options: dict[str, Any]) -> np.ndarray:
    """Samples in their storage dtype, converted in pieces; read-only, so that nobody copies."""
    where = place(path, dataset.name)
    kind, states = options["data_type"], options["local_states"]
    dimension = options["local_dimension"]
    out: np.ndarray | None = None
    check_array(dataset, ndim=2)
    for first, piece in row_chunks(dataset):
        piece.flags.writeable = False  # it is nobody else's: what need not be converted stays
        stored, _ = check_samples(piece, kind, dimension, states, where, first)
        if out is None:
            out = np.empty((dataset.shape[0], stored.shape[1]), stored.dtype)
        elif stored.dtype.itemsize > out.dtype.itemsize:  # codes above 255 appear later
            out = out.astype(stored.dtype)
        out[first : first + stored.shape[0]] = stored
    if out is None:
        check_samples(read_array(dataset), kind, dimension, states, where)
        raise DataError("the sweep is empty", where=where, value=f"shape {dataset.shape}")
    out.flags.writeable = False
    return out


def _counts(file: h5py.File, path: Path, n_configurations: int) -> CountMatrix:
    group = _member(file, path, "counts", "a group with data, indices, indptr (CSR)")
    if not isinstance(group, h5py.Group):
        raise DataError("a group is wanted here", where=place(path, "/counts"),
                        hint="/counts holds data, indices and indptr")  # fmt: skip
    data, indices, indptr = (
        read_array(_member(group, path, name, "one of the three arrays of a CSR matrix"), ndim=1)
        for name in ("data", "indices", "indptr")
    )
    return CountMatrix.checked(data, indices, indptr, n_configurations, place(path, "/counts"))


def _one(value: Any) -> Any:
    """The item of a list of one; some programs write every attribute as a list."""
    if isinstance(value, tuple) and len(value) == 1:
        return value[0]
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(()).item()
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _flags(value: Any) -> Any:
    if value is None or np.size(value) == 1:  # one flag holds for all directions
        return None if value is None else bool(np.ravel(value)[0])
    return [bool(flag) for flag in np.ravel(value)]


def _words(value: Any) -> Any:
    if value is None or isinstance(value, str | tuple):
        return value
    raise DataError("names and units are text", where="/theta", value=value)
