"""The coefficients of a formula as a figure."""

from __future__ import annotations

from typing import Any

import numpy as np


def alpha_figure(matrix: np.ndarray) -> Any:
    """Draw the symmetric matrix a_ij, (sites, sites), zero in white.

    Returns:
        A matplotlib figure.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(4.2, 3.6), layout="constrained")
    ax = figure.add_subplot()
    shown = np.ma.masked_array(matrix, np.eye(len(matrix), dtype=bool))
    top = float(np.abs(matrix).max()) or 1.0
    image = ax.imshow(shown, cmap="RdBu_r", vmin=-top, vmax=top, interpolation="nearest")
    ax.set(xlabel="site j", ylabel="site i", title="coefficients of x_i x_j")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.yaxis.set_major_locator(MaxNLocator(integer=True))
    figure.colorbar(image, ax=ax, label="a_ij")
    return figure
