"""Pauli strings from classical shadows: unbiased values per shot, and means with their errors.

Source: Huang, Kueng, Preskill, Nature Physics 16, 1050 (2020).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import DataError

BASIS_CODES = {"X": 2, "Y": 3, "Z": 4}


def pauli_values(shadows: ArrayLike, string: str, bases: str = "XYZ") -> FloatArray:
    """One value per shot whose mean over shots is <P>.

        value = d^w prod_{i in P} [b_i = P_i] s_i,   s_i = 2 o_i - 1,

    for a string of w letters and bases drawn uniformly from d letters: a shot counts only if all
    sites of P were measured in P's bases, which happens with probability d^-w. Its variance grows
    as d^w, so long strings need many shots.

    Args:
        shadows: (shots, 2N), [b_1, o_1, ...]: b = 2, 3, 4 for X, Y, Z and o = 1 for +1.
        string: N letters I, X, Y, Z; character i acts on site i.
        bases: The letters that the bases were drawn from.

    Returns:
        (shots,); all ones for the string of identities.

    Raises:
        DataError: The shape does not fit, or a letter was never measured.
    """
    rows = np.asarray(shadows)
    if rows.ndim != 2 or rows.shape[1] != 2 * len(string):
        raise DataError(
            f"shadows of {len(string)} sites have {2 * len(string)} columns", where="shadows",
            value=rows.shape, hint="one letter I, X, Y or Z per site",
        )  # fmt: skip
    unknown = sorted(set(string) - {"I", *bases})
    if unknown:
        raise DataError(
            f"nothing was measured in {', '.join(unknown)}", where=f"string {string}",
            value=bases, hint="letters of the bases, or I",
        )  # fmt: skip
    sites = [i for i, letter in enumerate(string) if letter != "I"]
    value = np.full(rows.shape[0], float(len(bases)) ** len(sites))
    for site in sites:
        basis, outcome = rows[:, 2 * site], rows[:, 2 * site + 1]
        value *= np.where(basis == BASIS_CODES[string[site]], 2.0 * outcome - 1.0, 0.0)
    return value


@dataclass(frozen=True)
class Estimate:
    """A mean over shots.

    Attributes:
        mean: Plain mean.
        std_error: Its standard error.
        median_of_means: Median of the means of equal groups of shots: less disturbed by the rare
            large values of long strings.
        median_error: Its standard error, for group means that are nearly normal.
        groups: Number of groups.
    """

    mean: float
    std_error: float
    median_of_means: float
    median_error: float
    groups: int


def estimate(values: ArrayLike, groups: int = 10) -> Estimate:
    """Mean and median of means of independent values, with standard errors.

    The error of the median of K group means is sqrt(pi / (2 K)) times their spread.

    Args:
        values: (shots,), in the order they were taken.
        groups: Number of groups K of floor(shots / K) consecutive shots (the rest is left out of
            the median).

    Raises:
        DataError: Fewer than two shots, or more groups than shots.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or values.size < 2 or not 2 <= groups <= values.size:
        raise DataError(
            "an error needs two shots or more, and a median two groups or more, none empty",
            where="values, groups",
            value=(values.shape, groups),
        )
    size = values.size // groups
    means = values[: size * groups].reshape(groups, size).mean(axis=1)
    spread = float(means.std(ddof=1))
    return Estimate(
        mean=float(values.mean()),
        std_error=float(values.std(ddof=1)) / np.sqrt(values.size),
        median_of_means=float(np.median(means)),
        median_error=spread * float(np.sqrt(np.pi / (2 * groups))),
        groups=groups,
    )
