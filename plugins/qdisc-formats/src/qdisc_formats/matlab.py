"""Loader of MATLAB files: version 4, 5 and 7 through SciPy, version 7.3 (HDF5) through h5py.

    samples = "snapshots"                  # "data.snapshots" for a field of a struct
    dims = ["x", "y", "shot", "delta"]     # as size(snapshots) shows them in MATLAB
    theta = {delta = "detuning"}

Version 7.3 stores axes in reverse; they are turned back, so that `dims` says the same for all.
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError, nearest
from qdisc.plugin import LoaderSpec

from qdisc_formats import mat5
from qdisc_formats.hdf5_any import MATLAB, Hdf5Arrays
from qdisc_formats.json_file import peek
from qdisc_formats.layout import from_arrays
from qdisc_formats.layout_options import ArrayConfig, Arrays, Described
from qdisc_formats.report import Report

_MOST_SINGLE = 100  # single numbers at the top of a file that are kept as metadata
_MOST_MATRICES = 10_000  # in a file of version 4
_V4_TYPES = (0, 10, 20, 30, 40, 50)  # little endian, full matrices of numbers


class MatlabLoader:
    """Reads MATLAB's .mat files."""

    spec = LoaderSpec(
        name="matlab",
        summary="MATLAB .mat (v4, v5, v7, v7.3) of any layout; `dims` names the axes",
        version="1.0.0",
        data_kinds=("discrete", "continuous", "hybrid"),
        site_order="as `dims` says, for axes as size() shows them in MATLAB",
    )
    Config = ArrayConfig

    def guess(self, path: Path) -> bool:
        """True for files that begin like one of MATLAB; version 4 is known by its sizes."""
        path = Path(path)
        head = peek(path, 128)
        if head.startswith((MATLAB, b"MATLAB 5.0 MAT-file")):
            return True
        if head[124:128] in (b"\x00\x01IM", b"\x01\x00MI"):
            return True
        return len(head) > 0 and _is_version_4(path)

    def load(self, path: Path, config: ArrayConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, a class that is not read, arrays that do not fit `dims`.
        """
        return from_arrays(matlab_arrays(Path(path)), config, Report())


loader = MatlabLoader()


def matlab_arrays(path: Path) -> Arrays:
    """The arrays of a .mat file of any version."""
    if peek(path, 32).startswith(MATLAB):
        return _Version73(path)
    return _Older(path)


class _Version73(Hdf5Arrays):
    """Version 7.3: HDF5 with reversed axes; names are without the leading slash."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, reverse=True)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Variables and fields of structs."""
        found = super().shapes()
        return {k.strip("/").replace("/", "."): v for k, v in found.items() if k[:6] != "/#refs"}

    def read(self, name: str) -> np.ndarray:
        """One array of numbers."""
        return super().read(name.replace(".", "/"))

    def described(self, names: Sequence[str]) -> list[Described]:
        """Arrays, each with the single numbers beside it."""
        return super().described([name.replace(".", "/") for name in names])

    def unit(self, name: str) -> str:
        """MATLAB knows no units."""
        return ""


class _Older:
    """Versions 4, 5 and 7; every variable is walked before SciPy reads it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._version4 = _is_version_4(path)
        self._order, self._variables = "<", []
        if not self._version4:
            self._order, self._variables = mat5.variables(path)

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Variables of numbers; of structs, their fields."""
        found: dict[str, tuple[int, ...]] = {}
        if self._version4:
            return {k: v.shape for k, v in self._load(None).items()}
        for variable in self._variables:
            if variable.kind in ("struct", "cell"):
                for name, array in _fields(variable.name, self._one(variable)):
                    found[name] = array.shape
            elif variable.kind in _NUMERIC:
                found[variable.name] = variable.shape
        return found

    def read(self, name: str) -> np.ndarray:
        """One array of numbers."""
        return self._from(self._values(name), name)

    def described(self, names: Sequence[str]) -> list[Described]:
        """Arrays, each with the single numbers at the top and in its own struct."""
        tops: dict[str, dict[str, np.ndarray]] = {}
        out: list[Described] = []
        plain: dict[str, Any] = {}
        if not self._version4:
            single = [v for v in self._variables if v.kind in _NUMERIC and math.prod(v.shape) == 1]
            for variable in single[:_MOST_SINGLE]:
                plain |= _singles(dict(_fields(variable.name, self._one(variable))), "")
        for name in names:
            if _top(name) not in tops:
                tops[_top(name)] = self._values(name)
            values = tops[_top(name)]
            inside = "." in name and not self._version4
            beside = _singles(values, name[: name.rindex(".") + 1] if inside else "")
            out.append((self._from(values, name), plain | beside))
        return out

    def _values(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of numbers in the variable that a name begins with."""
        if self._version4:
            return self._load(None)
        chosen = [v for v in self._variables if v.name == _top(name)]
        if len(chosen) != 1:
            names = [v.name for v in self._variables]
            raise DataError(
                "no variable has this name" if not chosen else "two variables have this name",
                where=str(self._path), value=_top(name), hint=nearest(_top(name), names),
            )  # fmt: skip
        return dict(_fields(chosen[0].name, self._one(chosen[0])))

    def _from(self, values: Mapping[str, np.ndarray], name: str) -> np.ndarray:
        if name not in values:
            raise DataError("no array of numbers has this name", where=str(self._path), value=name,
                            hint=nearest(name, values))  # fmt: skip
        return values[name]

    def unit(self, name: str) -> str:
        """MATLAB knows no units."""
        return ""

    def _one(self, variable: mat5.Variable) -> Any:
        mat5.check(self._path, self._order, variable)
        return self._load(variable.name).get(variable.name)

    def _load(self, name: str | None) -> dict[str, Any]:
        from scipy.io import loadmat

        try:
            found = loadmat(
                self._path, variable_names=None if name is None else [name], simplify_cells=False,
                struct_as_record=False, squeeze_me=False, appendmat=False,
            )  # fmt: skip
        except Exception as error:  # SciPy raises anything on a damaged file
            raise DataError("SciPy cannot read this variable", where=f"{self._path}: {name or ''}",
                            value=f"{type(error).__name__}: {error}"[:200],
                            hint="copy the file again, or save it anew") from error  # fmt: skip
        return {k: v for k, v in found.items() if not k.startswith("__")}


_NUMERIC = (
    "double", "single", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64",
)  # fmt: skip


def _top(name: str) -> str:
    """The variable that "data(2).shots" is in."""
    return re.split(r"[.(]", name, maxsplit=1)[0]


def _singles(values: Mapping[str, np.ndarray], prefix: str) -> dict[str, Any]:
    """Single numbers whose names are a prefix and one more word."""
    return {
        name.removeprefix(prefix): array.item() for name, array in values.items()
        if array.size == 1 and name.startswith(prefix) and "." not in name.removeprefix(prefix)
    }  # fmt: skip


def _fields(name: str, value: Any) -> list[tuple[str, np.ndarray]]:
    """Arrays of numbers in a variable, by name, with elements counted from 1, columns first.

    Itself, "data.field" of a struct, "data(2).field" of an array of structs, "data(2)" of a cell.
    """
    out: list[tuple[str, np.ndarray]] = []
    stack = [(name, value)]
    while stack:
        prefix, item = stack.pop()
        fields = getattr(item, "_fieldnames", None)
        if fields is not None:
            stack += [(f"{prefix}.{field}", getattr(item, field)) for field in fields[::-1]]
        elif isinstance(item, np.ndarray) and item.dtype == object:
            members = item.reshape(-1, order="F")
            names = [f"{prefix}({n + 1})" for n in range(item.size)]
            names = [prefix] if item.size == 1 else names
            stack += list(zip(names, members, strict=True))[::-1]
        else:
            array = mat5.as_array(item)
            if array is not None:
                out.append((prefix, array))
    return out


def _is_version_4(path: Path) -> bool:
    """Whether the file is a sequence of matrices of version 4 whose sizes fill it exactly."""
    size, place = path.stat().st_size, 0
    with path.open("rb") as stream:
        for _ in range(_MOST_MATRICES):
            if place >= size:
                break
            stream.seek(place)
            head = stream.read(20)
            if len(head) < 20:
                return False
            kind, rows, columns, imaginary, name = struct.unpack("<5i", head)
            if kind not in _V4_TYPES or min(rows, columns) < 0 or not 0 < name < 1024:
                return False
            width = {0: 8, 10: 4, 20: 4, 30: 2, 40: 2, 50: 1}[kind]
            place += 20 + name + rows * columns * width * (1 + bool(imaginary))
    return place == size > 0
