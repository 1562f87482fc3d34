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

from qdisc_formats.atom_sweep import Task, atom_sweep, read_register
from qdisc_formats.atoms import AtomConfig
from qdisc_formats.json_file import first_key, member, peek_json, read_json, want
from qdisc_formats.report import Report, scrub
from qdisc_formats.settings import Job

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
    bodies = _bodies(batch)
    tasks = [_task(number, body, config) for number, body in bodies]
    report.metadata = _metadata(batch, [body for _, body in bodies])
    unit = "m" if "remote" in key.lower() else "um"
    name = str(batch.get("name") or "")
    return atom_sweep(tasks, config, report, folder, good="Completed", unit=unit, name=name)


def _bodies(batch: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
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
        out.append((str(pair[0])[:20], want(next(iter(pair[1].values())), dict, where)))
    return out


def _task(number: str, body: dict[str, Any], config: AtomConfig) -> Task:
    key = scrub(str(body.get("task_id") or number)).removeprefix("quantum-task/")
    label = f"task {number}" + (f" ({key[:8]})" if body.get("task_id") else "")
    result = body.get("task_result_ir")
    outputs = result.get("shot_outputs") if isinstance(result, dict) else None
    metadata = want(body.get("metadata") or {}, dict, f"{label}, metadata")
    ran = body.get("task_ir", body.get("emulator_ir"))
    if isinstance(ran, dict):
        ran = {k: v for k, v in ran.items() if k != "nshots"}
    programme = None if ran is None else json.dumps(ran, sort_keys=True)
    job = Job(label, key, metadata, programme, bool(outputs))
    if not outputs:
        return Task(job)
    triples = []
    for n, shot in enumerate(want(outputs, list, f"{label}, shot_outputs")):
        shot = want(shot, dict, f"{label}, shot {n}")
        triples.append(
            (shot.get("shot_status"), shot.get("pre_sequence"), shot.get("post_sequence"))
        )
    register, decoder = _geometry(body, label)
    places, filled = (None, None) if register is None else read_register(register, label)
    copies = None
    if decoder is not None and config.copies == "split":
        copies = _copies(decoder, label, None if places is None else places.shape[0])
    return Task(job, triples, places, filled, copies)


def _geometry(body: Mapping[str, Any], label: str) -> tuple[Any, Any]:
    """The register (sites and filling), and the decoder of copies."""
    decoder, ran = body.get("parallel_decoder"), body.get("task_ir")
    if isinstance(ran, dict) and "lattice" in ran:
        return ran["lattice"], decoder
    if isinstance(ran, dict) and "program" in ran:  # Braket's simulator
        setup = member(want(ran["program"], dict, label), "setup", dict, label)
        return setup.get("ahs_register", setup.get("register")), decoder
    node: Any = body.get("emulator_ir")  # each level is wrapped by the name of its class
    for name in ("EmulatorProgram", "register", "Register", "geometry", "Geometry"):
        key = first_key(node, lambda k, name=name: k.rsplit(".", 1)[-1] == name)
        if key is None:
            return None, decoder
        node = node[key]
    if not isinstance(node, dict) or "sites" not in node:
        return None, decoder
    return node, decoder or node.get("parallel_decoder")


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


def _metadata(batch: Mapping[str, Any], tasks: list[dict[str, Any]]) -> dict[str, Any]:
    """What else the file says: names, device, constants, the first task's programme."""
    first = tasks[0]
    out: dict[str, Any] = {"tasks": len(tasks)}
    if batch.get("name"):
        out["batch"] = batch["name"]
    if first.get("backend"):
        out["backend"] = first["backend"]
    ran = first.get("task_ir")
    if isinstance(ran, dict):
        out["first programme"] = ran.get("effective_hamiltonian", ran.get("program"))
        out["lattice"] = ran.get("lattice")
    return {key: value for key, value in out.items() if value is not None}
