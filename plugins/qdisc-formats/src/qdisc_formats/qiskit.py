"""Loader of Qiskit's results: SamplerV2 (RuntimeEncoder JSON), `Result`, counts and memory.

    {"__type__": "PrimitiveResult", "__value__": {"pub_results": [{... "DataBin": {field_names,
        fields: {register: {"BitArray": {array: base64(zlib(npy)), num_bits}}}}, metadata}]}}
    {"backend_name", "results": [{"data": {"counts": {"0x3": 5}, "memory": ["0x3"]},
        "header": {"memory_slots", "creg_sizes", "metadata"}}]}
    {"0011": 5} or ["0011", ...]                            only with loader = "qiskit"

Site i is classical bit i. Qiskit shows it as character i from the right, and packs it as bit i from
the end of a row of bytes that is padded on the left. Several registers are joined in the order of
the circuit. Angles of a parameter sweep are not in the file: `theta` gives one per sweep point.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.bits import counts_to_rows, hex_to_bits, strings_to_rows
from qdisc_formats.json_file import member, peek_json, read_json, want
from qdisc_formats.options import BitConfig
from qdisc_formats.packed import from_base64, from_zlib_npy
from qdisc_formats.qiskit_live import Experiment, Register, experiments, sweep_of

_SAMPLER = re.compile(
    rb'"__type__"\s*:\s*"(PrimitiveResult|SamplerPubResult|PubResult|DataBin|BitArray)"'
)
_RESULT = re.compile(rb'"(counts|memory)"\s*:\s*[\[{]\s*"0x')


class QiskitConfig(BitConfig):
    """Options of the Qiskit loader; `site_order` is "right_to_left" unless it says otherwise.

    Attributes:
        registers: Which classical registers to read, in this order; default all of them.
        n_bits: Number of classical bits, for hexadecimal counts that come without a header.
    """

    registers: tuple[str, ...] | None = None
    n_bits: int | None = None


class QiskitLoader:
    """Reads what Qiskit's primitives and backends return."""

    spec = LoaderSpec(
        name="qiskit",
        summary="Qiskit results (JSON): SamplerV2 through RuntimeEncoder, Result, counts, memory",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="site i is classical bit i, the i-th character from the right",
    )
    Config = QiskitConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes look like a result of Qiskit.

        Bare counts look alike in all packages: they need loader = "qiskit", or `site_order`.
        """
        seen = peek_json(Path(path))
        if _SAMPLER.search(seen):
            return True
        return b'"backend_name"' in seen and _RESULT.search(seen) is not None

    def load(self, path: Path, config: QiskitConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, no bits, or nothing that says at which settings they were taken.
        """
        path = Path(path)
        found = _document(read_json(path), config)
        return sweep_of(found, config, path.parent)


loader = QiskitLoader()


def from_qiskit(results: Any, **options: Any) -> Dataset:
    """A Dataset from live objects of Qiskit, which is not imported: only attributes are read.

    Args:
        results: A SamplerV2 PrimitiveResult, PubResult, DataBin or BitArray, a backend's Result, a
            dict of counts, or a list of such objects (one job each; a sweep inside a BitArray is
            one job per sweep point, in C order).
        **options: Keys of `QiskitConfig`, e.g. `theta={"angle": [0.1, 0.2]}`.

    Returns:
        The Dataset; site i is classical bit i.

    Raises:
        DataError: Something that holds no bits, or settings that nothing names.
        ConfigError: An unknown option.

    Example:
        >>> from_qiskit(job.result(), theta={"J": [0.0, 0.5, 1.0]})  # doctest: +SKIP
    """
    from qdisc.config import convert

    config = convert(options, QiskitConfig, "from_qiskit")
    return sweep_of(experiments(results, config.n_bits), config, Path())


def _document(document: Any, config: QiskitConfig) -> list[Experiment]:
    if isinstance(document, dict) and "__type__" in document:
        return _typed(document, "result")
    if isinstance(document, dict) and isinstance(document.get("results"), list):
        return [_backend(one, n, config) for n, one in enumerate(document["results"])]
    if isinstance(document, list) and document and isinstance(document[0], dict):
        if "__type__" in document[0]:
            return [e for n, one in enumerate(document) for e in _typed(one, f"pub {n}")]
        return [_counts(one, f"counts {n}", config) for n, one in enumerate(document)]
    if isinstance(document, dict):
        return [_counts(document, "counts", config)]
    texts = [want(text, str, f"memory[{n}]") for n, text in enumerate(want(document, list, "top"))]
    return [_memory(texts, "memory", config.n_bits, {})]


