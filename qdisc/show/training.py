"""What happened during training: the loss and its terms, and what each latent carried."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from qdisc.show.style import COLOURS, GREY, PAGE, new_figure, styled
from qdisc.show.text import plain


def training_figure(
    loss: np.ndarray,
    terms: Mapping[str, np.ndarray] | None = None,
    *,
    kl: np.ndarray | None = None,
    logvar: np.ndarray | None = None,
    active: Sequence[int] = (),
    step: np.ndarray | None = None,
    step_name: str = "epoch",
    validation: np.ndarray | None = None,
) -> Figure:
    """Draw loss and terms, then KL and mean log variance of every latent.

    Exactly the latents that exist are drawn: active ones coloured and named, the rest thin grey.

    Args:
        loss: (n,) nat per snapshot.
        terms: Name -> (n,) of the parts of the loss.
        kl: (n, latents) nat; left out when None.
        logvar: (n, latents); left out when None.
        active: Indices of the latents to name.
        step: (n,) horizontal values; default 1..n.
        step_name: What they count.
        validation: (n,) loss of the snapshots that were kept out.
    """
    loss = np.asarray(loss, dtype=np.float64)
    x = np.arange(1, loss.size + 1) if step is None else np.asarray(step)
    latents = [
        (name, np.asarray(values, dtype=np.float64))
        for name, values in (("KL (nat)", kl), ("mean log variance", logvar))
        if values is not None
    ]
    with styled():
        count = 1 + len(latents)
        figure = new_figure(PAGE * (0.5, 0.78, 1.0)[count - 1], 2.1)
        axes = figure.subplots(1, count, squeeze=False)[0]
        _line(axes[0], x, loss, "loss", color="k")
        if validation is not None:
            _line(axes[0], x, np.asarray(validation, np.float64), "validation", color="0.5")
        for n, (name, values) in enumerate((terms or {}).items()):
            colour = COLOURS[n % (len(COLOURS) - 1)]
            _line(axes[0], x, np.asarray(values, np.float64), name, color=colour)
        axes[0].set_ylabel("nat per snapshot")
        axes[0].legend()
        for ax, (name, values) in zip(axes[1:], latents, strict=True):
            _latents(ax, x, values, active)
            ax.set_ylabel(name)
        for ax in axes:
            ax.set_xlabel(plain(step_name))
            ax.xaxis.get_major_locator().set_params(integer=True)
    return figure


def _latents(ax: Any, x: np.ndarray, values: np.ndarray, active: Sequence[int]) -> None:
    if values.ndim != 2:
        values = values.reshape(values.shape[0], -1)
    named = [n for n in active if n < values.shape[1]]
    for n in range(values.shape[1]):
        if n not in named:
            _line(ax, x, values[:, n], "", color=GREY, zorder=1, lw=0.7)
    for place, n in enumerate(named):
        _line(ax, x, values[:, n], f"latent {n}", color=COLOURS[place % len(COLOURS)])
    if named:
        ax.legend()


def _line(ax: Any, x: np.ndarray, y: np.ndarray, name: str, **style: Any) -> None:
    if y.size != x.size:  # a run that stopped early: what is there is drawn from the start
        x = x[: y.size]
    marker = {"marker": "o"} if x.size == 1 else {}
    ax.plot(x, y, label=plain(name) or "_", **marker, **style)
