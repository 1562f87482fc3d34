"""Maps of the latents over theta: one row per latent, one column per quantity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from qdisc.errors import ConfigError
from qdisc.show.maps import phase_map, profile
from qdisc.show.style import PAGE, new_figure, styled
from qdisc.show.sweep import Sweep, plane
from qdisc.show.text import plain

MOST_ROWS = 12  # more latents than this are not drawn in one figure


@dataclass(frozen=True)
class Quantity:
    """How one latent quantity is drawn.

    Attributes:
        symbol: Its name; "{}" stands for the index of the latent.
        units: Its unit.
        signed: Whether zero is the middle of the colours; None decides by the values.
    """

    symbol: str
    units: str = "1"
    signed: bool | None = None


QUANTITIES: dict[str, Quantity] = {
    "mu": Quantity("$\\mu_{{{}}}$", signed=None),
    "mu_abs": Quantity("$|\\mu_{{{}}}|$", signed=False),
    "logvar": Quantity("log var$_{{{}}}$", signed=False),
    "kl": Quantity("KL$_{{{}}}$", "nat", signed=False),
}


def latent_figure(
    sweep: Sweep,
    maps: Mapping[str, np.ndarray],
    latents: Sequence[int],
    *,
    pair: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
    title: str = "",
) -> Figure:
    """Draw the means over shots of mu, |mu|, log variance and KL of each named latent.

    Args:
        sweep: The settings.
        maps: `mu`, `mu_abs`, `logvar`, `kl` (any of them, in this order), each
            (theta..., latents).
        latents: Which latents, 0 is the most informative; exactly these are drawn.
        pair: (horizontal, vertical) theta axis.
        at: Values of the other thetas.
        title: Title of the figure.

    Raises:
        ConfigError: A latent that is not there, or nothing to draw.
    """
    drawn = {name: np.asarray(maps[name]) for name in QUANTITIES if name in maps}
    count = min((array.shape[-1] for array in drawn.values()), default=0)
    wrong = [n for n in latents if not 0 <= n < count]
    if not drawn or not latents or wrong:
        raise ConfigError(
            "there is no such latent to draw",
            where="latents",
            value=list(latents),
            hint=f"latents are 0..{count - 1}" if count else "no latent maps are stored",
        )
    latents = list(latents)[:MOST_ROWS]
    with styled():
        width = PAGE if len(drawn) > 2 else PAGE * len(drawn) / 3
        figure = new_figure(width, 1.75 * len(latents) + (0.2 if title else 0.0))
        axes = figure.subplots(len(latents), len(drawn), squeeze=False)
        for row, latent in enumerate(latents):
            for column, (name, array) in enumerate(drawn.items()):
                quantity, ax = QUANTITIES[name], axes[row, column]
                symbol = quantity.symbol.format(latent)
                values = array[..., latent]
                if sweep.k == 1:
                    profile(ax, sweep, [(values, None, "")], units=quantity.units)
                else:
                    phase_map(ax, sweep, values, pair=pair, at=at, signed=quantity.signed)
                unit = f" ({quantity.units})" if quantity.units != "1" else ""
                ax.set_title(f"{symbol}{unit}")
                ax.set_ylabel("" if sweep.k == 1 else ax.get_ylabel())
                _outer_labels_only(ax, row == len(latents) - 1, column == 0)
        if sweep.k > 2:  # once for the figure, not on every panel
            fixed = plane(sweep, drawn[next(iter(drawn))][..., 0], pair, at).fixed
            title = f"{title}, {fixed}" if title else fixed
        if title:
            figure.suptitle(plain(title, 100), fontsize=8)
    return figure


def _outer_labels_only(ax: Any, last_row: bool, first_column: bool) -> None:
    if not last_row:
        ax.set_xlabel("")
    if not first_column:
        ax.set_ylabel("")
