"""Numbers of a file as codes 0..d-1 and the value behind each: nothing is read into them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qdisc.errors import DataError

_MOST_LEVELS = 64  # distinct physical values; more are no levels of a site
_MOST_CODE = 65534
Meaning = Literal["codes", "physical"]


@dataclass(frozen=True)
class Coded:
    """Samples in codes (or float64 where they are continuous), with local_states."""

    rows: np.ndarray
    data_type: str
    local_states: tuple[float, ...] | None


def as_codes(
    numbers: np.ndarray,
    where: str,
    *,
    data_type: str | None = None,
    local_states: Sequence[float] | None = None,
    values: Meaning | None = None,
    one_based: bool = False,
) -> Coded:
    """Turn the numbers of a file into codes; nothing is changed in meaning.

    Whole numbers >= 0 are codes, and their own physical values unless `local_states` says
    otherwise. Numbers below 0 (spins -1, +1) are physical values: code 0 is the smallest. Numbers
    that are not whole are continuous data. Where `local_states` leaves both open, this is asked.

    Args:
        numbers: Any shape, any numeric dtype.
        where: Name of the array, for messages.
        data_type: discrete or continuous; None decides by the numbers.
        local_states: Physical value of each code.
        values: Whether the numbers are "codes" or "physical" values; None decides by their sign.
        one_based: Codes 1..d, as Julia and MATLAB count.

    Raises:
        DataError: Not numbers, not finite, too many levels, a value that is no local state.
    """
    if numbers.dtype.kind not in "biuf":
        raise DataError("the samples are real numbers", where=where, value=str(numbers.dtype))
    if numbers.size == 0:
        raise DataError("the array of samples is empty", where=where, value=numbers.shape)
    if numbers.dtype.kind == "f":
        _finite(numbers, where)
        if values == "physical" and data_type != "continuous":
            return _physical(numbers, where, local_states)
        broken = numbers != np.rint(numbers)
        if data_type == "continuous" or (data_type is None and broken.any()):
            return Coded(numbers.astype(np.float64), "continuous", None)
        if broken.any():
            _refuse("a code is a whole number", numbers, broken, where,
                    'data_type = "continuous" for real numbers')  # fmt: skip
    elif data_type == "continuous":
        return Coded(numbers.astype(np.float64), "continuous", None)
    low, high = numbers.min(), numbers.max()
    if values is None:
        if low >= 0 and local_states is not None:
            _refuse_two_meanings(numbers, where, local_states, one_based)
        values = "physical" if low < 0 else "codes"
    if values == "physical":
        return _physical(numbers, where, local_states)
    first = int(one_based)
    if low < first or high > _MOST_CODE:
        bad = (numbers < first) | (numbers > _MOST_CODE)
        hint = 'values = "physical" if these are spins; one_based = false if they start at 0'
        _refuse(f"a code is {first}..d", numbers, bad, where, hint)
    rows = numbers.astype(np.uint16 if high > 255 else np.uint8) - first
    levels = max(int(high) - first + 1, 2)
    if local_states is not None and levels > len(local_states):
        bad = rows >= len(local_states)
        _refuse("a code without a local state", numbers, bad, where,
                f"local_states has {len(local_states)} values")  # fmt: skip
    states = local_states if local_states is not None else tuple(map(float, range(levels)))
    return Coded(rows, "discrete", tuple(states))


def _refuse_two_meanings(
    numbers: np.ndarray, where: str, states: Sequence[float], one_based: bool
) -> None:
    """Ask when the numbers are codes of the local states as well as local states themselves."""
    seen = np.unique(numbers)
    codes = seen.astype(np.int64) - int(one_based)
    if codes.min() < 0 or codes.max() >= len(states) or not np.isin(seen, states).all():
        return
    differs = np.asarray(states, dtype=np.float64)[codes] != seen
    if differs.any():
        raise DataError(
            "the numbers are codes of the local states, and local states as well", where=where,
            value=f"{seen.tolist()}, local_states = {list(states)}",
            hint='values = "codes" (places in local_states) or "physical" (local states)',
        )  # fmt: skip


def _physical(numbers: np.ndarray, where: str, states: Sequence[float] | None) -> Coded:
    seen = np.unique(numbers)
    if states is None:
        spins = set(seen.tolist()) <= {-1, 1}
        states = (-1.0, 1.0) if spins else tuple(map(float, seen))
    if len(states) > _MOST_LEVELS:
        raise DataError("too many different values for the levels of a site", where=where,
                        value=f"{seen.size} values, {seen[0]} to {seen[-1]}",
                        hint='data_type = "continuous"?')  # fmt: skip
    if len(states) < 2:
        raise DataError("all samples are equal, so that nothing tells the local states",
                        where=where, value=seen.tolist(),
                        hint="local_states = [...] lists the values of a site")  # fmt: skip
    order = np.argsort(states)
    ranks = np.searchsorted(np.asarray(states)[order], numbers).clip(0, len(states) - 1)
    codes = order[ranks].astype(np.uint8)
    wrong = np.asarray(states)[codes] != numbers
    if wrong.any():
        _refuse("a value that is no local state", numbers, wrong, where,
                f"local_states = {list(states)}")  # fmt: skip
    return Coded(codes, "discrete", tuple(map(float, states)))


def _finite(numbers: np.ndarray, where: str) -> None:
    bad = ~np.isfinite(numbers)
    if bad.any():
        _refuse("a sample is not finite", numbers, bad, where, "leave out such shots: mask = ...")


def _refuse(what: str, numbers: np.ndarray, bad: np.ndarray, where: str, hint: str) -> Any:
    place = np.unravel_index(int(np.argmax(bad)), numbers.shape)
    index = ", ".join(map(str, place))
    raise DataError(what, where=f"{where}[{index}]", value=numbers[place].item(), hint=hint)
