"""Loader of Pasqal Pulser's results (`Results.to_abstract_repr()`), or of a list of them.

    {"atom_order": ["q0", ...], "total_duration": ns, "tagmap": {"bitstrings": uuid},
     "results": {uuid: [{"010": 3}, ...one per time]}, "times": {uuid: [0..1]}}

Character i is atom_order[i]; 1 is the Rydberg state in a ground-Rydberg sequence (`one_state` of
the observable in general). Several times are a theta axis `time` in ns.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal

import numpy as np
from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.bits import counts_to_rows
from qdisc_formats.json_file import member, peek_json, read_json, want
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job, number
from qdisc_formats.sweep import Taken, sweep

_MARK = re.compile(rb'"tagmap"\s*:\s*\{')


class PulserConfig(SweepConfig):
    """Options of the Pulser loader.

    Attributes:
        times: Read the bit strings of "all" times (then time is theta), or of the "last" one.
        tag: Name of the observable, when there are several kinds of bit strings.
    """

    times: Literal["all", "last"] = "all"
    tag: str | None = None


class PulserLoader:
    """Reads results of Pulser's backends."""

    spec = LoaderSpec(
        name="pulser",
        summary="Pasqal Pulser results (JSON, Results.to_abstract_repr)",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="character i is atom i of atom_order",
    )
    Config = PulserConfig

    def guess(self, path: Path) -> bool:
        """True for JSON whose first or last bytes hold Pulser's `atom_order` and `tagmap`."""
        seen = peek_json(Path(path))
        return b'"atom_order"' in seen and _MARK.search(seen) is not None

    def load(self, path: Path, config: PulserConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Damaged, no bit strings, or results that do not fit together.
        """
        path = Path(path)
        document = read_json(path)
        results = document if isinstance(document, list) else [document]
        return _sweep(results, config, path.parent)


loader = PulserLoader()


def from_pulser(results: Any, **options: Any) -> Dataset:
    """A Dataset from live results of Pulser, which is not imported.

    Args:
        results: An object with `to_abstract_repr()`, or a list of them: one job each.
        **options: Keys of `PulserConfig`.

    Raises:
        DataError: Something else, no bit strings, or results that do not fit together.
        ConfigError: An unknown option.
    """
    from qdisc.config import convert

    config = convert(options, PulserConfig, "from_pulser")
    documents = []
    for n, one in enumerate(results if isinstance(results, list | tuple) else [results]):
        if not hasattr(one, "to_abstract_repr"):
            raise DataError("this is no result of Pulser", where=f"result {n}",
                            value=type(one).__name__,
                            hint="an object with to_abstract_repr()")  # fmt: skip
        documents.append(json.loads(one.to_abstract_repr()))
    return _sweep(documents, config, Path())


def _sweep(results: list[Any], config: PulserConfig, folder: Path) -> Dataset:
    report = Report()
    order: list[Any] | None = None
    taken: list[Taken] = []
    for n, result in enumerate(results):
        label = f"result {n}" if len(results) > 1 else "result"
        atoms = [want(a, str, f"{label}, atom_order")
                 for a in member(result, "atom_order", list, label)]  # fmt: skip
        order = order or atoms
        if sorted(atoms) != sorted(order) or len(set(atoms)) != len(atoms):
            raise DataError("the results have different atoms: they are not one sweep",
                            where=f"{label}, atom_order", value=atoms,
                            hint=f"the first one has {order}")  # fmt: skip
        columns = np.array([atoms.index(atom) for atom in order], dtype=np.int64)
        taken += _times(result, label, columns, config)
    report.note(f"sites 0, 1, ... are atoms {', '.join((order or [])[:12])}"
                + (" ..." if order and len(order) > 12 else ""))  # fmt: skip
    first = want(results[0], dict, "result") if results else {}
    report.metadata = {"results": len(results), "atom_order": order,
                       "total_duration (ns)": first.get("total_duration")}  # fmt: skip
    return sweep(taken, config, report, folder, local_states=(0.0, 1.0))


def _times(result: Any, label: str, columns: np.ndarray, config: PulserConfig) -> list[Taken]:
    """One job per time at which bit strings were taken."""
    tags = member(result, "tagmap", dict, label)
    names = [tag for tag in tags if tag == config.tag or tag.startswith("bitstrings")]
    if config.tag is not None:
        names = [tag for tag in tags if tag == config.tag]
    if len(names) != 1:
        raise DataError(
            "the result holds no bit strings" if not names
            else "the result holds several kinds of bit strings",
            where=f"{label}, tagmap", value=list(tags),
            hint='tag = "..." names one' if tags else "add the observable BitStrings",
        )  # fmt: skip
    name = want(tags[names[0]], str, f"{label}, tagmap")
    values = member(member(result, "results", dict, label), name, list, f"{label}, results")
    times = member(member(result, "times", dict, label), name, list, f"{label}, times")
    if len(times) != len(values) or not values:
        raise DataError("one set of bit strings per time", where=f"{label}, times",
                        value=f"{len(times)} times, {len(values)} sets")  # fmt: skip
    duration = number(result.get("total_duration"))
    out = []
    for k, (time, counts) in enumerate(zip(times, values, strict=True)):
        if config.times == "last" and k < len(times) - 1:
            continue
        where = label if len(times) == 1 or config.times == "last" else f"{label}, time {k}"
        share = number(time)
        if share is None:
            raise DataError("a time is a number", where=f"{label}, times[{k}]", value=time)
        metadata = {"time (ns)": share * duration} if duration else {"time": share}
        rows, numbers = counts_to_rows(want(counts, dict, where), where)
        if rows.shape[1] != columns.size:
            raise DataError("a bit string has one character per atom", where=where,
                            value=f"{rows.shape[1]} characters, {columns.size} atoms")  # fmt: skip
        out.append(Taken(Job(where, where, metadata, label), rows[:, columns], numbers))
    return out
