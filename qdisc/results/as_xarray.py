"""A result as an `xarray.DataTree`; xarray is optional."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from qdisc.errors import ResultError
from qdisc.results.schema import Group, is_scale


def data_tree(root: Group, path: Path) -> Any:
    """Return the tree with every group as a Dataset and every scale as a coordinate.

    On a scattered sweep, the settings `theta_*` are coordinates along `point`.

    Args:
        root: A tree as it was read.
        path: The file, for messages.

    Raises:
        ResultError: xarray is missing, or too old to have DataTree.
    """
    try:
        xarray = import_module("xarray")
        tree_type = xarray.DataTree
    except (ImportError, AttributeError) as error:
        raise ResultError(
            "to_xarray needs xarray 2024.10 or newer", where=str(path), value=str(error),
            hint="pip install 'qdisc[xarray]'",
        ) from error  # fmt: skip
    return tree_type.from_dict({p: _dataset(xarray, p, group) for p, group in root.walk()})


def _dataset(xarray: Any, path: str, group: Group) -> Any:
    coords, data = {}, {}
    for name, variable in group.variables.items():
        attrs = {"units": variable.units, "long_name": variable.long_name, **variable.attrs}
        scattered = path == "/" and name.startswith("theta_")
        target = coords if is_scale(name, variable) or scattered else data
        target[name] = (variable.dims, variable.data, attrs)
    return xarray.Dataset(data, coords, dict(group.attrs))
