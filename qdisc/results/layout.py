"""Settle the dimensions of a tree: one name, one size, one scale in the whole file.

netCDF readers find a dimension through its scale, a 1-D variable of the same name. Each scale is
stored once, in the lowest group above all its users (those of the whole sweep always in the
root); a dimension nobody gave values is numbered 0, 1, 2, ... When two groups mean different
things by one name, the later one (by path) becomes `<group>_<name>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from qdisc.errors import ResultError
from qdisc.plugin import Variable
from qdisc.results.schema import Group, at_root, check_name, is_scale, join, parent

_WORDS = {
    "point": "setting of the scattered sweep",
    "latent": "latent variable, most informative first",
    "site": "site of the lattice",
    "example": "example snapshot of a setting",
    "column": "column of a snapshot",
    "coordinate": "direction in space",
    "configuration": "distinct snapshot",
}


@dataclass
class _Dimension:
    size: int
    given: Variable | None
    users: list[str] = field(default_factory=list)

    def agrees(self, size: int, own: Variable | None) -> bool:
        if size != self.size or own is None:
            return size == self.size
        values = np.arange(size) if self.given is None else self.given.data
        return np.array_equal(values, own.data, equal_nan=True)


def layout(root: Group) -> Group:
    """Return the tree as it is stored: dimensions renamed where needed, every scale in its place.

    Groups with a `signal` attribute get `NX_class="NXdata"` and `axes`, the signal's dimensions.
    Applying it twice changes nothing.

    Raises:
        ResultError: A dimension has two sizes in one group, or a signal does not exist.
    """
    table: dict[str, _Dimension] = {}
    renamed: dict[str, dict[str, str]] = {}
    above: dict[str, list[Group]] = {}
    for path, group in root.walk():
        above[path] = [*(above[parent(path)] if path != "/" else ()), group]
        renamed[path] = {}
        for dim, size in _sizes(path, group).items():
            own = group.variables.get(dim)
            own = own if own is not None and is_scale(dim, own) else None
            name = _free_name(dim, size, own, path, table, above[path])
            entry = table.setdefault(name, _Dimension(size, own))
            entry.given = entry.given or own
            entry.users.append(path)
            renamed[path][dim] = name
    scales: dict[str, dict[str, Variable]] = {}
    for name, entry in table.items():
        home = "/" if at_root(name) else _common(entry.users)
        scales.setdefault(home, {})[name] = _scale(name, entry)
    return _rebuild("/", root, renamed, scales)


def _sizes(path: str, group: Group) -> dict[str, int]:
    sizes: dict[str, int] = {}
    for name, variable in sorted(group.variables.items()):
        for dim, size in zip(variable.dims, variable.shape, strict=True):
            check_name(dim, join(path, name))
            if sizes.setdefault(dim, size) != size:
                raise ResultError(
                    "a dimension has two sizes in one group",
                    where=join(path, name),
                    value=f"{dim}: {size} here, {sizes[dim]} before",
                    hint="give the two axes different names",
                )
    return sizes


def _free_name(
    dim: str, size: int, own: Variable | None, path: str, table: dict[str, _Dimension],
    above: list[Group],
) -> str:  # fmt: skip
    name, number = dim, 1
    while (name in table and not table[name].agrees(size, own)) or _taken(name, above):
        name = f"{path.rpartition('/')[2]}_{dim}" + (f"_{number}" if number > 1 else "")
        number += 1
    return name


def _taken(name: str, above: list[Group]) -> bool:
    """Say whether a group that could hold the scale has something else of that name."""
    return any(
        name in g.groups or (name in g.variables and not is_scale(name, g.variables[name]))
        for g in above
    )


def _common(paths: list[str]) -> str:
    """Lowest group that is each of the paths, or above it."""
    split = [p.strip("/").split("/") if p != "/" else [] for p in paths]
    shared = []
    for parts in zip(*split, strict=False):
        if len(set(parts)) > 1:
            break
        shared.append(parts[0])
    return "/" + "/".join(shared)


def _scale(name: str, entry: _Dimension) -> Variable:
    if entry.given is not None:
        given = entry.given
        long_name = given.long_name or _WORDS.get(name, f"index along {name}")
        return Variable(given.data, (name,), given.units, long_name, given.attrs)
    index = np.arange(entry.size, dtype=np.int32)
    return Variable(index, (name,), long_name=_WORDS.get(name, f"index along {name}"))


def _rebuild(
    path: str, group: Group, renamed: Mapping[str, Mapping[str, str]],
    scales: Mapping[str, Mapping[str, Variable]],
) -> Group:  # fmt: skip
    names = renamed[path]
    variables = {
        name: Variable(v.data, tuple(names[d] for d in v.dims), v.units, v.long_name, v.attrs)
        for name, v in group.variables.items()
        if not is_scale(name, v)
    }
    attrs = dict(group.attrs)
    signal = attrs.get("signal")
    if signal is not None:
        if signal not in variables:
            raise ResultError(
                "the signal is not a variable of its group", where=f"{path}@signal", value=signal,
                hint=f"variables here: {', '.join(sorted(variables)) or 'none'}",
            )  # fmt: skip
        attrs.update(NX_class="NXdata", axes=list(variables[signal].dims))
    children = {n: _rebuild(join(path, n), g, renamed, scales) for n, g in group.groups.items()}
    return Group(attrs, {**variables, **scales.get(path, {})}, children)
