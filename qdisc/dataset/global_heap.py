"""Check the heaps in which HDF5 keeps text, because HDF5 itself can read a broken one for ever.

A global heap collection is a chain of objects, each stating its own size. HDF5 (up to 2.0) walks
the chain without noticing an object that leads to itself: one damaged byte, and reading any text
attribute never returns. Layout: HDF5 File Format Specification 3.0, section III.E.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np

_MAGIC = b"GCOL\x01"
_PIECE = 1 << 20  # bytes searched at a time, so that they stay in the cache
_HEADER = 16  # magic, version, 3 reserved, size; an object: index, count, 4 reserved, size
_SMALLEST = 4096  # HDF5 refuses smaller collections by itself


def broken_heap(path: Path) -> int | None:
    """Address of the first collection whose chain does not lead to its end, None when all do.

    Anything that HDF5 refuses by itself is passed over. A well-formed file has no overlapping
    collections, so that the whole walk takes at most one step per 16 bytes.
    """
    size = path.stat().st_size
    steps = size // _HEADER + 1
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as view:
        for address in _addresses(stream, size):
            length = int.from_bytes(view[address + 8 : address + 16], "little")
            if _SMALLEST <= length <= size - address:
                used = _walk(view, address, length, steps)
                if used is None:
                    return address
                steps -= used
    return None


def _addresses(stream: BinaryIO, size: int) -> Iterator[int]:
    """Every place of the magic word, several times as fast as `mmap.find`.

    The file is read, not looked at through its map: pages of a map stay resident, all of them.
    """
    for start in range(0, size, _PIECE):
        stream.seek(start)
        data = np.frombuffer(stream.read(_PIECE + len(_MAGIC) - 1), np.uint8)
        if data.size < len(_MAGIC):
            return
        at = np.flatnonzero(data[: 1 - len(_MAGIC)] == _MAGIC[0])
        for offset, byte in enumerate(_MAGIC[1:], 1):
            at = at[data[at + offset] == byte]
        yield from (start + int(i) for i in at)


def _walk(view: mmap.mmap, address: int, length: int, steps: int) -> int | None:
    """Steps to the end of the chain; None when it does not get there."""
    at, end, used = address + _HEADER, address + length, 0
    while at + _HEADER <= end:
        index = int.from_bytes(view[at : at + 2], "little")
        size = int.from_bytes(view[at + 8 : at + 16], "little")
        # Index 0 is the free rest, whose size includes its own header.
        advance = size if index == 0 else _HEADER + (size + 7) // 8 * 8
        used += 1
        if advance == 0 or at + advance > end or used > steps:
            return None
        at += advance
    return used
