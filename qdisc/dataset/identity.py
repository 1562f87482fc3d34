"""A dataset in words and in one number: its description for plugins, its checksum."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from qdisc.plugin.dataspec import DataSpec

if TYPE_CHECKING:
    from qdisc.dataset.content import Content

_PIECE = 1 << 21  # numbers


def describe(data: Content) -> DataSpec:
    """What plugins may know: kinds, sizes, geometry, mean and spread of continuous sites."""
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    if data.data_type in ("continuous", "hybrid"):
        mean, sd = data.spread()
        location = tuple(mean.tolist())
        scale = tuple(np.where(sd > 0, sd, 1.0).tolist())
    return DataSpec(
        data_type=data.data_type,
        n_sites=data.n_sites,
        n_columns=data.input_size,
        local_dimension=data.local_dimension,
        local_states=() if data.local_states is None else tuple(data.local_states.tolist()),
        sites=None if data.sites is None else tuple(map(tuple, data.sites.tolist())),
        periodic=data.periodic,
        theta_names=data.theta_names,
        theta_units=data.theta_units,
        n_points=data.n_points,
        n_snapshots=data.n_snapshots,
        n_configurations=data.configurations.shape[0],
        location=location,
        scale=scale,
    )


def checksum(data: Content) -> str:
    """SHA-256 of everything that bears on a result; names of files and sources do not."""
    words = f"{data.data_type}|{data.theta_names}|{data.theta_units}|{data.periodic}"
    digest = hashlib.sha256(words.encode())
    parts = (data.theta, data.local_states, data.configurations, data.counts.data)
    for array in (*parts, data.counts.indices, data.counts.indptr, data.sites):
        if array is not None:
            digest.update(f"{array.shape}{array.dtype.kind}".encode())
            for piece in _pieces(array):
                wide = piece if piece.dtype.kind == "f" else piece.astype(np.int64)
                digest.update(np.ascontiguousarray(wide).tobytes())
    return digest.hexdigest()


def _pieces(array: Any) -> Iterator[np.ndarray]:
    """An array in rows of a few megabytes, so that wide copies stay small."""
    step = max(1, _PIECE // max(1, array.size // max(1, len(array))))
    for start in range(0, len(array), step):
        yield array[start : start + step]
