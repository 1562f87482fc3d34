"""Write a result file, and add a group to one."""

from __future__ import annotations

import os
from pathlib import Path

from qdisc.errors import ResultError
from qdisc.publish import locked, publish
from qdisc.results.reader import read_tree
from qdisc.results.schema import Group
from qdisc.results.store import file_image
from qdisc.results.validate import validate


def write_result(path: str | os.PathLike[str], root: Group) -> Path:
    """Write a whole result; an existing file is replaced at once or not at all.

    Args:
        path: The file, usually `.h5`.
        root: The tree, see `qdisc.results.build.result_group`.

    Returns:
        The path.

    Raises:
        ResultError: The tree breaks a rule of the format (the first findings are listed), another
            process is writing the file, or the disk refuses. Nothing is changed then.
    """
    path = _real(path)
    image = file_image(root)
    with locked(path):
        publish(path, image, _refuse_invalid)
    return path


def add_group(path: str | os.PathLike[str], where: str, group: Group) -> Path:
    """Add a group (or replace it) in a copy of the file, which then takes the file's place.

    Args:
        path: A result file.
        where: Path in the file, e.g. `/analyses/clusters`.
        group: What goes there.

    Raises:
        ResultError: As in `write_result`; or the file is not a valid result.
    """
    path = _real(path)
    with locked(path):
        image = file_image(read_tree(path).with_group(where, group))
        publish(path, image, _refuse_invalid)
    return path


def _real(path: str | os.PathLike[str]) -> Path:
    real = Path(os.path.realpath(path))  # a symbolic link keeps pointing at the new file
    if real.is_dir():
        raise ResultError(
            "a folder is in the place of the result file", where=str(real), hint="name a file"
        )
    return real


def _refuse_invalid(temporary: Path) -> None:
    errors = [finding for finding in validate(temporary) if finding.severity == "ERROR"]
    if errors:
        raise ResultError(
            "the result breaks the rules of the format and was not written; nothing was changed",
            where=errors[0].path,
            value=f"{len(errors)} errors",
            hint="; ".join(str(finding) for finding in errors[:5]),
        )
