"""Loader of HDF5 files of any layout: the recipe gives the paths of the datasets.

    samples = "/run1/snapshots"
    dims = ["delta", "shot", "site"]
    theta = {delta = "/run1/detuning"}     # its attribute `units` is kept

Only the paths that the recipe names are opened, part by part: links, external storage and virtual
datasets on the way are refused, whatever else the file holds is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import h5py
import numpy as np
from qdisc import Dataset
from qdisc.dataset.loaders.hdf5 import loader as own
from qdisc.dataset.places import h5_errors, place
from qdisc.dataset.safe_hdf5 import safe_open
from qdisc.dataset.safe_read import read_array
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.hdf5_beside import Beside, is_numbers, unit_of
from qdisc_formats.json_file import peek
from qdisc_formats.layout import from_arrays
from qdisc_formats.layout_options import ArrayConfig, Described
from qdisc_formats.name_pattern import natural
from qdisc_formats.pennylane import loader as shadows
from qdisc_formats.report import Report

MATLAB = b"MATLAB 7.3 MAT-file"
_MOST_LISTED = 10_000
_MOST_SEEN = 50_000


class Hdf5AnyLoader:
    """Reads HDF5 files whose datasets the recipe names."""

    spec = LoaderSpec(
        name="hdf5",
        summary="HDF5 of any layout; `samples` is a path in it, `dims` names the axes",
        version="1.0.0",
        data_kinds=("discrete", "continuous", "hybrid"),
        site_order="as `dims` says: the axes site, x, y, z in their order, the last one fastest",
    )
    Config = ArrayConfig

    def guess(self, path: Path) -> bool:
        """True for HDF5 that no loader of a known layout reads."""
        path = Path(path)
        if not path.is_file() or not h5py.is_hdf5(path) or peek(path, 32).startswith(MATLAB):
            return False
        for other in (own, shadows):
            try:
                if other.guess(path=path):
                    return False
            except DataError:  # refused as a whole: of this one, only named paths are opened
                continue
        return True

    def load(self, path: Path, config: ArrayConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, a path that is not there or is refused, arrays that do not fit.
        """
        return from_arrays(Hdf5Arrays(Path(path)), config, Report())


loader = Hdf5AnyLoader()


class Hdf5Arrays:
    """The datasets of an HDF5 file, opened one path at a time.

    Args:
        path: The file.
        reverse: Whether the axes are stored in reverse order, as MATLAB does.
    """

    def __init__(self, path: Path, reverse: bool = False) -> None:
        self._path, self._reverse = path, reverse

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Path and shape of datasets of numbers; links are not followed.

        Raises:
            DataError: There are more than are looked at.
        """
        found: dict[str, tuple[int, ...]] = {}
        with safe_open(self._path, only=()) as file:
            stack: list[tuple[str, h5py.Group]] = [("", file)]
            seen = 0
            while stack:
                prefix, group = stack.pop()
                for name in group:
                    seen += 1
                    if seen > _MOST_SEEN or len(found) > _MOST_LISTED:
                        raise DataError("more objects than are looked at", where=str(self._path),
                                        value=f"more than {_MOST_SEEN} links or {_MOST_LISTED} "
                                        "arrays", hint='samples = "path/of/one"')  # fmt: skip
                    with h5_errors(self._path, f"{prefix}/{name}"):
                        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                            continue
                        item = group[name]
                        if isinstance(item, h5py.Group) and prefix.count("/") < 8:
                            stack.append((f"{prefix}/{name}", item))
                        elif isinstance(item, h5py.Dataset) and is_numbers(item):
                            shape = item.shape or ()
                            order = shape[::-1] if self._reverse else shape
                            found[f"{prefix}/{name}"] = order
        return dict(sorted(found.items(), key=lambda item: natural(item[0])))

    def read(self, name: str) -> np.ndarray:
        """One dataset of numbers.

        Raises:
            DataError: Not there, refused, or no numbers.
        """
        with safe_open(self._path, only=[name]) as file:
            return self._array(file, name)

    def described(self, names: Sequence[str]) -> list[Described]:
        """Datasets, each with the numbers beside it: see `hdf5_beside`."""
        with safe_open(self._path, only=names) as file:
            near = Beside(file)
            return [(self._array(file, name), near.of(name)) for name in names]

    def _array(self, file: h5py.File, name: str) -> np.ndarray:
        item = file[name]
        if not isinstance(item, h5py.Dataset):
            there = ", ".join(map(str, list(item)[:20])) if isinstance(item, h5py.Group) else ""
            raise DataError("a dataset is wanted here, this is a group", value=there,
                            where=place(self._path, name),
                            hint="name one of its members")  # fmt: skip
        array = read_array(item)
        return array.transpose() if self._reverse else array

    def unit(self, name: str) -> str:
        """The attribute `units` (or `unit`) of a dataset."""
        with safe_open(self._path, only=[name]) as file:
            return unit_of(file[name])
