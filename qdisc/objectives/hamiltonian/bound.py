"""The Hamiltonian evidence bound: densities at both ends of the path, and their difference.

    log pbar = log p(x|z_K) + log p(z_K) + log N(rho_K | 0, I)
    log qbar = log q(z_0|x) + log N(rho_0 | 0, I/beta_0) - log |det|

with rho_0 = gamma / sqrt(beta_0). The last two terms are log N(gamma | 0, I) + (l/2) log beta_K:
beta_0 cancels, which is how they are computed here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from qdisc.errors import ConfigError
from qdisc.objectives.hamiltonian.force import Likelihood, LogPrior, log_standard_normal
from qdisc.objectives.hamiltonian.leapfrog import Path, leapfrog_tempering_step
from qdisc.objectives.kl import LOG_2PI


class LogPWeights(NamedTuple):
    """Weights of the terms of log pbar; all one is the bound.

    Attributes:
        likelihood: Of log p(x|z_K).
        z: Of log p(z_K).
        rho: Of log N(rho_K | 0, I).
    """

    likelihood: Any = 1.0
    z: Any = 1.0
    rho: Any = 1.0


class LogQWeights(NamedTuple):
    """Weights of the terms of log qbar; all one is the bound.

    Attributes:
        z: Of log q(z_0|x).
        rho: Of log N(rho_0 | 0, I/beta_0).
        jacobian: Of -log |det|.
    """

    z: Any = 1.0
    rho: Any = 1.0
    jacobian: Any = 1.0


class Noise(NamedTuple):
    """The base noise of one sample: everything random in it.

    Attributes:
        z: Of the latents, z_0 = mean + exp(logvar / 2) noise (rows, latents).
        rho: gamma, of the momentum (rows, latents).
    """

    z: Float[Array, "rows latents"]
    rho: Float[Array, "rows latents"]


class Sample(NamedTuple):
    """One sample of the bound per row.

    Attributes:
        log_p: log pbar (rows,).
        log_q: log qbar (rows,); E[exp(log_p - log_q)] = p(x).
        path: The path behind it.
    """

    log_p: Float[Array, " rows"]
    log_q: Float[Array, " rows"]
    path: Path


def log_p_bar(
    log_likelihood: Float[Array, " rows"],
    z_final: Float[Array, "rows latents"],
    rho_final: Float[Array, "rows latents"],
    log_prior: LogPrior = log_standard_normal,
    weights: Any = LogPWeights(),  # noqa: B008 (frozen)
) -> Float[Array, " rows"]:
    """Log density of the extended model at the end of the path.

    The momentum is standard normal, whatever the prior of z.

    Args:
        log_likelihood: log p(x|z_K).
        z_final: z_K.
        rho_final: rho_K.
        log_prior: z -> log p(z).
        weights: `LogPWeights`, or three numbers in its order.

    Returns:
        log pbar per row, in nats.

    Raises:
        ConfigError: Not three weights.
    """
    w = named(LogPWeights, weights, "logp_prefactor")
    return (
        w.likelihood * log_likelihood
        + w.z * log_prior(z_final)
        + w.rho * log_standard_normal(rho_final)
    )


def log_q_bar(
    log_q: Float[Array, " rows"],
    gamma: Float[Array, "rows latents"],
    betas: Float[Array, " stages"],
    weights: Any = LogQWeights(),  # noqa: B008 (frozen)
) -> Float[Array, " rows"]:
    """Log density of the proposal at the end of the path, its change of volume included.

    Args:
        log_q: log q(z_0|x).
        gamma: Base noise of the momentum, sqrt(beta_0) rho_0.
        betas: Inverse temperatures (K + 1,).
        weights: `LogQWeights`, or three numbers in its order.

    Returns:
        log qbar per row, in nats.

    Raises:
        ConfigError: Not three weights.
    """
    w = named(LogQWeights, weights, "logq_prefactor")
    log_beta = jnp.log(betas).astype(gamma.dtype)
    # equal weights of momentum and Jacobian: log beta_0 gets the weight zero exactly
    volume = (w.rho - w.jacobian) * log_beta[0] + w.jacobian * log_beta[-1]
    momentum = w.rho * log_standard_normal(gamma)
    return w.z * log_q + momentum + 0.5 * gamma.shape[1] * volume


def gaussian_start(
    mean: Float[Array, "rows latents"],
    logvar: Float[Array, "rows latents"],
    noise: Float[Array, "rows latents"],
) -> tuple[Float[Array, "rows latents"], Float[Array, " rows"]]:
    """z_0 = mean + exp(logvar / 2) noise, and log q(z_0|x) without a cancellation."""
    z = mean + jnp.exp(0.5 * logvar) * noise
    return z, -0.5 * jnp.sum(LOG_2PI + logvar + noise * noise, axis=1)


def hamiltonian_sample(
    likelihood: Likelihood,
    mean: Float[Array, "rows latents"],
    logvar: Float[Array, "rows latents"],
    noise: Noise,
    step_size: Any,
    betas: Float[Array, " stages"],
    log_prior: LogPrior = log_standard_normal,
    method: str = "autodiff",
    *,
    remat: bool = False,
    logp_weights: Any = LogPWeights(),  # noqa: B008 (frozen)
    logq_weights: Any = LogQWeights(),  # noqa: B008 (frozen)
) -> Sample:
    """Draw z_0 and rho_0, follow the path, and weigh its end.

    Args:
        likelihood: z -> (log p(x|z), decoder output).
        mean: Mean of q(z_0|x).
        logvar: Log variance of q(z_0|x).
        noise: Base noise of position and momentum.
        step_size: See `leapfrog_tempering_step`.
        betas: Inverse temperatures (K + 1,).
        log_prior: z -> log p(z).
        method: How the force is computed.
        remat: Recompute the steps when going backwards.
        logp_weights: Weights of the terms of log pbar.
        logq_weights: Weights of the terms of log qbar.

    Returns:
        log pbar, log qbar and the path; the mean of their difference is the bound.
    """
    z, log_q = gaussian_start(mean, logvar, noise.z)
    rho = noise.rho / jnp.sqrt(betas[0]).astype(z.dtype)
    path = leapfrog_tempering_step(
        likelihood, z, rho, step_size, betas, log_prior, method, remat=remat
    )
    ends = path.phase_space
    return Sample(
        log_p_bar(path.log_likelihood, ends.z_final, ends.rho_final, log_prior, logp_weights),
        log_q_bar(log_q, noise.rho, betas, logq_weights),
        path,
    )


def hamiltonian_elbo(
    sample: Sample, *, reduce: bool = True
) -> Float[Array, ""] | Float[Array, " rows"]:
    """The bound E[log pbar - log qbar] <= log p(x) from one sample per row.

    Args:
        sample: From `hamiltonian_sample`.
        reduce: Mean over rows; otherwise one value per row, the log importance weight.

    Returns:
        Nats, a scalar or (rows,).
    """
    values = sample.log_p - sample.log_q
    return values.mean() if reduce else values


def named(kind: Any, weights: Any, where: str) -> Any:
    """Return the weights as `kind`, from one of it or a sequence of as many numbers."""
    if isinstance(weights, kind):
        return weights
    try:
        return kind._make(weights)
    except TypeError:
        raise ConfigError(
            f"three weights are wanted: {', '.join(kind._fields)}", where=where, value=weights,
            hint=f"{kind.__name__}({kind._fields[0]}=1.0)",
        ) from None  # fmt: skip
