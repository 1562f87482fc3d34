"""Arrays whose axes the recipe names: `samples`, `dims` and `theta` make a sweep of any layout.

    samples = "rydberg_data"
    dims = ["x", "y", "delta", "shot"]
    theta = {delta = "params"}            # an array of the file, a list, or one number
    mask = "rearrange_mask"               # (delta, shot): which shots count

Axes called site, x, y, z are sites (in this order of the file, the last one running fastest), shot
and chain are snapshots, point is a list of settings, _ is an axis of length one, and any other name
is an axis of theta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from qdisc import Dataset
from qdisc.dataset.theta import unique_points
from qdisc.errors import ConfigError, DataError

from qdisc_formats.codes import as_codes
from qdisc_formats.layout_axes import mask_of, sites_of, theta_of
from qdisc_formats.layout_options import SHOTS, SITES, ArrayConfig, Arrays
from qdisc_formats.report import Report

_HINT = (
    "dims = [...] names each axis: site, x, y, z (sites); shot, chain; point; _ (length one); any "
    "other name is an axis of theta"
)


def from_arrays(arrays: Arrays, config: ArrayConfig, report: Report) -> Dataset:
    """The Dataset of the arrays of a file.

    Raises:
        DataError: An array that is missing or does not fit `dims`, with its shape and the key.
        ConfigError: Names in `dims` or `theta` that make no sense.
    """
    name = config.samples or _only(arrays)
    raw = arrays.read(name)
    raw, dims = _named(raw, config.dims, name)
    order = [[n for n, d in enumerate(dims) if kind(d)] for kind in (_is_theta, _is_shot, _is_site)]
    theta_axes, shot_axes, site_axes = order
    if not site_axes:
        raise DataError("no axis is one of sites", where=f"{name}, dims", value=dims, hint=_HINT)
    moved = raw.transpose([*theta_axes, *shot_axes, *site_axes])
    shape = tuple(raw.shape[n] for n in theta_axes)
    shots = math.prod(raw.shape[n] for n in shot_axes)
    n_sites = math.prod(raw.shape[n] for n in site_axes)
    coded = as_codes(
        moved.reshape(math.prod(shape) * shots, n_sites), name, data_type=config.data_type,
        local_states=config.local_states, values=config.values, one_based=config.one_based,
    )  # fmt: skip
    rows, kind = coded.rows, coded.data_type
    if config.continuous is not None:
        second, other = _named(arrays.read(config.continuous), config.dims, config.continuous)
        if second.shape != raw.shape or other != dims:
            raise DataError("both halves of hybrid data have one shape", where=config.continuous,
                            value=second.shape, hint=f"{name}: {raw.shape}")  # fmt: skip
        half = second.transpose([*theta_axes, *shot_axes, *site_axes]).reshape(rows.shape)
        rows, kind = np.concatenate([rows, half], axis=1), "hybrid"
    theta_dims = [dims[n] for n in theta_axes]
    values, names, units = theta_of(arrays, config, theta_dims, shape, shots, report)
    points, point = unique_points(values)
    if values.shape[0] != rows.shape[0]:  # one setting for all shots of a point
        point = np.repeat(point, shots)
    report.read = rows.shape[0]
    keep = mask_of(arrays, config, raw.shape, dims, theta_axes, shot_axes)
    if keep is not None:
        report.drop("left out by the mask", int((~keep).sum()))
        rows, point = rows[keep], point[keep]
        if not rows.shape[0]:
            raise DataError("the mask leaves no shot", where=f"mask = {config.mask!r}", value=0)
    site_dims = [dims[n] for n in site_axes]
    report.note(f"{name}: axes {', '.join(dims)}")
    over = (
        f"index i along {site_dims[0]!r}"
        if len(site_dims) == 1
        else (f"runs over ({', '.join(site_dims)}), the last one fastest")
    )
    return Dataset.from_points(
        rows, point, points, data_type=kind, theta_names=names, theta_units=units,
        local_states=coded.local_states, periodic=config.periodic, name=config.name or "",
        sites=sites_of(arrays, config, [raw.shape[n] for n in site_axes]), 
        source=report.source() | {"bit_order": f"site i of {name!r}: {over}"},
    )  # fmt: skip


def listed(arrays: Arrays) -> str:
    """Names and shapes, for messages."""
    shapes = arrays.shapes()
    words = [f"{name} {shape}" for name, shape in list(shapes.items())[:20]]
    return ", ".join(words) + (" ..." if len(shapes) > 20 else "") if words else "no array"


def _is_site(dim: str) -> bool:
    return dim in SITES


def _is_shot(dim: str) -> bool:
    return dim in SHOTS


def _is_theta(dim: str) -> bool:
    return dim not in SITES + SHOTS


def _only(arrays: Arrays) -> str:
    shapes = arrays.shapes()
    names = [name for name, shape in shapes.items() if len(shape) >= 2]
    if len(names) > 1:  # vectors have two axes in MATLAB
        long = [name for name in names if sum(length > 1 for length in shapes[name]) >= 2]
        names = long or names
    if len(names) != 1:
        largest = max(names, key=lambda name: math.prod(shapes[name]), default="")
        raise DataError(
            "nothing says which array holds the snapshots" if names
            else "no array of numbers has two or more axes", where="samples", value=listed(arrays),
            hint=f'samples = "{largest}"' if names else "an array with axes of shots and sites",
        )  # fmt: skip
    return names[0]


def _named(
    array: np.ndarray, dims: Sequence[str] | None, name: str
) -> tuple[np.ndarray, tuple[str, ...]]:
    """The array without axes of length one that are called _, and the names of the others."""
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
