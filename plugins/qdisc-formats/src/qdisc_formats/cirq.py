"""Loader of Cirq's results (`cirq.to_json` of a ResultDict, or of a list of them).

    {"cirq_type": "ResultDict", "params": {"param_dict": [["theta", 0.5]]},
     "records": {key: {"packed_digits": hex, "binary": true, "dtype": "int8",
                       "shape": [repetitions, instances, qubits]}}}

Column i of a record is the i-th qubit of the measurement. Keys come in the order in which they were
measured, which is not the order of the qubits: with several keys, `keys` says which comes first.
A list of results is a sweep whose theta are the params.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError, nearest
from qdisc.plugin import LoaderSpec

from qdisc_formats.json_file import member, peek_json, read_json, want
from qdisc_formats.name_pattern import natural
from qdisc_formats.options import SweepConfig
from qdisc_formats.packed import npy_header
from qdisc_formats.report import Report
from qdisc_formats.settings import Job
from qdisc_formats.sweep import QUBIT, Taken, sweep

_MARK = re.compile(rb'"cirq_type"\s*:\s*"(ResultDict|Result|TrialResult)"')
_MOST = 1 << 30


class CirqConfig(SweepConfig):
    """Options of the Cirq loader.

    Attributes:
        keys: Measurement keys in the order of the sites; needed when there are several.
        instances: What the instances of a key measured several times are: further "shots" of the
            same sites, or further "sites".
    """

    keys: tuple[str, ...] | None = None
    instances: Literal["shots", "sites"] | None = None


class CirqLoader:
    """Reads results of Cirq."""

    spec = LoaderSpec(
        name="cirq",
        summary="Cirq results (JSON): ResultDict, single or sweep",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="site i is the i-th qubit of the measurement; `keys` orders several keys",
    )
    Config = CirqConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes name a result of Cirq."""
        return _MARK.search(peek_json(Path(path))) is not None

    def load(self, path: Path, config: CirqConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, several keys without an order, or no settings.
        """
        path = Path(path)
        results = list(_flat(read_json(path)))
        found = [_parsed(result, f"result {n}") for n, result in enumerate(results)]
        return _sweep(found, config, path.parent)


loader = CirqLoader()


def from_cirq(results: Any, **options: Any) -> Dataset:
    """A Dataset from live results of Cirq, which is not imported: only attributes are read.

    Args:
        results: A Result (`records`, `params`), or a list of them: one job each.
        **options: Keys of `CirqConfig`.

    Raises:
        DataError: Something without records, several keys without an order, no settings.
        ConfigError: An unknown option.
    """
    from qdisc.config import convert

    config = convert(options, CirqConfig, "from_cirq")
    found = []
    for n, result in enumerate(results if isinstance(results, list | tuple) else [results]):
        if not hasattr(result, "records"):
            raise DataError("this is no result of Cirq", where=f"result {n}",
                            value=type(result).__name__,
                            hint="an object with .records")  # fmt: skip
        params = getattr(getattr(result, "params", None), "param_dict", None) or {}
        named = {str(name): value for name, value in params.items()}
        records = {str(key): np.asarray(array) for key, array in result.records.items()}
        found.append((f"result {n}", named, records))
    return _sweep(found, config, Path())


Parsed = tuple[str, Mapping[str, Any], Mapping[str, np.ndarray]]


def _flat(document: Any) -> Iterator[Any]:
    """Results of a document; `run_batch` gives lists of lists."""
    stack = [document]
    while stack:
        item = stack.pop()
        if isinstance(item, list):
            stack.extend(item[::-1])
        else:
            yield item


def _parsed(result: Any, label: str) -> Parsed:
    records = member(result, "records", dict, label)
    params = want(result.get("params") or {}, dict, f"{label}, params")
    named = {}
    for pair in want(params.get("param_dict") or [], list, f"{label}, params"):
        if not isinstance(pair, list) or len(pair) != 2:
            raise DataError("a parameter is a pair [name, value]", where=f"{label}, params",
                            value=pair)  # fmt: skip
        name = pair[0].get("name") if isinstance(pair[0], dict) else pair[0]
        named[str(name)] = pair[1]
    return label, named, {k: _record(v, f"{label}, key {k!r}") for k, v in records.items()}


def _record(record: Any, where: str) -> np.ndarray:
    """Digits (repetitions, instances, qubits) of one key."""
    text = member(record, "packed_digits", str, where)
    shape = [want(n, int, f"{where}, shape") for n in member(record, "shape", list, where)]
    if len(shape) != 3 or min(shape) < 0:
        raise DataError("a record has the shape (repetitions, instances, qubits)", value=shape,
                        where=f"{where}, shape")  # fmt: skip
    try:
        raw = bytes.fromhex(text)
    except ValueError as error:
        raise DataError("packed_digits is hexadecimal", where=where, value=text[:40]) from error
    count = math.prod(shape)
    if record.get("binary"):
        if len(raw) != -(-count // 8) or count > _MOST:
            raise DataError("packed_digits does not match the shape", where=where,
                            value=f"{len(raw)} bytes, shape {shape}",
                            hint=f"{-(-count // 8)} bytes")  # fmt: skip
        return np.unpackbits(np.frombuffer(raw, np.uint8), count=count).reshape(shape)
    there, dtype, start = npy_header(io.BytesIO(raw), where)
    if list(there) != shape or dtype.kind not in "iu" or len(raw) != start + count * dtype.itemsize:
        raise DataError("packed_digits does not match the shape", where=where,
                        value=f"{dtype}, shape {there}, {len(raw)} bytes",
                        hint=f"shape {shape}")  # fmt: skip
    return np.load(io.BytesIO(raw), allow_pickle=False)


def _sweep(found: list[Parsed], config: CirqConfig, folder: Path) -> Dataset:
    report = Report()
    report.metadata = {"results": len(found), "keys": list(found[0][2]) if found else []}
    taken = [Taken(Job(label, label, params), _rows(records, config, label))
             for label, params, records in found]  # fmt: skip
    top = max((int(one.rows.max()) for one in taken if one.rows is not None and one.rows.size),
              default=0)  # fmt: skip
    states = QUBIT if top < 2 else tuple(map(float, range(top + 1)))
    keys = f"the qubits of {', '.join(config.keys)}, in this order" if config.keys else ""
    return sweep(taken, config, report, folder, local_states=states,
                 source={"bit_order": f"sites are {keys}"} if keys else {})  # fmt: skip


def _rows(records: Mapping[str, np.ndarray], config: CirqConfig, label: str) -> np.ndarray:
    """Digits (shots, sites) of the keys, side by side."""
    keys = list(records)
    if config.keys is not None:
        for key in config.keys:
            if key not in keys:
                raise DataError("there is no such measurement key", where="data.keys", value=key,
                                  hint=nearest(key, keys))  # fmt: skip
        keys = list(config.keys)
    elif len(keys) != 1:
        names = ", ".join(f'"{key}"' for key in sorted(keys, key=natural)[:20])
        raise DataError(
            "several measurement keys, and nothing says which sites they are", where=label,
            value=keys, hint=f"name them in the order of the sites: keys = [{names}]",
        )  # fmt: skip
    parts = []
    for key in keys:
        digits = records[key]
        if digits.ndim != 3 or digits.dtype.kind not in "biu" or digits.shape[0] == 0:
            raise DataError("a record has the shape (repetitions, instances, qubits)",
                            where=f"{label}, key {key!r}", value=digits.shape)  # fmt: skip
        if digits.size and (digits.min() < 0 or digits.max() > 255):
            raise DataError("a digit is 0..255", where=f"{label}, key {key!r}",
                            value=int(digits.min()))  # fmt: skip
        if digits.shape[1] > 1 and config.instances is None:
            raise DataError(
                "a key was measured several times in one repetition", where=f"{label}, key {key!r}",
                value=f"{digits.shape[1]} instances",
                hint='instances = "shots" (the same sites again) or "sites" (further sites)',
            )  # fmt: skip
        last = digits.shape[-1] if config.instances == "shots" else -1
        parts.append(digits.reshape(-1 if last > 0 else digits.shape[0], last).astype(np.uint8))
    if len({part.shape[0] for part in parts}) > 1:
        raise DataError("the keys have different numbers of shots", where=label,
                        value=[part.shape[0] for part in parts])  # fmt: skip
    return np.concatenate(parts, axis=1)
