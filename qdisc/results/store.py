"""Turn a tree into the bytes of an HDF5 file, the same bytes for the same tree.

The file is built in memory, so that the disk sees one plain write: nothing HDF5 does can leave a
half-written file, and a full disk is an ordinary OSError.
"""

from __future__ import annotations

from typing import Any

import h5py
import numpy as np

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.attributes import encode
from qdisc.results.layout import layout
from qdisc.results.schema import DTYPES, Group, is_scale, join

LIBVER = ("earliest", "v110")
_SMALL = 1024  # bytes: below, a compressed chunk and its index are larger than the data
_OWN_ATTRIBUTES = ("units", "long_name", "dims")


def file_image(root: Group) -> bytes:
    """Return the content of the file that holds this tree.

    Raises:
        ResultError: A name, dtype, attribute or dimension that a result file cannot hold.
    """
    root = layout(root)
    with h5py.File(
        "result", "w", driver="core", backing_store=False, libver=LIBVER, track_order=False
    ) as file:
        homes = {}
        for path, group in root.walk():
            node = file.require_group(path)
            _attributes(node, group.attrs, path)
            for name, variable in sorted(group.variables.items()):
                _dataset(node, name, variable, join(path, name))
                if is_scale(name, variable):
                    homes[name] = join(path, name)
        for path, group in root.walk():
            _dimensions(file, path, group, homes)
        file.flush()
        return file.id.get_file_image()


def _attributes(node: Any, attrs: Any, where: str) -> None:
    for name in sorted(attrs):
        for key, value in sorted(encode(name, attrs[name], where).items()):
            if isinstance(value, np.ndarray) and value.dtype == object:
                node.attrs.create(key, value, shape=value.shape, dtype=h5py.string_dtype())
            else:
                node.attrs.create(key, value)


def _dataset(node: Any, name: str, variable: Variable, where: str) -> None:
    data = variable.data
    if data.dtype.name not in DTYPES:
        raise ResultError(
            "this number format cannot be stored", where=where, value=str(data.dtype),
            hint=f"one of {', '.join(DTYPES)}",
        )  # fmt: skip
    twice = sorted(set(variable.attrs) & set(_OWN_ATTRIBUTES))
    if twice:
        raise ResultError("an attribute is given twice", where=where, value=twice)
    data = np.asarray(data, dtype=data.dtype.newbyteorder("<"), order="C")
    squeeze = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
    options = squeeze if data.nbytes >= _SMALL and data.ndim else {}
    dataset = node.create_dataset(name, data=data, track_times=False, **options)
    described = {
        "units": variable.units or "1",
        "long_name": variable.long_name or name.replace("_", " "),
        "dims": list(variable.dims),
    }
    _attributes(dataset, {**variable.attrs, **described}, where)
    if is_scale(name, variable):
        dataset.make_scale(name)


def _dimensions(file: Any, path: str, group: Group, homes: dict[str, str]) -> None:
    """Attach the scales, and link them into groups that viewers read on their own."""
    node = file[path]
    used = set()
    for name, variable in sorted(group.variables.items()):
        if not is_scale(name, variable):
            for axis, dim in enumerate(variable.dims):
                node[name].dims[axis].attach_scale(file[homes[dim]])
            used.update(variable.dims)
    if group.attrs.get("NX_class") == "NXdata":
        for dim in sorted(used - group.variables.keys()):
            node[dim] = file[homes[dim]]
