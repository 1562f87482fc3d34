"""Neighbours on a grid of settings, and the boundary of a cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdisc.errors import DataError


def boundary(mask: Any) -> np.ndarray:
    """Points of a cluster that have a neighbour outside it.

    Neighbours are one step away along one axis, in either direction. Where the grid ends there is
    no neighbour, so that the edge of the grid is no boundary.

    Args:
        mask: True inside the cluster, any number of axes.

    Returns:
        True at the boundary points, the shape of `mask`.
    """
    inside = np.asarray(mask)
    if inside.dtype != bool or inside.ndim == 0:
        raise DataError("a cluster is a mask over the grid", where="mask",
                        value=f"{inside.dtype}, shape {inside.shape}")  # fmt: skip
    out = np.zeros_like(inside)
    for axis in range(inside.ndim):
        here, found = np.moveaxis(inside, axis, 0), np.moveaxis(out, axis, 0)
        found[:-1] |= here[:-1] & ~here[1:]
        found[1:] |= here[1:] & ~here[:-1]
    return out


def neighbour(
    shape: tuple[int, ...], index: np.ndarray, axis: int, direction: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbour of grid points along one axis; at the edge of the grid, the one on the other side.

    Only the coordinate of `axis` changes, by one step.

    Args:
        shape: Shape of the grid.
        index: Points as rows of coordinates, (points, axes).
        axis: Axis to step along.
        direction: +1 or -1 per point, the preferred side, (points,).

    Returns:
        Coordinates of the neighbours (points, axes) and the direction taken, +1 or -1.

    Raises:
        DataError: The axis has one value only, so that no point has a neighbour along it.
    """
    if shape[axis] < 2:
        raise DataError("an axis with one value has no neighbours", where=f"theta axis {axis}",
                        value=shape)  # fmt: skip
    index, step = np.array(index), np.array(direction)
    ahead = index[:, axis] + step
    step = np.where((ahead < 0) | (ahead >= shape[axis]), -step, step)
    index[:, axis] += step
    return index, step
