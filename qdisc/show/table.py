"""The summary of a run as a table: coloured on a terminal, plain text elsewhere."""

from __future__ import annotations

import os
import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from qdisc.analysis.agreement import agreement
from qdisc.show.printable import printable

if TYPE_CHECKING:
    from qdisc.results.reader import ResultFile

WIDTH = 80
COLUMN = 14  # what a name in front of a finding takes
MOST_LINES = 12  # of one variable: a stranger's file may say more
_NUMBER = re.compile(r"(-|-?[\d.e+-]+( %)?)\Z")


@dataclass(frozen=True)
class Section:
    """One part of the summary.

    Attributes:
        title: Its heading.
        header: Names of the columns, or () for lines of (name, value).
        rows: Cells as text.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def sections(result: ResultFile, files: Sequence[Path | str] = ()) -> list[Section]:
    """Collect the numbers of the summary; what the file does not hold is left out."""
    parts = [_run(result), _findings(result), _latents(result), _loss(result)]
    parts += [_observables(result)]
    parts += [_troubles(result), _files(result, files)]
    return [part for part in parts if part.rows]


def summary_text(result: ResultFile, files: Sequence[Path | str] = (), width: int = WIDTH) -> str:
    """Return the summary as plain text of at most `width` columns (paths may be longer)."""
    lines: list[str] = []
    for section in sections(result, files):
        lines += ["", section.title, "-" * len(section.title)]
        lines += _aligned(section, width)
    return "\n".join(lines[1:])


def print_summary(result: ResultFile, stream: IO[str], files: Sequence[Path | str] = ()) -> None:
    """Print the summary, with colours when `stream` is a terminal."""
    if not stream.isatty():
        stream.write(summary_text(result, files) + "\n")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(file=stream)
    for section in sections(result, files):
        console.print(Text(section.title, style="bold"))
        table = Table(
            box=None, show_header=bool(section.header), header_style="dim", padding=(0, 2, 0, 0)
        )
        columns = zip(section.header or ("",) * len(section.rows[0]), *section.rows, strict=True)
        for heading, *cells in columns:
            numbers = section.header and all(_NUMBER.match(cell) for cell in cells)
            table.add_column(heading, justify="right" if numbers else "left", overflow="fold")
        for row in section.rows:
            table.add_row(*(Text(cell) for cell in row))  # Text: a name is no markup
        console.print(table)
        console.print()


def _run(result: ResultFile) -> Section:
    data, rows = result.group("/dataset").attrs, []
    shots = result.variable("/dataset/n_snapshots")
    shape = " x ".join(map(str, shots.shape)) if shots.dims != ("point",) else "scattered"
    name = _text(data.get("name")) or _text(result.attrs.get("title")) or "unnamed"
    kind = f"{_text(data.get('kind'))}, {data.get('n_sites', '?')} sites"
    rows.append(("data", f"{name}: {kind}, {int(shots.data.sum())} snapshots"))
    thetas = ", ".join(_text(n) for n in result.theta_names)
    rows.append(("settings", f"{shots.data.size} of ({thetas}), {shape}"))
    if result.has("/model"):
        model = result.group("/model").attrs
        words = [_text(model.get("plugin")), _text(model.get("objective"))]
        words.append(f"{model['n_parameters']} parameters" if "n_parameters" in model else "")
        rows.append(("model", ", ".join(word for word in words if word)))
    if result.has("/training/loss"):
        training = result.group("/training").attrs
        epochs = result.variable("/training/loss").data.size
        reason = _text(training.get("stop_reason"))
        words = f"{epochs} epochs, {reason}, seed {training.get('seed', '?')}"
        setbacks = int(training.get("setbacks", 0))
        if setbacks:
            halved = "learning rate halved" + (f" {setbacks} times" if setbacks > 1 else "")
            words += f", {halved} after a diverging step"
        rows.append(("training", words))
    if result.has("/provenance"):
        took = result.group("/provenance").attrs.get("duration_s")
        rows += [("time", f"{float(took):.1f} s")] if took else []
    return Section("Run", (), tuple(rows))


def _latents(result: ResultFile) -> Section:
    base = "/analyses/latent_map"
    if not result.has(f"{base}/rate"):
        return Section("Latents", (), ())
    rate = result.variable(f"{base}/rate").data
    used = rate > 0.05
    if result.has(f"{base}/active"):
        used = result.variable(f"{base}/active").data.astype(bool)
    rows = tuple((str(n), f"{rate[n]:.3f}", "active" if used[n] else "") for n in range(rate.size))[
        :12
    ]
    title = f"Latents: {int(used.sum())} of {rate.size} active, rate {rate.sum():.3f} nat"
    return Section(title, ("latent", "KL (nat)", ""), rows)


def _findings(result: ResultFile) -> Section:
    """What analyses say in words: the attribute `finding` of their variables, a line each."""
    rows: list[tuple[str, str]] = []
    for name in result.analyses:
        if result.status(name) != "ok":
            continue
        path, first = f"/analyses/{name}", _text(name)
        for variable in result.group(path).variables:
            text = _text(result.attributes(f"{path}/{variable}").get("finding"))
            for line in text.splitlines()[:MOST_LINES]:
                for piece in textwrap.wrap(line, WIDTH - COLUMN, subsequent_indent="  "):
                    rows.append((first, piece))
                    first = ""
    return Section("Findings", (), tuple(rows))


_LOSS = (
    ("reconstruction", "reconstruction loss", "-log p(x|z), model"),
    ("rate", "rate", "KL, what z tells about x"),
    ("", "their sum", "never below H(x), but for noise"),
    ("entropy_x_given_theta", "H(x|theta)", "entropy of the data, plug-in"),
    ("entropy_x", "H(x)", "entropy of the data, all settings"),
)


def _loss(result: ResultFile) -> Section:
    """The reconstruction loss beside what it can be compared with."""
    if not result.has("/training"):
        return Section("Loss", (), ())
    attrs = result.group("/training").attrs
    known = {key: _number(attrs.get(key)) for key, _, _ in _LOSS if key}
    known[""] = known["reconstruction"] + known["rate"]
    rows = [
        (words, f"{known[key]:.3f}", meaning)
        for key, words, meaning in _LOSS
        if np.isfinite(known[key])
    ]
    evidence = _number(attrs.get("log_evidence"))
    if np.isfinite(evidence):
        samples, ess = (_number(attrs.get(f"evidence_{key}")) for key in ("samples", "ess"))
        meaning = f"held out; {samples:.0f} samples, {ess:.1f} effective"
        rows.append(("-log evidence", f"{-evidence:.3f}", meaning))
    if not rows and result.has("/training/loss"):
        loss = result.variable("/training/loss").data
        rows = [("loss", f"{loss[-1]:.3f}", "last epoch")] if loss.size else []
    return Section("Loss", ("per snapshot", "nat", ""), tuple(rows))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float | np.number) else float("nan")


def _observables(result: ResultFile) -> Section:
    rows = []
    for name in result.observables:
        group = result.group(f"/observables/{name}")
        if "value" not in group.variables:
            continue
        wanted = ("value", "std_error", "model_value", "model_std_error")
        outputs = {n: result.variable(f"{group.path}/{n}") for n in wanted if n in group.variables}
        value = outputs["value"]
        finite = value.data[np.isfinite(value.data)]
        span = f"{finite.min():.3g} .. {finite.max():.3g}" if finite.size else "-"
        full = len(outputs) == len(wanted)
        deviation, z = agreement(outputs) if full else (np.nan, np.nan)
        share = f"{100 * deviation:.1f} %" if np.isfinite(deviation) else "-"
        z_text = f"{z:.1f}" if np.isfinite(z) else "-"
        rows.append((_text(name), _text(value.units), span, share, z_text))
    header = ("observable", "unit", "data", "|model - data|", "z")
    return Section("Observables: model against data", header, tuple(rows))


def _troubles(result: ResultFile) -> Section:
    rows = []
    for folder, names in (("observables", result.observables), ("analyses", result.analyses)):
        for name in names:
            attrs = result.group(f"/{folder}/{name}").attrs
            status = _text(attrs.get("status", "ok"))
            if status != "ok":
                reason = _text(attrs.get("message", "")).partition("\n")[0]
                rows.append((_text(name), status, reason))
    return Section("Plugins not ok", ("plugin", "state", "reason"), tuple(rows))


def _files(result: ResultFile, files: Sequence[Path | str]) -> Section:
    rows = [("result", str(result.path))]
    if files:
        folders = {str(Path(f).parent) for f in files}
        if len(folders) > 1:
            folders = {os.path.commonpath([os.path.abspath(folder) for folder in folders])}
        rows.append(("figures", f"{len(files)} in {folders.pop()}"))
    return Section("Files", (), tuple(rows))


def _aligned(section: Section, width: int) -> list[str]:
    table = ([section.header] if section.header else []) + list(section.rows)
    count = len(table[0])
    wide = [max(len(row[n]) for row in table) for n in range(count)]
    room = max(8, width - sum(wide[:-1]) - 2 * (count - 1))
    lines = []
    for row in table:
        last = row[-1]
        if section.title != "Files" and len(last) > room:
            last = last[: room - 3] + "..."
        cells = [cell.ljust(wide[n]) for n, cell in enumerate(row[:-1])]
        lines.append("  ".join([*cells, last]).rstrip())
    return lines


def _text(value: Any) -> str:
    return "" if value is None else printable(str(value))
