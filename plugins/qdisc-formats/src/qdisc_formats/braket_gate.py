"""Loader of Amazon Braket's gate-model results, single tasks and program sets.

    {"braketSchemaHeader": {"name": "braket.task_result.gate_model_task_result"},
     "measurements": [[0, 1, ...], ...], "measuredQubits": [9, 0, ...],
     "measurementProbabilities": {"01...": 0.25}, "taskMetadata": {...},
     "additionalMetadata": {"action": {"source", "inputs": {name: value}}}}

Column j of `measurements` is qubit measuredQubits[j]; site i is the i-th smallest of these numbers.
Theta is in `inputs`; a program set holds one result per set of inputs. Probabilities count as shots
when they are whole multiples of 1/shots, as devices that store no single shots write them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.bits import counts_to_rows, in_order, lists_to_rows, said_order
from qdisc_formats.json_file import member, peek_json, read_json, want
from qdisc_formats.options import BitConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job
from qdisc_formats.sweep import QUBIT, Taken, sweep

GATE = "braket.task_result.gate_model_task_result"
SET = "braket.task_result.program_set_task_result"


class BraketGateLoader:
    """Reads gate-model results of Amazon Braket."""

    spec = LoaderSpec(
        name="braket_gate",
        summary="Amazon Braket gate-model results and program sets (JSON)",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="site i is the i-th smallest of measuredQubits, which names the columns",
    )
    Config = BitConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes name one of the two schemas."""
        seen = peek_json(Path(path))
        return GATE.encode() in seen or SET.encode() in seen

    def load(self, path: Path, config: BitConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, no shots, no word on which column is which qubit.
        """
        path = Path(path)
        document = read_json(path)
        results = document if isinstance(document, list) else [document]
        report = Report()
        found = [
            one for n, result in enumerate(results)
            for one in _results(result, f"result {n}" if len(results) > 1 else "result")
        ]  # fmt: skip
        if not found:
            raise DataError("the file holds no result", where="top level", value=document)
        read = [_bits(body, job, config, report) for job, body in found]
        qubits = {q for q, _, _ in read if q is not None}
        if len(qubits) > 1:
            raise DataError("the results measure different qubits", where="measuredQubits",
                            value=sorted(qubits), hint="load them one by one")  # fmt: skip
        for numbers in qubits - {tuple(range(max(map(len, qubits), default=0)))}:
            report.note(f"sites 0, 1, ... are qubits {', '.join(map(str, numbers))}")
        report.metadata = _metadata(want(results[0], dict, "result"))
        taken = [Taken(job, *read[n][1:]) for n, (job, _) in enumerate(found)]
        unnamed = any(body.get("measuredQubits") is None for _, body in found)
        return sweep(taken, config, report, path.parent, local_states=QUBIT,
                     source=said_order(config.site_order) if unnamed else {})  # fmt: skip


loader = BraketGateLoader()


def _results(result: Any, label: str) -> list[tuple[Job, dict[str, Any]]]:
    """Every single result of a document, with its inputs and its programme."""
    header = want(result, dict, label).get("braketSchemaHeader")
    name = header.get("name") if isinstance(header, dict) else header
    if name == GATE:
        extra = want(result.get("additionalMetadata") or {}, dict, f"{label}, additionalMetadata")
        action = want(extra.get("action") or {}, dict, f"{label}, action")
        inputs = want(action.get("inputs") or {}, dict, f"{label}, inputs")
        source = action.get("source")
        programme = None if source is None else str(source)
        return [(Job(label, label, inputs, programme), result)]
    if name != SET:
        raise DataError("this is no gate-model result of Braket", value=name,
                        where=f"{label}, braketSchemaHeader", hint=f"{GATE} or {SET}")  # fmt: skip
    out: list[tuple[Job, dict[str, Any]]] = []
    for p, programme in enumerate(member(result, "programResults", list, label)):
        where = f"{label}, program {p}"
        if isinstance(programme, str):
            raise DataError("the results of this program set are in other files", where=where,
                            value=programme, hint="store them inline")  # fmt: skip
        source = programme.get("source") if isinstance(programme, dict) else None
        text = source.get("source") if isinstance(source, dict) else source
        inputs = (source.get("inputs") if isinstance(source, dict) else None) or {}
        bodies = member(programme, "executableResults", list, where)
        for e, body in enumerate(bodies):
            place = f"{where}, executable {e}"
            if isinstance(body, str):
                raise DataError("the results of this program set are in other files", where=place,
                                value=body, hint="store them inline")  # fmt: skip
            chosen = _inputs(inputs, want(body, dict, place), place)
            there = body.get("measurements") or body.get("measurementProbabilities")
            out.append((Job(place, place, chosen, None if text is None else str(text),
                            bool(there)), body))  # fmt: skip
    return out


def _inputs(inputs: Any, body: dict[str, Any], where: str) -> dict[str, Any]:
    """The inputs of one executable: lists hold one value per set."""
    chosen = {}
    for name, values in want(inputs, dict, f"{where}, inputs").items():
        if isinstance(values, list):
            index = member(body, "inputsIndex", int, where)
            if not 0 <= index < len(values):
                raise DataError("inputsIndex points at no input", where=where, value=index)
            values = values[index]
        chosen[name] = values
    return chosen


def _bits(
    body: dict[str, Any], job: Job, config: BitConfig, report: Report
) -> tuple[tuple[int, ...] | None, np.ndarray | None, np.ndarray | None]:
    """Measured qubits in order, rows, and counts unless every shot is listed."""
    label, counts = job.label, None
    if not job.finished:
        report.note(f"results without shots left out: {label}")
        return None, None, None
    if body.get("measurements"):
        rows = lists_to_rows(body["measurements"], f"{label}, measurements")
    elif body.get("measurementProbabilities"):
        rows, counts = _shares(body, label)
    else:
        raise DataError("the result holds no shots", where=label, value=list(body),
                        hint="run it with shots > 0 and ask for measurements")  # fmt: skip
    measured = body.get("measuredQubits")
    if measured is None:
        rows = in_order(rows, config.site_order, f"{label}, measuredQubits is missing")
        return tuple(range(rows.shape[1])), rows, counts
    qubits = [want(q, int, f"{label}, measuredQubits") for q in want(measured, list, label)]
    if len(set(qubits)) != len(qubits) or len(qubits) != rows.shape[1]:
        raise DataError("measuredQubits names each column once", value=qubits,
                        where=f"{label}, measuredQubits",
                        hint=f"{rows.shape[1]} columns")  # fmt: skip
    return tuple(sorted(qubits)), rows[:, np.argsort(qubits)], counts


def _shares(body: dict[str, Any], label: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities that are whole numbers of shots."""
    where = f"{label}, measurementProbabilities"
    metadata = body.get("taskMetadata")
    shots = metadata.get("shots") if isinstance(metadata, dict) else None
    shares = want(body["measurementProbabilities"], dict, where)
    counts = {}
    for text, share in shares.items():
        number = share * shots if isinstance(share, int | float) and isinstance(shots, int) else -1
        if not 0 <= number < 2**53 or abs(number - round(number)) > 1e-3:
            raise DataError(
                "a probability that is no whole number of shots", where=f"{where}[{text!r}]",
                value=f"{share} of {shots} shots", hint="run it with shots > 0",
            )  # fmt: skip
        counts[text] = round(number)
    return counts_to_rows(counts, where)


def _metadata(result: dict[str, Any]) -> dict[str, Any]:
    task = result.get("taskMetadata")
    task = task if isinstance(task, dict) else {}
    extra = result.get("additionalMetadata")
    action = extra.get("action") if isinstance(extra, dict) else None
    out = {"task": {k: v for k, v in task.items() if v is not None}, "programme": action}
    return {key: value for key, value in out.items() if value}
