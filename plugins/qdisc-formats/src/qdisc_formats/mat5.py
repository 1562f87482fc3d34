"""What a MATLAB file of version 5 or 7 declares, without believing it.

A matrix states its dimensions and, apart from them, the bytes that follow. Readers that allocate by
the dimensions can be made to ask for all memory by a file of a hundred bytes, so that every element
of the wanted variable is walked first: dimensions and bytes must agree, sizes are added up, and
compressed variables unfold up to a limit only.
"""

from __future__ import annotations

import math
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from qdisc.errors import DataError

MAX_BYTES = 1 << 30
_HEADER = 128
_MATRIX, _COMPRESSED = 14, 15
_CLASSES = {
    1: "cell", 2: "struct", 3: "object", 4: "char", 5: "sparse", 6: "double", 7: "single",
    8: "int8", 9: "uint8", 10: "int16", 11: "uint16", 12: "int32", 13: "uint32", 14: "int64",
    15: "uint64", 16: "function", 17: "opaque",
}  # fmt: skip
_NUMBERS = range(6, 16)
_MOST_DEPTH = 12
_MOST_ELEMENTS = 200_000
_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8, 16: 1, 17: 2, 18: 4}


@dataclass(frozen=True)
class Variable:
    """A variable at the top of a file: where it is, and what it says about itself."""

    name: str
    kind: str
    shape: tuple[int, ...]
    start: int
    size: int
    compressed: bool


def variables(path: Path) -> tuple[str, list[Variable]]:
    """Byte order ("<" or ">") and the variables of a file.

    Raises:
        DataError: Not a MATLAB file of version 5 or 7, cut off, or a variable that is damaged.
    """
    where, size = str(path), path.stat().st_size
    out: list[Variable] = []
    with path.open("rb") as stream:
        order = _order(stream.read(_HEADER), where)
        place = _HEADER
        while place + 8 <= size:
            stream.seek(place)
            kind, length = struct.unpack(f"{order}II", stream.read(8))
            if place + 8 + length > size:
                raise DataError("the file is cut off", where=f"{where}, byte {place}",
                                value=f"{length} bytes declared", hint="copy it again")  # fmt: skip
            if kind in (_MATRIX, _COMPRESSED):
                head = stream.read(min(length, 4096))
                if kind == _COMPRESSED:
                    head = _inflate(head, 4096, where)[8:]
                out.append(_described(head, order, where, place + 8, length, kind == _COMPRESSED))
                if len(out) > 10_000:
                    raise DataError("more variables than are read", where=where, value=len(out))
            place += 8 + length  # compressed elements are not padded, others say a multiple of 8
    return order, out


def check(path: Path, order: str, variable: Variable) -> None:
    """Walk all of a variable.

    Raises:
        DataError: Dimensions that its bytes cannot fill, more than the limit, too deep, or a class
            that is not read.
    """
    where = f"{path}: {variable.name}"
    with path.open("rb") as stream:
        stream.seek(variable.start)
        raw = stream.read(variable.size)
    if variable.compressed:
        raw = _inflate(raw, MAX_BYTES + 1, where)
        if len(raw) > MAX_BYTES:
            raise DataError("the variable unfolds to more than is read", where=where,
                            value=f"more than {MAX_BYTES} bytes from {variable.size}",
                            hint="save it as several, or as HDF5")  # fmt: skip
        raw = raw[8:]
    _Walk(memoryview(raw), order, where).matrix(0, len(raw), 0)


def _order(head: bytes, where: str) -> str:
    order = {b"IM": "<", b"MI": ">"}.get(head[126:128])
    if order is None or len(head) < _HEADER:
        raise DataError("this is no MATLAB file of version 5 or 7", where=where, value=head[:20],
                        hint='save(name, "-v7") or "-v7.3"')  # fmt: skip
    return order


def _described(
    head: bytes, order: str, where: str, start: int, size: int, compressed: bool
) -> Variable:
    try:
        code, shape, name, _ = _front(memoryview(head), order, 0)
    except (struct.error, ValueError, IndexError) as error:
        raise DataError("a variable is damaged", where=f"{where}, byte {start}",
                        value=str(error), hint="copy the file again") from error  # fmt: skip
    return Variable(name, _CLASSES.get(code, f"class {code}"), shape, start, size, compressed)


