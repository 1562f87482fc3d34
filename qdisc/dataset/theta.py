"""Settings theta: names, units, and whether the points fill a grid."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from qdisc.errors import DataError

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*\Z")


def as_points(theta: Any, where: str, n_rows: int | None = None) -> np.ndarray:
    """Check theta rows: float64 (rows, k), finite, one row per sample or point."""
    try:
        rows = np.asarray(theta, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("theta must be numbers", where=where, value=theta) from error
    rows = rows[:, None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] == 0:
        raise DataError(
            "theta has one row per sample (or point) and one column per axis",
            where=where,
            value=f"shape {np.shape(theta)}",
            hint="an array of shape (rows, k), or (rows,) for one axis",
        )
    if n_rows is not None and rows.shape[0] != n_rows:
        raise DataError(
            "theta does not match the samples",
            where=where,
            value=f"{rows.shape[0]} rows of theta, {n_rows} wanted",
            hint="give one row of theta for each",
        )
    bad = np.argwhere(~np.isfinite(rows))
    if bad.size:
        i, j = bad[0]
        raise DataError("theta must be finite", where=f"{where}[{i}, {j}]", value=rows[i, j])
    return rows


def as_axis(values: Any, where: str) -> np.ndarray:
    """Check one axis of a grid: float64 (n,), finite, a copy."""
    try:
        flat = np.array(values, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise DataError("theta must be numbers", where=where, value=values) from error
    return as_points(flat, where)[:, 0]


def as_index(point: Any, n_rows: int, n_points: int) -> np.ndarray:
    """Check the point of each row: signed integers (n_rows,), each in 0..n_points-1."""
    rows = np.asarray(point)
    if rows.shape != (n_rows,) or rows.dtype.kind not in "iuf":
        raise DataError(
            "point holds, for each sample, its row of theta",
            where="point",
            value=f"{rows.dtype}, shape {rows.shape}",
            hint=f"whole numbers, shape ({n_rows},)",
        )
    inside = np.logical_and(rows >= 0, rows < n_points)
    if rows.dtype.kind == "f":
        inside = np.logical_and(inside, rows == np.floor(rows))
    if not inside.all():
        i = int(np.argmin(inside))
        raise DataError(
            "point names a row of theta that is not there",
            where=f"point[{i}]",
            value=rows.item(i),
            hint=f"whole numbers 0..{n_points - 1}",
        )
    return rows if rows.dtype.kind == "i" else rows.astype(np.int64)


def rounded(values: np.ndarray) -> np.ndarray:
    """Values to 12 significant digits, so that 0.1 * 3 and 0.3 are one setting."""
    size = np.where(values == 0, 1.0, np.abs(values))
    scale = 10.0 ** np.clip(11 - np.floor(np.log10(size)), -290, 290)
    return np.round(values * scale) / scale + 0.0


def unique_points(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Distinct settings (points, k), sorted, and the point of each row."""
    _, first, inverse = np.unique(rounded(rows), axis=0, return_index=True, return_inverse=True)
    return rows[first], inverse.reshape(-1)


def refuse_duplicates(points: np.ndarray, where: str) -> None:
    """Raise if two points have the same setting."""
    _, inverse, counts = np.unique(rounded(points), axis=0, return_inverse=True, return_counts=True)
    if (counts > 1).any():
        same = np.flatnonzero(inverse.reshape(-1) == np.argmax(counts > 1))[:2]
        raise DataError(
            "two points have the same theta",
            where=f"{where}, rows {same[0]} and {same[1]}",
            value=points[same[0]].tolist(),
            hint="merge their snapshots, or use Dataset.from_samples, which does",
        )


def grid_axes(points: np.ndarray) -> tuple[list[np.ndarray], np.ndarray] | None:
    """Axes of the full product that the points fill, and the points' C order; None if not.

    Points that come in C order keep the order of their axes, descending ones too; all others are
    sorted.
    """
    keys = rounded(points)
    firsts, index = [], []
    for column in range(points.shape[1]):
        _, first, inverse = np.unique(keys[:, column], return_index=True, return_inverse=True)
        firsts.append(first)
        index.append(inverse.reshape(-1))
    shape = tuple(first.size for first in firsts)
    if math.prod(shape) != points.shape[0]:
        return None
    in_order = np.arange(points.shape[0])
    ranks = [np.argsort(np.argsort(first)) for first in firsts]
    as_seen = np.ravel_multi_index([r[i] for r, i in zip(ranks, index, strict=True)], shape)
    if np.array_equal(as_seen, in_order):
        return [points[np.sort(first), c] for c, first in enumerate(firsts)], in_order
    flat: np.ndarray = np.asarray(np.ravel_multi_index(tuple(index), shape))
    order = np.argsort(flat)
    if not np.array_equal(flat[order], in_order):
        return None
    return [points[first, c] for c, first in enumerate(firsts)], order


def as_names(names: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Names of the k axes; p1, p2, ... when none are given."""
    if names is None:
        return tuple(f"p{i + 1}" for i in range(k))
    names = (names,) if isinstance(names, str) else tuple(names)
    if len(names) != k or len(set(names)) != k:
        raise DataError(
            "each theta axis needs a name of its own",
            where="theta_names",
            value=names,
            hint=f"{k} different names",
        )
    for name in names:
        if not isinstance(name, str) or not _NAME.match(name):
            raise DataError(
                "a theta name starts with a letter and holds only letters, digits and _",
                where="theta_names",
                value=name,
                hint="e.g. 'J2', 'h', 'Delta_over_Omega'",
            )
    return names


def as_units(units: Sequence[str] | None, k: int) -> tuple[str, ...]:
    """Units of the k axes; "1" when none are given."""
    if units is None:
        return ("1",) * k
    units = (units,) if isinstance(units, str) else tuple(units)
    if len(units) != k or not all(isinstance(u, str) for u in units):
        raise DataError("each theta axis needs a unit", where="theta_units", value=units)
    return tuple(u or "1" for u in units)
