"""Theta, masks and positions of plain arrays, along the axes that the recipe names."""

from __future__ import annotations

import math

import numpy as np
from qdisc.errors import DataError, nearest

from qdisc_formats.layout_options import POINT, SHOTS, SITES, ArrayConfig, Arrays
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report


def theta_of(
    arrays: Arrays,
    config: ArrayConfig,
    dims: list[str],
    shape: tuple[int, ...],
    shots: int,
    report: Report,
) -> tuple[np.ndarray, list[str], list[str]]:
    """Theta of every point, or of every row (rows, k), names and units."""
    given = dict(config.theta or {})
    for dim, length in zip(dims, shape, strict=True):
        if dim != POINT and dim not in given:
            raise DataError(
                f"the axis {dim!r} has no values", where=f"data.theta.{dim}",
                value=f"{length} of them are wanted",
                hint=f'theta = {{{dim} = "name of an array"}}, or a list; '
                f"or another name in dims ({', '.join(SITES + SHOTS)})",
            )  # fmt: skip
    full = (*shape, shots)
    if not given:
        if POINT in dims:
            raise DataError(
                "the settings of the axis 'point' are not said", where="data.theta",
                value=f"{shape} points", hint='theta = {h = "name of an array"}',
            )  # fmt: skip
        report.note("theta: nothing varies, so that there is one setting (axis `setting` = 0)")
        return np.zeros((1, 1)), ["setting"], ["1"]
    columns, known, per_shot = [], {}, False
    for name, value in given.items():
        if isinstance(value, str):
            if arrays.unit(value):
                known[name] = arrays.unit(value)
            value = arrays.read(value)
        column = np.asarray(value, dtype=np.float64)
        column = np.atleast_1d(column.squeeze()) if name in dims else column.squeeze()
        axis = _axis_of(name, column, dims, full)
        per_shot = per_shot or axis == len(shape)
        columns.append(column.reshape([-1 if n == axis else 1 for n in range(len(full))]))
    names = list(given)
    arrays_named = [v for v in given.values() if isinstance(v, str)]
    report.note(f"theta from the recipe: {', '.join(names)}"
                + (f" (arrays {', '.join(arrays_named)})" if arrays_named else ""))  # fmt: skip
    units = SweepConfig(theta_units=config.theta_units).units(names, known)
    wanted = full if per_shot else (*shape, 1)
    wide = [np.broadcast_to(column, wanted).reshape(-1) for column in columns]
    return np.stack(wide, axis=1), names, units


def _axis_of(name: str, column: np.ndarray, dims: list[str], full: tuple[int, ...]) -> int | None:
    """The axis of (theta..., shots) that the values run along; None for a single number."""
    if name in dims:
        axis = dims.index(name)
    elif column.ndim == 0:
        return None
    elif POINT in dims:
        axis = dims.index(POINT)
    else:
        axis = len(dims)
    if column.ndim != 1 or column.size != full[axis]:
        word = (*dims, "shots")[axis]
        raise DataError(
            "the values of theta do not match the axis", where=f"data.theta.{name}",
            value=f"{column.size} values, shape {column.shape}",
            hint=f"{full[axis]} values, one for each of {word!r}",
        )  # fmt: skip
    return axis


def mask_of(
    arrays: Arrays,
    config: ArrayConfig,
    shape: tuple[int, ...],
    dims: tuple[str, ...],
    theta_axes: list[int],
    shot_axes: list[int],
) -> np.ndarray | None:
    """Which rows count, (rows,) bool, or None."""
    if config.mask is None:
        return None
    rows = [*theta_axes, *shot_axes]
    names = config.mask_dims or tuple(dims[n] for n in sorted(rows))
    for name in names:
        if name not in [dims[n] for n in rows]:
            raise DataError("no such axis of shots or theta", where="data.mask_dims", value=name,
                              hint=nearest(name, [dims[n] for n in rows]))  # fmt: skip
    mask = np.squeeze(arrays.read(config.mask))
    wanted = tuple(shape[dims.index(name)] for name in names)
    if mask.shape != wanted or mask.dtype.kind not in "biuf":
        raise DataError(
            "the mask does not match the shots", where=f"mask = {config.mask!r}",
            value=f"{mask.dtype}, shape {mask.shape}",
            hint=f"shape {wanted} for {', '.join(names)}; mask_dims = [...] names its axes",
        )  # fmt: skip
    full = tuple(shape[n] for n in rows)
    order = [names.index(dims[n]) for n in rows if dims[n] in names]
    spread = [shape[n] if dims[n] in names else 1 for n in rows]
    return np.broadcast_to(mask.transpose(order).reshape(spread) != 0, full).reshape(-1)


def sites_of(arrays: Arrays, config: ArrayConfig, lengths: list[int]) -> np.ndarray | None:
    """Positions (sites, dim): given, or the indices of several axes of sites; None for one axis."""
    if isinstance(config.sites, str):
        return arrays.read(config.sites)
    if config.sites is not None:
        return np.asarray(config.sites, dtype=np.float64)
    if len(lengths) < 2:
        return None
    return np.stack(np.unravel_index(np.arange(math.prod(lengths)), lengths), axis=1)
