"""Results of Qiskit as plain arrays: duck-typed live objects, packed bits, the sweep of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError, nearest

from qdisc_formats.bits import counts_to_rows, in_order, said_order
from qdisc_formats.report import Report
from qdisc_formats.settings import Job
from qdisc_formats.sweep import QUBIT, Taken, sweep

_MOST_POINTS = 1_000_000


@dataclass(frozen=True)
class Register:
    """A classical register: packed bytes (*sweep, shots, ceil(n_bits / 8)), padded on the left."""

    name: str
    array: Any
    n_bits: int


@dataclass(frozen=True)
class Experiment:
    """One circuit: packed registers, or rows of characters as Qiskit shows them.

    Attributes:
        label: Its name in messages.
        registers: Packed bits.
        rows: Characters (n, bits), the last one being bit 0.
        counts: How often each row was seen, or None.
        metadata: What may be theta.
        kept: Metadata to keep.
        finished: Whether it ran.
    """

    label: str
    registers: Sequence[Register] = ()
    rows: np.ndarray | None = None
    counts: np.ndarray | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    kept: Mapping[str, Any] = field(default_factory=dict)
    finished: bool = True


def experiments(results: Any, n_bits: int | None, label: str = "") -> list[Experiment]:
    """Experiments of live objects, told apart by their attributes.

    Raises:
        DataError: Something that holds no bits.
    """
    if isinstance(results, Mapping) and not hasattr(results, "num_bits"):
        if all(isinstance(count, int | np.integer) for count in results.values()):
            plain = {str(key): int(count) for key, count in results.items()}
            rows, counts = counts_to_rows(plain, label or "counts", n_bits)
            return [Experiment(label or "counts", rows=rows, counts=counts)]
        return [Experiment(label or "result", [_live(k, v, label) for k, v in results.items()])]
    if hasattr(results, "array") and hasattr(results, "num_bits"):
        return [Experiment(label or "result", [_live("c", results, label)])]
    if hasattr(results, "data") and hasattr(results, "metadata"):  # a PubResult
        metadata = dict(results.metadata or {})
        (one,) = experiments(results.data, n_bits, label or "pub")
        circuit = metadata.get("circuit_metadata") or {}
        return [Experiment(one.label, one.registers, metadata=circuit, kept=metadata)]
    if hasattr(results, "results") and hasattr(results, "get_counts"):  # a backend's Result
        return [_of_backend(results, n) for n in range(len(results.results))]
    if hasattr(results, "items") and hasattr(results, "keys"):  # a DataBin
        return [Experiment(label or "result", [_live(k, v, label) for k, v in results.items()])]
    if isinstance(results, str | bytes) or not hasattr(results, "__iter__"):
        raise DataError(
            "this object holds no bits of Qiskit", where=label or "from_qiskit",
            value=type(results).__name__,
            hint="a PrimitiveResult, PubResult, BitArray, Result, counts, or a list",
        )  # fmt: skip
    return [e for n, one in enumerate(results) for e in experiments(one, n_bits, f"pub {n}")]


def sweep_of(found: Sequence[Experiment], config: Any, folder: Path) -> Dataset:
    """Merge experiments into one Dataset; a sweep inside one is one job per point.

    Raises:
        DataError: No experiment, different numbers of bits, settings that nothing names.
    """
    if not found:
        raise DataError("the file holds no experiment", where="top level", value=[])
    report = Report()
    taken: list[Taken] = []
    for one in found:
        if not one.finished:
            report.note(f"experiments that failed left out: {one.label}")
            taken.append(Taken(Job(one.label, one.label, one.metadata, finished=False)))
            continue
        points = [one.rows] if one.rows is not None else _unpack(one, config.registers, report)
        for k, point in enumerate(points):
            alone = len(points) == 1
            label = one.label if alone else f"{one.label}, sweep point {k}"
            job = Job(label, label, one.metadata, None if alone else str(k))
            rows = in_order(point, config.site_order or "right_to_left", label)
            taken.append(Taken(job, rows, one.counts))
    report.metadata = {"first experiment": dict(found[0].kept)} if found[0].kept else {}
    return sweep(taken, config, report, folder, local_states=QUBIT,
                 source=said_order(config.site_order))  # fmt: skip


def _unpack(one: Experiment, wanted: Any, report: Report) -> list[np.ndarray]:
    """Rows of characters of every sweep point; the first register is on the right."""
    registers = {register.name: register for register in one.registers}
    if wanted is not None:
        for name in wanted:
            if name not in registers:
                raise DataError("there is no such register", where="data.registers", value=name,
                                  hint=nearest(name, registers))  # fmt: skip
        registers = {name: registers[name] for name in wanted}
    if not registers:
        raise DataError("the experiment has no register", where=one.label)
    bits = {name: _bits(r, f"{one.label}, register {name!r}") for name, r in registers.items()}
    shapes = {array.shape[:-1] for array in bits.values()}
    if len(shapes) != 1:
        raise DataError("the registers have different shapes", where=one.label,
                        value={name: array.shape for name, array in bits.items()},
                        hint="registers = [...] names the ones to read")  # fmt: skip
    if len(bits) > 1:
        words = ", ".join(f"{name} ({array.shape[-1]} bits)" for name, array in bits.items())
        report.note(f"registers joined, site 0 in the first one: {words}")
    joined = np.concatenate(list(bits.values())[::-1], axis=-1)
    return list(joined.reshape(-1, *joined.shape[-2:]))


def _bits(register: Register, where: str) -> np.ndarray:
    """Characters (*sweep, shots, n_bits) of packed bytes; the last one is bit 0."""
    packed, n = np.asarray(register.array), register.n_bits
    if packed.dtype != np.uint8 or packed.ndim < 2 or n < 1 or packed.shape[-1] != -(-n // 8):
        raise DataError(
            "packed bits are bytes (..., shots, ceil(num_bits / 8))", where=where,
            value=f"{packed.dtype}, shape {packed.shape}, num_bits {n}",
        )  # fmt: skip
    if packed.shape[-2] == 0 or int(np.prod(packed.shape[:-2])) > _MOST_POINTS or not packed.size:
        raise DataError("the register holds no shots", where=where, value=packed.shape)
    bits = np.unpackbits(packed, axis=-1)
    if bits[..., : bits.shape[-1] - n].any():
        raise DataError("bits are set beyond num_bits", where=where, value=f"num_bits {n}",
                        hint="the array and num_bits do not belong together")  # fmt: skip
    return bits[..., -n:]


def _live(name: str, obj: Any, label: str) -> Register:
    where = f"{label or 'result'}, register {name!r}"
    if not (hasattr(obj, "array") and hasattr(obj, "num_bits")):
        raise DataError("this register holds no bits", where=where, value=type(obj).__name__)
    return Register(str(name), np.asarray(obj.array), int(obj.num_bits))


def _of_backend(result: Any, n: int) -> Experiment:
    label = f"experiment {n}"
    counts = {str(k): int(v) for k, v in result.get_counts(n).items()}
    header = getattr(result.results[n], "header", None)
    header = header if isinstance(header, Mapping) else getattr(header, "__dict__", {})
    rows, numbers = counts_to_rows(counts, label)
    return Experiment(label, rows=rows, counts=numbers, metadata=header.get("metadata") or {})
