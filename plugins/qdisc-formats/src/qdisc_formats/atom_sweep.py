"""From the tasks of an atom array, whatever file they come from, to one Dataset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError

from qdisc_formats import atoms
from qdisc_formats.atoms import AtomConfig, Shots
from qdisc_formats.json_file import member, want
from qdisc_formats.places import common, positions
from qdisc_formats.report import Report
from qdisc_formats.settings import Job, number, settle
from qdisc_formats.sweep import merge


@dataclass(frozen=True)
class Task:
    """One task of an atom array.

    Attributes:
        job: How the file describes it.
        shots: (status, picture before, picture after) of every shot, as the file has them.
        places: Positions (N, dim), or None.
        filled: For each site whether it is meant to hold an atom, or None.
        copies: Indices (copies, sites) of tiled copies, or None.
    """

    job: Job
    shots: Sequence[tuple[Any, Any, Any]] = ()
    places: np.ndarray | None = None
    filled: np.ndarray | None = None
    copies: np.ndarray | None = None


def read_register(register: Any, where: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Positions (N, dim), and which sites are meant to be filled, of `{"sites", "filling"}`.

    Raises:
        DataError: Not positions, or not one 0 or 1 per site.
    """
    places = positions(member(register, "sites", list, where), f"{where}.sites")
    if register.get("filling") is None:
        return places, None
    marks = [number(m) for m in want(register["filling"], list, f"{where}.filling")]
    if len(marks) != places.shape[0] or not set(marks) <= {0.0, 1.0}:
        raise DataError("filling holds 0 or 1 for each site", where=f"{where}.filling",
                        value=register["filling"])  # fmt: skip
    return places, np.array(marks) == 1


def atom_sweep(
    tasks: Sequence[Task],
    config: AtomConfig,
    report: Report,
    folder: Path,
    *,
    good: str,
    unit: str,
    name: str = "",
) -> Dataset:
    """Merge the tasks of a file into one Dataset.

    Args:
        tasks: All tasks, finished or not.
        config: What the recipe says.
        report: Where everything is noted.
        folder: Folder that a table of settings is looked for in.
        good: Status of a shot that succeeded.
        unit: Unit of the positions, m or um.
        name: A short name.

    Raises:
        DataError: No finished task, or tasks that do not fit together.
    """
    jobs = [task.job for task in tasks]
    done = [task for task in tasks if task.job.finished]
    waiting = [job.label for job in jobs if not job.finished]
    if waiting:
        report.note(f"tasks without results left out: {', '.join(waiting[:8])}"
                    + (" ..." if len(waiting) > 8 else ""))  # fmt: skip
    if not done:
        raise DataError("no task has results", where="tasks", value=f"{len(jobs)} tasks",
                        hint="fetch the results and save them again")  # fmt: skip
    read = [_pictures(task, good, report) for task in done]
    _same_sites(done, read)
    settings = settle(jobs, config, report, folder)
    rows, kept = atoms.snapshots(read, config, report)
    sites, note = common([_places(task, kept) for task in done], unit)
    if note:
        report.note(note)
    copies = {1 if task.copies is None else task.copies.shape[0] for task in done}
    if copies != {1}:
        words = f"{min(copies)}" if len(copies) == 1 else f"{min(copies)} to {max(copies)}"
        report.note(f"each shot holds {words} copies of the system, split by the mapping")
    each, empty = iter(rows), np.zeros((0, int(kept.sum())), np.uint8)
    return merge(
        jobs, [next(each) if job.finished else empty for job in jobs], settings, config, report,
        local_states=atoms.STATES[: 3 if config.atom_loss == "third_state" else 2], sites=sites,
        name=name, source={"levels": atoms.LEVELS},
    )  # fmt: skip


def _pictures(task: Task, good: str, report: Report) -> Shots:
    label, copies = task.job.label, task.copies
    if copies is not None and task.filled is not None and not task.filled.all():
        raise DataError("sites that are empty by design in an array of copies", where=label,
                        value=f"filling of {int((~task.filled).sum())} sites is 0",
                        hint='copies = "together"')  # fmt: skip
    n_sites = None if task.places is None else task.places.shape[0]
    weight = 1 if copies is None else copies.shape[0]
    shots = atoms.read_shots(task.shots, n_sites, task.filled, good, label, report, weight)
    if copies is None:
        return shots
    if copies.max() >= shots.before.shape[1] > 0:
        raise DataError("the mapping names a site that no shot has", where=label,
                        value=int(copies.max()))  # fmt: skip
    return atoms.split_copies(shots, copies)


def _places(task: Task, kept: np.ndarray) -> np.ndarray | None:
    if task.places is None:
        return None
    if task.copies is not None:
        return task.places[task.copies[0]][kept]
    return (task.places if task.filled is None else task.places[task.filled])[kept]


def _same_sites(tasks: Sequence[Task], read: Sequence[Shots]) -> None:
    width = read[0].before.shape[1]
    for task, shots in zip(tasks, read, strict=True):
        if shots.before.shape[1] != width:
            raise DataError(
                "the tasks have different numbers of atoms: they are not one sweep",
                where=f"{tasks[0].job.label} and {task.job.label}",
                value=f"{width} and {shots.before.shape[1]} atoms",
                hint='copies = "split" when the arrays hold copies; else load them one by one',
            )  # fmt: skip
