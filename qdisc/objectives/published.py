"""The loss functions under their published names: batch means over the per-row functions.

Each returns nats, summed over sites or latents and averaged over the batch.
"""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float, Num

from qdisc._typing import ArrayLike
from qdisc.errors import DataError
from qdisc.objectives.kl import kl_per_latent, log_normal_pdf
from qdisc.objectives.likelihood import categorical_nll, gaussian_nll, integer_codes
from qdisc.objectives.mixture import Stratified
from qdisc.objectives.total_correlation import total_correlation

__all__ = [
    "TC_term",
    "categorical_reconstruction_loss",
    "gaussian_negloglik",
    "kl_standard_normal",
    "log_normal_pdf",
]


def TC_term(
    mean: Float[Array, "batch latents"],
    logvar: Float[Array, "batch latents"],
    z: Float[Array, "batch latents"],
) -> Float[Array, ""]:
    """Total correlation of a batch that is taken for the whole data set, in nats.

    Args:
        mean: Posterior means.
        logvar: Logarithms of the posterior variances.
        z: One sample of each posterior.

    Returns:
        `total_correlation` with the weight 1 / batch for every component, a scalar.
    """
    return total_correlation(z, mean, logvar, Stratified(n_total=z.shape[0]))


def kl_standard_normal(
    mean: Float[Array, "batch latents"], logvar: Float[Array, "batch latents"]
) -> Float[Array, ""]:
    """KL of diagonal Gaussians from N(0, I), summed over latents, batch mean, in nats.

    Args:
        mean: Posterior means.
        logvar: Logarithms of the posterior variances.

    Returns:
        A scalar; `kl_per_latent` has the formula.
    """
    return kl_per_latent(mean, logvar).sum(axis=1).mean()


def gaussian_negloglik(
    recon_mean: Float[Array, "batch sites"],
    recon_logvar: Float[Array, "batch sites"],
    targets: Float[Array, "batch sites"],
    eps: float = 1e-08,
) -> Float[Array, ""]:
    """Gaussian negative log likelihood, summed over sites, batch mean, in nats.

    Args:
        recon_mean: Predicted means.
        recon_logvar: Logarithms of the predicted variances.
        targets: Observed values.
        eps: Floor added to the variance in the logarithm and in the quotient alike.

    Returns:
        A scalar; `gaussian_nll` has the formula.
    """
    return gaussian_nll(recon_mean, recon_logvar, targets, eps).mean()


def categorical_reconstruction_loss(
    log_cp_i: Float[Array, "batch sites outcomes"], targets: Num[Array, "batch sites"]
) -> Float[Array, ""]:
    """Categorical negative log likelihood, summed over sites, batch mean, in nats.

    Args:
        log_cp_i: Log conditional probabilities of every outcome at every site.
        targets: Observed codes 0..outcomes-1 (whole numbers, of any dtype).

    Returns:
        A scalar; `categorical_nll` has the formula. Under jit, where values cannot be looked at,
        a code outside the range gives NaN.

    Raises:
        DataError: If the shapes do not match or a target is not one of the codes.
    """
    outcomes = log_cp_i.shape[-1]
    if tuple(log_cp_i.shape[:-1]) != tuple(np.shape(targets)):
        raise DataError(
            "targets and log probabilities do not describe the same sites",
            where="categorical_reconstruction_loss",
            value={"log_cp_i": tuple(log_cp_i.shape), "targets": tuple(np.shape(targets))},
            hint="log_cp_i is (batch, sites, outcomes), targets is (batch, sites)",
        )
    if not isinstance(targets, Tracer):
        _check_codes(targets, outcomes)
    return categorical_nll(log_cp_i, integer_codes(jnp.asarray(targets))).mean()


def _check_codes(targets: ArrayLike, outcomes: int) -> None:
    values = np.asarray(targets)
    bad = ~np.isin(values, np.arange(outcomes))
    if bad.any():
        first = tuple(int(i) for i in np.argwhere(bad)[0])
        raise DataError(
            f"a target is not one of the codes 0..{outcomes - 1}",
            where=f"targets[{', '.join(map(str, first))}]",
            value=values[first].item(),
            hint="targets are codes: map -1/+1 to 0/1 with (s + 1) // 2",
        )
