"""Parameters as flat names: the bridge between nested trees and HDF5 groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qdisc.errors import ResultError


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, np.ndarray]:
    """Turn nested dicts of arrays into {"encoder/Dense_0/kernel": array}, sorted by name."""
    out: dict[str, np.ndarray] = {}
    for key in sorted(tree):
        if "/" in key or not key:
            raise ResultError("a parameter's name cannot hold '/'", value=key)
        value = tree[key]
        if isinstance(value, Mapping):
            out.update(flatten(value, f"{prefix}{key}/"))
        else:
            out[f"{prefix}{key}"] = np.asarray(value)
    return out


def unflatten(flat: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Invert `flatten`."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *path, last = name.split("/")
        node = tree
        for part in path:
            node = node.setdefault(part, {})
        node[last] = value
    return tree


def count(tree: Mapping[str, Any]) -> int:
    """Return the number of parameters."""
    return sum(array.size for array in flatten(tree).values())
