"""Loader of bare counts and lists of bit strings (JSON), whatever package they come from.

    {"0110": 12, ...}                               one setting
    ["0110", "0100", ...]                           one setting, shot by shot
    {"0.1": {"0110": 12}, "0.2": {...}}             numbers as keys are theta
    [{"0110": 12}, {...}]                           one setting each, named by `theta`
    [{"h": 0.1, "counts": {"0110": 12}}, ...]       theta from the other entries

Such files do not say which end of a string is site 0, and packages disagree: `site_order` does.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from qdisc import Dataset
from qdisc.errors import DataError
from qdisc.plugin import LoaderSpec

from qdisc_formats.bits import counts_to_rows, in_order, said_order, strings_to_rows
from qdisc_formats.json_file import peek_json, read_json, want
from qdisc_formats.options import BitConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job, number
from qdisc_formats.sweep import Taken, sweep

_COUNTS = rb'\{\s*"(0x[0-9a-fA-F]+|[01][01 ]*)"\s*:\s*\d+(\.0*)?\s*[,}]'
_MARK = re.compile(
    rb'\s*(\[\s*)?(\{\s*("[^"\\]*"\s*:\s*[^{}\[\]]*,\s*)?"(counts|[-+.\deE]+)"\s*:\s*)?' + _COUNTS
)
_STRINGS = re.compile(rb'\s*\[\s*"[01]{2}[01 ]*"\s*[,\]]')


class CountsConfig(BitConfig):
    """Options of the loader of bare counts.

    Attributes:
        n_bits: Number of bits, for hexadecimal keys.
    """

    n_bits: int | None = None


class CountsLoader:
    """Reads dictionaries of counts and lists of bit strings."""

    spec = LoaderSpec(
        name="counts",
        summary="counts of bit strings or lists of them (JSON) of any package; needs site_order",
        version="1.0.0",
        data_kinds=("discrete",),
        site_order="as `site_order` says",
    )
    Config = CountsConfig

    def guess(self, path: Path) -> bool:
        """True for JSON that begins with counts of bit strings, or with bit strings."""
        seen = peek_json(Path(path))
        return _MARK.match(seen) is not None or _STRINGS.match(seen) is not None

    def load(self, path: Path, config: CountsConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: Not counts, or `site_order` is not given.
        """
        path = Path(path)
        report = Report()
        taken = [
            Taken(one.job, in_order(one.rows, config.site_order, one.job.label), one.counts)
            for one in _document(read_json(path), config)
            if one.rows is not None
        ]
        states = tuple(map(float, range(_levels(taken)))) if _levels(taken) > 2 else (0.0, 1.0)
        return sweep(taken, config, report, path.parent, local_states=states,
                     source=said_order(config.site_order))  # fmt: skip


loader = CountsLoader()


def _document(document: Any, config: CountsConfig) -> list[Taken]:
    if isinstance(document, dict):
        if document and all(isinstance(value, dict) for value in document.values()):
            return [_setting(key, value, config) for key, value in document.items()]
        return [_one(document, "counts", config)]
    entries = want(document, list, "top level")
    if entries and all(isinstance(entry, str) for entry in entries):
        return [Taken(Job("shots"), strings_to_rows(entries, "shots"))]
    return [_one(entry, f"entry {n}", config) for n, entry in enumerate(entries)]


def _one(entry: Any, label: str, config: CountsConfig) -> Taken:
    entry = want(entry, dict, label)
    metadata: dict[str, Any] = {}
    if isinstance(entry.get("counts"), dict):
        metadata = {key: value for key, value in entry.items() if key != "counts"}
        entry = entry["counts"]
    if not entry:
        return Taken(Job(label, label, metadata, finished=False))
    rows, counts = counts_to_rows(entry, label, config.n_bits)
    return Taken(Job(label, label, metadata), rows, counts)


def _setting(key: str, counts: dict[str, Any], config: CountsConfig) -> Taken:
    """Counts under a key that is a number, or a name that a table explains."""
    value = number(key)
    one = _one(counts, f"counts of {key!r}", config)
    metadata = {"theta": value} if value is not None else {"label": key}
    return Taken(Job(one.job.label, key, metadata, finished=one.job.finished), one.rows, one.counts)


def _levels(taken: list[Taken]) -> int:
    top = [int(one.rows.max()) for one in taken if one.rows is not None and one.rows.size]
    if not top:
        raise DataError("the file holds no counts", where="top level", value=f"{len(taken)} jobs")
    return max(top) + 1
