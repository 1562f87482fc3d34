"""Analysis `latent_map`: the posterior averaged over the shots of every setting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qdisc._typing import Key
from qdisc.dataset.counts import CountMatrix
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, Provides, Variable
from qdisc.train.fit import ACTIVE


class LatentMapConfig(Config):
    """Options of `latent_map`.

    Attributes:
        bins: Bins of the histograms of mu, per latent.
        active: Latents with a mean KL above this many nats count as active.
    """

    bins: int = 64
    active: float = ACTIVE

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        if self.bins < 1:
            raise ConfigError(
                "a histogram has bins", where="analyses.latent_map.bins", value=self.bins
            )


_MAP = ("theta", "latent")


class LatentMap:
    """Maps of mu, |mu|, spread, log variance and KL over theta; exact sums over all shots."""

    spec = AnalysisSpec(
        name="latent_map",
        summary="Latent variables over theta: mean, absolute mean, spread, KL and histograms.",
        needs=("latent", "dataset"),
        optional_needs=("model",),
        default=True,
        provides=(
            Provides("mu", _MAP, long_name="posterior mean, averaged over shots"),
            Provides("mu_abs", _MAP, long_name="absolute posterior mean, averaged over shots"),
            Provides("mu_std", _MAP, long_name="standard deviation of mu over shots"),
            Provides("logvar", _MAP, long_name="log variance of the posterior, averaged"),
            Provides("kl", _MAP, units="nat", long_name="KL to the prior, averaged over shots"),
            Provides("rate", ("latent",), units="nat", long_name="mean KL over all snapshots"),
            Provides("active", ("latent",), "uint8", long_name="whether the latent is used"),
            Provides("order", ("latent",), "int32", long_name="number of the latent in the model"),
            Provides("histogram", (*_MAP, "bin"), "int32", long_name="shots per bin of mu"),
            Provides("histogram_all", ("latent", "bin"), "int64",
                     long_name="snapshots per bin of mu over the whole sweep"),
            Provides("bin_edges", ("latent", "bin_edge"), long_name="edges of the bins of mu"),
            Provides("label_probs", ("theta", "label"), long_name="probability of each label",
                     optional=True),
        ),
    )  # fmt: skip
    Config = LatentMapConfig

    def run(self, ctx: Any, config: LatentMapConfig, *, key: Key) -> Mapping[str, Variable]:
        """Average the latent table over the shots of each point."""
        dataset, latent = ctx.dataset, ctx.latent
        dims = (*dataset.theta_dims, "latent")

        def over_theta(values: np.ndarray, units: str = "1") -> Variable:
            return Variable(dataset.to_theta(values).astype(np.float32), dims, units)

        mean, variance = dataset.moments(latent.mu)
        counts, edges = histograms(latent.mu, dataset.counts, config.bins)
        active = (latent.rate > config.active).astype(np.uint8)
        flags = {"flag_values": np.array([0, 1], np.uint8), "flag_meanings": "collapsed active"}
        out = {
            "mu": over_theta(mean),
            "mu_abs": over_theta(dataset.average(np.abs(latent.mu))),
            "mu_std": over_theta(np.sqrt(variance)),
            "logvar": over_theta(dataset.average(latent.logvar)),
            "kl": over_theta(dataset.average(latent.kl), "nat"),
            "rate": Variable(latent.rate.astype(np.float32), ("latent",), "nat"),
            "active": Variable(active, ("latent",), attrs=flags),
            "order": Variable(latent.order.astype(np.int32), ("latent",)),
            "histogram": Variable(dataset.to_theta(counts).astype(np.int32), (*dims, "bin")),
            "histogram_all": Variable(counts.sum(axis=0), ("latent", "bin")),
            "bin_edges": Variable(edges.astype(np.float32), ("latent", "bin_edge")),
        }
        labels = None if ctx.model is None else ctx.model.label_probs(dataset.configurations)
        if labels is not None:
            labels = dataset.to_theta(dataset.average(labels)).astype(np.float32)
            out["label_probs"] = Variable(labels, (*dataset.theta_dims, "label"))
        return out


def histograms(mu: np.ndarray, counts: CountMatrix, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """Shots per point, latent and bin, int64 (P, L, bins), and the edges (L, bins + 1).

    The bins of a latent span its smallest to its largest mu, so that no shot falls outside.
    """
    low, high = mu.min(axis=0).astype(np.float64), mu.max(axis=0).astype(np.float64)
    flat = high - low <= 1e-12 * np.maximum(1.0, np.abs(low))
    low, high = np.where(flat, low - 0.5, low), np.where(flat, high + 0.5, high)
    edges = np.linspace(low, high, bins + 1, axis=1)
    out = np.zeros((counts.n_points, mu.shape[1], bins), dtype=np.int64)
    for entries, indptr in counts.blocks():
        values = mu[counts.indices[entries]]
        bin_of = ((values - low) / (high - low) * bins).astype(np.int64).clip(0, bins - 1)
        point = np.repeat(np.arange(counts.n_points), np.diff(indptr)) * bins
        for k in range(mu.shape[1]):
            total = np.bincount(
                point + bin_of[:, k], counts.data[entries], minlength=counts.n_points * bins
            )
            out[:, k] += total.reshape(-1, bins).astype(np.int64)
    return out, edges


latent_map = LatentMap()
