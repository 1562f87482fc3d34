"""Analysis `pca`: principal components of the snapshots, and mixtures of their maps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from threadpoolctl import threadpool_limits

from qdisc_baselines.components import above_noise, principal
from qdisc_baselines.features import columns, settings_of
from qdisc_baselines.mixtures import (
    check_counts,
    label_variable,
    mixture_labels,
    over_theta,
    sizes,
)


class PcaConfig(Config):
    """Options of `pca`.

    Attributes:
        components: Principal components that are mapped.
        n_phases: Number of components of the mixture; unset: that of the least BIC.
        max_phases: Most components of the mixture.
    """

    components: int = 4
    n_phases: int | None = None
    max_phases: int = 8

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        check_counts("pca", self, "components", "max_phases", "n_phases")


class Pca:
    """Snapshots along their principal axes; phases by a mixture of mean and mean size."""

    spec = AnalysisSpec(
        name="pca",
        summary="Principal components of snapshots, phases by Gaussian mixtures (BIC).",
        citation="L. Wang, Phys. Rev. B 94, 195105 (2016)",
        needs=("dataset",),
        provides=(
            Provides("label", ("theta",), "int32", long_name="phase, 0 is the largest"),
            Provides("n_phases", (), "int32", long_name="number of phases"),
            Provides("mean", ("theta", "pca_component"), long_name="mean principal component"),
            Provides("size", ("theta", "pca_component"),
                     long_name="mean absolute principal component"),
            Provides("variance", ("pca_component",), long_name="variance of the component"),
            Provides("share", ("pca_component",), long_name="share of the total variance"),
            Provides("axis", ("pca_component", "pca_column"), long_name="principal axis"),
            Provides("bic", ("pca_mixture",), "float64",
                     long_name="Bayesian criterion of 1, 2, ... phases"),
        ),
    )  # fmt: skip
    Config = PcaConfig

    def run(self, ctx: Any, config: PcaConfig, *, key: Key) -> Mapping[str, Variable]:
        """Diagonalise, map, divide."""
        seed = int(generator(key).random() * 2**31)
        with threadpool_limits(1):
            return _run(ctx.dataset, config, seed)


def _run(dataset: Any, config: PcaConfig, seed: int) -> dict[str, Variable]:
    x = columns(dataset, dataset.configurations)
    weight = dataset.weights / dataset.weights.sum()
    centre = weight @ x
    x -= centre
    variance, axes = principal((x.T * weight) @ x, config.components)
    n = len(variance)
    features = np.full((dataset.n_points, 2 * n), np.nan)
    noise = features.copy()
    for p, (rows, count) in enumerate(settings_of(dataset)):
        if len(rows):
            z = (columns(dataset, rows) - centre) @ axes.T
            z = np.concatenate([z, np.abs(z)], axis=1)
            share = count / count.sum()
            features[p] = share @ z
            noise[p] = np.maximum(share @ z**2 - features[p] ** 2, 0) / count.sum()
    there = np.isfinite(features).all(axis=1)
    told = above_noise(features[there], noise[there])
    labels = mixture_labels(features[:, told], config.max_phases, seed, config.n_phases)
    total = float(weight @ (x**2).sum(axis=1))
    words = f"{sizes(labels)}; the first axis has {variance[0] / total:.0%} of the variance"
    return {
        "label": label_variable(dataset, labels, words),
        "n_phases": Variable(np.int32(labels.count), ()),
        "mean": over_theta(dataset, features[:, :n], "pca_component"),
        "size": over_theta(dataset, features[:, n:], "pca_component"),
        "variance": Variable(variance.astype(np.float32), ("pca_component",)),
        "share": Variable((variance / total).astype(np.float32), ("pca_component",)),
        "axis": Variable(axes.astype(np.float32), ("pca_component", "pca_column")),
        "bic": Variable(labels.bic, ("pca_mixture",)),
    }


pca = Pca()
