"""What a data file was understood to be, in lines of at most 80 columns."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Iterator
from typing import Any

WIDTH = 80
_KEY = 14
_MOST_CONSTANTS = 12
_MOST_SETTINGS = 60  # a table of shots per setting longer than this is no help


def description(dataset: Any, loader: str = "") -> list[str]:
    """Lines that say how a dataset was understood, and what was dropped on the way."""
    spec, source = dataset.spec, dataset.source
    loader = loader or str(source.get("loader", ""))
    rows = [
        *([("name", dataset.name)] if dataset.name else []),
        *([("file", source["path"])] if source.get("path") else []),
        ("loader", loader or "unknown"),
        ("bit order", source.get("bit_order") or _bit_order(loader)),
        ("data type", spec.data_type),
        ("local states", _states(spec, source.get("levels", ""))),
        ("sites", f"{spec.n_sites}" + _geometry(spec)),
        ("snapshots", f"{spec.n_snapshots}, {_stored(spec.n_configurations)}"),
        *([("dropped", source["dropped"])] if source.get("dropped") else []),
        ("shots", _shots(dataset.shots)),
        ("settings", _settings(dataset)),
    ]
    for n, (name, units) in enumerate(zip(spec.theta_names, spec.theta_units, strict=True)):
        rows.append((f"  theta {n}", _axis(dataset, n, name, units)))
    out = [line for name, value in rows for line in _row(name, value)]
    for n, note in enumerate(source.get("notes", "").splitlines()):
        out += _row("" if n else "notes", note)
    out += _metadata(source.get("metadata", ""))
    out += _shot_table(dataset)
    out.append("mean of each site over all snapshots (site: mean):")
    return out + _columns(f"{n:>5}: {mean:+.4f}" for n, mean in enumerate(_site_means(dataset)))


_PIECE = 1 << 16  # rows that are averaged at once


def _row(name: str, value: str) -> list[str]:
    """A name and its value, wrapped under itself; of a long value, "; " starts a new line."""
    head = f"{name + ':' if name else '':<{_KEY}}"
    if len(head) + len(value) <= WIDTH:
        return [head + value]
    lines: list[str] = []
    parts = value.split("; ")
    for n, part in enumerate(parts):
        text = part + (";" if n < len(parts) - 1 else "")
        lines += textwrap.wrap(text, WIDTH - _KEY, subsequent_indent="  ",
                               break_on_hyphens=False) or [""]  # fmt: skip
    return [(head if n == 0 else " " * _KEY) + line for n, line in enumerate(lines)]


def _columns(cells: Iterable[str]) -> list[str]:
    """Cells side by side, as many as a line holds."""
    cells = list(cells)
    wide = max(map(len, cells), default=1)
    each = max(1, WIDTH // wide)
    padded = [cell.rjust(wide) for cell in cells]
    return ["".join(padded[i : i + each]).rstrip() for i in range(0, len(padded), each)]


def _stored(number: int) -> str:
    return f"{number} stored configuration" + ("" if number == 1 else "s")


def _settings(dataset: Any) -> str:
    if not dataset.is_grid:
        return f"{dataset.n_points}, scattered"
    shape = " x ".join(map(str, dataset.theta_shape))
    return shape if len(dataset.theta_shape) == 1 else f"{dataset.n_points}, grid {shape}"


def _shots(shots: Any) -> str:
    empty = int((shots == 0).sum())
    each = f"{shots.min()}" if shots.min() == shots.max() else f"{shots.min()} to {shots.max()}"
    return f"{each} per setting" + (f", {empty} settings empty" if empty else "")


def _shot_table(dataset: Any) -> list[str]:
    """Shots of each setting, when they differ and there are not too many."""
    shots = dataset.shots
    if shots.min() == shots.max() or shots.size > _MOST_SETTINGS:
        return []
    settings = [", ".join(f"{value:.6g}" for value in row) for row in dataset.theta]
    wide = max(map(len, settings))
    head = f"shots at each setting ({', '.join(dataset.theta_names)}: shots):"
    return [
        head,
        *_columns(f"   {s:>{wide}}: {n:<5}" for s, n in zip(settings, shots, strict=True)),
    ]


def _bit_order(loader: str) -> str:
    from qdisc.plugin import Registry

    registry = Registry()
    if loader in registry.names("loader"):
        found = registry.load("loader", loader)
        if found.obj is not None and found.obj.spec.site_order:
            return found.obj.spec.site_order
    return "column i of a snapshot is site i"


def _geometry(spec: Any) -> str:
    if spec.sites is None:
        return " (no positions: a chain)"
    dim = len(spec.sites[0])
    wraps = "".join(", periodic" if spec.periodic and any(spec.periodic) else "")
    return f" at positions in {dim} dimension{'s' if dim > 1 else ''}{wraps}"


def _axis(dataset: Any, n: int, name: str, units: str) -> str:
    values = dataset.thetas[n] if dataset.is_grid else dataset.theta[:, n]
    unit = "" if units in ("", "1") else f" {units}"
    if values.min() == values.max():
        return f"{name}: {values.min():.6g}{unit}"
    count = f"{len(values)} values" if dataset.is_grid else "scattered"
    return f"{name}: {values.min():.6g} .. {values.max():.6g}{unit}, {count}"


def _states(spec: Any, levels: str) -> str:
    if spec.data_type == "shadow":
        return "outcome 1 -> +1, 0 -> -1; basis 2, 3, 4 = X, Y, Z"
    if not spec.local_states:
        return "none (real numbers)"
    named = [f" ({word.strip()})" for word in levels.split(",")] if levels else []
    pairs = (
        f"{code} -> {value:g}{named[code] if code < len(named) else ''}"
        for code, value in enumerate(spec.local_states)
    )
    return ", ".join(pairs) + (" (discrete half)" if spec.data_type == "hybrid" else "")


def _metadata(text: str) -> list[str]:
    """What is the same at all settings, with values, and the names of what else is kept."""
    if not text:
        return []
    try:
        kept = json.loads(text)
    except ValueError:  # a stranger's loader may keep any text
        kept = None
    if not isinstance(kept, dict):
        return _row("metadata", "text (kept with the result)")
    constant = kept.get("constant")
    out: list[str] = []
    if isinstance(constant, dict) and constant:
        del kept["constant"]
        parts = [f"{name} = {_constant(value)}" for name, value in constant.items()]
        more = [f"{len(parts) - _MOST_CONSTANTS} more"] if len(parts) > _MOST_CONSTANTS else []
        out = _row("constant", ", ".join(parts[:_MOST_CONSTANTS] + more))
    return out + (_row("metadata", f"{', '.join(kept)} (kept with the result)") if kept else [])


def _constant(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else json.dumps(value)[:40]


def _site_means(dataset: Any) -> Iterator[float]:
    """Mean physical value of each site: the quickest way to see a reversed bit order."""
    import numpy as np

    total = np.zeros(dataset.n_sites)
    for start in range(0, len(dataset.configurations), _PIECE):
        rows = dataset.configurations[start : start + _PIECE]
        if dataset.data_type == "shadow":
            rows = 2.0 * rows[:, 1::2] - 1.0
        elif dataset.data_type == "hybrid":
            rows = dataset.physical(rows)[:, : dataset.n_sites]
        else:
            rows = dataset.physical(rows)
        total += dataset.weights[start : start + _PIECE] @ np.asarray(rows, dtype=np.float64)
    yield from (total / dataset.n_snapshots).tolist()
