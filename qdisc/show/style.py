"""The look of every figure, and how a figure becomes bytes: the same file for the same numbers.

Nothing here changes matplotlib's global state: settings hold inside `styled()` only, and they
start from matplotlib's own defaults, so that a user's matplotlibrc does not reach stored figures.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.rcsetup import cycler

from qdisc.errors import ResultError

COLUMN = 3.375  # inches: one column of a two-column journal
PAGE = 7.0  # inches: the full text width
GREY = "0.8"  # no data
SEQUENTIAL, DIVERGING = "viridis", "RdBu_r"
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")

_OURS: dict[str, Any] = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "mathtext.fontset": "cm",
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.direction": "out",
    "ytick.direction": "out",
    "lines.linewidth": 1.0,
    "lines.markersize": 3,
    "legend.frameon": False,
    "axes.formatter.useoffset": False,
    "figure.dpi": 100,
    "savefig.dpi": 200,
    "pdf.fonttype": 42,
    "svg.hashsalt": "qdisc",
    "svg.fonttype": "path",
}
_SESSION = ("backend", "interactive", "toolbar", "timezone", "webagg.", "tk.", "date.epoch")
_METADATA: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".svg": {"Date": None},
    ".png": {},
}


@contextmanager
def styled() -> Iterator[None]:
    """Context in which qdisc's settings hold; afterwards matplotlib is as it was."""
    settings: dict[Any, Any] = {  # matplotlib spells out all its keys as one literal type
        key: value
        for key, value in matplotlib.rcParamsDefault.items()
        if not key.startswith(_SESSION)
    }
    settings |= {**_OURS, "axes.prop_cycle": cycler(color=COLOURS)}
    with matplotlib.rc_context(settings):
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of `width` x `height` inches, outside any window system."""
    return Figure(figsize=(width, height), layout="constrained")


def panels(
    count: int, columns: int = 3, *, height: float = 1.9, sharex: bool = False, max_rows: int = 50
) -> tuple[Figure, list[Any]]:
    """Return a figure with `count` axes in rows of at most `columns`.

    Up to two panels keep the width of a column each; a single panel fills one column.
    """
    across = max(1, min(columns, count))
    rows = min(-(-count // across), max_rows)
    width = {1: COLUMN, 2: min(PAGE, 2 * 2.6)}.get(across, PAGE)
    figure = new_figure(width, rows * height * (1.25 if across == 1 else 1.0))
    grid = figure.subplots(rows, across, squeeze=False, sharex=sharex)
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.set_visible(False)
    return figure, axes[:count]


def save(figure: Figure, path: Path | str) -> Path:
    """Write a figure as .png, .pdf or .svg; equal figures give equal bytes.

    Raises:
        ResultError: Unknown ending, or the folder cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    if ending not in _METADATA:
        raise ResultError(
            "figures are written as .png, .pdf or .svg", where=str(path), value=path.suffix
        )
    try:
        with styled():
            figure.savefig(path, metadata=_METADATA[ending])
    except OSError as error:
        raise ResultError(
            "the figure cannot be written", where=str(path), value=error.strerror or str(error)
        ) from error
    return path
