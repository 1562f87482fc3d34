"""One table of a sweep: a row per point, its settings and what its result found."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qdisc.errors import ConfigError, ResultError
from qdisc.pipeline.result import Result
from qdisc.publish import locked, publish
from qdisc.sweep.points import Point, Sweep
from qdisc.sweep.record import files, state_of

LIST = "sweep.json"
_NUMBERS = ("reconstruction", "rate", "active_latents", "log_evidence")  # attributes of /training


@dataclass(frozen=True)
class Table:
    """The points of a sweep and what became of them.

    Attributes:
        keys: The keys that were swept.
        columns: Names of all columns.
        rows: A dict per point, in the order of the sweep; None where there is nothing.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]

    def csv(self) -> str:
        """As comma-separated values; cells are empty where there is nothing."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        for row in self.rows:
            cells = (row[name] for name in self.columns)
            writer.writerow([json.dumps(c) if isinstance(c, list) else c for c in cells])
        return stream.getvalue()

    def json(self) -> str:
        """As JSON: `keys`, `columns`, `rows`."""
        told = {"keys": self.keys, "columns": self.columns, "rows": self.rows}
        return json.dumps(told, indent=1, default=str) + "\n"

    def count(self) -> dict[str, int]:
        """How many points are in each state."""
        states = [row["state"] for row in self.rows]
        return {state: states.count(state) for state in sorted(set(states), key=states.index)}


def remember(sweep: Sweep, folder: Path) -> None:
    """Write the list of points into the folder, for `collect`; many workers may do so at once."""
    points = [[p.index, p.name, dict(p.settings), p.identity] for p in sweep.points]
    text = json.dumps({"sweep": str(sweep.path), "points": points}, indent=1, default=str)
    path = folder / LIST
    folder.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    try:
        with locked(path, "list of points"):
            publish(path, text.encode(), lambda _: None)
    except ResultError as error:
        if error.__cause__ is not None:
            raise
        # another worker of the same sweep is writing the same list


def collect(folder: str | os.PathLike[str]) -> Table:
    """Read all results of a sweep.

    Args:
        folder: Where `qdisc sweep` wrote them.

    Raises:
        ConfigError: No sweep wrote there.
    """
    folder = Path(folder)
    try:
        told = json.loads((folder / LIST).read_text(encoding="utf-8"))
        points = [Point(i, name, settings, {}, identity) for i, name, settings, identity
                  in told["points"]]  # fmt: skip
    except OSError as error:
        raise ConfigError(
            "no sweep wrote here", where=str(folder / LIST), value=error.strerror or str(error),
            hint="qdisc sweep SWEEP.toml -o DIR, then qdisc sweep collect DIR",
        ) from error  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "this is no list of points", where=str(folder / LIST), value=str(error),
            hint="qdisc sweep SWEEP.toml -o DIR writes it anew",
        ) from error  # fmt: skip
    keys = tuple(points[0].settings)
    found, rows = [], []
    for point in points:
        state, reason, record = state_of(folder, point)
        numbers = findings(Result(files(folder, point).result)) if state == "finished" else {}
        found += [name for name in numbers if name not in found]
        rows.append({"point": point.name, "state": state, **point.settings, **numbers,
                     "attempts": record.attempts, "reason": reason})  # fmt: skip
    columns = ("point", "state", *keys, *found, "attempts", "reason")
    full = tuple({name: row.get(name) for name in columns} for row in rows)
    return Table(keys, columns, full)


def findings(result: Result) -> dict[str, Any]:
    """The main numbers of a result: loss, latents, phases, time."""
    out: dict[str, Any] = {}
    if result.has("/training/loss"):
        loss = result.variable("/training/loss").data
        out["loss"] = _plain(loss[-1]) if loss.size else None
        attrs = result.group("/training").attrs
        out |= {name: _plain(attrs[name]) for name in _NUMBERS if name in attrs}
    for name in result.analyses:
        if result.status(name) == "ok" and result.has(f"/analyses/{name}/n_phases"):
            count = result.variable(f"/analyses/{name}/n_phases").data
            out[f"{name}.n_phases"] = _plain(count)
    out["duration_s"] = _plain(result.group("/provenance").attrs.get("duration_s"))
    return out


def _plain(value: Any) -> Any:
    """A Python number; None for one that is none, which JSON cannot say."""
    value = value.item() if isinstance(value, np.generic | np.ndarray) else value
    return None if isinstance(value, float) and not np.isfinite(value) else value


def cells(table: Table, names: Sequence[str]) -> list[list[str]]:
    """Short text of some columns, for a terminal."""
    return [[_short(row[name]) for name in names] for row in table.rows]


def _short(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
