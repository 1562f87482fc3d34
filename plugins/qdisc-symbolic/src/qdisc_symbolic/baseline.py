"""Held-out scores of a formula, and the same scores of formulas that learnt nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError
from scipy.stats import rankdata

from qdisc_symbolic.ansatz import correlators, variables
from qdisc_symbolic.masks import as_mask
from qdisc_symbolic.scores import auc, spearman
from qdisc_symbolic.shots import shares, split


@dataclass(frozen=True)
class Baseline:
    """Scores of untrained two-body formulas with independent normal coefficients.

    A formula's sign is free, so that each is scored with the better one: the median AUC of a
    useless formula is thus a little above 1/2, not 1/2.

    Attributes:
        auc: Median over formulas of the AUC per setting.
        spearman: Median of |rank correlation| with the reference; NaN without a reference.
        aucs: All of them, (n,).
        spearmans: All of them, (n,).
    """

    auc: float
    spearman: float
    aucs: np.ndarray
    spearmans: np.ndarray


def random_baseline(
    dataset: Dataset,
    mask_in: Any,
    mask_out: Any = None,
    n: int = 1000,
    key: Any = 0,
    reference: Any = None,
    shift_data: bool = True,
) -> Baseline:
    """Score random two-body coefficients like a trained formula.

    Where one order parameter dominates the sweep, nearly every two-body formula orders the
    settings along it; a score means something only as far as it exceeds this one.

    Args:
        dataset: The snapshots.
        mask_in: Settings of the cluster, see `as_mask`.
        mask_out: Settings to tell them from; all others when left out.
        n: Number of random formulas; their scores scatter widely, and with them the median.
        key: jax key or whole number; also splits off the held-out shots, as in training.
        reference: An order parameter per setting, (points,) or (theta...), for rank correlations
            over the settings of both masks; settings where it is NaN are left out.
        shift_data: As in training.

    Returns:
        Scores on held-out shots: each formula is averaged over the shots of a setting.
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ConfigError("at least one random formula", where="n", value=n)
    inside, outside = both_masks(dataset, mask_in, mask_out)
    x = variables(dataset, dataset.configurations, shift_data)
    counts = split(dataset, key).held_out
    table = correlators(x, shares(counts))
    seen = np.asarray(counts.sum(axis=1)).reshape(-1) > 0
    use = (inside | outside) & seen
    wanted = None if reference is None else per_point(dataset, reference, "reference")[use]
    return random_scores(table[use], inside[use], int(n), generator(key, 2), wanted)


def random_scores(
    table: np.ndarray, inside: np.ndarray, n: int, rng: np.random.Generator,
    reference: np.ndarray | None = None,
) -> Baseline:  # fmt: skip
    """Score sums of features with independent normal coefficients.

    Args:
        table: Features averaged over the held-out shots of each setting, (settings, features).
        inside: Settings of the cluster, (settings,).
        n: Number of formulas.
        rng: Draws the coefficients.
        reference: As in `random_baseline`, (settings,).
    """
    f = rng.standard_normal((n, table.shape[1])) @ table.T
    aucs = _aucs(f, inside)
    spearmans = np.full(n, np.nan)
    if reference is not None:
        known = np.isfinite(reference)
        spearmans = np.abs(_spearmans(f[:, known], reference[known]))
    aucs = np.maximum(aucs, 1 - aucs)
    return Baseline(float(np.median(aucs)), float(np.median(spearmans)), aucs, spearmans)


def both_masks(dataset: Dataset, inside: Any, outside: Any) -> tuple[np.ndarray, np.ndarray]:
    """Masks of the cluster and of what it is told from, (points,) each, without overlap."""
    first = as_mask(dataset, inside, "cluster_idx_in")
    if outside is None:
        return first, ~first
    second = as_mask(dataset, outside, "cluster_idx_out")
    both = np.flatnonzero(first & second)
    if both.size:
        raise DataError("a setting is both inside and outside the cluster",
                        where="cluster_idx_out", value=dataset.theta[both[0]].tolist())  # fmt: skip
    return first, second


def per_point(dataset: Dataset, values: Any, where: str) -> np.ndarray:
    """One number per setting from (points,) or (theta...), float64 (points,)."""
    out = np.asarray(values, dtype=np.float64)
    if out.shape not in ((dataset.n_points,), tuple(dataset.theta_shape)):
        raise DataError("one number per setting", where=where, value=f"shape {out.shape}",
                        hint=f"shape {dataset.theta_shape}")  # fmt: skip
    return out.reshape(-1)


def _aucs(f: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`auc` of every row of f, (n,), by rank sums."""
    auc(f[0], inside)  # refuses what cannot be scored
    n_in, n_out = int(inside.sum()), int((~inside).sum())
    ranks = rankdata(f, axis=1)[:, inside].sum(axis=1)
    return (ranks - n_in * (n_in + 1) / 2) / (n_in * n_out)


def _spearmans(f: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """`spearman` of every row of f with a reference, (n,)."""
    if not np.isfinite(spearman(f[0], reference)):
        return np.full(len(f), np.nan)
    ranks = rankdata(f, axis=1) - (reference.size + 1) / 2
    wanted = rankdata(reference) - (reference.size + 1) / 2
    return ranks @ wanted / np.sqrt((ranks**2).sum(axis=1) * (wanted @ wanted))
