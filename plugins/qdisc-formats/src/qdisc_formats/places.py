"""Positions of sites, in units of their smallest distance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from qdisc.errors import DataError

from qdisc_formats.json_file import want
from qdisc_formats.settings import number


def positions(sites: Any, where: str) -> np.ndarray:
    """Coordinates (N, dim) as the file has them, numbers or numbers written as text.

    Raises:
        DataError: Not a list of positions, or a coordinate that is no finite number.
    """
    rows = []
    for n, site in enumerate(want(sites, list, where)):
        place = f"{where}[{n}]"
        row = [number(value) for value in want(site, list, place)]
        if not 1 <= len(row) <= 3 or None in row or len(row) != len(rows[0] if rows else row):
            raise DataError("a position is one to three finite numbers", where=place, value=site)
        rows.append(row)
    if not rows:
        raise DataError("there is no site", where=where, value=sites)
    return np.array(rows, dtype=np.float64).reshape(len(rows), -1)


def in_lattice_units(places: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Positions from the corner, divided by the smallest distance, and that distance.

    Directions without extent are left out. None when two sites share a place.
    """
    if places.shape[0] < 2:
        return None
    from scipy.spatial import KDTree  # a third of a second to import

    spread = np.ptp(places, axis=0)
    kept = places[:, spread > 1e-6 * spread.max()] if spread.max() > 0 else places
    smallest = KDTree(kept).query(kept, k=2)[0][:, 1].min() if kept.shape[1] else 0.0
    if smallest <= 1e-9 * spread.max():
        return None
    return ((kept - kept.min(0)) / smallest).round(6) + 0.0, float(smallest)


def common(geometries: Sequence[np.ndarray | None], unit: str) -> tuple[np.ndarray | None, str]:
    """The positions that all jobs share in lattice units, and a note on them; `unit`: m or um."""
    scaled = [None if g is None else in_lattice_units(g) for g in geometries]
    if not scaled or any(one is None for one in scaled):
        return None, ""
    others = [one for one in scaled if one is not None]
    first = others[0][0]
    same = all(o.shape == first.shape and np.allclose(o, first, atol=1e-4) for o, _ in others)
    if not same:
        return None, "positions left out: they differ between settings"
    spacing, *_ = lengths = [length * (1e6 if unit == "m" else 1.0) for _, length in others]
    span = (
        f"{min(lengths):g}"
        if np.allclose(lengths, spacing)
        else (f"{min(lengths):g} to {max(lengths):g}")
    )
    return first, f"positions in units of the smallest distance, {span} um"
