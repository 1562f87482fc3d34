"""Name places in files, so that every message says which file and where in it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from qdisc.errors import DataError, QdiscError


def place(path: str | os.PathLike[str], inner: str = "") -> str:
    """Name a file, or a place in it, printable whatever bytes the names in it hold."""
    text = f"{os.fspath(path)}: {inner}" if inner else os.fspath(path)
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def in_file(error: DataError, path: str | os.PathLike[str], also: str = "") -> DataError:
    """The same error with the file in its place, and what else there is to say after its hint."""
    named = os.fspath(path) in (error.where or "")
    if named and not also:
        return error
    where = error.where if named else place(path, error.where or "")
    hint = f"{error.hint}{also}" if error.hint else error.hint
    new = DataError(error.what, where=where, hint=hint)
    if error.where is not None:  # the line with the value stays as it was
        text = str(error).replace(f"  where: {error.where}", f"  where: {where}", 1)
        if error.hint:
            text = text.removesuffix(error.hint) + str(hint)
        new.args = (text,)
    return new


@contextmanager
def h5_errors(
    path: str | os.PathLike[str], inner: str, error: type[QdiscError] = DataError
) -> Iterator[None]:
    """Turn what h5py raises on a damaged file into one error with the file and the place."""
    try:
        yield
    except QdiscError:
        raise
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, ArithmeticError) as problem:
        raise error(
            "the file is damaged, or holds something that cannot be read",
            where=place(path, inner),
            value=f"{type(problem).__name__}: {problem}",
            hint="copy the file again, or write it anew",
        ) from problem
    except MemoryError as problem:
        raise error(
            "not enough memory to read this", where=place(path, inner), value=str(problem)
        ) from problem
