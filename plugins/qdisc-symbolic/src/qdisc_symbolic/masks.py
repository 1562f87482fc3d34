"""Which settings belong to a cluster, from any of the usual ways to say it."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError


def as_mask(dataset: Dataset, cluster: Any, where: str) -> np.ndarray:
    """Return a cluster as a mask over the points of a sweep.

    Args:
        dataset: The sweep.
        cluster: A boolean mask over theta (or over the points); the tuple of index arrays that
            `numpy.where` gives; rows of grid indices as from `numpy.argwhere`; or numbers of
            points (points,).
        where: Name of the argument, for messages.

    Returns:
        True inside the cluster, (points,).

    Raises:
        DataError: Not one of these, an index outside the grid, or an empty cluster.
    """
    shape = dataset.theta_shape
    mask = np.zeros(dataset.n_points, dtype=bool)
    array = np.stack([np.asarray(a) for a in cluster], -1) if isinstance(cluster, tuple) else (
        np.asarray(cluster)
    )  # fmt: skip
    if array.dtype == bool and array.size == mask.size and array.shape in (shape, mask.shape):
        mask = array.reshape(-1).copy()
    elif array.dtype.kind in "iu" and array.ndim == 1 and not isinstance(cluster, tuple):
        mask[_inside(array[:, None], mask.shape, where)[:, 0]] = True
    elif array.dtype.kind in "iu" and array.ndim == 2 and array.shape[1] == len(shape):
        mask[np.ravel_multi_index(tuple(_inside(array, shape, where).T), shape)] = True
    else:
        raise DataError(
            "this names no cluster of settings", where=where,
            value=f"{array.dtype}, shape {array.shape}",
            hint=f"a boolean mask of shape {shape}, numpy.where(mask), or numbers of points",
        )  # fmt: skip
    if not mask.any():
        raise DataError("the cluster is empty", where=where, value=f"0 of {mask.size} settings")
    return mask


def _inside(index: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    bad = np.argwhere((index < 0) | (index >= np.array(shape)))
    if bad.size:
        raise DataError("a setting outside the grid", where=f"{where}[{bad[0][0]}]",
                        value=index[bad[0][0]].tolist(), hint=f"grid {shape}")  # fmt: skip
    return index
