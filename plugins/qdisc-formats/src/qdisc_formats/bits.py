"""Bit strings, counts and lists of bits, as arrays with one column per character.

Nothing here turns a string around: which end is site 0 is the loader's business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qdisc.errors import DataError

_MOST = 2**53  # snapshots that float64 still counts one by one
_MOST_BITS = 100_000

ASK_ORDER = (
    'site_order = "left_to_right" if the first character is site 0 (Cirq, Braket, Pulser, '
    'PennyLane), "right_to_left" if the last one is (Qiskit, IonQ)'
)


def strings_to_rows(texts: Sequence[str], where: str) -> np.ndarray:
    """Digits (n, characters), uint8; blanks between registers are left out.

    Raises:
        DataError: Not digits, or strings of different lengths, with the row.
    """
    texts = [re.sub(r"[ _]", "", text) for text in texts]
    width = len(texts[0]) if texts else 0
    for n, text in enumerate(texts):
        if len(text) != width or not (text.isascii() and text.isdigit()):
            raise DataError(
                "a snapshot is a string of digits, all of one length",
                where=f"{where}, string {n}", value=text, hint=f"{width} digits, as the first one",
            )  # fmt: skip
    flat = np.frombuffer("".join(texts).encode(), dtype=np.uint8) - ord("0")
    return flat.reshape(len(texts), width)


def counts_to_rows(
    counts: Mapping[str, Any], where: str, width: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Digits (n, characters) and counts (n,) of `{"0101": 12}` or `{"0x5": 12}`.

    Args:
        counts: How often each string was seen.
        where: The place, for messages.
        width: Number of bits of hexadecimal keys.

    Raises:
        DataError: Not counts, or hexadecimal keys and no width.
    """
    texts, numbers = [], []
    for text, count in counts.items():
        whole = isinstance(count, int) or (isinstance(count, float) and count.is_integer())
        if isinstance(count, bool) or not whole or not 0 <= count <= _MOST:
            raise DataError("a count is a whole number >= 0", where=f"{where}[{text!r}]",
                            value=count, hint="probabilities are no snapshots")  # fmt: skip
        texts.append(hex_to_bits(text, width, where) if text[:2].lower() == "0x" else text)
        numbers.append(int(count))
    if sum(numbers) > _MOST:
        raise DataError("more snapshots than can be counted", where=where, value=sum(numbers))
    return strings_to_rows(texts, where), np.array(numbers, dtype=np.int64)


def hex_to_bits(text: str, width: int | None, where: str) -> str:
    """Bits of a hexadecimal number, the most significant first: "0x3" of width 4 is "0011"."""
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if value < 0:
        raise DataError("this is no hexadecimal number", where=where, value=text)
    if width is None or value.bit_length() > width or width > _MOST_BITS:
        raise DataError(
            "a hexadecimal outcome needs the number of bits", where=where, value=text,
            hint=f"n_bits = ... (found {width}; this one has {value.bit_length()})",
        )  # fmt: skip
    return f"{value:0{width}b}"


def lists_to_rows(lists: Any, where: str) -> np.ndarray:
    """Bits (shots, columns), uint8, of lists of 0 and 1; "0" and "1" are taken as well.

    Raises:
        DataError: Not lists of bits of one length; with shot and column.
    """
    if not isinstance(lists, list) or not lists:
        raise DataError("a list of shots is wanted here", where=where, value=lists)
    fast = table_of_bits(lists)
    if fast is not None:
        return fast
    width = len(lists[0]) if isinstance(lists[0], list) else -1
    for n, row in enumerate(lists):
        if not isinstance(row, list) or len(row) != width or not row:
            raise DataError("all shots have the same number of bits", where=f"{where}, shot {n}",
                            value=row, hint=f"{max(width, 1)} bits, as the first one")  # fmt: skip
        for i, bit in enumerate(row):
            if isinstance(bit, bool) or not (isinstance(bit, int | str) and bit in _BITS):
                raise DataError("a bit is 0 or 1", where=f"{where}, shot {n}, column {i}",
                                value=bit)  # fmt: skip
    return np.array([[_BITS[bit] for bit in row] for row in lists], dtype=np.uint8)


def table_of_bits(lists: list[Any]) -> np.ndarray | None:
    """Bits (shots, columns) of a table of whole numbers; None if it must be looked at closer."""
    try:
        table = np.array(lists)
    except (ValueError, TypeError, OverflowError):
        return None
    if table.ndim != 2 or table.size == 0 or table.dtype.kind not in "iu":
        return None
    return table.astype(np.uint8) if table.min() >= 0 and table.max() <= 1 else None


_BITS: dict[Any, int] = {0: 0, 1: 1, "0": 0, "1": 1}


def said_order(site_order: str | None, what: str = "the strings") -> dict[str, str]:
    """What `site_order` made of the strings, for `source`; nothing if unsaid."""
    if site_order is None:
        return {}
    end = "last" if site_order == "right_to_left" else "first"
    return {"bit_order": f"the {end} character of {what} is site 0 (site_order)"}


def in_order(rows: np.ndarray, site_order: str | None, where: str) -> np.ndarray:
    """Rows with site 0 first.

    Raises:
        DataError: The order is not said, and there is more than one site.
    """
    if site_order is None and rows.shape[1] > 1:
        raise DataError("nothing says which end of the strings is site 0", where=where,
                        value=_example(rows), hint=ASK_ORDER)  # fmt: skip
    return rows[:, ::-1] if site_order == "right_to_left" else rows


def _example(rows: np.ndarray) -> str:
    uneven = np.flatnonzero((rows != rows[:, ::-1]).any(1))
    row = rows[uneven[0] if uneven.size else 0] if rows.shape[0] else ()
    return "".join(map(str, row))
