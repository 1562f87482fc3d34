"""Latent maps under their published names, and their figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qdisc.analysis.latent import LatentTable
from qdisc.analysis.slices import nearest_index, slice_pair
from qdisc.dataset.dataset import Dataset

_KEYS = {"mu": "mu{}", "mu_abs": "mu{}_abs", "logvar": "logvar{}"}


def pair_of(dataset: Dataset, theta_pair: Sequence[int]) -> tuple[int, ...]:
    """The axes of a map; a sweep with one axis has no choice."""
    return (0,) if len(dataset.thetas) == 1 else tuple(int(axis) for axis in theta_pair)


def latent_maps(
    dataset: Dataset, table: LatentTable, pair: tuple[int, ...], others: tuple[float, ...]
) -> dict[str, Any]:
    """Average mu, |mu| and logvar over the shots of each setting; see `VAETrainer.compute_repr2d`.

    Args:
        dataset: The data, on a grid.
        table: Posterior of every configuration, most informative latent first.
        pair: Axes of the maps.
        others: Value of each remaining axis.
    """
    out: dict[str, Any] = {}
    values = {"mu": table.mu, "mu_abs": np.abs(table.mu), "logvar": table.logvar}
    for name, columns in values.items():
        over_theta = dataset.to_theta(dataset.average(columns))
        cut = slice_pair(over_theta, pair, others, dataset.thetas)
        for i in range(table.n_latents):
            out[_KEYS[name].format(i)] = cut[..., i]
    out["id_lat"] = np.array(table.order)
    out["theta_pair"] = pair
    out["values_other_thetas"] = others
    return out


def latent_figures(dataset: Dataset, latvar: dict[str, Any], subplot: bool) -> list[Any]:
    """Draw maps over the axes they were computed for: all in one figure, or one per latent."""
    from qdisc.show.latent import MOST_ROWS, latent_figure
    from qdisc.show.sweep import Sweep
    from qdisc.show.text import setting

    pair = tuple(latvar["theta_pair"])
    names, units, axes = dataset.theta_names, dataset.theta_units, dataset.thetas
    sweep = Sweep.grid(*([part[i] for i in pair] for part in (axes, names, units)))
    count = len(latvar["id_lat"])
    maps = {
        name: np.stack([latvar[key.format(i)] for i in range(count)], axis=-1)
        for name, key in _KEYS.items()
    }
    others = [axis for axis in range(len(axes)) if axis not in pair]
    fixed = [
        setting(names[axis], float(axes[axis][nearest_index(axes[axis], value)]), units[axis])
        for axis, value in zip(others, latvar.get("values_other_thetas", ()), strict=False)
    ]
    groups = [range(min(count, MOST_ROWS))] if subplot else [[i] for i in range(count)]
    return [latent_figure(sweep, maps, list(group), title=", ".join(fixed)) for group in groups]
