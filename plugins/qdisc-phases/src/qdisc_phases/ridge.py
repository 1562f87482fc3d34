"""Where a landscape over theta is highest along an axis: the ridge, with error bars.

Along a line parallel to one axis of theta, a boundary shows as a maximum of the Fisher information
about that coupling. On a grid the lines are those of the grid; in a scattered sweep a short line
runs through every setting, and a maximum belongs to the setting it is next to.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from qdisc_phases.settings import Settings

FINE = 5  # points per step of a line
BUDGET = 20_000  # values of theta on all lines
REACH = 6  # steps on either side of a setting of a scattered sweep
MATCH = 2.0  # steps within which a replicate's maximum is the same one


@dataclass(frozen=True)
class Ridge:
    """Maxima along lines; one row each.

    Attributes:
        theta: (m, k) where they are.
        axis: (m,) the axis along which they are maxima.
        error: (m,) standard error of theta along that axis, in its units.
        height: (m,) Fisher information there, inverse squared units of that axis.
        prominence: (m,) height over the higher of the two passes that lead away from it.
    """

    theta: np.ndarray
    axis: np.ndarray
    error: np.ndarray
    height: np.ndarray
    prominence: np.ndarray

    def none(self) -> Ridge:
        """No row of it."""
        return Ridge(self.theta[:0], self.axis[:0], self.error[:0], self.height[:0],
                     self.prominence[:0])  # fmt: skip


@dataclass(frozen=True)
class Line:
    """Points along one axis.

    Attributes:
        theta: (m, k), ascending along `axis`.
        axis: The axis.
        keep: (m,) points whose maxima count.
    """

    theta: np.ndarray
    axis: int
    keep: np.ndarray


def find_ridge(
    fisher: Callable[[np.ndarray], np.ndarray], settings: Settings, dataset: Any, *,
    prominence: float, least: np.ndarray,
) -> Ridge:  # fmt: skip
    """Find the maxima of the Fisher information along every axis.

    Args:
        fisher: theta (n, k) -> (replicates, n, k).
        settings: The sweep.
        dataset: The data, for the axes of a grid.
        prominence: Least ratio of a maximum to the higher of its two passes.
        least: (k,) least Fisher information about each coupling.
    """
    lines = _grid_lines(settings, dataset) if dataset.is_grid else _short_lines(settings)
    lines = [line for line in lines if len(line.theta) >= 3]
    k = settings.theta.shape[1]
    found: list[tuple[np.ndarray, int, float, float, float]] = []
    if lines:
        heights = fisher(np.concatenate([line.theta for line in lines]))
        ends = np.cumsum([len(line.theta) for line in lines])
        for line, part in zip(lines, np.split(heights, ends[:-1], axis=1), strict=True):
            found += _maxima(line, part[:, :, line.axis], settings.step, prominence, least)
    rows = zip(*found, strict=True) if found else ((), (), (), (), ())
    theta, axis, error, height, ratio = (np.array(column) for column in rows)
    return Ridge(theta.reshape(-1, k), axis.astype(np.int32), error, height, ratio)


def _grid_lines(settings: Settings, dataset: Any) -> list[Line]:
    shape, k = dataset.theta_shape, settings.theta.shape[1]
    fine = int(np.clip(BUDGET // (settings.n_points * k), 1, FINE))
    grid = settings.theta.reshape(*shape, k)
    taken = settings.occupied.reshape(shape)
    lines = []
    for axis, values in enumerate(dataset.thetas):
        order = np.argsort(values, kind="stable")
        values = np.asarray(values)[order]
        at = np.interp(np.arange((len(values) - 1) * fine + 1) / fine, range(len(values)), values)
        starts = np.moveaxis(grid, axis, -2)[..., :1, :].reshape(-1, k)
        measured = np.moveaxis(taken, axis, -1)[..., order].reshape(-1, len(values))
        for start, here in zip(starts, measured, strict=True):
            if not here.any():
                continue
            theta = np.repeat(start[None], len(at), axis=0)
            theta[:, axis] = at
            low, high = values[here][[0, -1]]
            inside = (at >= low) & (at <= high)
            lines.append(Line(theta[inside], axis, np.ones(int(inside.sum()), bool)))
    return lines


def _short_lines(settings: Settings) -> list[Line]:
    k = settings.theta.shape[1]
    index = np.flatnonzero(settings.occupied)
    if k == 1:  # a line it is, however uneven
        values = np.sort(settings.theta[index, 0])
        at = np.interp(np.linspace(0, len(values) - 1, (len(values) - 1) * FINE + 1),
                       range(len(values)), values)  # fmt: skip
        return [Line(at[:, None], 0, np.ones(len(at), bool))]
    fine = int(np.clip(BUDGET // (len(index) * k * 2 * REACH), 2, FINE))
    offset = np.arange(-REACH * fine, REACH * fine + 1) / fine
    lines = []
    for axis in range(k):
        for point in settings.theta[index]:
            theta = np.repeat(point[None], len(offset), axis=0)
            theta[:, axis] += offset * settings.step[axis]
            inside = settings.inside(theta)
            # the piece of the line around the setting that stays within the sweep
            left = offset.size // 2 - int(np.argmin(inside[: offset.size // 2 + 1][::-1])) + 1
            right = offset.size // 2 + int(np.argmin(inside[offset.size // 2 :]))
            first = 0 if inside[: offset.size // 2 + 1].all() else left
            last = offset.size if inside[offset.size // 2 :].all() else right
            piece = slice(first, last)
            lines.append(Line(theta[piece], axis, np.abs(offset[piece]) <= 0.5))
    return lines


def _maxima(
    line: Line, heights: np.ndarray, step: np.ndarray, prominence: float, least: np.ndarray
) -> list[tuple[np.ndarray, int, float, float, float]]:
    """Maxima of the mean over replicates; heights (replicates, m)."""
    mean, at = heights.mean(axis=0), line.theta[:, line.axis]
    own = [_peaks(at, row)[0] for row in heights]
    out = []
    for where, index in zip(*_peaks(at, mean), strict=True):
        ratio = _prominence(mean, int(index))
        if ratio < prominence or mean[index] < least[line.axis] or not line.keep[index]:
            continue
        reach = MATCH * step[line.axis]
        away = [np.abs(peaks - where).min(initial=reach) for peaks in own]
        if np.mean([distance < reach for distance in away]) < 0.5:
            continue  # most replicates have no such maximum
        theta = line.theta[index].copy()
        theta[line.axis] = where
        error = float(np.sqrt(np.mean(np.square(away))))
        out.append((theta, line.axis, error, float(mean[index]), ratio))
    return out


def _peaks(at: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Interior maxima: refined by a parabola through three points, and their indices."""
    middle = values[1:-1]
    index = np.flatnonzero((middle > values[:-2]) & (middle >= values[2:])) + 1
    a, b, c = values[index - 1], values[index], values[index + 1]
    curvature = a - 2 * b + c
    shift = np.divide(0.5 * (a - c), curvature, out=np.zeros(index.size), where=curvature < 0)
    shift = np.clip(shift, -0.5, 0.5)
    gap = np.where(shift < 0, at[index] - at[index - 1], at[index + 1] - at[index])
    return at[index] + shift * gap, index


def _prominence(values: np.ndarray, index: int) -> float:
    """Height over the higher of the lowest points on the way to anything higher, or to the end."""
    passes = []
    for side in (values[:index][::-1], values[index + 1 :]):
        higher = np.flatnonzero(side > values[index])
        passes.append(side[: higher[0]].min() if higher.size else side.min())
    return float(values[index] / max(*passes, np.finfo(float).tiny))
