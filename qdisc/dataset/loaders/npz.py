"""Loader and writer of NumPy archives (.npz), in three small layouts; nothing is unpickled.

(a) samples (n, columns), theta (n, k)                      one row of theta per sample
(b) data (theta_1, ..., theta_k, shots, columns) and one array `theta_<name>` per axis, in the
    order in which they were saved (or that of `theta_names`)
(c) configurations (U, columns), counts_data, counts_indices, counts_indptr (CSR, points x U),
    theta (points, k)

Optional arrays: data_type (one word), local_states, local_dimension, theta_names, theta_units,
sites (N, dim), periodic, name. Any other name is an error, unless `ignore` lists it: a spelling
mistake must not silently mean the default.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import replacing
from qdisc.dataset.loaders.npz_file import npz_names, read_npz
from qdisc.dataset.loaders.options import DataConfig
from qdisc.dataset.places import in_file
from qdisc.dataset.theta import unique_points
from qdisc.errors import DataError, nearest
from qdisc.plugin import LoaderSpec

_LAYOUTS: dict[str, tuple[str, ...]] = {
    "a": ("samples", "theta"),
    "b": ("data",),
    "c": ("configurations", "counts_data", "counts_indices", "counts_indptr", "theta"),
}
_WORDS = ("data_type", "name", "theta_names", "theta_units")
_OPTIONAL = (*_WORDS, "local_states", "local_dimension", "sites", "periodic")


class NpzConfig(DataConfig):
    """Options of the npz loader.

    Attributes:
        ignore: Names of arrays in the file to leave out.
    """

    ignore: tuple[str, ...] = ()


class NpzLoader:
    """Reads .npz archives with `samples` and `theta`, with `data` on a grid, or with counts."""

    spec = LoaderSpec(
        name="npz",
        summary="NumPy archives: samples + theta, data (theta..., shots, sites), or counts",
        version="1.0.0",
        site_order="column i (the last axis) is site i",
    )
    Config = NpzConfig

    def guess(self, path: Path) -> bool:
        """True for archives that hold the arrays of exactly one layout."""
        names = npz_names(Path(path))
        return names is not None and len(_layouts(names)) == 1

    def load(self, path: Path, config: NpzConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Not an archive, a member that is damaged, too large or pickled, unknown or
                missing arrays, or arrays that do not fit together.
        """
        path = Path(path)
        arrays = read_npz(path, skip=config.ignore)
        try:
            return _dataset(arrays, config)
        except DataError as error:
            raise in_file(error, path) from error


loader = NpzLoader()


def save_npz(dataset: Dataset, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a dataset as .npz: layout (a) when that says everything, else (c).

    Layout (a) sorts the points and knows no empty ones.

    Raises:
        DataError: The file exists, or cannot be written.
    """
    arrays: dict[str, Any] = {
        "data_type": np.array(dataset.data_type),
        "theta_names": np.array(dataset.theta_names),
        "theta_units": np.array(dataset.theta_units),
        "local_dimension": np.array(dataset.local_dimension),
    }
    for key in ("local_states", "sites", "periodic"):
        if getattr(dataset, key) is not None:
            arrays[key] = np.array(getattr(dataset, key))
    if dataset.name:
        arrays["name"] = np.array(dataset.name)
    in_order = np.array_equal(unique_points(dataset.theta)[0], dataset.theta)
    if dataset.deduplicated or not dataset.shots.all() or not in_order:
        arrays |= {"configurations": dataset.configurations, "theta": dataset.theta}
        for key in ("data", "indices", "indptr"):
            arrays[f"counts_{key}"] = getattr(dataset.counts, key)
    else:
        arrays |= {"samples": dataset.samples, "theta": dataset.theta[dataset.point]}
    with replacing(path, overwrite) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return Path(path)


def _layouts(names: tuple[str, ...]) -> list[str]:
    return [key for key, wanted in _LAYOUTS.items() if set(wanted) <= set(names)]


def _dataset(arrays: Mapping[str, np.ndarray], config: NpzConfig) -> Dataset:
    layouts = _layouts(tuple(arrays))
    if len(layouts) != 1:
        raise DataError(
            "the archive holds none of the three layouts" if not layouts
            else "the archive holds more than one layout",
            where="arrays",
            value=sorted(arrays),
            hint="samples + theta, data + theta_<name>, or configurations + counts_* + theta",
        )  # fmt: skip
    options: dict[str, Any] = {k: _option(k, arrays[k]) for k in _OPTIONAL if k in arrays}
    axes = _axes(arrays, options.get("theta_names"), layouts[0])
    known = {*_LAYOUTS[layouts[0]], *_OPTIONAL, *(f"theta_{name}" for name in axes)}
    for key in arrays:
        if key not in known:
            raise DataError(
                f"an array {key!r} has no meaning here",
                where=key,
                hint=f"{nearest(key, known)} Or leave it out with ignore = ['{key}']",
            )
    options |= config.given()
    if "data_type" not in options:
        raise DataError(
            "the archive does not say what its samples are",
            where="data_type",
            hint="store data_type='discrete' (continuous, hybrid, shadow), or pass data_type=...",
        )
    if layouts == ["a"]:
        theta = np.asarray(arrays["theta"])
        return Dataset.from_samples(arrays["samples"], theta, **options)
    if layouts == ["c"]:
        configurations = arrays["configurations"]
        rows = configurations.shape[0] if configurations.ndim else 0
        data, indices, indptr = (arrays[f"counts_{k}"] for k in ("data", "indices", "indptr"))
        counts = CountMatrix(data, indices, indptr, rows)
        return Dataset.from_configurations(configurations, counts, arrays["theta"], **options)
    options.setdefault("theta_names", tuple(axes))
    grid = [arrays[f"theta_{name}"] for name in axes]
    return Dataset(arrays["data"], grid, options.pop("data_type"), **options)


def _axes(arrays: Mapping[str, np.ndarray], names: Any, layout: str) -> tuple[str, ...]:
    """Names of the axes of layout (b), in order."""
    if layout != "b":
        return ()
    found = tuple(k[6:] for k in arrays if k.startswith("theta_") and k not in _OPTIONAL)
    if names is None:
        return found
    if set(names) != set(found):
        raise DataError(
            "theta_names and the arrays theta_<name> disagree",
            where="theta_names",
            value=names,
            hint=f"arrays there: {', '.join(f'theta_{n}' for n in found) or 'none'}",
        )
    return tuple(names)


def _option(key: str, array: np.ndarray) -> Any:
    if key in _WORDS:
        if array.dtype.kind not in "US":
            raise DataError("text is wanted here", where=key, value=str(array.dtype))
        text = [t.decode("utf-8") if isinstance(t, bytes) else t for t in array.ravel().tolist()]
        return tuple(text) if key.startswith("theta") else "".join(text[:1])
    if array.dtype.kind not in "biuf":
        raise DataError("numbers are wanted here", where=key, value=str(array.dtype))
    if key == "periodic":
        flags = [bool(flag) for flag in array.ravel()]
        return flags[0] if len(flags) == 1 else flags
    if key == "local_dimension":
        return int(array.item()) if array.size == 1 else array
    return array
