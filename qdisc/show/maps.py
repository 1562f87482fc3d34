"""Values over theta: cells of a grid, cells around scattered settings, or a line.

The first axis of the pair is horizontal, the second vertical. A setting without a value is grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.collections import PolyCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.tri import TriAnalyzer, Triangulation

from qdisc.show.style import DIVERGING, GREY, SEQUENTIAL
from qdisc.show.sweep import Plane, Sweep, checked, edges, plane
from qdisc.show.text import labelled, plain

THIN = 0.01  # hull triangles flatter than this are dropped: they span no measured area


def phase_map(
    ax: Any,
    sweep: Sweep,
    values: np.ndarray,
    *,
    label: str = "",
    units: str = "1",
    title: str = "",
    pair: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
    error: np.ndarray | None = None,
    signed: bool | None = None,
    limits: tuple[float, float] | None = None,
    colour_bar: bool = True,
    cmap: str | Colormap | None = None,
) -> Any:
    """Draw one quantity over theta.

    Args:
        ax: A matplotlib Axes.
        sweep: The settings.
        values: `sweep.shape`; NaN and infinities are drawn grey.
        label: What the value is.
        units: Its unit, "1" for a pure number.
        title: Title of the panel; what the other thetas are held at is added to it.
        pair: (horizontal, vertical) theta axis, for k >= 2.
        at: Values of the other thetas (the nearest measured ones are drawn).
        error: One standard deviation, `sweep.shape`; drawn as a band when k = 1.
        signed: Whether zero is the middle of the colours; default: some value is negative.
        limits: (lowest, highest) value of the colours; default from the values drawn.
        colour_bar: Whether to add one.
        cmap: A matplotlib colour map or its name; default by `signed`.

    Returns:
        What carries the colours (QuadMesh or PathCollection), or the Line2D for k = 1.

    Raises:
        ConfigError: Shapes, pair or `at` do not fit the sweep.
    """
    if sweep.k == 1:
        series = [(values, error, label)]
        return profile(ax, sweep, series, label=label, units=units, title=title)[0]
    cut = plane(sweep, values, pair, at)
    norm, colours = scale(cut.values, signed=signed, limits=limits, cmap=cmap)
    draw = _cells if cut.is_grid else _scattered
    drawn = draw(ax, cut, norm, colours)
    names = [labelled(sweep.names[a], sweep.units[a]) for a in cut.pair]
    ax.set(xlabel=names[0], ylabel=names[1])
    heading = [plain(title)] if title else []
    ax.set_title("\n".join(heading + ([plain(cut.fixed, 80)] if cut.fixed else [])))
    if colour_bar:
        bar = ax.figure.colorbar(drawn, ax=ax, label=labelled(label, units))
        bar.outline.set_linewidth(0.4)
    return drawn


def scale(
    values: np.ndarray,
    *,
    signed: bool | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
) -> tuple[Normalize, Any]:
    """Choose the colours: sequential, or diverging with zero in the middle for signed values."""
    finite = values[np.isfinite(values)]
    low, high = limits or ((finite.min(), finite.max()) if finite.size else (0.0, 1.0))
    signed = bool(low < 0) if signed is None else signed
    if signed:
        high = max(abs(low), abs(high)) or 1.0
        low = -high
    elif low == high:
        half = 0.5 * abs(low) or 0.5
        low, high = low - half, high + half
    colours = cmap or (DIVERGING if signed else SEQUENTIAL)
    colours = colormaps[colours] if isinstance(colours, str) else colours
    return Normalize(float(low), float(high)), colours.with_extremes(bad=GREY)


def profile(
    ax: Any,
    sweep: Sweep,
    series: Sequence[tuple[np.ndarray, np.ndarray | None, str]],
    *,
    label: str = "",
    units: str = "1",
    title: str = "",
) -> list[Any]:
    """Draw values over a single theta axis, each with its error band; grey where there is none.

    Args:
        ax: A matplotlib Axes.
        sweep: Settings with k = 1.
        series: (values, standard deviation or None, name) of each line.
        label: What the values are.
        units: Their unit.
        title: Title of the panel.

    Returns:
        The Line2D objects, in order.
    """
    order = np.argsort(sweep.theta[:, 0], kind="stable")
    x = sweep.theta[order, 0]
    border = edges(x)
    lines = []
    missing = np.zeros(x.size, dtype=bool)
    for values, error, name in series:
        y = checked(sweep, values)[order]
        missing |= np.isnan(y)
        (line,) = ax.plot(x, y, "o-", label=plain(name))
        if error is not None:
            half = checked(sweep, error)[order]
            ax.fill_between(x, y - half, y + half, color=line.get_color(), alpha=0.25, lw=0)
        lines.append(line)
    for n in np.flatnonzero(missing):
        ax.axvspan(border[n], border[n + 1], color=GREY, lw=0, zorder=0)
    ax.set_xlim(border[0], border[-1])
    ax.set(xlabel=labelled(sweep.names[0], sweep.units[0]), ylabel=labelled(label, units))
    ax.set_title(plain(title))
    if len(series) > 1:
        ax.legend()
    return lines


def _cells(ax: Any, cut: Plane, norm: Normalize, colours: Any) -> Any:
    # pcolormesh wants rows along the vertical axis
    shown = np.ma.masked_invalid(cut.values.T)
    mesh = ax.pcolormesh(
        edges(cut.x), edges(cut.y), shown, norm=norm, cmap=colours, shading="flat", rasterized=True
    )
    for centres, axis in ((cut.x, ax.xaxis), (cut.y, ax.yaxis)):
        if centres.size <= 3:  # ticks between few settings would suggest ones that are not there
            axis.set_ticks(centres, labels=[f"{value:.4g}" for value in centres])
    return mesh


def _scattered(ax: Any, cut: Plane, norm: Normalize, colours: Any) -> Any:
    known = np.isfinite(cut.values)
    mesh = None if cut.projected else triangulate(cut.x, cut.y)
    if mesh is not None:
        corner = mesh.get_masked_triangles()
        shapes = PolyCollection(
            # one array takes matplotlib's fast path, which its annotation leaves out
            _shares(cut.x, cut.y, corner),  # pyright: ignore[reportArgumentType]
            cmap=colours, norm=norm, edgecolors="face",
            linewidths=0.2, rasterized=True,
        )  # fmt: skip
        shapes.set_array(np.ma.masked_invalid(cut.values[corner.ravel()]))
        ax.add_collection(shapes)
    size = float(np.clip(400 / max(cut.x.size, 1), 2, 16))
    ax.scatter(cut.x[~known], cut.y[~known], s=size, c=GREY, edgecolors="0.4", lw=0.3, zorder=3)
    return ax.scatter(
        cut.x[known], cut.y[known], s=size, c=cut.values[known], norm=norm, cmap=colours,
        edgecolors="k", linewidths=0.3, zorder=3,
    )  # fmt: skip


def _shares(x: np.ndarray, y: np.ndarray, corner: np.ndarray) -> np.ndarray:
    """Quadrilaterals (3 triangles, 4, 2): the third of each triangle that belongs to a corner.

    Colouring a third by its corner shows measured values only; interpolated colours would read
    as values nobody measured.
    """
    at = np.stack([x, y], axis=-1)[corner]  # (triangles, 3, 2)
    following, previous = np.roll(at, -1, axis=1), np.roll(at, 1, axis=1)
    centre = np.broadcast_to(at.mean(axis=1, keepdims=True), at.shape)
    quads = np.stack([at, (at + following) / 2, centre, (at + previous) / 2], axis=2)
    return quads.reshape(-1, 4, 2)


def triangulate(x: np.ndarray, y: np.ndarray) -> Triangulation | None:
    """Delaunay triangulation of points scaled to a unit square; None if they span no area."""
    scaled = []
    for values in (x, y):
        width = np.ptp(values) if values.size else 0.0
        scaled.append((values - values.min()) / width if width > 0 else np.zeros_like(values))
    points = np.stack(scaled, axis=1)
    if points.shape[0] < 3:
        return None
    spread = np.linalg.svd(points - points.mean(axis=0), compute_uv=False)
    if spread[1] < 1e-6 * spread[0] or spread[0] == 0:
        return None
    mesh = Triangulation(points[:, 0], points[:, 1])
    flat = TriAnalyzer(mesh).get_flat_tri_mask(THIN, rescale=False)
    if flat.all():
        return None
    return Triangulation(x, y, mesh.triangles, flat)
