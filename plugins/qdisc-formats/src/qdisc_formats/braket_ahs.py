"""Loader of Amazon Braket's analog results (`results.json` of an AHS task; QuEra Aquila).

    {"braketSchemaHeader": {"name": "braket.task_result.analog_hamiltonian_simulation_task_result"},
     "taskMetadata": {"id", "shots", "deviceId"},
     "measurements": [{"shotMetadata": {"shotStatus"},
                       "shotResult": {"preSequence", "postSequence"}}, ...],
     "additionalMetadata": {"action": {"setup": {"ahs_register": {"sites", "filling"}}, ...}}}

One result is one setting, which the file does not name: `theta`, or the names of the files in a
folder, say it. A JSON list of results is a sweep.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.atom_sweep import Task, atom_sweep, read_register
from qdisc_formats.atoms import AtomConfig
from qdisc_formats.json_file import member, peek_json, read_json, want
from qdisc_formats.report import Report, scrub
from qdisc_formats.settings import Job

SCHEMA = "braket.task_result.analog_hamiltonian_simulation_task_result"


class BraketAhsLoader:
    """Reads analog results of Amazon Braket."""

    spec = LoaderSpec(
        name="braket_ahs",
        summary="Amazon Braket analog results (JSON): shots of atom arrays, e.g. Aquila",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="entry i of preSequence and postSequence is site i of the register",
    )
    Config = AtomConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes name the schema."""
        return SCHEMA.encode() in peek_json(Path(path))

    def load(self, path: Path, config: AtomConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, no shot that succeeded, or results that do not fit together.
        """
        path = Path(path)
        document = read_json(path)
        results = document if isinstance(document, list) else [document]
        if not results:
            raise DataError("the file holds no result", where="top level", value=document)
        report = Report("snapshots")
        tasks = [
            _task(result, f"result {n}" if len(results) > 1 else "result")
            for n, result in enumerate(results)
        ]
        first = want(results[0], dict, "result")
        report.metadata = {
            "results": len(results),
            "task": {k: v for k, v in (first.get("taskMetadata") or {}).items() if v is not None},
            "programme": (first.get("additionalMetadata") or {}).get("action"),
        }
        return atom_sweep(tasks, config, report, path.parent, good="Success", unit="m")


loader = BraketAhsLoader()


def _task(result: Any, label: str) -> Task:
    header = want(result, dict, label).get("braketSchemaHeader")
    name = header.get("name") if isinstance(header, dict) else header
    if name != SCHEMA:
        raise DataError("this is no analog result of Braket", where=f"{label}, braketSchemaHeader",
                        value=name, hint=f"{SCHEMA!r} is wanted")  # fmt: skip
    metadata = want(result.get("taskMetadata") or {}, dict, f"{label}, taskMetadata")
    key = scrub(str(metadata.get("id") or label)).removeprefix("quantum-task/")
    extra = want(result.get("additionalMetadata") or {}, dict, f"{label}, additionalMetadata")
    action = extra.get("action")
    programme = None if action is None else json.dumps(action, sort_keys=True)
    measured = result.get("measurements")
    job = Job(label, key, {}, programme, bool(measured))
    if not measured:
        return Task(job)
    shots = []
    for n, shot in enumerate(want(measured, list, f"{label}, measurements")):
        where = f"{label}, shot {n}"
        status = member(shot, "shotMetadata", dict, where).get("shotStatus")
        pictures = shot.get("shotResult") or {}
        pictures = want(pictures, dict, f"{where}, shotResult")
        shots.append((status, pictures.get("preSequence"), pictures.get("postSequence")))
    setup = action.get("setup") if isinstance(action, dict) else None
    register = setup.get("ahs_register") if isinstance(setup, dict) else None
    places, filled = (None, None) if register is None else read_register(register, label)
    return Task(job, shots, places, filled)
