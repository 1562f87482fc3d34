"""At which setting theta each job was taken: from its metadata, from a table, from the recipe.

Only numbers that vary from job to job become axes. Numbers written as text count as numbers.
Two jobs at one setting are merged, unless something else in the file says that they differ.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from qdisc.dataset.theta import rounded
from qdisc.errors import ConfigError, DataError, nearest

from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.table_file import read_table

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_WITH_UNIT = re.compile(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*\Z")
_ID_COLUMNS = ("job", "task", "task_id", "file", "id")


@dataclass(frozen=True)
class Job:
    """One job as its file describes it.

    Attributes:
        label: Its name in messages, "task 3".
        key: What a table may call it: a task's id, a file's name.
        metadata: What the file says about its setting.
        programme: A text that equals that of another job only if both ran the same; None when
            the file does not say what ran.
        finished: Whether it has shots.
    """

    label: str
    key: str = ""
    metadata: Mapping[str, Any] | None = None
    programme: str | None = None
    finished: bool = True


@dataclass(frozen=True)
class Settings:
    """Theta (jobs, k) with names and units."""

    values: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]


def settle(
    jobs: Sequence[Job],
    config: SweepConfig,
    report: Report,
    folder: Path,
    said: str = "the metadata",
) -> Settings:
    """Find the setting of every job.

    Args:
        jobs: All jobs of the file in its order, unfinished ones too.
        config: What the recipe says.
        report: Where the choice is noted.
        folder: Folder that the name of a table starts from.
        said: What the metadata of the jobs are, in words.

    Raises:
        DataError: A job without a number where others have one, jobs at one setting that differ
            in something else, several jobs and nothing that tells them apart.
            An axis that is not there, a number of values that is not that of the jobs.
        ConfigError: `theta` without an axis.
    """
    constant = _constant([flat(job.metadata) for job in jobs if job.finished])
    if constant:
        report.metadata["constant"] = constant
    if isinstance(config.theta, str):
        return _from_table(jobs, config, report, folder / config.theta)
    if config.theta is not None:
        return _from_recipe(jobs, config, report)
    return _from_metadata(jobs, config, report, said)


def with_units(settings: Settings, config: SweepConfig, known: Mapping[str, str]) -> Settings:
    """Settings with the units that are known from elsewhere; what the recipe says goes first."""
    told = {n: u for n, u in zip(settings.names, settings.units, strict=True) if u != "1"}
    axes = {name: unit for name, unit in known.items() if name in settings.names}
    return replace(settings, units=tuple(config.units(settings.names, axes | told)))


def number(value: Any) -> float | None:
    """A finite number, or one written as text; None for anything else."""
    if isinstance(value, str):
        text = value.strip()
        value = float(text) if _NUMBER.match(text) else None
    if not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        out = float(value)
    except OverflowError:
        return None
    return out if math.isfinite(out) else None


def axis_name(text: str) -> tuple[str, str]:
    """Name and unit of an axis: "Delta (MHz)" is ("Delta", "MHz"); the unit is "" when unsaid."""
    match = _WITH_UNIT.match(text)
    name, unit = match.groups() if match else (text, "")
    clean = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")
    if not clean or not clean[0].isalpha():
        clean = f"theta_{clean}".rstrip("_")
    return clean, unit.strip()


def flat(metadata: Mapping[str, Any] | None, prefix: str = "") -> dict[str, Any]:
    """Nested objects as dotted names; lists and other values stay as they are."""
    out: dict[str, Any] = {}
    stack = [(prefix, metadata or {})]
    while stack:
        before, obj = stack.pop()
        for key, value in obj.items():
            name = f"{before}{key}"
            if isinstance(value, Mapping):
                stack.append((f"{name}.", value))
            else:
                out[name] = value
    return out


def _constant(metadata: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Entries that are the same in all jobs."""
    first = metadata[0] if metadata else {}
    return {
        key: value for key, value in first.items()
        if all(key in data and _same(data[key]) == _same(value) for data in metadata)
    }  # fmt: skip


def _from_metadata(jobs: Sequence[Job], config: SweepConfig, report: Report, said: str) -> Settings:
    done = [(n, job, flat(job.metadata)) for n, job in enumerate(jobs) if job.finished]
    keys = list(dict.fromkeys(key for _, _, data in done for key in data))
    if config.theta_names is not None:
        for key in config.theta_names:
            if key not in keys:
                raise DataError("the metadata has no such entry", where="data.theta_names",
                                  value=key, hint=nearest(key, keys))  # fmt: skip
        axes = list(config.theta_names)
    else:
        axes = [key for key in keys if _axis(key, done)]
    values = np.full((len(jobs), len(axes)), np.nan)
    for n, job, data in done:
        values[n] = [_value(key, job, data) for key in axes]
    if config.theta_names is None:
        _refuse_hidden_differences(done, values, keys, axes)
    if not axes:
        report.note("theta: nothing varies, so that there is one setting (axis `setting` = 0)")
        return Settings(np.zeros((len(jobs), 1)), ("setting",), ("1",))
    names, known = _names(axes)
    report.note(f"theta from {said}: {', '.join(axes)}")
    return Settings(values, names, tuple(config.units(names, known)))


def _axis(key: str, done: Sequence[tuple[int, Job, dict]]) -> bool:
    """Whether an entry varies and is a number wherever it is there."""
    seen = [data[key] for _, _, data in done if key in data]
    numbers = [number(value) for value in seen]
    if all(value is None for value in numbers):
        return False
    return len(seen) < len(done) or len({_same(value) for value in seen}) > 1


