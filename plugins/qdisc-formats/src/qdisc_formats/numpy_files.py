"""Loader of NumPy files: one array (.npy), or an archive (.npz) whose arrays the recipe names.

Archives in the layouts of qdisc's own `npz` loader, and PennyLane's and NetKet's, are left to them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from qdisc import Dataset
from qdisc.dataset.loaders.npz import loader as own
from qdisc.dataset.loaders.npz_file import npz_names, read_npz
from qdisc.errors import DataError, nearest
from qdisc.plugin import LoaderSpec

from qdisc_formats.json_file import peek
from qdisc_formats.layout import from_arrays
from qdisc_formats.layout_options import ArrayConfig, Described
from qdisc_formats.packed import npy_header
from qdisc_formats.report import Report

_MAGIC = b"\x93NUMPY"
_MOST_BYTES = 4 << 30


class NumpyLoader:
    """Reads .npy files and .npz archives."""

    spec = LoaderSpec(
        name="numpy",
        summary="NumPy arrays (.npy, .npz) of any layout; `dims` names the axes",
        version="1.0.0",
        data_kinds=("discrete", "continuous", "hybrid"),
        site_order="as `dims` says: the axes site, x, y, z in their order, the last one fastest",
    )
    Config = ArrayConfig

    def guess(self, path: Path) -> bool:
        """True for .npy files, and for archives that no loader of a known layout reads."""
        path = Path(path)
        if peek(path, 8)[:6] == _MAGIC:
            return True
        names = npz_names(path) if path.is_file() else None
        if names is None or own.guess(path=path):
            return False
        return not ({"bits", "recipes"} <= set(names) or {"samples", "hilbert"} <= set(names))

    def load(self, path: Path, config: ArrayConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, pickled objects, or arrays that do not fit `dims`.
        """
        return from_arrays(NumpyArrays(Path(path)), config, Report())


loader = NumpyLoader()


class NumpyArrays:
    """The arrays of a .npy (called by the file's name) or .npz.

    Args:
        path: The file.

    Raises:
        DataError: Neither of both.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        if peek(path, 8)[:6] == _MAGIC:
            self._arrays = {"samples": read_npy(path)}
        else:  # sizes are compared in read_npz; words are kept, but are no arrays of numbers
            self._arrays = read_npz(path)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name and shape of every array of numbers."""
        return {k: a.shape for k, a in self._arrays.items() if a.dtype.kind in "biuf"}

    def read(self, name: str) -> np.ndarray:
        """One array of numbers.

        Raises:
            DataError: It is not there, or holds no numbers.
        """
        if name not in self.shapes():
            raise DataError("no array of numbers has this name", where=str(self._path), value=name,
                            hint=nearest(name, self.shapes()))  # fmt: skip
        return self._arrays[name]

    def described(self, names: Sequence[str]) -> list[Described]:
        """Arrays, each with all single numbers and words of the archive."""
        beside = {k: a.item() for k, a in self._arrays.items()
                  if a.size == 1 and a.dtype.kind in "biufU" and k not in names}  # fmt: skip
        return [(self.read(name), dict(beside)) for name in names]

    def unit(self, name: str) -> str:
        """NumPy files know no units."""
        return ""


def read_npy(path: Path) -> np.ndarray:
    """The array of a .npy file.

    Raises:
        DataError: Damaged, pickled objects, or a size that is not the file's.
    """
    where, size = str(path), path.stat().st_size
    with path.open("rb") as stream:
        shape, dtype, start = npy_header(stream, where)
    if start + math.prod(shape) * dtype.itemsize != size:
        raise DataError("the array's header does not match the size of the file", where=where,
                        value=f"{dtype}, shape {shape}, {size} bytes",
                        hint="copy the file again")  # fmt: skip
    if size > _MOST_BYTES:
        raise DataError("the file is larger than is read at once", where=where,
                        value=f"{size} bytes", hint="use the HDF5 format")  # fmt: skip
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError("the array cannot be read", where=where, value=str(error)) from error
    return array.astype(array.dtype.newbyteorder("="), copy=False)
