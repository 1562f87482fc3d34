"""Put a file in place at once: whoever looks, at any moment, sees the old file or the new one.

Temporary file in the same folder, fsync, check, rename, fsync of the folder. A lock keeps a second
writer out; both it and the temporary file have fixed names, so that what a killed process leaves
behind is used up by the next writer.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NoReturn

from qdisc.errors import ResultError

try:
    import fcntl
except ImportError:  # not POSIX: the lock file itself is the lock
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, what: str = "result file") -> Iterator[None]:
    """Hold the one right to write `path`.

    Args:
        path: The file.
        what: Its kind, for the message.

    Raises:
        ResultError: Another writer holds it, or the folder is missing or cannot be written.
    """
    lock = path.with_name(f".{path.name}.lock")
    handle = _take(lock, path, what)
    try:
        yield
    finally:
        if fcntl is None:
            os.close(handle)  # an open file cannot be removed there
        with suppress(FileNotFoundError):
            lock.unlink()  # while still held: whoever opened it meanwhile sees that it is gone
        if fcntl is not None:
            os.close(handle)


def _take(lock: Path, path: Path, what: str) -> int:
    while True:
        exclusive = 0 if fcntl else os.O_EXCL
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT | exclusive, 0o644)
        except FileExistsError:
            _refuse_second(lock, path, what, f"if no writer runs, delete {lock.name}")
        except OSError as error:
            raise cannot_write(path, error) from error
        if fcntl is None:
            return handle
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            _refuse_second(lock, path, what, "wait for it, or write to another file")
        except OSError:
            pass  # a file system without locks: the rename is still atomic, so go on
        if _same_file(handle, lock):
            return handle
        os.close(handle)  # its owner finished and removed it between our open and our lock


def _same_file(handle: int, lock: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), os.stat(lock))
    except FileNotFoundError:
        return False


def _refuse_second(lock: Path, path: Path, what: str, hint: str) -> NoReturn:
    raise ResultError(
        f"another process is writing this {what}",
        where=str(path), value=f"lock {lock.name}", hint=hint,
    )  # fmt: skip


def publish(path: Path, content: bytes, check: Callable[[Path], None]) -> None:
    """Write, check and rename; call it while the lock is held.

    Args:
        path: Where the file goes.
        content: All of it.
        check: Looks at the finished temporary file and raises if it must not be published.

    Raises:
        ResultError: The disk is full, the folder cannot be written, or what `check` raises.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        check(temporary)
        os.replace(temporary, path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with suppress(OSError):  # gone after the rename; a second problem must not hide the first
            temporary.unlink()


def _sync_folder(folder: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_HINTS = {
    "FileNotFoundError": "make the folder first",
    "NotADirectoryError": "the folder's place is taken by a file; choose another path",
    "IsADirectoryError": "name a file, not a folder",
    "PermissionError": "choose a folder you may write to",
}


def cannot_write(path: Path, error: OSError) -> ResultError:
    """Say why a result cannot be written, and what to do."""
    hint = _HINTS.get(type(error).__name__, "free some space or choose another folder")
    return ResultError(
        "the file cannot be written; nothing was changed",
        where=str(path),
        value=error.strerror or str(error),
        hint=hint,
    )