def _value(key: str, job: Job, data: Mapping[str, Any]) -> float:
    hint = "give the settings of all jobs: theta = {name = [...]}, or choose with theta_names"
    if key not in data:
        raise DataError(f"the metadata of this job lacks {key!r}, which others have",
                        where=job.label, value=list(data), hint=hint)  # fmt: skip
    value = number(data[key])
    if value is None:
        raise DataError(f"{key!r} is no finite number here", where=job.label, value=data[key],
                        hint=hint)  # fmt: skip
    return value


def _same(value: Any) -> Any:
    as_number = number(value)
    return repr(value) if as_number is None else as_number


def _refuse_hidden_differences(
    done: Sequence[tuple[int, Job, dict]], values: np.ndarray, keys: list[str], axes: list[str]
) -> None:
    """Jobs at one setting are merged only when nothing says that they differ."""
    first: dict[tuple, tuple[Job, dict]] = {}
    for n, job, data in done:
        other, seen = first.setdefault(tuple(rounded(values[n])), (job, data))
        if other is job:
            continue
        where = f"{other.label} and {job.label}"
        for key in keys:
            if key not in axes and _same(data.get(key)) != _same(seen.get(key)):
                raise DataError(
                    f"two jobs differ in {key!r} only, which is no number", where=where,
                    value=f"{seen.get(key)!r} and {data.get(key)!r}",
                    hint="say at which setting each was taken: theta = {name = [...]}",
                )  # fmt: skip
        unsaid = job.programme is None and not axes
        if unsaid or job.programme != other.programme:
            raise DataError(
                "several jobs, and nothing says at which setting each was taken" if not axes
                else "two jobs differ, and their metadata do not say in what",
                where=where, value=f"{len(done)} jobs" if not axes else dict(data),
                hint='theta = {name = [one number per job]}, or a table: theta = "settings.csv"'
                + (f"; theta_names = {axes} merges them" if axes else ""),
            )  # fmt: skip


def _from_recipe(jobs: Sequence[Job], config: SweepConfig, report: Report) -> Settings:
    given = config.theta
    assert isinstance(given, dict)
    if not given:
        raise ConfigError("theta names no axis", where="data.theta", value=given)
    columns = []
    for name, value in given.items():
        column = np.atleast_1d(np.asarray(value, dtype=np.float64))
        if column.size not in (1, len(jobs)) or (np.ndim(value) == 1 and len(jobs) != column.size):
            raise DataError(
                "theta gives one number, or one per job", where=f"data.theta.{name}",
                value=f"{column.size} numbers",
                hint=f"the file has {len(jobs)} job{'s' if len(jobs) != 1 else ''}: "
                + ", ".join(job.label for job in jobs[:5]) + (" ..." if len(jobs) > 5 else ""),
            )  # fmt: skip
        columns.append(np.broadcast_to(column, len(jobs)))
    names, known = _names(list(given))
    alone = all(np.ndim(value) == 0 for value in given.values())
    shown = [job.label for job in jobs]
    shown = shown if len(shown) < 5 else [*shown[:2], "...", shown[-1]]
    report.note("theta from the recipe" + ("" if alone else f", for {'; '.join(shown)}"))
    return Settings(np.stack(columns, 1), names, tuple(config.units(names, known)))


def _from_table(jobs: Sequence[Job], config: SweepConfig, report: Report, path: Path) -> Settings:
    table = read_table(path)
    ids = [name for name in table if name.lower() in _ID_COLUMNS]
    axes = [name for name in table if name not in ids]
    rows = len(next(iter(table.values())))
    if ids:
        place = {text: row for row, text in enumerate(table[ids[0]])}
        order = []
        for job in jobs:
            if job.key not in place:
                raise DataError("the table of settings has no row for this job",
                                where=f"{path.name}, column {ids[0]!r}", value=job.key,
                                hint=f"rows: {', '.join(list(place)[:5])}")  # fmt: skip
            order.append(place[job.key])
    elif rows != len(jobs):
        raise DataError("the table of settings has one row per job", where=str(path),
                        value=f"{rows} rows, {len(jobs)} jobs",
                        hint="or a column `file` or `task` that names them")  # fmt: skip
    else:
        order = list(range(rows))
    if not axes:
        raise DataError("the table of settings has no axis", where=str(path), value=list(table))
    values = np.empty((len(jobs), len(axes)))
    for k, name in enumerate(axes):
        for n, row in enumerate(order):
            value = number(table[name][row])
            if value is None:
                raise DataError("a setting is a finite number", value=table[name][row],
                                where=f"{path}, row {row + 2}, column {name!r}")  # fmt: skip
            values[n, k] = value
    names, known = _names(axes)
    report.note(f"theta from the table {path.name}")
    return Settings(values, names, tuple(config.units(names, known)))


def _names(axes: list[str]) -> tuple[tuple[str, ...], dict[str, str]]:
    """Names that qdisc knows, and the units that the axes' own names carry."""
    short = [axis.rsplit(".", 1)[-1] for axis in axes]
    if len(set(short)) == len(short):
        axes = short
    pairs = [axis_name(axis) for axis in axes]
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):  # two names that differ in strange characters only
        names = [f"{name}_{n + 1}" for n, name in enumerate(names)]
    return tuple(names), {name: unit for name, (_, unit) in zip(names, pairs, strict=True) if unit}