def _front(raw: memoryview, order: str, place: int) -> tuple[int, tuple[int, ...], str, int]:
    """Class, shape and name of a matrix, and where its content begins."""
    kind, length, data, place = _tag(raw, order, place)
    if kind != 6 or length != 8:
        raise ValueError("a matrix begins with its flags")
    code = struct.unpack_from(f"{order}I", raw, data)[0] & 0xFF
    kind, length, data, place = _tag(raw, order, place)
    if kind != 5 or length % 4 or not 8 <= length <= 4 * 32:
        raise ValueError("a matrix has two or more dimensions")
    shape = struct.unpack_from(f"{order}{length // 4}i", raw, data)
    if min(shape) < 0:
        raise ValueError(f"a negative dimension: {shape}")
    kind, length, data, place = _tag(raw, order, place)
    if kind != 1 or length > 1024:
        raise ValueError("a matrix has a name")
    name = bytes(raw[data : data + length]).decode("latin-1")
    return code, shape, name, place


def _tag(raw: memoryview, order: str, place: int) -> tuple[int, int, int, int]:
    """Type and length of an element, where its data are, and where the next one begins."""
    first = struct.unpack_from(f"{order}I", raw, place)[0]
    if first >> 16:  # a small element: type, length and data in eight bytes
        kind, length = first & 0xFFFF, first >> 16
        if length > 4:
            raise ValueError("a small element holds four bytes at most")
        return kind, length, place + 4, place + 8
    length = struct.unpack_from(f"{order}I", raw, place + 4)[0]
    if place + 8 + length > len(raw):
        raise ValueError(f"an element of {length} bytes ends behind its parent")
    return first, length, place + 8, place + 8 + length + (-length) % 8


class _Walk:
    """All elements of one variable; raises at the first that its bytes cannot fill."""

    def __init__(self, raw: memoryview, order: str, where: str) -> None:
        self.raw, self.order, self.where, self.count = raw, order, where, 0

    def matrix(self, place: int, end: int, depth: int) -> None:
        try:
            self._matrix(place, end, depth)
        except (struct.error, ValueError, IndexError, OverflowError) as error:
            if isinstance(error, DataError):
                raise
            raise DataError("the variable is damaged", where=self.where, value=str(error),
                            hint="copy the file again") from error  # fmt: skip

    def _matrix(self, place: int, end: int, depth: int) -> None:
        self.count += 1
        if depth > _MOST_DEPTH or self.count > _MOST_ELEMENTS:
            raise ValueError("more nested elements than are read")
        if place == end:  # an empty cell
            return
        code, shape, _, place = _front(self.raw, self.order, place)
        n = math.prod(shape)
        if code in _NUMBERS or code == 4:
            self._numbers(place, n, numeric=code != 4)
        elif code == 1:
            self._children(place, end, n, depth)
        elif code == 2:
            _, _, data, place = _tag(self.raw, self.order, place)
            width = struct.unpack_from(f"{self.order}i", self.raw, data)[0]
            _, length, _, place = _tag(self.raw, self.order, place)
            if width < 1 or length % width:
                raise ValueError(f"field names of {width} bytes in {length}")
            self._children(place, end, n * (length // width), depth)
        else:
            raise DataError("this class of MATLAB is not read", where=self.where,
                            value=_CLASSES.get(code, code),
                            hint="save plain arrays: full(x), table2array(x)")  # fmt: skip

    def _numbers(self, place: int, n: int, numeric: bool) -> None:
        kind, length, _, _ = _tag(self.raw, self.order, place)
        if kind not in _BYTES or length % _BYTES[kind]:
            raise ValueError(f"numbers of type {kind} in {length} bytes")
        stored = length // _BYTES[kind]
        if stored != n if numeric else n > 4 * length + 4:
            raise ValueError(f"{n} numbers are declared, {stored} are stored")

    def _children(self, place: int, end: int, n: int, depth: int) -> None:
        if 8 * n > end - place:
            raise ValueError(f"{n} elements are declared in {end - place} bytes")
        for _ in range(n):
            kind, length, data, place = _tag(self.raw, self.order, place)
            if kind != _MATRIX:
                raise ValueError(f"an element of type {kind} where a matrix is wanted")
            self._matrix(data, data + length, depth + 1)


def _inflate(raw: bytes, most: int, where: str) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, most)
    except zlib.error as error:
        raise DataError("a compressed variable is damaged", where=where, value=str(error),
                        hint="copy the file again") from error  # fmt: skip


def as_array(value: object) -> np.ndarray | None:
    """A value of scipy's as an array of numbers, or None."""
    array = np.asarray(value)
    return array if array.dtype.kind in "biuf" and array.dtype.names is None else None
