"""Settings divided into K groups by their coordinates: the methods, and what each is judged by."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.special import logsumexp
from sklearn.cluster import AgglomerativeClustering, KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture

from qdisc_phases.settings import adjacency

Method = Literal["mixture", "kmeans", "agglomerative"]
STARTS = 5
FLOOR = 1e-6  # added to variances, in units of the coordinates' mean square


@dataclass(frozen=True)
class Partition:
    """K groups.

    Attributes:
        label: (n,) group of each row.
        probability: (n, K) of each group given the row, under Gaussians of one covariance.
        bic: -2 log likelihood + parameters ln(n) of all coordinates; smaller is better.
    """

    label: np.ndarray
    probability: np.ndarray
    bic: float


def divide(
    x: np.ndarray, k: int, method: Method, key: int, edges: np.ndarray, starts: int = STARTS
) -> Partition:
    """Divide rows into k groups by their first k - 1 coordinates.

    The other coordinates are taken as one Gaussian, so that the criteria of different k are about
    the same numbers (Raftery and Dean, J. Am. Stat. Assoc. 101, 168, 2006).

    Args:
        x: Coordinates (n, d), d >= k - 1.
        k: Number of groups.
        method: `mixture` (Gaussians with one covariance), `kmeans`, or `agglomerative` (Ward's
            criterion; only neighbours merge).
        key: Fixes the starts.
        edges: (E, 2) neighbouring rows.
        starts: Starts of mixture and kmeans; the best one is kept.
    """
    n, d = x.shape
    if k == 1:
        label = np.zeros(n, int)
        return Partition(label, np.ones((n, 1)), _gaussian_bic(x))
    near, rest = x[:, : k - 1], x[:, k - 1 :]
    if method == "mixture":
        model = GaussianMixture(
            k, covariance_type="tied", n_init=starts, reg_covar=FLOOR, random_state=key
        )
        with warnings.catch_warnings():  # a fit that still moves is judged like any other
            warnings.simplefilter("ignore", ConvergenceWarning)
            label = model.fit_predict(near)
    elif method == "kmeans":
        label = KMeans(k, n_init=starts, random_state=key).fit_predict(near)
    else:
        graph: Any = adjacency(edges, np.ones(len(edges)), n)
        label = AgglomerativeClustering(k, connectivity=graph.tocsr()).fit_predict(near)
    log_p = _joint(near, label, k)
    total = logsumexp(log_p, axis=1)
    free = (k - 1) + k * (k - 1) + k * (k - 1) // 2
    bic = -2 * float(total.sum()) + free * np.log(n) + (_gaussian_bic(rest) if d >= k else 0.0)
    return Partition(np.asarray(label, int), np.exp(log_p - total[:, None]), bic)


def _joint(x: np.ndarray, label: np.ndarray, k: int) -> np.ndarray:
    """Log of (share of the group times Gaussian of its mean and the common covariance), (n, k)."""
    mean = np.stack([x[label == g].mean(axis=0) if (label == g).any() else x.mean(axis=0)
                     for g in range(k)])  # fmt: skip
    share = np.maximum(np.bincount(label, minlength=k), 1e-9) / len(x)
    apart = x - mean[label]
    covariance = apart.T @ apart / len(x) + FLOOR * np.eye(x.shape[1])
    whiten = np.linalg.inv(np.linalg.cholesky(covariance))
    far = (((x[:, None] - mean) @ whiten.T) ** 2).sum(axis=-1)
    volume = x.shape[1] * np.log(2 * np.pi) - 2 * np.log(np.diag(whiten)).sum()
    return np.log(share) - 0.5 * (far + volume)


def _gaussian_bic(x: np.ndarray) -> float:
    n, d = x.shape
    if d == 0:
        return 0.0
    covariance = np.cov(x.T, bias=True).reshape(d, d) + FLOOR * np.eye(d)
    minus_two = n * (d * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1])
    apart = np.linalg.solve(covariance, (x - x.mean(axis=0)).T)
    minus_two += float(np.einsum("dn,nd->", apart, x - x.mean(axis=0)))
    return float(minus_two + (d + d * (d + 1) // 2) * np.log(n))


def matched(label: np.ndarray, other: np.ndarray, k: int) -> np.ndarray:
    """Which group of `other` is which of `label`: (k,) such that order[g] shares most with g."""
    table = np.zeros((k, k))
    np.add.at(table, (label, other), 1)
    return linear_sum_assignment(-table)[1]
