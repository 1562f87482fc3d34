"""Arrays whose axes the recipe names: `samples`, `dims` and `theta` make a sweep of any layout.

    samples = "rydberg_data"
    dims = ["x", "y", "delta", "shot"]
    theta = {delta = "params"}            # an array of the file, a list, or one number
    mask = "rearrange_mask"               # (delta, shot): which shots count

Axes called site, x, y, z are sites (in this order of the file, the last one running fastest), shot
and chain are snapshots, point is a list of settings, _ is an axis of length one, and any other name
is an axis of theta. Where `samples` names several arrays, see `layout_many`.
"""

from __future__ import annotations

import math

import numpy as np
from qdisc import Dataset
from qdisc.dataset.theta import unique_points
from qdisc.errors import DataError

from qdisc_formats.codes import as_codes
from qdisc_formats.layout_axes import mask_of, sites_of, theta_of
from qdisc_formats.layout_dims import axes_of, listed, named, site_words
from qdisc_formats.layout_many import chosen, from_several
from qdisc_formats.layout_options import ArrayConfig, Arrays
from qdisc_formats.report import Report


def from_arrays(arrays: Arrays, config: ArrayConfig, report: Report) -> Dataset:
    """The Dataset of the arrays of a file.

    Raises:
        DataError: An array that is missing or does not fit `dims`, with its shape and the key.
        ConfigError: Names in `dims` or `theta` that make no sense.
    """
    several = chosen(arrays, config.samples)
    if several is not None:
        return from_several(arrays, several, config, report)
    assert not isinstance(config.samples, tuple)
    name = config.samples or _only(arrays)
    ((raw, beside),) = arrays.described([name])
    raw, dims = named(raw, config.dims, name)
    theta_axes, shot_axes, site_axes = axes_of(dims, name)
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
        second, other = named(arrays.read(config.continuous), config.dims, config.continuous)
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
    used = {value for value in (config.theta or {}).values() if isinstance(value, str)}
    kept = {key: value for key, value in beside.items() if key not in used}
    if kept:
        report.metadata["constant"] = kept
    report.note(f"{name}: axes {', '.join(dims)}")
    return Dataset.from_points(
        rows, point, points, data_type=kind, theta_names=names, theta_units=units,
        local_states=coded.local_states, periodic=config.periodic, name=config.name or "",
        sites=sites_of(arrays, config, [raw.shape[n] for n in site_axes]),
        source=report.source() | {"bit_order": f"site i of {name!r}: {site_words(dims)}"},
    )  # fmt: skip


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
            hint=_choices(largest, names) if names else "an array with axes of shots and sites",
        )  # fmt: skip
    return names[0]


def _choices(largest: str, names: list[str]) -> str:
    """The key for one array, and for all that are called alike in groups of one level."""
    *groups, last = largest.strip("/").split("/")
    pattern = "/".join(["*"] * len(groups) + [last])
    alike = [n for n in names if n.count("/") == largest.count("/") and n.endswith(f"/{last}")]
    several = f', or samples = "{pattern}" for {len(alike)} arrays, one setting each'
    return f'samples = "{largest}"' + (several if groups and len(alike) > 1 else "")
