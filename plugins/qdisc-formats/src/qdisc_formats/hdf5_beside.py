"""What HDF5 says beside a dataset: attributes on the way, single numbers in its groups."""

from __future__ import annotations

from typing import Any

import h5py
import h5py.h5a as h5a
import h5py.h5d as h5d
import h5py.h5t as h5t
import numpy as np
from qdisc.dataset.safe_read import read_array, read_attribute
from qdisc.dataset.safe_types import type_problem

_MOST = 1000  # members of a group, or attributes, that are looked at
_LONGEST = 1000  # characters of a text that is kept
_NOT_SAID = ("CLASS", "NAME", "DIMENSION_LIST", "REFERENCE_LIST", "units", "unit")
_OF_MACHINES = ("MATLAB_", "_Netcdf4", "_NC", "H5PATH")


class Beside:
    """Looks at the groups above datasets, each of them once."""

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._known: dict[str, dict[str, Any]] = {}

    def of(self, name: str) -> dict[str, Any]:
        """Numbers and texts beside the dataset at a path; the nearest one of a name counts."""
        said: dict[str, Any] = {}
        path = ""
        node: Any = self._file
        for part in ("", *name.strip("/").split("/")):
            if part:
                path, node = f"{path}/{part}", node[part]
            if path not in self._known:
                self._known[path] = _attributes(node) | _numbers(node)
            said |= self._known[path]
        return said


def unit_of(item: Any) -> str:
    """The attribute `units` (or `unit`) of a dataset, "" when there is none."""
    for key in ("units", "unit"):
        value = read_attribute(item, key)
        if isinstance(value, str):
            return value
    return ""


def is_numbers(item: h5py.Dataset) -> bool:
    """Whether a dataset holds real numbers; texts of MATLAB are stored as such, but are none."""
    text = "MATLAB_class" in item.attrs and read_attribute(item, "MATLAB_class") == "char"
    return item.dtype.kind in "biuf" and not text


def _attributes(node: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for index in range(min(h5a.get_num_attrs(node.id), _MOST)):
        attribute = h5a.open(node.id, index=index)
        name = attribute.name.decode("utf-8", "replace")
        plain = attribute.get_type().get_class() in (h5t.INTEGER, h5t.FLOAT, h5t.STRING, h5t.ENUM)
        single = attribute.get_space().get_simple_extent_npoints() == 1
        if name in _NOT_SAID or name.startswith(_OF_MACHINES) or not (plain and single):
            continue
        value = read_attribute(node, name)
        value = value[0] if isinstance(value, tuple) else np.asarray(value).item()
        if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _LONGEST):
            out[name] = value
    return out


def _numbers(node: Any) -> dict[str, Any]:
    """Plain datasets of one number in a group; what is stored in any other way is left alone."""
    out: dict[str, Any] = {}
    for name in list(node)[:_MOST] if isinstance(node, h5py.Group) else ():
        if not isinstance(name, str) or not isinstance(node.get(name, getlink=True), h5py.HardLink):
            continue
        item = node[name]
        if not isinstance(item, h5py.Dataset) or type_problem(item.id.get_type(), True):
            continue
        plan = item.id.get_create_plist()
        plain = plan.get_layout() in (h5d.COMPACT, h5d.CONTIGUOUS) and not plan.get_external_count()
        if plain and item.size == 1 and is_numbers(item):
            unit = unit_of(item)
            out[f"{name} ({unit})" if unit else name] = read_array(item).item()
    return out
