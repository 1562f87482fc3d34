"""Where the sites are: positions and periodic directions, checked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from qdisc.errors import DataError


def as_sites(sites: object, n_sites: int) -> np.ndarray | None:
    """Positions float64 (n_sites, dim), or None."""
    if sites is None:
        return None
    try:
        positions = np.array(sites, dtype=np.float64)  # a copy: it is made read-only
    except (TypeError, ValueError) as error:
        raise DataError("sites holds numbers", where="sites", value=sites) from error
    positions = positions[:, None] if positions.ndim == 1 else positions
    if positions.ndim != 2 or positions.shape[0] != n_sites or not np.isfinite(positions).all():
        raise DataError(
            "sites holds one finite position per site",
            where="sites",
            value=f"shape {positions.shape}",
            hint=f"an array of shape ({n_sites}, dim)",
        )
    if np.unique(positions.round(9), axis=0).shape[0] != n_sites:
        raise DataError("two sites share a position", where="sites", value=positions.tolist())
    return positions


def as_periodic(
    periodic: bool | Sequence[bool] | None, sites: np.ndarray | None
) -> tuple[bool, ...] | None:
    """One flag per direction, or None."""
    if periodic is None:
        return None
    if np.ndim(periodic) > 1:
        raise DataError("periodic is one flag, or one per direction", where="periodic",
                        value=periodic)  # fmt: skip
    dim = 1 if sites is None else sites.shape[1]
    flags = (periodic,) * dim if isinstance(periodic, bool | np.bool_) else tuple(periodic)
    if len(flags) != dim:
        raise DataError(
            "periodic needs one flag per direction", where="periodic", value=flags,
            hint=f"{dim} flags",
        )  # fmt: skip
    return tuple(bool(flag) for flag in flags)
