"""Checks of a feature table, one row per setting."""

from __future__ import annotations

from typing import Any

import numpy as np
from qdisc.errors import DataError


def as_features(X: Any, least: int = 1, columns: int | None = None) -> np.ndarray:
    """Return X as float64 (rows, features) once it is known to be a table of finite numbers.

    Args:
        X: (rows, features), or (rows,) for one feature.
        least: Smallest number of rows.
        columns: Number of features that is wanted; any when left out.

    Raises:
        DataError: Not numbers, not a table, a NaN or infinite entry, too few rows.
    """
    try:
        table = np.asarray(X, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError("features are numbers", where="X", value=X) from error
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or table.shape[1] == 0:
        raise DataError(
            "features form a table: one row per setting, one column per feature",
            where="X",
            value=f"shape {np.shape(X)}",
            hint="reshape a map over theta to (points, features)",
        )
    if columns is not None and table.shape[1] != columns:
        raise DataError(
            "the model was fitted to another number of features",
            where="X",
            value=f"{table.shape[1]} columns, {columns} wanted",
        )
    bad = np.argwhere(~np.isfinite(table))
    if bad.size:
        row, column = bad[0]
        raise DataError(
            "a feature is not finite",
            where=f"X[{row}, {column}]",
            value=float(table[row, column]),
            hint="leave out settings without snapshots before clustering",
        )
    if table.shape[0] < least:
        raise DataError(
            f"too few rows: {least} are needed",
            where="X",
            value=f"{table.shape[0]} rows",
            hint="fewer components, or more settings",
        )
    return table
