"""Kullback-Leibler divergence of a diagonal Gaussian posterior from the standard normal prior."""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array, Float

LOG_2PI = math.log(2.0 * math.pi)


def log_normal_pdf(
    mu: Float[Array, "*#shape"],
    logvar: Float[Array, "*#shape"],
    sample: Float[Array, "*#shape"],
) -> Float[Array, ...]:
    """Log density of a normal distribution, elementwise, in nats.

        log N(s | mu, exp(logvar)) = -1/2 [ log 2 pi + logvar + (s - mu)^2 exp(-logvar) ]

    The difference is scaled before it is squared, so that narrow posteriors (standard deviations
    down to 1e-17 in float32) neither overflow nor cancel.

    Args:
        mu: Mean.
        logvar: Logarithm of the variance.
        sample: Where to evaluate; broadcasts against `mu` and `logvar`.

    Returns:
        The log density, in the broadcast shape.
    """
    scaled = (sample - mu) * jnp.exp(-0.5 * logvar)
    return -0.5 * (LOG_2PI + logvar + scaled * scaled)


def kl_per_latent(
    mean: Float[Array, "rows latents"], logvar: Float[Array, "rows latents"]
) -> Float[Array, "rows latents"]:
    """KL( N(mean, exp(logvar)) || N(0, 1) ) of each latent of each row, in nats.

        KL = 1/2 [ mean^2 + exp(logvar) - 1 - logvar ] >= 0

    Args:
        mean: Posterior means.
        logvar: Logarithms of the posterior variances.

    Returns:
        One value per row and latent.

    Source: Kingma & Welling, "Auto-encoding variational Bayes", arXiv:1312.6114, appendix B.
    """
    # expm1 keeps the digits of exp(logvar) - 1 near the prior, where the KL itself is about
    # logvar^2 / 4.
    return 0.5 * (mean * mean + (jnp.expm1(logvar) - logvar))
