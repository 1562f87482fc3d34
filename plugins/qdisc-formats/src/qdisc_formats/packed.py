"""Arrays that travel inside other files as bytes: sizes are known before memory is asked for."""

from __future__ import annotations

import base64
import binascii
import io
import math
import zlib

import numpy as np
from qdisc.errors import DataError

MAX_BYTES = 1 << 30
_HEADER = 64 << 10
_MOST_RATIO = 1100  # deflate cannot do better than 1032


def from_base64(text: str, where: str) -> bytes:
    """Bytes of base64 text.

    Raises:
        DataError: It is none.
    """
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise DataError("this is no base64 text", where=where, value=text[:40]) from error


def from_zlib_npy(raw: bytes, where: str) -> np.ndarray:
    """The array of a compressed .npy.

    Raises:
        DataError: Damaged, pickled objects, or a size that the bytes cannot hold.
    """
    head = _inflate(raw, _HEADER, where)
    shape, dtype, start = npy_header(io.BytesIO(head), where)
    size = start + math.prod(shape) * dtype.itemsize
    if size > MAX_BYTES or size > max(_HEADER, _MOST_RATIO * len(raw)):
        raise DataError("an array declares far more than it stores; this is refused", where=where,
                        value=f"{size} bytes declared, {len(raw)} stored")  # fmt: skip
    whole = _inflate(raw, size + 1, where)
    if len(whole) != size:
        raise DataError("the array's header does not match its size", where=where,
                        value=f"header says {size} bytes, there are {len(whole)}")  # fmt: skip
    return np.load(io.BytesIO(whole), allow_pickle=False)


def npy_header(stream: io.BufferedIOBase, where: str) -> tuple[tuple[int, ...], np.dtype, int]:
    """Shape, dtype and length of the header of a .npy.

    Raises:
        DataError: Not a .npy, or one of Python objects.
    """
    try:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"version {version}")
    except Exception as error:  # NumPy parses the header like Python: any error may come of it
        raise DataError("this is no array of NumPy, or it is damaged", where=where,
                        value=str(error)[:200]) from error  # fmt: skip
    if dtype.hasobject:
        raise DataError("the array holds pickled objects, which could run any code; this is "
                        "refused", where=where, value=str(dtype))  # fmt: skip
    if any(length < 0 for length in shape):
        raise DataError("an axis has a negative length", where=where, value=shape)
    return shape, dtype, stream.tell()


def _inflate(raw: bytes, most: int, where: str) -> bytes:
    try:
        return zlib.decompressobj().decompress(raw, most)
    except zlib.error as error:
        raise DataError("the compressed array is damaged", where=where,
                        value=str(error)) from error  # fmt: skip
