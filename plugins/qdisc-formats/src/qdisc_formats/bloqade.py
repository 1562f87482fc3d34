"""Loader of batches that Bloqade saved (`bloqade.analog.save`): QuEra's Aquila and its emulators.

    {"bloqade.analog.task.batch.RemoteBatch": {"name": ..., "tasks": [[number, {"...QuEraTask":
        {"task_id", "backend", "task_ir": {"nshots", "lattice": {"sites", "filling"}, ...},
         "metadata": {...}, "parallel_decoder": {"mapping": [...]} or null,
         "task_result_ir": {"task_status", "shot_outputs": [{"shot_status", "pre_sequence",
                            "post_sequence"}, ...]}}}], ...]}}

Theta is in `metadata`, as numbers or as text. `mapping` says which sites of the array are which
copy of the system; the two counts beside it are not used, because Bloqade writes one for the other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats import atoms
from qdisc_formats.atoms import AtomConfig, Shots
from qdisc_formats.json_file import first_key, member, peek_json, read_json, want
from qdisc_formats.places import common, positions
from qdisc_formats.report import Report, scrub
from qdisc_formats.settings import Job, number, settle
from qdisc_formats.sweep import merge

_MARK = re.compile(rb'"(bloqade[\w.]*\.)?(RemoteBatch|LocalBatch|remote_batch|local_batch)"\s*:')
_BATCH = re.compile(r"(.*\.)?(RemoteBatch|LocalBatch|remote_batch|local_batch)\Z")


class BloqadeLoader:
    """Reads batches of Bloqade; one task is one job of the sweep."""

    spec = LoaderSpec(
        name="bloqade",
        summary="QuEra/Bloqade saved batches (JSON): atom arrays, theta in the metadata",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="entry i of a sequence is site i of the lattice (of each copy, by its mapping)",
    )
    Config = AtomConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes name a batch of Bloqade."""
        return _MARK.search(peek_json(Path(path))) is not None

    def load(self, path: Path, config: AtomConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, no finished task, or tasks that do not fit together.
        """
        path = Path(path)
        return read_batch(read_json(path), config, path.parent)


loader = BloqadeLoader()


def read_batch(document: Any, config: AtomConfig, folder: Path) -> Dataset:
    """The Dataset of a parsed batch; `folder` is where a table of settings is looked for."""
    key = first_key(document, lambda k: _BATCH.match(k) is not None)
    if key is None:
        raise DataError("this is no batch of Bloqade", where="top level",
                        value=list(document)[:5] if isinstance(document, dict) else document,
                        hint="bloqade.analog.save(batch, file) writes one")  # fmt: skip
    batch = member(document, key, dict, "")
    report = Report("snapshots")
    tasks = [_task(item, n) for n, item in enumerate(_tasks(batch))]
    read = [_read(job, task, config, report) for job, task in tasks]
    jobs = [job for job, _ in tasks]
    settings = settle(jobs, config, report, folder)
    waiting = [job.label for job in jobs if not job.finished]
    if waiting:
        report.note(f"tasks without results left out: {', '.join(waiting[:8])}"
                    + (" ..." if len(waiting) > 8 else ""))  # fmt: skip
    if len(waiting) == len(jobs):
        raise DataError("no task has results", where="tasks", value=f"{len(jobs)} tasks",
                        hint="fetch the batch from the device and save it again")  # fmt: skip
    done = [one for one in read if one is not None]
    _same_sites([job for job in jobs if job.finished], done)
    rows, kept = atoms.snapshots([shots for shots, _, _ in done], config, report)
    unit = "m" if key.lower().startswith("remote") or "Remote" in key else "um"
    sites, note = common([None if place is None else place[kept] for _, place, _ in done], unit)
    if note:
        report.note(note)
    copies = {n for _, _, n in done}
    if copies != {1}:
        words = f"{min(copies)}" if len(copies) == 1 else f"{min(copies)} to {max(copies)}"
        report.note(f"each shot holds {words} copies of the system, split by the mapping")
    report.metadata = _metadata(batch, [task for _, task in tasks])
    each = iter(rows)
    empty = np.zeros((0, int(kept.sum())), np.uint8)
    return merge(
        jobs, [next(each) if job.finished else empty for job in jobs], settings, config, report,
        local_states=atoms.STATES[: 3 if config.atom_loss == "third_state" else 2], sites=sites,
        name=str(batch.get("name") or ""), source={"levels": atoms.LEVELS},
    )  # fmt: skip


def _tasks(batch: dict[str, Any]) -> list[tuple[str, Any]]:
    """Number and body of every task, in order."""
    tasks = member(batch, "tasks", list, "batch")
    if not tasks:
        raise DataError("the batch holds no task", where="tasks", value=tasks)
    out = []
    for n, entry in enumerate(tasks):
        where = f"tasks[{n}]"
        pair = want(entry, list, where)
        if len(pair) != 2 or not isinstance(pair[1], dict) or len(pair[1]) != 1:
            raise DataError("a task is a pair [number, {kind: task}]", where=where, value=entry)
        out.append((str(pair[0]), want(next(iter(pair[1].values())), dict, where)))
    return out


def _task(item: tuple[str, Any], n: int) -> tuple[Job, dict[str, Any]]:
    number_, task = item
    key = scrub(str(task.get("task_id") or number_)).removeprefix("quantum-task/")
    label = f"task {number_}" + (f" ({key[:8]})" if task.get("task_id") else "")
    result = task.get("task_result_ir")
    shots = result.get("shot_outputs") if isinstance(result, dict) else None
    metadata = task.get("metadata") or {}
    ran = task.get("task_ir", task.get("emulator_ir"))
    if isinstance(ran, dict):
        ran = {k: v for k, v in ran.items() if k != "nshots"}
    programme = None if ran is None else json.dumps(ran, sort_keys=True)
    return Job(
        label, key, want(metadata, dict, f"{label}, metadata"), programme, bool(shots)
    ), task  # fmt: skip


def _read(
    job: Job, task: Mapping[str, Any], config: AtomConfig, report: Report
) -> tuple[Shots, np.ndarray | None, int] | None:
    """Pictures, positions and number of copies of one task."""
    if not job.finished:
        return None
    outputs = want(task["task_result_ir"]["shot_outputs"], list, f"{job.label}, shot_outputs")
    triples = []
    for n, shot in enumerate(outputs):
        shot = want(shot, dict, f"{job.label}, shot {n}")
        triples.append(
            (shot.get("shot_status"), shot.get("pre_sequence"), shot.get("post_sequence"))
        )
    places, filled, decoder = _geometry(task, job.label)
    copies = None
    if decoder is not None and config.copies == "split":
        copies = _copies(decoder, job.label, None if places is None else places.shape[0])
        if filled is not None and not filled.all():
            raise DataError("sites that are empty by design in an array of copies", value="filling",
                            where=job.label, hint="copies = \"together\"")  # fmt: skip
    weight = 1 if copies is None else copies.shape[0]
    n_sites = None if places is None else places.shape[0]
    shots = atoms.read_shots(triples, n_sites, filled, "Completed", job.label, report, weight)
    if copies is None:
        return shots, places if places is None or filled is None else places[filled], 1
    if copies.max() >= shots.before.shape[1]:
        raise DataError("the mapping names a site that no shot has", where=job.label,
                        value=int(copies.max()))  # fmt: skip
    return atoms.split_copies(shots, copies), None if places is None else places[copies[0]], weight


def _geometry(
    task: Mapping[str, Any], label: str
) -> tuple[np.ndarray | None, np.ndarray | None, Any]:
    """Positions, which sites are meant to be filled, and the decoder of copies."""
    decoder = task.get("parallel_decoder")
    ran = task.get("task_ir") or {}
    if isinstance(ran, dict) and "lattice" in ran:
        lattice = ran["lattice"]
    elif isinstance(ran, dict) and "program" in ran:  # Braket's simulator
        setup = member(want(ran["program"], dict, label), "setup", dict, label)
        lattice = setup.get("ahs_register", setup.get("register"))
    else:
        lattice = _find_geometry(task.get("emulator_ir"))
        decoder = decoder or (lattice or {}).get("parallel_decoder")
    if lattice is None:
        return None, None, decoder
    where = f"{label}, lattice"
    places = positions(member(lattice, "sites", list, where), f"{where}.sites")
    filling = lattice.get("filling")
    if filling is None:
        return places, None, decoder
    marks = [number(mark) for mark in want(filling, list, f"{where}.filling")]
    if len(marks) != places.shape[0] or not set(marks) <= {0.0, 1.0}:
        raise DataError("filling holds 0 or 1 for each site", where=f"{where}.filling",
                        value=filling)  # fmt: skip
    return places, np.array(marks) == 1, decoder


def _find_geometry(programme: Any) -> dict[str, Any] | None:
    """The geometry inside the emulator's programme, whose classes wrap each level."""
    node = programme
    for name in ("EmulatorProgram", "register", "Register", "geometry", "Geometry"):
        key = first_key(node, lambda k, name=name: k.rsplit(".", 1)[-1] == name)
        if key is None:
            return None
        node = node[key]
    return node if isinstance(node, dict) and "sites" in node else None


def _copies(decoder: Any, label: str, n_sites: int | None) -> np.ndarray:
    """Indices (copies, sites): where in the array each site of each copy is."""
    where = f"{label}, parallel_decoder.mapping"
    wrapped = first_key(decoder, lambda k: k.endswith("ParallelDecoder"))
    decoder = decoder if wrapped is None else decoder[wrapped]
    found: dict[str, dict[int, int]] = {}
    used: set[int] = set()
    for n, entry in enumerate(member(decoder, "mapping", list, where)):
        place = f"{where}[{n}]"
        copy = repr(want(entry, dict, place).get("cluster_index"))
        site = member(entry, "cluster_location_index", int, place)
        index = member(entry, "global_location_index", int, place)
        sites = found.setdefault(copy, {})
        outside = index < 0 or (n_sites is not None and index >= n_sites)
        if site in sites or index in used or outside:
            raise DataError("the mapping names a site twice, or one that is not there",
                            where=place, value=entry)  # fmt: skip
        sites[site] = index
        used.add(index)
    sizes = {tuple(sorted(sites)) for sites in found.values()}
    if len(sizes) != 1 or next(iter(sizes)) != tuple(range(len(next(iter(sizes))))):
        raise DataError("the copies in the mapping do not have the same sites", where=where,
                        value=sorted(map(len, sizes)), hint="copies = \"together\"")  # fmt: skip
    return np.array([[sites[i] for i in sorted(sites)] for sites in found.values()])


def _same_sites(jobs: list[Job], read: list[tuple[Shots, np.ndarray | None, int]]) -> None:
    width = read[0][0].before.shape[1]
    for job, (shots, _, _) in zip(jobs, read, strict=True):
        if shots.before.shape[1] != width:
            raise DataError(
                "the tasks have different numbers of atoms: they are not one sweep",
                where=f"{jobs[0].label} and {job.label}",
                value=f"{width} and {shots.before.shape[1]} atoms",
                hint="copies = \"split\" when the arrays hold copies; else load them one by one",
            )  # fmt: skip


def _metadata(batch: Mapping[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What else the file says: names, device, constants, the first task's programme."""
    first = tasks[0]
    out: dict[str, Any] = {"tasks": len(tasks)}
    if batch.get("name"):
        out["batch"] = batch["name"]
    if first.get("backend"):
        out["backend"] = first["backend"]
    datas = [task.get("metadata") or {} for task in tasks]
    constant = {k: v for k, v in datas[0].items() if all(d.get(k) == v for d in datas)}
    if constant:
        out["constant"] = constant
    ran = first.get("task_ir")
    if isinstance(ran, dict):
        out["first programme"] = ran.get("effective_hamiltonian", ran.get("program"))
        out["lattice"] = ran.get("lattice")
    return {key: value for key, value in out.items() if value is not None}
