"""What the axes of an array are, by the names that the recipe gives them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from qdisc.errors import ConfigError, DataError

from qdisc_formats.layout_options import SHOTS, SITES, Arrays

_HINT = (
    "dims = [...] names each axis: site, x, y, z (sites); shot, chain; point; _ (length one); any "
    "other name is an axis of theta"
)


def named(
    array: np.ndarray, dims: Sequence[str] | None, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array without axes of length one that are called _, and the names of the others.

    Raises:
        DataError: No dims, or dims that do not fit the shape.
        ConfigError: One name for two axes.
    """
    if dims is None:
        raise DataError("nothing says what the axes of this array are", where=name,
                        value=f"shape {array.shape}", hint=_HINT)  # fmt: skip
    if len(dims) != array.ndim:
        raise DataError("dims has one name per axis", where=f"{name}, dims",
                        value=f"shape {array.shape}, dims {list(dims)}")  # fmt: skip
    kept = [d for d in dims if d != "_"]
    if len(set(kept)) != len(kept):
        raise ConfigError("two axes have one name", where="data.dims", value=dims)
    for axis, (length, dim) in enumerate(zip(array.shape, dims, strict=True)):
        if dim == "_" and length != 1:
            raise DataError("an axis called _ has length one", where=f"{name}, axis {axis}",
                            value=f"shape {array.shape}", hint=_HINT)  # fmt: skip
    gone = tuple(n for n, d in enumerate(dims) if d == "_")
    return np.squeeze(array, axis=gone), tuple(kept)


def axes_of(dims: Sequence[str], name: str) -> tuple[list[int], list[int], list[int]]:
    """Numbers of the axes of theta, of shots and of sites.

    Raises:
        DataError: No axis is one of sites.
    """
    sites = [n for n, dim in enumerate(dims) if dim in SITES]
    shots = [n for n, dim in enumerate(dims) if dim in SHOTS]
    if not sites:
        raise DataError("no axis is one of sites", where=f"{name}, dims", value=dims, hint=_HINT)
    return [n for n in range(len(dims)) if n not in sites + shots], shots, sites


def site_words(dims: Sequence[str]) -> str:
    """Which index a site has, in words."""
    names = [dim for dim in dims if dim in SITES]
    if len(names) == 1:
        return f"index i along {names[0]!r}"
    return f"runs over ({', '.join(names)}), the last one fastest"


def listed(arrays: Arrays) -> str:
    """Names and shapes, for messages."""
    shapes = arrays.shapes()
    words = [f"{name} {shape}" for name, shape in list(shapes.items())[:20]]
    return ", ".join(words) + (" ..." if len(shapes) > 20 else "") if words else "no array"
