"""`python -m benchmarks write RUN.json ...`: what was measured, as sections of the two READMEs."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import ROOT
from benchmarks.table import seconds

PAGE, FRONT = Path(__file__).with_name("README.md"), ROOT / "README.md"
RESULTS = Path(__file__).with_name("results.json")
VERDICT = {None: "-", True: "yes", False: "**no**"}


def replace(path: Path, name: str, text: str) -> None:
    """Put `text` between the markers `<!-- name: begin -->` and `<!-- name: end -->`."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    page = path.read_text(encoding="utf-8")
    before, rest = page.split(begin)
    path.write_text(f"{before}{begin}\n{text}\n{end}{rest.split(end)[1]}", encoding="utf-8")


def merge(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Rows of several runs on one machine; of a row measured twice the later one counts.

    Raises:
        ValueError: Toy sizes, or runs on different machines.
    """
    if any(run["toy"] for run in runs):
        raise ValueError("toy sizes show equality of results, not speed: run without --small")
    about = [{k: run["machine"][k] for k in ("processor", "cores", "device")} for run in runs]
    if any(machine != about[0] for machine in about):
        raise ValueError(f"the runs are from different machines: {about}")
    rows = {row["path"]: row for run in runs for row in run["rows"]}
    return {**runs[-1], "rows": list(rows.values())}


def full(run: dict[str, Any]) -> str:
    """Every row with its spread, target, bounds and remark."""
    lines = ["| path | naive | ours | ratio (min to max) | target | met | also |",
             "|---|---|---|---|---|---|---|"]  # fmt: skip
    for row in run["rows"]:
        ratio = "-"
        if row["ratio"] is not None:
            ratio = f"{row['ratio']:.3g} ({row['ratio_min']:.3g} to {row['ratio_max']:.3g})"
        also = [f"{x['name']} {x['value']:.3g}{x['unit']}" for x in row["limits"]]
        also += [row["note"]] if row["note"] else []
        target = "-" if row["target"] is None else f">= {row['target']:g}"
        cells = (row["path"], _median(row["naive_s"]), _median(row["ours_s"]), ratio, target,
                 VERDICT[row["met"]], "; ".join(also))  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", f"Measured on: {_where(run)}."])


def short(run: dict[str, Any]) -> str:
    """The rows that have a ratio, for the front page."""
    lines = ["| | naive | qdisc | ratio |", "|---|---|---|---|"]
    for row in run["rows"]:
        if row["ratio"] is not None:
            cells = (row["path"], _median(row["naive_s"]), _median(row["ours_s"]))
            lines.append(f"| {' | '.join(cells)} | {row['ratio']:.3g} |")
    return "\n".join([*lines, "", f"Measured on: {_where(run)}."])


def main(arguments: Sequence[str]) -> int:
    """Merge the runs into results.json and write both pages."""
    run = merge([json.loads(Path(name).read_text(encoding="utf-8")) for name in arguments])
    RESULTS.write_text(json.dumps(run, indent=1) + "\n", encoding="utf-8")
    replace(PAGE, "table", full(run))
    replace(FRONT, "benchmarks", short(run))
    return 0


def _median(values: Sequence[float]) -> str:
    return seconds(statistics.median(values)) if values else "-"


def _where(run: dict[str, Any]) -> str:
    about = run["machine"]
    memory = f"{about['memory_gb']:.0f} GB"
    return (
        f"{about['processor']}, {about['cores']} cores, {memory}, device {about['device']}, "
        f"Python {about['python']}, jax {about['jax']}, "
        f"float32 products {about['matmul_gflops']:.0f} Gflop/s"
    )
