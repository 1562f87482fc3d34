"""What differs between two results, provenance aside."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qdisc.plugin import Variable
from qdisc.results.reader import read_tree
from qdisc.results.schema import Group, join


def diff(a: str | os.PathLike[str], b: str | os.PathLike[str]) -> list[str]:
    """Compare two result files exactly, outside `/provenance`.

    Returns:
        One line per difference, `PATH: what is different`; [] for equal results. NaN equals NaN.

    Raises:
        ResultError: One of them is not a result.
    """
    return diff_trees(read_tree(a), read_tree(b))


def diff_trees(a: Group, b: Group, path: str = "/") -> list[str]:
    """Compare two trees, as `diff`."""
    lines = [f"{path}@{text}" for text in _attributes(a.attrs, b.attrs)]
    for name, mine, other in _pairs(a.variables, b.variables):
        lines += [f"{join(path, name)}{text}" for text in _variables(mine, other)]
    for name, mine, other in _pairs(a.groups, b.groups):
        where = join(path, name)
        if where == "/provenance":
            continue
        if mine is None or other is None:
            lines.append(f"{where}: only in the {'second' if mine is None else 'first'} file")
        else:
            lines += diff_trees(mine, other, where)
    return lines


def _pairs(a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for name in sorted(a.keys() | b.keys()):
        yield name, a.get(name), b.get(name)


def _variables(a: Variable | None, b: Variable | None) -> list[str]:
    if a is None or b is None:
        return [f": only in the {'second' if a is None else 'first'} file"]
    mine = {**a.attrs, "units": a.units, "long_name": a.long_name, "dims": list(a.dims)}
    other = {**b.attrs, "units": b.units, "long_name": b.long_name, "dims": list(b.dims)}
    lines = [f"@{text}" for text in _attributes(mine, other)]
    return lines + [f": {text}" for text in _arrays(a.data, b.data)]


def _attributes(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[str]:
    lines = []
    for name, mine, other in _pairs(a, b):
        if mine is None or other is None:
            lines.append(f"{name}: only in the {'second' if mine is None else 'first'} file")
        elif isinstance(mine, np.ndarray) and isinstance(other, np.ndarray):
            lines += [f"{name}: {text}" for text in _arrays(mine, other)]
        elif type(mine) is not type(other) or (mine != other and (mine == mine or other == other)):
            lines.append(f"{name}: {_short(mine)} and {_short(other)}")
    return lines


def _arrays(a: np.ndarray, b: np.ndarray) -> list[str]:
    if a.dtype != b.dtype or a.shape != b.shape:
        return [f"{a.dtype} {a.shape} and {b.dtype} {b.shape}"]
    unequal = (a != b) & ~((a != a) & (b != b))
    if not unequal.any():
        return []
    first = tuple(int(i) for i in np.argwhere(unequal)[0])
    size = np.abs(a[unequal].astype(np.float64) - b[unequal].astype(np.float64))
    return [
        f"{int(unequal.sum())} of {a.size} numbers differ, by at most {np.max(size):.3g}; "
        f"first at {first}: {a[first]!s} and {b[first]!s}"
    ]


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
