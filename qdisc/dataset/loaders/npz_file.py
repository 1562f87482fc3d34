"""Read the arrays of a stranger's .npz: sizes are compared before anything is allocated.

Both the zip directory and each array's header state a size. They must agree, with what the
compressed bytes can hold (deflate cannot do better than 1032), and stay below the limits.
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection
from pathlib import Path

import numpy as np

from qdisc.dataset.places import place
from qdisc.dataset.safe_hdf5 import Limits
from qdisc.errors import DataError

_MAX_MEMBERS = 1000


def npz_names(path: Path) -> tuple[str, ...] | None:
    """Names of the arrays, or None when this is not a zip archive of arrays."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, EOFError):
        return None
    arrays = all(name.endswith(".npy") for name in members)
    return tuple(name[:-4] for name in members) if members and arrays else None


def read_npz(
    path: Path, *, skip: Collection[str] = (), limits: Limits | None = None
) -> dict[str, np.ndarray]:
    """Return all arrays, in the order of the archive; they are read-only.

    Args:
        path: The archive.
        skip: Names of arrays to leave unread.
        limits: `max_bytes`, `max_ratio` and `free_bytes` are used.

    Raises:
        DataError: Not an archive, a damaged member, pickled objects, or sizes that do not agree.
    """
    limits = limits or Limits()
    try:
        with zipfile.ZipFile(path) as archive:
            members = _checked(archive, path, limits)
            return {
                name: _read(archive, member, place(path, name))
                for name, member in members.items()
                if name not in skip
            }
    except DataError:
        raise
    except Exception as error:  # a damaged archive raises anything from zipfile, zlib and NumPy
        raise DataError(
            "this is not a NumPy archive, or it is damaged",
            where=str(path),
            value=f"{type(error).__name__}: {error}",
            hint="np.savez writes one; copy the file again",
        ) from error


def _checked(archive: zipfile.ZipFile, path: Path, limits: Limits) -> dict[str, zipfile.ZipInfo]:
    infos = archive.infolist()
    if len(infos) > _MAX_MEMBERS:
        raise DataError("too many arrays", where=str(path), value=len(infos))
    stored = sum(info.compress_size for info in infos)
    if stored > path.stat().st_size:  # members that overlap: one stretch of bytes, many arrays
        raise DataError("arrays overlap in the archive", where=str(path), value=f"{stored} bytes")
    total = sum(info.file_size for info in infos)
    if total > max(limits.max_bytes, 16 * stored):
        raise DataError(
            "the archive declares more than is read from one file", where=str(path),
            value=f"{total} bytes declared, {stored} stored", hint="use the HDF5 format",
        )  # fmt: skip
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name, where = info.filename.removesuffix(".npy"), place(path, info.filename)
        if not info.filename.endswith(".npy"):
            raise DataError("only arrays (.npy) are wanted in the archive", where=where)
        if name in members:
            raise DataError("two arrays have one name", where=where)
        if info.file_size > max(limits.free_bytes, limits.max_ratio * info.compress_size):
            raise DataError(
                "an array declares far more than it stores; this is refused",
                where=where,
                value=f"{info.file_size} bytes declared, {info.compress_size} stored",
            )
        members[name] = info
    return members


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo, where: str) -> np.ndarray:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise DataError("unknown version of the array format", where=where, value=version)
        header = stream.tell()
    if dtype.hasobject:
        raise DataError(
            "the array holds pickled objects, which could run any code; this is refused",
            where=where,
            value=str(dtype),
            hint="save plain numbers; ragged data: samples + theta, one row per sample",
        )
    items = 1
    for length in shape:
        items *= int(length)
    if items < 0 or header + items * dtype.itemsize != member.file_size:
        raise DataError(
            "the array's header does not match its size",
            where=where,
            value=f"header says {items * dtype.itemsize} bytes, member has "
            f"{member.file_size - header}",
        )
    with archive.open(member) as stream:
        array = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read()  # to the end, so that the checksum is compared
    array = np.asarray(array).astype(dtype.newbyteorder("="), copy=False)
    array.flags.writeable = False
    return array
