"""From the snapshots of several jobs and their settings to one Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.theta import unique_points
from qdisc.errors import DataError

from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report, scrub
from qdisc_formats.settings import Job, Settings, settle

QUBIT = (1.0, -1.0)  # bit 0 is the eigenvalue +1 of sigma^z, bit 1 is -1


@dataclass(frozen=True)
class Taken:
    """Snapshots (n, columns) of one job, and how often each was seen (n,)."""

    job: Job
    rows: np.ndarray | None = None
    counts: np.ndarray | None = None


def sweep(
    taken: Sequence[Taken], config: SweepConfig, report: Report, folder: Path, **options: Any
) -> Dataset:
    """`merge` with the settings that `settle` finds; snapshots read are counted in the report.

    Raises:
        DataError: As both.
    """
    if not taken:
        raise DataError("the file holds no result", where="top level", value=[])
    jobs = [one.job for one in taken]
    width = max((one.rows.shape[1] for one in taken if one.rows is not None), default=0)
    rows, counts = [], []
    for one in taken:
        row = np.zeros((0, width), np.uint8) if one.rows is None else one.rows
        seen = np.ones(row.shape[0], np.int64) if one.counts is None else one.counts
        rows.append(row)
        counts.append(seen)
        report.read += int(seen.sum())
    settings = settle(jobs, config, report, folder)
    plain = all(one.counts is None for one in taken)
    return merge(jobs, rows, settings, config, report, counts=None if plain else counts, **options)


def merge(
    jobs: Sequence[Job],
    rows: Sequence[np.ndarray],
    settings: Settings,
    config: SweepConfig,
    report: Report,
    *,
    data_type: str = "discrete",
    local_states: Sequence[float] | None = None,
    counts: Sequence[np.ndarray] | None = None,
    sites: Any = None,
    name: str = "",
    source: dict[str, str] | None = None,
) -> Dataset:
    """Put the jobs of a file together; jobs at one setting become one point.

    Args:
        jobs: The jobs, finished or not.
        rows: Their snapshots (n_j, columns); an empty array where there are none.
        settings: Their settings, one row per job.
        config: What the recipe says.
        report: What was done; it becomes the dataset's `source`.
        data_type: discrete or shadow.
        local_states: Physical value of each code, unless the recipe says otherwise.
        counts: How often each row was seen (n_j,); once each when left out.
        sites: Positions.
        name: A short name, unless the recipe gives one.
        source: More to keep with the dataset.

    Raises:
        DataError: Jobs with different numbers of columns, no snapshot left, codes out of range.
    """
    done = [j for j, job in enumerate(jobs) if job.finished]
    _same_width([jobs[j] for j in done], [rows[j] for j in done])
    left = [rows[j].shape[0] if counts is None else int(counts[j].sum()) for j in done]
    if not sum(left):
        raise DataError(
            "no snapshot is left", where="shots", value=report.dropped_in_words(),
            hint="`atom_loss` decides about missing atoms, where the format has it",
        )  # fmt: skip
    theta, point_of_job = unique_points(settings.values[done])
    merged = len(done) - theta.shape[0]
    if merged:
        report.note(f"{len(done)} jobs merged into {theta.shape[0]} setting"
                    + ("s" if theta.shape[0] > 1 else ""))  # fmt: skip
    samples = np.concatenate([rows[j] for j in done])
    point = np.repeat(point_of_job, [rows[j].shape[0] for j in done])
    options: dict[str, Any] = {
        "data_type": data_type,
        "theta_names": settings.names,
        "theta_units": settings.units,
        "local_states": config.local_states or local_states,
        "sites": sites,
        "periodic": config.periodic,
        "name": config.name or scrub(name),
        "source": report.source() | (source or {}),
    }
    if counts is None:
        return Dataset.from_points(samples, point, theta, **options)
    distinct, index = np.unique(samples, axis=0, return_inverse=True)
    weight = np.concatenate([counts[j] for j in done])
    matrix = CountMatrix.from_pairs(
        point, index.reshape(-1), weight, theta.shape[0], distinct.shape[0]
    )
    seen = np.unique(matrix.indices)  # rows whose every count is zero
    if seen.size < distinct.shape[0]:
        renumber = np.searchsorted(seen, matrix.indices).astype(np.int32)
        matrix = CountMatrix(matrix.data, renumber, matrix.indptr, seen.size)
    return Dataset.from_configurations(distinct[seen], matrix, theta, **options)


def _same_width(jobs: Sequence[Job], rows: Sequence[np.ndarray]) -> None:
    first: tuple[Job, int] | None = None
    for job, row in zip(jobs, rows, strict=True):
        if first is None:
            first = (job, row.shape[1])
        elif row.shape[1] != first[1]:
            raise DataError(
                "the jobs have different numbers of sites: they are not one sweep",
                where=f"{first[0].label} and {job.label}",
                value=f"{first[1]} and {row.shape[1]} sites",
                hint="load them one by one, or leave one out",
            )  # fmt: skip
