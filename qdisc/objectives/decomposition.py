"""The rate of a VAE split into mutual information, total correlation and per-latent KL."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from qdisc.errors import ConfigError
from qdisc.objectives.kl import log_normal_pdf
from qdisc.objectives.mixture import MixtureWeights, log_mixture_density
from qdisc.objectives.weighted import weighted_mean


class Decomposition(NamedTuple):
    """Three parts of the rate E[ KL(q(z|x) || p(z)) ], in nats.

    Attributes:
        mi: Mutual information of snapshot and latents.
        tc: Total correlation of the latents.
        dwkl: Sum over latents of KL( q(z_k) || N(0, 1) ).
    """

    mi: Float[Array, ""]
    tc: Float[Array, ""]
    dwkl: Float[Array, ""]


def decompose(
    z: Float[Array, "rows latents"],
    mean: Float[Array, "components latents"],
    logvar: Float[Array, "components latents"],
    log_weights: MixtureWeights,
    row_mean: Float[Array, "rows latents"] | None = None,
    row_logvar: Float[Array, "rows latents"] | None = None,
    row_weights: Float[Array, " rows"] | None = None,
    block_rows: int | None = None,
) -> Decomposition:
    """Split the rate into its three parts, each a Monte Carlo mean over the rows.

        MI   = E[ log q(z|x) - log q(z) ]
        TC   = E[ log q(z) - sum_k log q(z_k) ]
        DWKL = E[ sum_k ( log q(z_k) - log p(z_k) ) ]

    All three use the same estimate of q(z), so that they add up to E[log q(z|x) - log p(z)] on the
    very rows given, whatever the quality of that estimate.

    Args:
        z: One sample of q(z|x) per row.
        mean: Posterior means of the mixture's components.
        logvar: Posterior log variances of the mixture's components.
        log_weights: As in `total_correlation`.
        row_mean: Posterior mean each row was drawn from; row i belongs to component i if left out.
        row_logvar: Its log variance.
        row_weights: Weight of each row, 0 for padding; all equal if left out.
        block_rows: As in `total_correlation`.

    Returns:
        mi, tc and dwkl, scalars in nats.

    Raises:
        ConfigError: If only one of `row_mean` and `row_logvar` is given, or neither although rows
            and components differ in number.

    Source: Chen, Li, Grosse & Duvenaud, arXiv:1802.04942, equation 2.
    """
    if row_mean is None and row_logvar is None and z.shape[0] == mean.shape[0]:
        row_mean, row_logvar = mean, logvar
    if row_mean is None or row_logvar is None:
        raise ConfigError(
            "the posterior that each row was drawn from is not known",
            where="decompose",
            value={"rows": z.shape[0], "components": mean.shape[0]},
            hint="pass row_mean and row_logvar",
        )
    if row_weights is not None:
        z = jnp.where((row_weights > 0)[:, None], z, jnp.zeros((), z.dtype))
    joint, marginal = log_mixture_density(z, mean, logvar, log_weights, block_rows)
    product = marginal.sum(axis=1)
    posterior = log_normal_pdf(row_mean, row_logvar, z).sum(axis=1)
    prior = log_normal_pdf(jnp.zeros_like(z), jnp.zeros_like(z), z).sum(axis=1)
    return Decomposition(
        mi=weighted_mean(posterior - joint, row_weights),
        tc=weighted_mean(joint - product, row_weights),
        dwkl=weighted_mean(product - prior, row_weights),
    )
