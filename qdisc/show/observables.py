"""Observables over theta: measured, as the model would measure them, and their difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from qdisc.show.maps import phase_map, profile, scale
from qdisc.show.style import COLOURS, panels, styled
from qdisc.show.sweep import Sweep
from qdisc.show.text import labelled, plain

WIDE = 100  # characters that fit over the page
SETTINGS = 6  # settings shown of an observable that has axes of its own


def observable_figure(
    sweep: Sweep,
    data: np.ndarray,
    *,
    model: np.ndarray | None = None,
    error: np.ndarray | None = None,
    name: str = "",
    units: str = "1",
    axes: Sequence[str] = (),
    pair: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
) -> Figure:
    """Draw data | model | difference on common colours, or one line each when k = 1.

    Args:
        sweep: The settings.
        data: (theta...) values of the data, or (theta..., axis) for an observable with an axis
            of its own (a correlation against distance), or (theta..., rows, columns).
        model: The same from samples of the model, when there are any.
        error: Standard error of `data`.
        name: What is measured.
        units: Its unit.
        axes: Names of the axes of its own.
        pair: (horizontal, vertical) theta axis.
        at: Values of the other thetas.
    """
    data = np.asarray(data, dtype=np.float64)
    model = None if model is None else np.asarray(model, dtype=np.float64)
    with styled():
        if data.ndim > len(sweep.shape):
            return _with_axes(sweep, data, model, labelled(name, units, WIDE), axes)
        if sweep.k == 1:
            return _lines(sweep, data, model, error, name, units)
        parts = [("data", data)] if model is None else [("data", data), ("model", model)]
        stack = np.stack([values for _, values in parts])
        finite = stack[np.isfinite(stack)]
        limits = (float(finite.min()), float(finite.max())) if finite.size else None
        figure, axes = panels(len(parts) + (model is not None))
        for ax, (title, values) in zip(axes, parts, strict=False):
            phase_map(ax, sweep, values, title=title, units=units, pair=pair, at=at, limits=limits)
        if model is not None:
            phase_map(axes[2], sweep, model - data, title="model - data", units=units,
                      pair=pair, at=at, signed=True)  # fmt: skip
            for ax in axes[1:]:
                ax.set_ylabel("")
        figure.suptitle(labelled(name, units, WIDE), fontsize=8)
    return figure


def _lines(
    sweep: Sweep,
    data: np.ndarray,
    model: np.ndarray | None,
    error: np.ndarray | None,
    name: str,
    units: str,
) -> Figure:
    figure, axes = panels(1 if model is None else 2, columns=2)
    series = [(data, error, "data")]
    if model is not None:
        series.append((model, None, "model"))
        profile(axes[1], sweep, [(model - data, error, "")], label="model - data", units=units)
        axes[1].axhline(0.0, color="0.6", lw=0.6, zorder=0)
    profile(axes[0], sweep, series, label=name, units=units)
    return figure


def _with_axes(
    sweep: Sweep, data: np.ndarray, model: np.ndarray | None, title: str, names: Sequence[str]
) -> Figure:
    """Draw an observable with axes of its own at a few settings spread over the sweep."""
    flat = data.reshape(sweep.theta.shape[0], *data.shape[len(sweep.shape) :])
    other = None if model is None else model.reshape(flat.shape)
    if flat.ndim == 3:
        figure = _images(sweep, flat, other)
    else:
        figure = _curves(sweep, flat.reshape(len(flat), -1), other, " x ".join(names))
    figure.suptitle(title, fontsize=8)
    return figure


def _curves(sweep: Sweep, data: np.ndarray, model: np.ndarray | None, name: str) -> Figure:
    chosen = spread(len(data), SETTINGS)
    figure, axes = panels(len(chosen), height=1.7)
    x = np.arange(data.shape[1])
    for ax, point in zip(axes, chosen, strict=True):
        ax.set_title(where(sweep, point), fontsize=7)
        if model is not None:
            ax.plot(x, model.reshape(data.shape)[point], "-", label="model", color=COLOURS[1])
        ax.plot(x, data[point], "o", label="data", color=COLOURS[0])
        ax.set_xlabel(plain(name))
        ax.xaxis.get_major_locator().set_params(integer=True)
    if model is not None:
        axes[0].legend()
    return figure


def _images(sweep: Sweep, data: np.ndarray, model: np.ndarray | None) -> Figure:
    parts = [("data", data)] if model is None else [("data", data), ("model", model)]
    chosen = spread(len(data), 4)
    figure, axes = panels(len(chosen) * len(parts), columns=len(chosen), height=1.6)
    norm, cmap = scale(np.stack([part[chosen] for _, part in parts]))
    for row, (title, part) in enumerate(parts):
        line = axes[row * len(chosen) : (row + 1) * len(chosen)]
        images = []
        for ax, point in zip(line, chosen, strict=True):
            images.append(ax.imshow(part[point], norm=norm, cmap=cmap, origin="lower"))
            ax.set_title(f"{title}: {where(sweep, point)}", fontsize=6)
        figure.colorbar(images[-1], ax=line, aspect=15)
    return figure


def spread(count: int, most: int) -> list[int]:
    """Up to `most` indices spread evenly over 0..count-1, both ends among them."""
    return sorted({int(i) for i in np.linspace(0, count - 1, min(most, count)).round()})


def where(sweep: Sweep, point: int) -> str:
    """Name a setting for a title: "delta = 0.5, Omega = 1"."""
    words = [f"{plain(n, 12)} = {v:.3g}" for n, v in zip(sweep.names, sweep.theta[point],
                                                         strict=True)]  # fmt: skip
    return ", ".join(words) if len(words) < 4 else "\n".join((", ".join(words[:2]), "..."))
