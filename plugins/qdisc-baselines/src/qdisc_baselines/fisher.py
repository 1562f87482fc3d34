"""Analysis `generative_fisher`: Fisher information of a maximum-entropy model of the snapshots.

A generative classifier puts a model p(x|theta) at every setting and reads from it how well
snapshots tell neighbouring settings apart (Arnold et al., 2311.10710). With one- and two-body
features phi, the model of greatest entropy with the measured moments, p ~ exp(eta(theta).phi(x)),
has

    F_ab = d_a eta . C . d_b eta = d_a mu . C^-1 . d_b mu,    mu = <phi>, C = cov(phi),

which needs no partition function: the moments are enough. For any data it is a lower bound on the
Fisher information of the snapshots, reached when their score lies in the span of phi.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc._typing import Key
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Config, DataSpec, Provides, Variable
from threadpoolctl import threadpool_limits

from qdisc_baselines.derivatives import derivatives
from qdisc_baselines.features import Moments, moments, pairs_of_columns
from qdisc_baselines.mixtures import over_theta

RANK = 1e-6  # variances below this share of the largest are no direction at all


class FisherConfig(Config):
    """Options of `generative_fisher`.

    Attributes:
        pairs: Most two-body features; whole shells of equal distance, nearest first.
    """

    pairs: int = 128

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        if self.pairs < 0:
            raise ConfigError(
                "the value has no meaning", where="analyses.generative_fisher.pairs",
                value=self.pairs, hint="zero or more pairs",
            )  # fmt: skip


class GenerativeFisher:
    """d mu . C^-1 . d mu along each axis, freed from shot noise, with its error."""

    spec = AnalysisSpec(
        name="generative_fisher",
        summary="Fisher information of a maximum-entropy (Boltzmann) generative classifier.",
        citation="J. Arnold et al., Phys. Rev. Lett. 132, 207301 (2024), arXiv:2311.10710",
        needs=("dataset",),
        provides=(
            Provides("fisher", ("theta", "coupling"),
                     long_name="Fisher information about each axis, per squared unit of theta"),
            Provides("fisher_error", ("theta", "coupling"), long_name="its standard error"),
            Provides("distance", ("theta",),
                     long_name="squared Hellinger distance per step, sum_a F_a step_a^2 / 4"),
        ),
    )  # fmt: skip
    Config = FisherConfig

    def applies(self, data_spec: DataSpec) -> str:
        """A derivative needs a sweep."""
        few = data_spec.n_points < 3
        return f"needs a sweep of 3 settings, the data have {data_spec.n_points}" if few else ""

    def run(self, ctx: Any, config: FisherConfig, *, key: Key) -> Mapping[str, Variable]:
        """Moments, their derivatives, and the quadratic form."""
        dataset = ctx.dataset
        with threadpool_limits(1):
            m = moments(dataset, pairs_of_columns(dataset.spec, config.pairs))
            ways = derivatives(dataset)
            each = [fisher_information(m, way.matrix) for way in ways]
        fisher, error = (np.stack(parts, axis=1) for parts in zip(*each, strict=True))
        steps = np.array([way.step for way in ways])
        height = np.nansum(fisher * steps**2, axis=1) / 4
        height[np.isnan(fisher).all(axis=1)] = np.nan
        return {
            "fisher": over_theta(dataset, fisher, "coupling"),
            "fisher_error": over_theta(dataset, error, "coupling"),
            "distance": over_theta(dataset, height),
        }


def fisher_information(m: Moments, derivative: Any) -> tuple[np.ndarray, np.ndarray]:
    """D mu . C^-1 . d mu at each setting, and its standard error, (points,) each.

    The estimate d of d mu = sum_j D_pj mu_j has covariance s C with s = sum_j D_pj^2 / n_j, so that
    d . C^-1 . d is s times a noncentral chi^2 of k degrees of freedom: s k is taken off, and the
    variance is 2 k s^2 + 4 s F. C is pooled over the settings of the derivative; (n - k - 2) / n is
    the mean of its inverse (Wishart). Directions that cannot be told from constant are left out;
    where shots are few, only the n / 4 directions of largest variance are kept.

    Args:
        m: Moments of the features.
        derivative: Sparse D (points, points); an empty row gives NaN.
    """
    points = len(m.shots)
    out, error = np.full(points, np.nan), np.full(points, np.nan)
    matrix = derivative.tocsr()
    for p in range(points):
        entries = slice(matrix.indptr[p], matrix.indptr[p + 1])
        who, weight = matrix.indices[entries], matrix.data[entries]
        if not who.size:
            continue
        shots = m.shots[who].astype(float)
        n = shots.sum()
        slope = weight @ m.mean[who]
        pooled = np.einsum("p,pij->ij", shots / n, m.covariance[who])
        variance, axes = np.linalg.eigh(pooled)
        use = variance > RANK * max(float(variance[-1]), 1e-12)
        use[: max(0, use.size - int(n // 4))] = False
        k = int(use.sum())
        if not k or n <= k + 3:
            continue
        along = slope @ axes[:, use]
        shrink = (n - len(who) - k - 1) / n
        s = float((weight**2 / shots).sum())
        out[p] = shrink * float((along**2 / variance[use]).sum()) - s * k
        error[p] = np.sqrt(2 * k * s**2 + 4 * s * max(out[p], 0.0))
    return out, error


generative_fisher = GenerativeFisher()
