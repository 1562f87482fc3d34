"""The table on the terminal, and the same as JSON."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.measure import Limit, Row

HEAD = ("path", "naive", "ours", "ratio [min..max]", "target", "met", "also")


def as_text(rows: Sequence[Row]) -> str:
    """Aligned columns, then what each baseline is."""
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEAD))]
    lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
             for line in cells]  # fmt: skip
    lines.insert(1, "  ".join("-" * w for w in widths))
    notes = [f"  {r.path}: naive = {r.baseline}" + (f"; {r.note}" if r.note else "") for r in rows]
    return "\n".join([*lines, "", "baselines", *notes])


def as_json(rows: Sequence[Row], machine: dict[str, Any], toy: bool) -> dict[str, Any]:
    """Everything that was measured."""
    return {"machine": machine, "toy": toy, "rows": [_record(row) for row in rows]}


def _cells(row: Row) -> tuple[str, ...]:
    ratio = "-"
    if row.ratios:
        ratio = f"{row.ratio:.1f} [{min(row.ratios):.1f}..{max(row.ratios):.1f}]"
    return (
        row.path,
        seconds(statistics.median(row.naive)) if row.naive else "-",
        seconds(statistics.median(row.ours)) if row.ours else "-",
        ratio,
        "-" if row.target is None else f">= {row.target:g}",
        {None: "-", True: "yes", False: "NO"}[row.met],
        ", ".join(_limit(limit, row.toy) for limit in row.limits),
    )


def _limit(limit: Limit, toy: bool) -> str:
    sign = ">=" if limit.above else "<"
    verdict = "" if toy or limit.met else " NO"
    return f"{limit.name} {limit.value:.3g} ({sign} {limit.bound:g}{limit.unit}){verdict}"


def _record(row: Row) -> dict[str, Any]:
    return {
        "path": row.path,
        "baseline": row.baseline,
        "naive_s": list(row.naive),
        "ours_s": list(row.ours),
        "ratio": row.ratio if row.ratios else None,
        "ratio_min": min(row.ratios, default=None),
        "ratio_max": max(row.ratios, default=None),
        "target": row.target,
        "met": row.met,
        "deviation": row.deviation,
        "tolerance": row.tolerance,
        "limits": [{"name": limit.name, "value": limit.value, "bound": limit.bound,
                    "unit": limit.unit, "above": limit.above, "met": limit.met}
                   for limit in row.limits],
        "note": row.note,
        **row.details,
    }  # fmt: skip


def seconds(value: float) -> str:
    """A duration with three digits and a fitting unit."""
    for limit, factor, unit in ((1e-3, 1e6, "us"), (1.0, 1e3, "ms"), (120.0, 1.0, "s"),
                                (7200.0, 1 / 60, "min")):  # fmt: skip
        if value < limit:
            return f"{value * factor:.3g} {unit}"
    return f"{value / 3600:.3g} h"
