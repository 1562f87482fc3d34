"""A few snapshots as they were measured, drawn where their sites are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from qdisc.errors import ConfigError
from qdisc.show.observables import spread, where
from qdisc.show.style import PAGE, SEQUENTIAL, new_figure, styled
from qdisc.show.sweep import Sweep
from qdisc.show.text import plain

SETTINGS, SHOTS = 6, 3
_BASES = {2: "X", 3: "Y", 4: "Z"}


@dataclass(frozen=True)
class Half:
    """One kind of columns: all of them, or one half of hybrid or shadow data.

    Attributes:
        name: What the colours mean.
        values: (points, shots, sites).
        basis: The same shape, for shadows.
        norm: Value to colour.
        cmap: The colours.
        ticks: Codes to label on the colour bar; none for a continuous scale.
        labels: Their labels.
    """

    name: str
    values: np.ndarray
    basis: np.ndarray | None
    norm: Normalize
    cmap: Any
    ticks: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()


def snapshot_figure(
    sweep: Sweep,
    examples: np.ndarray,
    *,
    data_type: str,
    positions: np.ndarray | None = None,
    local_states: Sequence[float] = (),
    valid: np.ndarray | None = None,
) -> Figure:
    """Draw example snapshots at settings spread over the sweep.

    A chain is drawn as one strip per shot; a two-dimensional array as dots at their positions
    (first coordinate horizontal), one column per setting. Hybrid data show the discrete half,
    then the continuous one; shadows show the outcome as colour and the basis as a letter.

    Args:
        sweep: The settings.
        examples: (theta..., shots, columns) as stored: codes, values, or both.
        data_type: discrete, continuous, hybrid or shadow.
        positions: (N, dim); a chain when None.
        local_states: Physical value of each code, for the colours' labels.
        valid: (theta...,) number of snapshots of each setting; empty ones are not drawn.

    Raises:
        ConfigError: The examples do not match the settings or the positions.
    """
    examples = np.asarray(examples)
    flat = examples.reshape(sweep.theta.shape[0], *examples.shape[-2:])
    shots = np.full(len(flat), flat.shape[1])
    if valid is not None:
        shots = np.minimum(np.ravel(valid), flat.shape[1])
    measured = np.flatnonzero(shots > 0)
    if not measured.size:
        raise ConfigError("no snapshot is stored", where="examples", value=examples.shape)
    flat = np.where((shots > 0)[:, None, None], flat, flat[measured[0]])  # empty: a filler code
    halves = _halves(flat, data_type, local_states)
    n_sites = halves[0].values.shape[-1]
    if positions is not None and len(positions) != n_sites:
        raise ConfigError(
            "the positions do not match the snapshots",
            where="positions",
            value=f"{len(positions)} positions, {n_sites} sites",
        )
    settings = {int(measured[i]): int(shots[measured[i]]) for i in spread(measured.size, SETTINGS)}
    place = None if positions is None else np.asarray(positions, dtype=np.float64)
    planar = place is not None and place.shape[1] == 2 and np.ptp(place, axis=0).min() > 0
    with styled():
        if planar and place is not None:
            return _dots(sweep, settings, halves, place)
        return _strips(sweep, settings, halves)


def _halves(flat: np.ndarray, data_type: str, states: Sequence[float]) -> list[Half]:
    if data_type == "hybrid":
        n = flat.shape[-1] // 2
        return [_codes("discrete", flat[..., :n], states), _values(flat[..., n:])]
    if data_type == "shadow":
        return [_codes("outcome", flat[..., 1::2], (-1, 1), flat[..., 0::2])]
    return [_values(flat)] if data_type == "continuous" else [_codes("state", flat, states)]


def _codes(
    name: str, values: np.ndarray, states: Sequence[float], basis: np.ndarray | None = None
) -> Half:
    labels = tuple(f"{s:g}" for s in states)
    if not labels:
        labels = tuple(str(c) for c in range(max(2, int(np.nanmax(values, initial=0)) + 1)))
    ticks = tuple(float(c) for c in range(len(labels)))
    cmap = colormaps["cividis"].resampled(len(labels))
    return Half(name, values, basis, Normalize(-0.5, len(labels) - 0.5), cmap, ticks, labels)


def _values(values: np.ndarray) -> Half:
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    norm = Normalize(low, high if high > low else low + 1.0)
    return Half("value", values, None, norm, colormaps[SEQUENTIAL])


def _strips(sweep: Sweep, settings: dict[int, int], halves: list[Half]) -> Figure:
    """Draw a chain: one image per setting, a row per shot, a column per site."""
    across = min(3, len(settings))
    down = -(-len(settings) // across)
    figure = new_figure(PAGE, (1.35 * down + 0.1) * len(halves))
    blocks = np.ravel(figure.subfigures(len(halves), 1, squeeze=False))
    for block, half in zip(blocks, halves, strict=True):
        axes = list(block.subplots(down, across, squeeze=False).flat)
        for unused in axes[len(settings) :]:
            unused.set_visible(False)
        image = None
        for ax, (point, shots) in zip(axes, settings.items(), strict=False):
            shown = half.values[point, :shots]
            image = ax.imshow(
                shown, norm=half.norm, cmap=half.cmap, aspect="auto", interpolation="nearest"
            )
            if half.basis is not None and shown.shape[1] <= 24:
                for row, site in np.ndindex(shown.shape):
                    _letter(ax, site, row, half.basis[point, row, site], shown[row, site])
            ax.set_title(where(sweep, point), fontsize=7)
            ax.set(xlabel="site", ylabel="shot")
            for axis in (ax.xaxis, ax.yaxis):
                axis.get_major_locator().set_params(integer=True)
        _bar(block, image, axes[: len(settings)], half)
    return figure


def _dots(sweep: Sweep, settings: dict[int, int], halves: list[Half], place: np.ndarray) -> Figure:
    """Draw a planar array: a column per setting, a row per shot."""
    rows = min(SHOTS, max(settings.values()))
    step = _spacing(place)
    low, high = place.min(axis=0) - step, place.max(axis=0) + step
    width, height = high - low
    cell = 0.95
    tall = float(np.clip(cell * height / width, 0.4, 1.9))
    figure = new_figure(cell * len(settings) + 0.8, (tall + 0.08) * rows * len(halves) + 0.35)
    blocks = np.ravel(figure.subfigures(len(halves), 1, squeeze=False))
    size = float(np.clip(0.75 * step * min(cell / width, tall / height) * 72, 0.8, 12.0)) ** 2
    for block, half in zip(blocks, halves, strict=True):
        axes = block.subplots(rows, len(settings), squeeze=False)
        drawn = None
        for column, (point, shots) in enumerate(settings.items()):
            axes[0, column].set_title(where(sweep, point).replace(", ", "\n"), fontsize=6)
            for shot in range(rows):
                ax = axes[shot, column]
                ax.set(xticks=[], yticks=[], aspect="equal")
                ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
                if shot >= shots:
                    ax.set_axis_off()
                    continue
                values = half.values[point, shot]
                drawn = ax.scatter(
                    place[:, 0], place[:, 1], s=size, c=values, norm=half.norm, cmap=half.cmap,
                    edgecolors="0.3", linewidths=0.2,
                )  # fmt: skip
                if half.basis is not None and size > 30:
                    for site, (x, y) in enumerate(place):
                        _letter(ax, x, y, half.basis[point, shot, site], values[site])
        _bar(block, drawn, list(axes.flat), half)
    return figure


def _letter(ax: Any, x: float, y: float, basis: Any, outcome: Any) -> None:
    letter = _BASES.get(int(basis), "?")
    ax.text(x, y, letter, ha="center", va="center", fontsize=5, color="k" if outcome else "w")


def _spacing(place: np.ndarray) -> float:
    """Shortest distance between two sites."""
    gaps = np.sqrt(((place[:, None] - place[None]) ** 2).sum(-1))
    gaps = gaps[~np.eye(len(place), dtype=bool)]
    return float(gaps.min()) if gaps.size and gaps.min() > 0 else 1.0


def _bar(figure: Any, drawn: Any, axes: list[Any], half: Half) -> None:
    bar = figure.colorbar(drawn, ax=axes, label=plain(half.name), shrink=0.7, aspect=18)
    bar.outline.set_linewidth(0.4)
    if half.ticks:
        bar.set_ticks(half.ticks, labels=half.labels)
