"""How long the texts in an object's attributes say they are, read before HDF5 believes them.

HDF5 allocates the stated length (up to 4 GiB) before it looks whether such a text exists, so that
one damaged byte can take all memory. The lengths stand in the object's header: HDF5 File Format
Specification 3.0, sections IV.A (object headers) and IV.A.2.m (attribute message). Attributes in
dense storage (netCDF-4 keeps more than eight there) are not looked at.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import TypeAlias

Bytes: TypeAlias = bytes | mmap.mmap

_ATTRIBUTE, _CONTINUATION = 0x0C, 0x10
_VLEN = 9
_REFERENCE = 16  # length u32, heap address u64, index u32


def longest_text(file: Bytes, address: int, base: int = 0) -> int:
    """Largest length, in bytes, that a text attribute of the object at `address` states.

    Args:
        file: The bytes of the file.
        address: Of the object's header, relative to `base`.
        base: Where HDF5 starts in the file (after a user block).
    """
    longest = 0
    for kind, message in _messages(file, address, base):
        if kind == _ATTRIBUTE:
            for at in _texts(message):
                longest = max(longest, _number(message, at, 4))
    return longest


def _messages(file: Bytes, address: int, base: int) -> Iterator[tuple[int, bytes]]:
    """All messages of an object header of version 1 or 2; stops where it makes no sense."""
    start = base + address
    modern = file[start : start + 4] == b"OHDR"
    ordered = False
    if modern:
        flags = _number(file, start + 5, 1)
        ordered = bool(flags & 0x04)
        at = start + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        blocks = [(at + width, _number(file, at, width))]
    else:
        blocks = [(start + 16, _number(file, start + 8, 4))]
    seen: set[int] = set()
    while blocks:
        at, length = blocks.pop()
        if at in seen:
            continue
        seen.add(at)
        end = min(at + length, len(file))
        head = (6 if ordered else 4) if modern else 8
        while at + head <= end:
            kind = _number(file, at, 1 if modern else 2)
            size = _number(file, at + (1 if modern else 2), 2)
            shared = _number(file, at + (3 if modern else 4), 1) & 0x02
            message = file[at + head : min(at + head + size, end)]
            if kind == _CONTINUATION:
                where, length = base + _number(message, 0, 8), _number(message, 8, 8)
                blocks.append((where + 4, length - 8) if modern else (where, length))
            elif not shared:
                yield kind, message
            at += head + size


def _texts(message: bytes) -> range:
    """Where, in an attribute message, the references to texts start; empty for other types."""
    version = _number(message, 0, 1)
    sizes = [_number(message, at, 2) for at in (2, 4, 6)]
    if version == 1:
        sizes = [(size + 7) // 8 * 8 for size in sizes]
    name = 9 if version == 3 else 8
    kind = name + sizes[0]
    data = kind + sizes[1] + sizes[2]
    if _number(message, kind, 1) & 0x0F != _VLEN:
        return range(0)
    return range(data, len(message) - _REFERENCE + 1, _REFERENCE)


def _number(data: Bytes, at: int, width: int) -> int:
    return int.from_bytes(data[at : at + width], "little")
