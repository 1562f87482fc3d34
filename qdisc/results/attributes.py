"""Attributes as they are stored: text in small pieces, whole and real numbers, nothing else.

A text longer than `MAX_TEXT` bytes is split over `name`, `name_1`, `name_2`, ..., and `name_parts`
says how many pieces there are; reading joins them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qdisc.errors import ResultError

MAX_TEXT = 60_000
_MAX_ITEMS = 3000  # a text in a list takes 16 bytes of the object header, which holds 64 kB


def encode(name: str, value: Any, where: str) -> dict[str, Any]:
    """Stored attributes of one value: str, numpy scalar, or 1-D and higher numpy array.

    Raises:
        ResultError: Neither text nor numbers, or too large for an attribute.
    """
    if isinstance(value, str):
        pieces = _pieces(clean(value))
        if len(pieces) == 1:
            return {name: pieces[0]}
        out: dict[str, Any] = {name: pieces[0]}
        out.update({f"{name}_{i}": piece for i, piece in enumerate(pieces[1:], 1)})
        return {**out, f"{name}_parts": np.int64(len(pieces))}
    if isinstance(value, list | tuple) and all(isinstance(v, str) for v in value):
        texts = [clean(v) for v in value]
        longest = max((len(t.encode()) for t in texts), default=0)
        if longest >= MAX_TEXT or len(texts) > _MAX_ITEMS:
            raise ResultError(
                "a list of texts is too large for an attribute", where=f"{where}@{name}",
                value=f"{len(texts)} texts, the longest of {longest} bytes",
                hint=f"at most {_MAX_ITEMS} texts below {MAX_TEXT} bytes",
            )  # fmt: skip
        return {name: np.array(texts, dtype=object)}
    return {name: _number(name, value, where)}


def _number(name: str, value: Any, where: str) -> Any:
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError) as error:
        raise _not_storable(name, value, where) from error
    wide = {"b": np.int64, "i": np.int64, "u": np.int64, "f": np.float64}
    if array.ndim == 0 and array.dtype.itemsize <= 8 and array.dtype.kind in wide:
        if array.dtype.kind == "u" and array > np.iinfo(np.int64).max:
            raise _not_storable(name, value, where)
        # One width for single numbers: what is read and written again is the same file.
        array = array.astype(wide[array.dtype.kind])
    elif array.dtype.kind == "b":
        array = array.astype(np.uint8)
    elif array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.dtype.kind not in "iuf" or array.dtype.itemsize > 8:
        raise _not_storable(name, value, where)
    if array.nbytes >= MAX_TEXT:
        raise ResultError(
            "an array is too large for an attribute", where=f"{where}@{name}",
            value=f"{array.nbytes} bytes", hint="make it a variable",
        )  # fmt: skip
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    return array[()] if array.ndim == 0 else array


def _not_storable(name: str, value: Any, where: str) -> ResultError:
    return ResultError(
        "an attribute holds text, a number, a list of texts or a small array",
        where=f"{where}@{name}",
        value=value,
    )


def clean(text: str) -> str:
    """Escape what HDF5 text cannot hold: NUL and lone surrogates."""
    text = text.replace("\x00", "\\x00")
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def _pieces(text: str) -> list[str]:
    """Cut a text into pieces of fewer than MAX_TEXT bytes, never inside a character."""
    raw, out, start = text.encode(), [], 0
    while len(raw) - start >= MAX_TEXT:
        stop = start + MAX_TEXT - 1
        while raw[stop] & 0xC0 == 0x80:  # a continuation byte: step back to the character's start
            stop -= 1
        out.append(raw[start:stop].decode())
        start = stop
    return [*out, raw[start:].decode()]


def decode(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Undo `encode` for all attributes of an object: join pieces, lists of text as lists."""
    out = {name: _plain(value) for name, value in stored.items()}
    for name in [n.removesuffix("_parts") for n in out if n.endswith("_parts")]:
        count = out[f"{name}_parts"]
        names = [name, *(f"{name}_{i}" for i in range(1, count))] if _is_count(count) else []
        if names and all(isinstance(out.get(n), str) for n in names):
            out[name] = "".join(out[n] for n in names)
            for piece in [*names[1:], f"{name}_parts"]:
                del out[piece]
    return out


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and 2 <= value <= 1000


def _plain(value: Any) -> Any:
    """Text that was stored badly comes back escaped, so that it can be printed and written."""
    if isinstance(value, tuple):
        return [clean(text) for text in value]
    return clean(value) if isinstance(value, str) else value
