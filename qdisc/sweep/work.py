"""One point of a sweep: what `qdisc sweep SWEEP.toml --index N` does, wherever it runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from qdisc import pipeline
from qdisc.errors import ConfigError, ResultError
from qdisc.pipeline.keep import is_interrupted
from qdisc.pipeline.result import Result
from qdisc.publish import locked
from qdisc.sweep import record as records
from qdisc.sweep.points import Point, Sweep
from qdisc.train.loop import Stop


class Busy(ResultError):
    """Another worker has this point."""

    exit_code = 0


def run_point(
    sweep: Sweep,
    folder: str | os.PathLike[str],
    index: int,
    *,
    progress: Any = None,
    stop: Stop | None = None,
    command: str | None = None,
) -> Result:
    """Run one point, go on with it, or find that it is finished.

    A finished, valid result is returned as it is; an interrupted or killed run goes on from its
    checkpoint. Attempts and failures are counted in `<name>.json`. The file of a point is, but
    for provenance, that of `qdisc run RECIPE --set ...`.

    Args:
        sweep: The sweep.
        folder: Where results go; made if it is not there.
        index: Place in `sweep.points`.
        progress: An object with stage, advance and message.
        stop: Asked now and then; words end the run.
        command: Command line to note in the file.

    Raises:
        Busy: Another worker has it.
        QdiscError: What the run raises; noted in the record.
    """
    if not 0 <= index < len(sweep.points):
        raise ConfigError("the sweep has no such point", where="--index", value=index,
                          hint=f"0 to {len(sweep.points) - 1}")  # fmt: skip
    folder, point = Path(folder), sweep.points[index]
    folder.mkdir(parents=True, exist_ok=True)
    files = records.files(folder, point)
    try:
        with locked(files.record, "point of a sweep"):
            return _locked(sweep, folder, point, progress, stop, command)
    except ResultError as error:
        if error.where != str(files.record) or error.__cause__ is not None:
            raise
        raise Busy(f"another worker has this point: {point.name}", where=error.where) from None


def _locked(
    sweep: Sweep, folder: Path, point: Point, progress: Any, stop: Stop | None, command: str | None
) -> Result:
    files, record = records.files(folder, point), records.read(folder, point)
    same = record.identity in ("", point.identity)
    done = records.finished(files.result)
    if done is not None and not same:
        raise ConfigError(
            "the folder holds a finished result of another recipe", where=str(files.result),
            hint="name another folder with -o, or move this file away",
        )  # fmt: skip
    if done is not None and record.identity:
        return done
    if not same:
        record = records.Record(point.name, dict(point.settings), point.identity)
    record.identity = point.identity
    record.begin()
    records.write(folder, point, record)
    if files.result.exists() and not records.valid(files.result):  # kept, but out of the way
        files.result.replace(files.result.with_suffix(".damaged.h5"))
    try:
        result = pipeline.run(
            sweep.source, files.result, overrides=point.overrides, resume=same,
            progress=progress, stop=stop, command=command,
        )  # fmt: skip
    except Exception as error:
        record.fail(records.reason_of(error))
        raise
    except BaseException:  # Ctrl-C, twice
        record.end("interrupted")
        raise
    else:
        record.end("interrupted" if is_interrupted(result) else "finished")
        return result
    finally:
        records.write(folder, point, record)
