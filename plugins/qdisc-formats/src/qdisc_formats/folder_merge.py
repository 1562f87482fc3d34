"""Many datasets, one of each file of a folder, as one sweep."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from qdisc import Dataset
from qdisc.dataset.load import file_sha256
from qdisc.errors import DataError
from qdisc.plugin import Registry

from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report
from qdisc_formats.settings import Job, settle, with_units
from qdisc_formats.sweep import merge


@dataclass(frozen=True)
class Part:
    """One file: its path in the folder, the numbers in that path, and its dataset."""

    name: str
    fields: Mapping[str, float]
    data: Dataset


def merged(
    parts: Sequence[Part],
    units: Mapping[str, str],
    config: SweepConfig,
    report: Report,
    folder: Path,
) -> Dataset:
    """One job per setting of each file.

    Raises:
        DataError: Files of different kinds, an axis named by path and file, or settings that
            nothing tells apart; the files are named.
    """
    first = parts[0]
    states = _states(parts)
    jobs: list[Job] = []
    rows: list[np.ndarray] = []
    counts: list[np.ndarray] = []
    known: dict[str, str] = dict(units)
    for part in parts:
        data = part.data
        _alike(first, part)
        inner = () if data.theta_names == ("setting",) else data.theta_names
        both = sorted(set(inner) & set(part.fields))
        if both:
            raise DataError("the path and the file both name an axis", where=part.name, value=both,
                            hint="rename the field of the pattern")  # fmt: skip
        if inner:
            known |= dict(zip(inner, data.theta_units, strict=True))
        said = _constant(data) | dict(part.fields)
        for p in range(data.n_points):
            chosen = slice(*data.counts.indptr[p : p + 2].tolist())
            setting = dict(zip(inner, data.theta[p].tolist(), strict=True)) if inner else {}
            where = part.name if data.n_points == 1 else f"{part.name}, setting {p}"
            jobs.append(Job(where, part.name, said | setting))
            rows.append(data.configurations[data.counts.indices[chosen]])
            counts.append(data.counts.data[chosen])
        report.add(data.source.get("dropped", "") or f"none of {data.n_snapshots} snapshots")
    for note in first.data.source.get("notes", "").splitlines():
        if not note.startswith("theta"):
            report.note(f"{first.name}: {note}")
    said = "the names of the files" if any(p.fields for p in parts) else "the files"
    settings = settle(jobs, config, report, folder, said)
    settings = with_units(settings, config, known)
    report.metadata["files"] = len(parts)
    report.metadata["first file"] = first.name
    if config.periodic is None:
        config = msgspec.structs.replace(config, periodic=first.data.periodic)
    plain = all((count == 1).all() for count in counts)
    loader = first.data.source.get("loader", "")
    source = {
        "sha256": _checksum(folder, parts),
        "bit_order": f"as {loader}: {first.data.source.get('bit_order') or _order(loader)}",
        **({"levels": first.data.source["levels"]} if "levels" in first.data.source else {}),
    }
    return merge(
        jobs, rows, settings, config, report, data_type=first.data.data_type, local_states=states,
        counts=None if plain else counts, sites=_sites(parts, report),
        name=folder.resolve().name, source=source,
    )  # fmt: skip


def _alike(first: Part, part: Part) -> None:
    for what, value in (
        ("data types", lambda d: d.data_type),
        ("numbers of sites", lambda d: d.n_sites),
        ("boundaries", lambda d: d.periodic),
    ):
        one, other = value(first.data), value(part.data)
        if one != other:
            raise DataError(f"the files have different {what}: they are not one sweep",
                            where=f"{first.name} and {part.name}", value=f"{one} and {other}",
                            hint="pattern = \"...\" leaves files out")  # fmt: skip


def _states(parts: Sequence[Part]) -> Any:
    """Local states of all files: those of the file with the most, which begin like the others."""
    most = max(parts, key=lambda part: part.data.local_dimension)
    states = most.data.local_states
    for part in parts:
        own = part.data.local_states
        if own is not None and states is not None and own.tolist() != states[: own.size].tolist():
            raise DataError("the files have different local states", value=f"{own} and {states}",
                            where=f"{part.name} and {most.name}",
                            hint="options = {local_states = [...]}")  # fmt: skip
    return None if states is None else tuple(states.tolist())


def _constant(data: Dataset) -> dict[str, Any]:
    """What the file says about its one setting."""
    try:
        metadata = json.loads(data.source.get("metadata", "{}"))
    except ValueError:
        return {}
    found = metadata.get("constant") if isinstance(metadata, dict) else None
    return found if isinstance(found, dict) else {}


def _sites(parts: Sequence[Part], report: Report) -> np.ndarray | None:
    first = parts[0].data.sites
    for part in parts:
        other = part.data.sites
        same = other is None if first is None else other is not None and np.allclose(first, other)
        if not same:
            report.note("positions left out: they differ between files")
            return None
    return first


def _order(loader: str) -> str:
    registry = Registry()
    known = loader in registry.names("loader")
    return registry.load("loader", loader).obj.spec.site_order if known else "column i is site i"


def _checksum(folder: Path, parts: Sequence[Part]) -> str:
    """SHA-256 of the list of files and their checksums."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(f"{part.name}\0{file_sha256(folder / part.name)}\n".encode())
    return digest.hexdigest()
