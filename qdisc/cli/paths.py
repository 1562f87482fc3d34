"""Where output goes is checked before any work begins."""

from __future__ import annotations

import os
from pathlib import Path

from qdisc.errors import ConfigError


def output_file(path: str | Path, source: str | Path | None = None) -> Path:
    """Return the path of a file to write, or say now why it could not be written later.

    Args:
        path: The file to write.
        source: The input, which must not be the same file.

    Raises:
        ConfigError: The folder does not exist or cannot be written, the path is a folder, or it
            is the input itself.
    """
    path = Path(path)
    if path.is_dir():
        raise ConfigError("the output is a folder", where="-o", value=str(path),
                          hint=f"name a file, e.g. {path / 'result.h5'}")  # fmt: skip
    writable_folder(path.parent, f"-o {path}")
    if path.exists() and not os.access(path, os.W_OK):
        raise ConfigError("the output file is write-protected", where="-o", value=str(path))
    if source is not None and path.exists() and Path(source).exists() and path.samefile(source):
        raise ConfigError(
            "the output would replace the input", where="-o", value=str(path),
            hint="choose another name",
        )  # fmt: skip
    return path


def writable_folder(folder: Path, where: str) -> Path:
    """Return a folder that exists and can be written.

    Raises:
        ConfigError: It does not exist, is not a folder, or cannot be written.
    """
    shown = str(folder)
    if not folder.exists():
        raise ConfigError(
            "the output folder does not exist", where=where, value=shown,
            hint=f"mkdir -p {shown}",
        )  # fmt: skip
    if not folder.is_dir():
        raise ConfigError("the output folder is not a folder", where=where, value=shown)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(
            "the output folder cannot be written", where=where, value=shown,
            hint="choose another folder with -o, or change its permissions",
        )  # fmt: skip
    return folder


def new_folder(folder: Path) -> Path:
    """Make a folder, inside one that exists.

    Raises:
        ConfigError: It cannot be made or written.
    """
    if not folder.exists():
        writable_folder(folder.absolute().parent, f"-o {folder}")
        folder.mkdir()
    return writable_folder(folder, f"-o {folder}")