def _typed(obj: Any, label: str) -> list[Experiment]:
    """Experiments of an object that RuntimeEncoder wrote."""
    kind = member(obj, "__type__", str, label)
    if kind == "PrimitiveResult":
        pubs = member(member(obj, "__value__", dict, label), "pub_results", list, label)
        return [e for n, pub in enumerate(pubs) for e in _typed(pub, f"pub {n}")]
    value = member(obj, "__value__", dict, label)
    if kind in ("SamplerPubResult", "PubResult"):
        metadata = want(value.get("metadata") or {}, dict, f"{label}, metadata")
        circuit = want(metadata.get("circuit_metadata") or {}, dict, f"{label}, circuit_metadata")
        (one,) = _typed(member(value, "data", dict, label), label)
        return [Experiment(label, one.registers, metadata=circuit, kept=metadata)]
    if kind == "DataBin":
        fields = member(value, "fields", dict, label)
        names = want(value.get("field_names") or list(fields), list, f"{label}, field_names")
        registers = []
        for name in names:
            field = fields.get(want(name, str, f"{label}, field_names"))
            if not isinstance(field, dict) or field.get("__type__") != "BitArray":
                raise DataError("this register holds no bits", where=f"{label}, register {name!r}",
                                value=field.get("__type__") if isinstance(field, dict) else field,
                                hint="registers = [...] names the ones to read")  # fmt: skip
            registers.append(_register(name, field, f"{label}, register {name!r}"))
        return [Experiment(label, registers)]
    if kind == "BitArray":
        return [Experiment(label, [_register("c", obj, f"{label}, register 'c'")])]
    raise DataError("this kind of object holds no shots", where=label, value=kind,
                    hint="PrimitiveResult of a SamplerV2")  # fmt: skip


def _register(name: str, obj: Any, where: str) -> Register:
    value = member(obj, "__value__", dict, where)
    array = member(value, "array", dict, where)
    if array.get("__type__") != "ndarray":
        raise DataError("an array is wanted here", where=where, value=array.get("__type__"))
    raw = from_base64(member(array, "__value__", str, where), where)
    return Register(name, from_zlib_npy(raw, where), member(value, "num_bits", int, where))


def _backend(one: Any, n: int, config: QiskitConfig) -> Experiment:
    """One experiment of a backend's Result."""
    label = f"experiment {n}"
    header = want(want(one, dict, label).get("header") or {}, dict, f"{label}, header")
    data = want(one.get("data") or {}, dict, f"{label}, data")
    metadata = want(header.get("metadata") or {}, dict, f"{label}, header.metadata")
    width = header.get("memory_slots", config.n_bits)
    if width is not None:
        width = want(width, int, f"{label}, header.memory_slots")
    if one.get("success") is False:
        return Experiment(label, metadata=metadata, finished=False)
    if data.get("memory"):
        texts = []
        for shot, text in enumerate(want(data["memory"], list, f"{label}, memory")):
            if not isinstance(text, str):
                raise DataError("a shot is a text of bits", where=f"{label}, memory[{shot}]",
                                value=text, hint="meas_level 2 holds bits")  # fmt: skip
            texts.append(text)
        return _memory(texts, label, width, metadata, header)
    counts = want(data.get("counts") or {}, dict, f"{label}, counts")
    if not counts:
        raise DataError("the experiment holds no shots", where=f"{label}, data", value=list(data))
    rows, numbers = counts_to_rows(counts, f"{label}, counts", width)
    return Experiment(label, rows=rows, counts=numbers, metadata=metadata, kept=header)


def _memory(
    texts: list[str], label: str, width: int | None, metadata: Any, header: Any = None
) -> Experiment:
    where = f"{label}, memory"
    if not texts:
        raise DataError("the memory holds no shots", where=where, value=texts)
    texts = [
        hex_to_bits(t, width, f"{where}[{n}]") if t[:2].lower() == "0x" else t
        for n, t in enumerate(texts)
    ]
    rows = strings_to_rows(texts, where)
    return Experiment(label, rows=rows, metadata=metadata, kept=header or {})


def _counts(counts: Any, label: str, config: QiskitConfig) -> Experiment:
    rows, numbers = counts_to_rows(want(counts, dict, label), label, config.n_bits)
    return Experiment(label, rows=rows, counts=numbers)
