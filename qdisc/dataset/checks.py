"""Refuse samples that are not what they claim to be: the index, the value, what to try."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc._typing import DATA_TYPES
from qdisc.errors import DataError, nearest

SHADOW_VOCABULARY = 5  # codes 0, 1 (outcomes) and 2, 3, 4 (bases X, Y, Z)


@dataclass(frozen=True)
class Codes:
    """Local states of one dataset: number of codes and the value behind each."""

    dimension: int
    states: np.ndarray | None


def check_data_type(data_type: object) -> str:
    """Return the data type, or raise and name the nearest one."""
    if data_type not in DATA_TYPES:
        raise DataError(
            "unknown data_type", where="data_type", value=data_type,
            hint=nearest(str(data_type), DATA_TYPES),
        )  # fmt: skip
    return str(data_type)


def owned(array: np.ndarray, dtype: object) -> np.ndarray:
    """A C-ordered copy that nobody else can change.

    An array that already is one (read-only, owning its memory) is taken over as it is, so that
    readers of large files hold the samples once.
    """
    flags = array.flags
    if array.dtype == dtype and flags.owndata and flags.c_contiguous and not flags.writeable:
        return array
    return array.astype(dtype, order="C")  # type: ignore[arg-type]


def check_samples(
    samples: np.ndarray,
    data_type: str,
    local_dimension: int,
    local_states: object,
    where: str,
    first_row: int = 0,
) -> tuple[np.ndarray, Codes]:
    """Validate sample rows and return them in their storage dtype.

    Args:
        samples: Array (n, columns) of any numeric dtype.
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes, 0 to infer it.
        local_states: Values of the codes, or None for the defaults.
        where: Name of the source for messages.
        first_row: Row of the source that `samples[0]` is, when it is read in pieces.

    Raises:
        DataError: With index and value of the first bad entry.
    """
    if samples.ndim != 2 or samples.shape[1] == 0:
        raise DataError(
            "samples form a table: one row per snapshot, one column per site",
            where=where,
            value=f"shape {samples.shape}",
        )
    if samples.shape[0] == 0:
        raise DataError("the sweep is empty", where=where, value=f"shape {samples.shape}")
    if samples.dtype.kind not in "biuf":
        raise DataError(
            "samples must be real numbers", where=where, value=str(samples.dtype),
            hint="convert strings and complex numbers first",
        )  # fmt: skip
    _finite(samples, where, first_row)
    if data_type in ("hybrid", "shadow") and samples.shape[1] % 2:
        raise DataError(
            f"{data_type} samples have two columns per site",
            where=where,
            value=f"{samples.shape[1]} columns",
            hint="[f_1..f_N, d_1..d_N]" if data_type == "hybrid" else "[b_1, o_1, b_2, o_2, ...]",
        )
    if data_type == "continuous":
        return _float32(samples, where, first_row), Codes(0, None)
    if data_type == "shadow":
        return _shadow(samples, local_dimension, where, first_row)
    discrete = samples[:, : samples.shape[1] // 2] if data_type == "hybrid" else samples
    codes = _codes(discrete, data_type, local_dimension, local_states, where, first_row)
    if data_type == "hybrid":
        return _float32(samples, where, first_row), codes
    return owned(samples, np.uint8 if codes.dimension <= 256 else np.uint16), codes


def _finite(samples: np.ndarray, where: str, first_row: int) -> None:
    if samples.dtype.kind == "f" and not np.isfinite(samples).all():
        i, j = np.argwhere(~np.isfinite(samples))[0]
        raise DataError(
            "a sample is not finite",
            where=f"{where}[{first_row + i}, {j}]",
            value=float(samples[i, j]),
            hint="drop the snapshot, or repair the value",
        )


def _float32(samples: np.ndarray, where: str, first_row: int) -> np.ndarray:
    with np.errstate(over="ignore"):
        stored = owned(samples, np.float32)
    if not np.isfinite(stored).all():
        i, j = np.argwhere(~np.isfinite(stored))[0]
        raise DataError(
            "a sample is too large for float32",
            where=f"{where}[{first_row + i}, {j}]",
            value=float(samples[i, j]),
            hint="use a larger unit, so that values are of order one",
        )
    return stored


def _codes(
    discrete: np.ndarray,
    data_type: str,
    dimension: int,
    states: object,
    where: str,
    first_row: int,
) -> Codes:
    values = _states(states)
    if not isinstance(dimension, int | np.integer) or dimension < 0 or dimension == 1:
        raise DataError(
            "local_dimension is the number of codes, at least 2 (0 to infer it)",
            where="local_dimension",
            value=dimension,
        )
    if discrete.dtype.kind == "f" and (fraction := discrete != np.round(discrete)).any():
        i, j = np.argwhere(fraction)[0]
        raise DataError(
            "a discrete sample holds whole codes 0, 1, 2, ...",
            where=f"{where}[{first_row + i}, {j}]",
            value=float(discrete[i, j]),
            hint="data_type='continuous' for real numbers",
        )
    low, high = int(discrete.min()), int(discrete.max())
    if low < 0:
        i, j = np.argwhere(discrete < 0)[0]
        spins = set(np.unique(discrete).tolist()) <= {-1, 1}
        raise DataError(
            "samples are codes 0..d-1, never physical values",
            where=f"{where}[{first_row + i}, {j}]",
            value=int(discrete[i, j]),
            hint="spins -1/+1: pass (samples + 1) // 2; code 1 is +1"
            if spins
            else "map each value to its index in local_states",
        )
    if dimension == 0:
        dimension = values.size if values is not None else max(2, high + 1)
    if values is not None and values.size != dimension:
        raise DataError(
            "local_states and local_dimension disagree",
            where="local_states",
            value=f"{values.size} values, local_dimension {dimension}",
        )
    if high >= dimension:
        i, j = np.argwhere(discrete >= dimension)[0]
        raise DataError(
            f"a code is out of range: codes are 0..{dimension - 1}",
            where=f"{where}[{first_row + i}, {j}]",
            value=int(discrete[i, j]),
            hint=f"local_dimension={high + 1}, if the code is right",
        )
    if dimension > 65535:
        raise DataError("too many codes", where="local_dimension", value=dimension)
    if values is None:
        spins = dimension == 2 and data_type == "discrete"
        values = np.array([-1.0, 1.0]) if spins else np.arange(dimension, dtype=np.float64)
    return Codes(int(dimension), values)


def _states(states: object) -> np.ndarray | None:
    if states is None:
        return None
    try:
        values = np.array(states, dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise DataError(
            "local_states are numbers, one per code", where="local_states", value=states
        ) from error
    if np.unique(values).size != values.size or values.size < 2 or not np.isfinite(values).all():
        raise DataError(
            "local_states gives each code a finite value of its own, at least two",
            where="local_states",
            value=values.tolist(),
        )
    return values


def _shadow(
    samples: np.ndarray, dimension: int, where: str, first_row: int
) -> tuple[np.ndarray, Codes]:
    if dimension not in (0, 2, SHADOW_VOCABULARY):
        raise DataError(
            "a shadow has two outcomes per site (5 words: 2 outcomes, 3 bases)",
            where="local_dimension",
            value=dimension,
            hint="leave local_dimension out",
        )
    for offset, allowed, what in ((0, (2, 3, 4), "basis"), (1, (0, 1), "outcome")):
        bad = np.argwhere(~np.isin(samples[:, offset::2], allowed))
        if bad.size:
            i, j = bad[0][0], 2 * bad[0][1] + offset
            raise DataError(
                f"a shadow's {what} is one of {allowed}",
                where=f"{where}[{first_row + i}, {j}]",
                value=float(samples[i, j]),
                hint="rows read [b_1, o_1, b_2, o_2, ...]; b = 2, 3, 4 for X, Y, Z; o = 1 for +1",
            )
    return owned(samples, np.uint8), Codes(2, np.array([-1.0, 1.0]))
