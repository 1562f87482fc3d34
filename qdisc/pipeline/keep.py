"""What a run leaves while it works, and what the next one finds: checkpoint, old result."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tomli_w

from qdisc.dataset.dataset import Dataset
from qdisc.errors import QdiscError, ResultError
from qdisc.pipeline.result import Result
from qdisc.results.schema import Group
from qdisc.results.writer import write_result
from qdisc.signals import CODES
from qdisc.train.checkpoint import Checkpoint


def checkpoint_path(out: Path) -> Path:
    """Where the training of the result `out` is kept while it runs."""
    return out.with_name(f"{out.stem}.checkpoint.h5")


def checkpoint_of(
    out: Path, seconds: float, resume: bool, message: Callable[[str], None]
) -> Checkpoint | None:
    """The checkpoint of a run; None where none is written.

    Args:
        out: The result file.
        seconds: Between two writings; 0 for none.
        resume: Go on from it.
        message: Told what is found.
    """
    if seconds == 0:
        return None
    path = checkpoint_path(out)
    if path.exists() and resume:
        message(f"going on from {path}")
    elif path.exists():
        message(f"{path} of an interrupted run will be replaced; --resume would go on from it")
    elif resume:
        message("nothing to go on from: starting")
    return Checkpoint(path, seconds, resume)


def finished(out: Path, tables: Mapping[str, Any], dataset: Dataset) -> Result | None:
    """The result at `out`, if it is complete; None if there is none or it was interrupted.

    Raises:
        ResultError: It is the result of another recipe or of other data.
    """
    if not out.exists():
        return None
    result = Result(out)
    if is_interrupted(result):
        return None
    same = (
        result.config_toml == tomli_w.dumps(dict(tables)),
        result.group("/dataset").attrs.get("sha256") == dataset.sha256,
    )
    if not all(same):
        what = "another recipe" if not same[0] else "other data"
        raise ResultError(
            f"the output holds the finished result of {what}", where=str(out),
            hint="choose another output, or leave out --resume to replace it",
        )  # fmt: skip
    return result


def is_interrupted(result: Result) -> bool:
    """Whether a result is what existed when somebody interrupted the run."""
    return result.exit_code in CODES.values()


class Interrupted(QdiscError):
    """A run was interrupted, and an earlier complete result was left in its place."""

    def __init__(self, words: str, out: Path) -> None:
        self.exit_code = CODES.get(words, 1)
        super().__init__(
            f"interrupted by {words}; the complete result of an earlier run was left as it is",
            where=str(out), hint="the same command with --resume goes on",
        )  # fmt: skip


def write(out: Path, root: Group, interrupted: str | None) -> None:
    """Put the result in place; of an interrupted run, only where nothing better is.

    Raises:
        Interrupted: A complete result is there.
        ResultError: The disk refuses; the result is then kept elsewhere, and the error says where.
    """
    if interrupted and out.exists() and not is_interrupted(Result(out)):
        raise Interrupted(interrupted, out)
    try:
        write_result(out, root)
    except ResultError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise _spare(out, root, error) from error


def _spare(out: Path, root: Group, error: ResultError) -> ResultError:
    spare = Path(tempfile.gettempdir()) / f"{out.stem}_{os.getpid()}{out.suffix}"
    try:
        write_result(spare, root)
    except ResultError:
        return error
    return ResultError(
        "the result cannot be written where it was wanted, and was written elsewhere",
        where=str(out), value=str(error.__cause__), hint=f"move {spare}",
    )  # fmt: skip
