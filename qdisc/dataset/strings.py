"""Counts given as strings of digits, one mapping per point."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from qdisc.dataset.counts import CountMatrix
from qdisc.errors import DataError


def parse_counts(
    counts: Sequence[Mapping[str, int]], site_order: str, columns_per_site: int = 1
) -> tuple[np.ndarray, CountMatrix]:
    """Configurations uint8 (U, columns) and counts (points x U).

    Args:
        counts: `{"0101": 12, ...}` per point; character i is column i.
        site_order: left_to_right, or right_to_left when the last character is site 0.
        columns_per_site: 2 for shadows, whose (basis, outcome) pairs stay in their order.

    Raises:
        DataError: Not digits, unequal lengths, or a count that is not a whole number >= 0.
    """
    if site_order not in ("left_to_right", "right_to_left"):
        raise DataError(
            "site_order says which end of a string is site 0",
            where="site_order",
            value=site_order,
            hint="left_to_right, or right_to_left (Qiskit)",
        )
    index: dict[str, int] = {}
    point, configuration, count = [], [], []
    length = None
    for p, mapping in enumerate(counts):
        for text, n in mapping.items():
            where = f"counts[{p}][{text!r}]"
            if not (isinstance(text, str) and text.isascii() and text.isdigit()):
                raise DataError("a configuration is a string of digits", where=where, value=text)
            length = length or len(text)
            if len(text) != length:
                raise DataError(
                    "all strings have one length", where=where, value=len(text),
                    hint=f"{length} characters, as the first one",
                )  # fmt: skip
            whole = isinstance(n, int | np.integer) or (isinstance(n, float) and n.is_integer())
            if isinstance(n, bool) or not whole or n < 0:
                raise DataError("a count is a whole number >= 0", where=where, value=n)
            point.append(p)
            configuration.append(index.setdefault(text, len(index)))
            count.append(int(n))
    if not index:
        raise DataError("the sweep is empty", where="counts", value=f"{len(counts)} points")
    rows = np.array([[int(c) for c in text] for text in index], dtype=np.uint8)
    if site_order == "right_to_left":
        if rows.shape[1] % columns_per_site:
            raise DataError(
                f"each site has {columns_per_site} characters", where="counts", value=length
            )
        pairs = rows.reshape(len(rows), -1, columns_per_site)
        rows = pairs[:, ::-1].reshape(rows.shape)
    matrix = CountMatrix.from_pairs(
        np.array(point), np.array(configuration), np.array(count), len(counts), len(index)
    )
    return np.ascontiguousarray(rows), matrix
