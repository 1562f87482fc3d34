"""Judge a formula on shots it has never seen, with equal weight for both classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from qdisc_symbolic.baseline import Baseline
from qdisc_symbolic.scores import auc, balanced_accuracy, best_threshold, spearman
from qdisc_symbolic.shots import Shots, pooled, shares


@dataclass(frozen=True)
class Evaluation:
    """Held-out scores beside those of random coefficients.

    Attributes:
        auc: AUC per setting: f averaged over a setting's held-out shots, settings inside the
            cluster against settings outside.
        auc_shots: AUC of single held-out shots, both classes with equal weight.
        balanced_accuracy: Of single held-out shots, at `threshold`.
        threshold: 0 for SR1; for the others, the best one on the training shots.
        spearman: Rank correlation of the setting averages with mu_cluster; NaN without it.
        baseline: The same scores of untrained random coefficients.
    """

    auc: float
    auc_shots: float
    balanced_accuracy: float
    threshold: float
    spearman: float
    baseline: Baseline

    def __str__(self) -> str:
        return (
            f"held-out AUC {self.auc:.4f} per setting (random coefficients "
            f"{self.baseline.auc:.4f}), {self.auc_shots:.4f} per shot, balanced accuracy "
            f"{self.balanced_accuracy:.4f}"
        )


def class_rows(
    counts: sp.csr_array, f: np.ndarray, inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels and weights of single shots: every configuration once per class."""
    weights = [pooled(counts, mask) for mask in (inside, outside)]
    labels = np.repeat([True, False], f.size)
    return np.concatenate([f, f]), labels, np.concatenate([w / max(w.sum(), 1) for w in weights])


def judge(
    shots: Shots, f: np.ndarray, inside: np.ndarray, outside: np.ndarray, *,
    threshold: float | None, reference: np.ndarray | None, baseline: Baseline,
) -> Evaluation:  # fmt: skip
    """Score f, (configurations,), on the held-out shots.

    Args:
        shots: Both halves of the shots.
        f: Formula on every configuration.
        inside: Settings of the cluster, (points,).
        outside: Settings it is told from, (points,).
        threshold: Where to cut; None for the best cut on the training shots.
        reference: An order parameter per setting for `spearman`, or None.
        baseline: Scores of random coefficients.
    """
    if threshold is None:
        threshold = best_threshold(*class_rows(shots.train, f, inside, outside))
    score, label, weight = class_rows(shots.held_out, f, inside, outside)
    mean = np.asarray(shares(shots.held_out) @ f).reshape(-1)
    use = (inside | outside) & (np.asarray(shots.held_out.sum(axis=1)).reshape(-1) > 0)
    rank = float("nan")
    if reference is not None:
        known = use & np.isfinite(reference)
        rank = spearman(mean[known], reference[known])
    return Evaluation(
        auc=auc(mean[use], inside[use]),
        auc_shots=auc(score, label, weight),
        balanced_accuracy=balanced_accuracy(score, label, threshold, weight),
        threshold=float(threshold),
        spearman=rank,
        baseline=baseline,
    )
