"""Cuts and marginals of maps over a full theta grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qdisc.errors import ConfigError


def nearest_index(axis: np.ndarray, value: float) -> int:
    """Index of the grid value closest to `value`."""
    return int(np.argmin(np.abs(np.asarray(axis, dtype=np.float64) - float(value))))


def slice_pair(
    values: np.ndarray,
    theta_pair: Sequence[int],
    values_other_thetas: Sequence[float],
    axes: Sequence[np.ndarray],
) -> np.ndarray:
    """Map over two theta axes with all others fixed at the nearest grid values.

    Args:
        values: (theta_1, ..., theta_k, ...).
        theta_pair: Axes of the result, in the result's order; one axis alone gives a line.
        values_other_thetas: One value for each remaining axis, in the order of the axes.
        axes: The k grid axes.

    Returns:
        (len(axes[pair[0]]), len(axes[pair[1]]), ...). With a single theta axis, the other one of a
        pair (0, 1) or (1, 0) has length one.

    Raises:
        ConfigError: The pair names no two axes, or other values are missing.
    """
    values, axes = np.asarray(values), list(axes)
    pair = tuple(int(axis) for axis in theta_pair)
    if len(axes) == 1 and len(pair) == 2:  # a line is a plane of width one
        values, axes = values[:, None], [axes[0], np.zeros(1)]
    k = len(axes)
    if len(pair) not in (1, 2) or len(set(pair)) != len(pair) or not all(0 <= a < k for a in pair):
        raise ConfigError(
            "theta_pair names two different theta axes", where="theta_pair", value=theta_pair,
            hint=f"two of {tuple(range(k))}",
        )  # fmt: skip
    if values.shape[:k] != tuple(len(axis) for axis in axes):
        raise ConfigError(
            "values do not lie on this grid", where="slice_pair", value=values.shape,
            hint=f"leading axes of length {tuple(len(axis) for axis in axes)}",
        )  # fmt: skip
    others = [axis for axis in range(k) if axis not in pair]
    chosen = np.atleast_1d(np.asarray(values_other_thetas, dtype=np.float64))
    if chosen.size != len(others):
        raise ConfigError(
            "each remaining theta axis needs a value", where="values_other_thetas",
            value=values_other_thetas, hint=f"{len(others)} numbers, for axes {others}",
        )  # fmt: skip
    index: list[slice | int] = [slice(None)] * k
    for axis, value in zip(others, chosen, strict=True):
        index[axis] = nearest_index(axes[axis], value)
    cut = values[tuple(index)]
    return np.swapaxes(cut, 0, 1) if len(pair) == 2 and pair[0] > pair[1] else cut


def marginal(values: np.ndarray, axis: int, shots: np.ndarray) -> np.ndarray:
    """Mean over all theta axes but one, weighted with the shots.

    Args:
        values: (theta_1, ..., theta_k, ...); NaN at empty points.
        axis: The axis to keep.
        shots: (theta_1, ..., theta_k).

    Returns:
        (len of the axis, ...).
    """
    k = shots.ndim
    weights = shots.reshape(*shots.shape, *(1,) * (values.ndim - k)).astype(np.float64)
    gone = tuple(a for a in range(k) if a != axis)
    total = np.where(weights > 0, values * weights, 0.0).sum(axis=gone)
    weight = np.broadcast_to(weights.sum(axis=gone), total.shape)
    return np.divide(total, weight, out=np.full(total.shape, np.nan), where=weight > 0)
