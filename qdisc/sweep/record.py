"""What is known about a point beside its result: `<name>.json`, written by whoever works on it."""

from __future__ import annotations

import os
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec

from qdisc.errors import ConfigError, QdiscError
from qdisc.pipeline.keep import checkpoint_path, is_interrupted
from qdisc.pipeline.result import Result
from qdisc.publish import publish
from qdisc.results.validate import validate
from qdisc.sweep.points import Point

State = Literal["finished", "failed", "interrupted", "running", "waiting"]


class Worker(msgspec.Struct, frozen=True):
    """Who works on a point.

    Attributes:
        host: Name of the machine.
        pid: Process there.
        since: Local time, ISO 8601.
    """

    host: str
    pid: int
    since: str

    @property
    def gone(self) -> bool:
        """Whether the process is known to have ended: it ran here, and does not any more."""
        if self.host != socket.gethostname():
            return False
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return True
        except PermissionError:
            pass
        return False


class Failure(msgspec.Struct, frozen=True):
    """Why an attempt failed.

    Attributes:
        when: Local time, ISO 8601.
        host: Machine.
        reason: In words.
    """

    when: str
    host: str
    reason: str


class Record(msgspec.Struct):
    """The content of `<name>.json`.

    Attributes:
        name: The point.
        settings: Its settings.
        identity: Of recipe and settings; results and checkpoints of another one do not count.
        attempts: Runs begun.
        failures: Those that failed, oldest first.
        worker: Who is at it; one that was killed stays here until somebody finds out.
        ended: How the last attempt ended; empty while it runs, and after a kill.
    """

    name: str
    settings: dict[str, Any]
    identity: str
    attempts: int = 0
    failures: list[Failure] = []
    worker: Worker | None = None
    ended: Literal["", "finished", "failed", "interrupted"] = ""

    def begin(self) -> None:
        """Count an attempt, and the one before as failed if it was killed."""
        if self.worker is not None:
            self.fail(killed(self.worker))
        self.attempts += 1
        self.worker = Worker(socket.gethostname(), os.getpid(), now())
        self.ended = ""

    def fail(self, reason: str) -> None:
        """Note why the attempt under way failed."""
        self.failures.append(Failure(now(), socket.gethostname(), reason))
        self.end("failed")

    def end(self, how: Literal["finished", "failed", "interrupted"]) -> None:
        """Note that the attempt under way has ended."""
        self.worker, self.ended = None, how


@dataclass(frozen=True)
class Files:
    """Where the files of a point are."""

    result: Path
    record: Path
    log: Path
    checkpoint: Path


def files(folder: Path, point: Point) -> Files:
    """Result, record, log and checkpoint of a point."""
    result = folder / f"{point.name}.h5"
    return Files(
        result, folder / f"{point.name}.json", folder / f"{point.name}.log",
        checkpoint_path(result),
    )  # fmt: skip


def read(folder: Path, point: Point) -> Record:
    """The record of a point; an empty one where there is none.

    Raises:
        ConfigError: The file is no record.
    """
    path = files(folder, point).record
    if not path.exists():
        return Record(point.name, dict(point.settings), "")
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except (OSError, msgspec.DecodeError) as error:
        raise ConfigError("this is no record of a sweep's point", where=str(path),
                          value=str(error), hint="delete it; results stay") from error  # fmt: skip


def write(folder: Path, point: Point, record: Record) -> None:
    """Put a record in place at once; its lock must be held."""
    image = msgspec.json.format(msgspec.json.encode(record), indent=1)
    publish(files(folder, point).record, image + b"\n", lambda _: None)


def valid(path: Path) -> bool:
    """Whether a file is a result that breaks no rule of the format."""
    return path.exists() and all(finding.severity != "ERROR" for finding in validate(path))


def finished(path: Path) -> Result | None:
    """The result at `path` if it is there, valid and of a run that came to its end."""
    if not valid(path):
        return None
    result = Result(path)
    return None if is_interrupted(result) else result


def state_of(folder: Path, point: Point) -> tuple[State, str, Record]:
    """What has become of a point, the reason where there is one, and its record.

    A killed worker counts as failed when it ran on this machine; elsewhere nobody can tell.
    """
    record = read(folder, point)
    ours = record.identity in ("", point.identity)
    result = finished(files(folder, point).result)
    if result is not None and ours:
        return "finished", troubles(result), record
    if result is not None:
        return "failed", "the result in its place is of another recipe", record
    if not ours or record.attempts == 0:
        return "waiting", "", record
    if record.worker is not None and not record.worker.gone:
        return "running", f"on {record.worker.host} since {record.worker.since}", record
    if record.worker is not None:
        return "failed", killed(record.worker), record
    if record.ended == "failed":
        return "failed", record.failures[-1].reason, record
    if record.ended == "finished":
        return "waiting", "its result is gone or damaged", record
    return "interrupted", "", record


def troubles(result: Result) -> str:
    """What failed in a run that came to its end: plugins, a training without finite loss."""
    told = []
    if result.exit_code == 0:
        return ""
    reason = str(result.group("/training").attrs.get("stop_reason", ""))
    if reason == "not_finite":
        told.append("training stopped: a loss was not finite")
    for kind, names in (("observables", result.observables), ("analyses", result.analyses)):
        for name in names:
            if result.status(name) == "failed":
                message = str(result.group(f"/{kind}/{name}").attrs.get("message", ""))
                told.append(f"{name} failed: {message.partition(chr(10))[0]}")
    return "; ".join(told)


def killed(worker: Worker) -> str:
    """The words for a worker that left no words itself."""
    return (
        f"killed: process {worker.pid} on {worker.host}, begun {worker.since}, ended without a "
        "word (SIGKILL, out of memory, power cut)"
    )


def reason_of(error: BaseException) -> str:
    """An exception in one line."""
    if isinstance(error, QdiscError):
        return "; ".join(line.strip() for line in str(error).splitlines())
    return f"{type(error).__name__}: {(str(error).strip() or 'no message').splitlines()[0]}"


def now() -> str:
    """Local time to the second, with its zone."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")
