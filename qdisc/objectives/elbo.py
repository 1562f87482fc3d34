"""The training loss: reconstruction + beta KL + gamma TC."""

from __future__ import annotations

import math
from typing import NamedTuple

from jax.core import Tracer
from jaxtyping import Array, Float, Num

from qdisc._typing import DataType
from qdisc.errors import ConfigError
from qdisc.objectives.kl import kl_per_latent
from qdisc.objectives.likelihood import Decoded, Weight, reconstruction_nll
from qdisc.objectives.mixture import MixtureWeights
from qdisc.objectives.total_correlation import total_correlation
from qdisc.objectives.weighted import weighted_mean


class Terms(NamedTuple):
    """The terms of the loss, each a mean over rows in nats.

    Attributes:
        reconstruction: Minus the log likelihood, summed over sites.
        kl: KL of the posterior from the standard normal prior, summed over latents.
        tc: Total correlation, or None where it was not computed.
    """

    reconstruction: Float[Array, ""]
    kl: Float[Array, ""]
    tc: Float[Array, ""] | None = None


class Mixture(NamedTuple):
    """The aggregate posterior that total correlation is measured against.

    Attributes:
        mean: (components, latents) posterior means.
        logvar: (components, latents) posterior log variances.
        log_weights: Their log weights, see `total_correlation`.
    """

    mean: Float[Array, "components latents"]
    logvar: Float[Array, "components latents"]
    log_weights: MixtureWeights


def elbo_terms(
    cp: Decoded,
    batch: Num[Array, "rows columns"],
    z: Float[Array, "rows latents"],
    mean: Float[Array, "rows latents"],
    logvar: Float[Array, "rows latents"],
    data_type: DataType,
    *,
    row_weights: Float[Array, " rows"] | None = None,
    hybrid: tuple[Weight, Weight] = (1.0, 1.0),
    mixture: Mixture | None = None,
) -> Terms:
    """Evaluate the terms of the loss on one batch of rows.

    Args:
        cp: Decoder output for (z, batch).
        batch: Rows as stored in the data set.
        z: One sample of the posterior per row.
        mean: Posterior mean of each row.
        logvar: Posterior log variance of each row.
        data_type: What the columns mean.
        row_weights: Weight of each row, 0 for padding; all equal if left out.
        hybrid: Weights (w_d, w_c) of the two halves of hybrid data, from `hybrid_weights`.
        mixture: The aggregate posterior. Without one, total correlation costs no time: pass None
            when gamma is zero throughout.

    Returns:
        The terms; `tc` is None without a mixture.
    """
    weights = hybrid if data_type == "hybrid" else None
    nll = reconstruction_nll(cp, batch, data_type, weights=weights)
    tc = None
    if mixture is not None:
        tc = total_correlation(z, mixture.mean, mixture.logvar, mixture.log_weights, row_weights)
    return Terms(
        reconstruction=weighted_mean(nll, row_weights),
        kl=weighted_mean(kl_per_latent(mean, logvar).sum(axis=1), row_weights),
        tc=tc,
    )


def combine(terms: Terms, beta: Weight = 1.0, gamma: Weight | None = None) -> Float[Array, ""]:
    """Add the terms up: loss = reconstruction + beta kl + gamma tc.

    Minus the evidence lower bound at beta = 1, gamma = 0 (Kingma & Welling, arXiv:1312.6114); beta
    weighs the rate (Higgins et al., beta-VAE, ICLR 2017), gamma presses the latents to be
    independent (Chen et al., arXiv:1802.04942; Kim & Mnih, arXiv:1802.05983, where the weight of
    the total correlation is added to the bound in the same way).

    Args:
        terms: What `elbo_terms` returned.
        beta: Weight of the KL, finite and not negative. A traced value is not checked.
        gamma: Weight of the total correlation, finite and not negative; None or 0 leaves it out.

    Returns:
        The loss, a scalar in nats.

    Raises:
        ConfigError: If a weight is negative, infinite or NaN, or if gamma needs a total
            correlation that was not computed.
    """
    loss = terms.reconstruction + _checked("beta", beta) * terms.kl
    if gamma is None:
        return loss
    gamma = _checked("gamma", gamma)
    if terms.tc is not None:
        return loss + gamma * terms.tc
    if isinstance(gamma, Tracer) or gamma != 0:
        raise ConfigError(
            "gamma weighs the total correlation, which was not computed",
            where="gamma",
            value=gamma,
            hint="pass a mixture to elbo_terms, or gamma=None",
        )
    return loss


def _checked(name: str, weight: Weight) -> Weight:
    if isinstance(weight, Tracer):
        return weight
    # A weight of NaN would turn every parameter into NaN at the first step.
    if not (math.isfinite(float(weight)) and float(weight) >= 0.0):
        raise ConfigError(
            f"{name} is not a finite number >= 0", where=name, value=weight, hint=f"{name}=1.0"
        )
    return weight
