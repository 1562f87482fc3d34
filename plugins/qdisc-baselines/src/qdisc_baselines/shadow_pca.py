"""Analysis `shadow_pca`: principal axes of Pauli expectation values from classical shadows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from threadpoolctl import threadpool_limits

from qdisc_baselines.components import principal
from qdisc_baselines.features import columns, pairs_of_columns, settings_of
from qdisc_baselines.mixtures import (
    check_counts,
    label_variable,
    mixture_labels,
    over_theta,
    sizes,
)

SPLITS = 6  # random halves that show what shot noise does


class ShadowPcaConfig(Config):
    """Options of `shadow_pca`.

    Attributes:
        components: Principal components that are mapped and divided.
        pairs: Most two-site Pauli strings; whole shells of equal distance, nearest first.
        n_phases: Number of components of the mixture; unset: that of the least BIC.
        max_phases: Most components of the mixture.
    """

    components: int = 4
    pairs: int = 512
    n_phases: int | None = None
    max_phases: int = 8

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        check_counts("shadow_pca", self, "components", "max_phases", "n_phases")


class ShadowPca:
    """One- and two-site Pauli expectation values of every setting, along their principal axes."""

    spec = AnalysisSpec(
        name="shadow_pca",
        summary="Principal components of Pauli expectation values from shadows, mixtures (BIC).",
        citation="H.-Y. Huang et al., Science 377, eabk3333 (2022); arXiv:2508.17688",
        data_kinds=("shadow",),
        needs=("dataset",),
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase, 0 is the largest"),
            Provides("n_phases", (), "int32", long_name="number of phases"),
            Provides("component", ("theta", "shadow_component"),
                     long_name="principal component of Pauli expectation values over their errors"),
            Provides("variance", ("shadow_component",),
                     long_name="variance over the settings in units of that of shot noise"),
            Provides("share", ("shadow_component",), long_name="share of the total variance"),
            Provides("bic", ("shadow_mixture",), "float64",
                     long_name="Bayesian criterion of 1, 2, ... phases"),
        ),
    )  # fmt: skip
    Config = ShadowPcaConfig

    def run(self, ctx: Any, config: ShadowPcaConfig, *, key: Key) -> Mapping[str, Variable]:
        """Estimate, diagonalise, divide."""
        with threadpool_limits(1):
            return _run(ctx.dataset, config, generator(key))


def _run(dataset: Any, config: ShadowPcaConfig, rng: np.random.Generator) -> dict[str, Variable]:
    pairs = pairs_of_columns(dataset.spec, config.pairs)
    mean, noise = pauli_means(dataset, pairs)
    there = np.asarray(dataset.shots) > 1
    unit = np.sqrt(np.maximum(noise[there].mean(axis=0), 1e-9))  # shot noise has variance one
    apart = (mean - mean[there].mean(axis=0)) / unit
    variance, axes = principal(_covariance(apart[there]), config.components)
    component = apart @ axes.T
    told = variance > noise_edge(dataset, pairs, unit, there, rng)
    labels = mixture_labels(
        np.where(there[:, None], component, np.nan)[:, told], config.max_phases,
        int(rng.integers(2**31)), config.n_phases,
    )  # fmt: skip
    share = variance / max(float((apart[there] ** 2).mean(axis=0).sum()), 1e-12)
    words = f"{sizes(labels)}; {int(told.sum())} components stand above shot noise"
    return {
        "label": label_variable(dataset, labels, words),
        "n_phases": Variable(np.int32(labels.count), ()),
        "component": over_theta(dataset, component, "shadow_component"),
        "variance": Variable(variance.astype(np.float32), ("shadow_component",)),
        "share": Variable(share.astype(np.float32), ("shadow_component",)),
        "bic": Variable(labels.bic, ("shadow_mixture",)),
    }


def _covariance(apart: np.ndarray) -> np.ndarray:
    return apart.T @ apart / len(apart)


def noise_edge(
    dataset: Any, pairs: np.ndarray, unit: np.ndarray, there: np.ndarray, rng: np.random.Generator
) -> float:
    """Largest variance along a principal axis that shot noise explains.

    Half the difference of the means over two random halves of the shots of each setting holds the
    noise of the whole mean, with all its correlations (Z_i and Z_i Z_j share shots), and nothing
    else. Mean plus four standard deviations of its largest eigenvalue over random halves.
    """
    top = []
    for _ in range(SPLITS):
        apart = np.full((dataset.n_points, unit.size), np.nan)
        for p, (rows, count) in enumerate(settings_of(dataset)):
            if there[p]:
                owner = np.repeat(np.arange(len(rows)), count)
                sign = 1.0 - 2 * (rng.permutation(owner.size) % 2)
                weight = np.bincount(owner, sign, len(rows)) / owner.size
                apart[p] = _pauli_sums(rows, weight, dataset, pairs)[0] / unit
        top.append(float(principal(_covariance(apart[there]), 1)[0][0]))
    return float(np.mean(top) + 4 * np.std(top, ddof=1))


def pauli_means(dataset: Any, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Unbiased expectation values of one- and two-site Pauli strings, and their variances.

    A shot whose bases match the string counts 3^w times the product of its outcomes, any other 0
    (Huang, Kueng and Preskill, Nat. Phys. 16, 1050, 2020).

    Args:
        dataset: Shadows.
        pairs: (m, 2) pairs of the 3 N one-site strings X_1, Y_1, Z_1, X_2, ...

    Returns:
        (points, 3 N + m) each; NaN below two shots.
    """
    mean = np.full((dataset.n_points, 3 * dataset.n_sites + len(pairs)), np.nan)
    noise = mean.copy()
    for p, (rows, count) in enumerate(settings_of(dataset)):
        shots = count.sum() if len(rows) else 0
        if shots > 1:
            mean[p], square = _pauli_sums(rows, count / shots, dataset, pairs)
            noise[p] = np.maximum(square - mean[p] ** 2, 0.0) / (shots - 1)
    return mean, noise


def _pauli_sums(
    rows: np.ndarray, weight: np.ndarray, dataset: Any, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted sums of the estimates of all strings, and of their squares."""
    one = np.sqrt(3) * columns(dataset, rows)  # 3 times the outcome where the basis matches
    weighted, (a, b) = one * weight[:, None], pairs.T
    both, squares = one.T @ weighted, (one**2).T @ (one * weighted)
    return (
        np.concatenate([weighted.sum(axis=0), both[a, b]]),
        np.concatenate([(weighted * one).sum(axis=0), squares[a, b]]),
    )


shadow_pca = ShadowPca()
