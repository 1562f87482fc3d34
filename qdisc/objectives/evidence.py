"""Importance-weighted evidence: log p(x) from weighted samples, with its effective sample size."""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Evidence(NamedTuple):
    """An estimate of log p(x) per row.

    Attributes:
        log_p: log of the mean weight (rows,), nats. exp(log_p) has the mean p(x); log_p itself is
            too small by about (1/ess - 1/n) / 2 on average.
        ess: Effective number of samples (sum w)^2 / sum w^2 (rows,), between 1 and n.
    """

    log_p: Float[Array, " rows"]
    ess: Float[Array, " rows"]


def importance_evidence(log_weights: Float[Array, "rows samples"]) -> Evidence:
    """Evidence log p(x) and effective sample size from log weights log p(x, z) - log q(z|x).

        log_p = log( 1/n sum_s w_s ),    ess = (sum_s w_s)^2 / sum_s w_s^2

    Args:
        log_weights: One weight per row and sample.

    Returns:
        The evidence of each row.

    Source: Burda, Grosse & Salakhutdinov, arXiv:1509.00519; Kong, Liu & Wong, J. Am. Stat. Assoc.
    89, 278 (1994) for the effective sample size.
    """
    n = log_weights.shape[1]
    total = jax.nn.logsumexp(log_weights, axis=1)
    squares = jax.nn.logsumexp(2.0 * log_weights, axis=1)
    log_n = jnp.log(jnp.asarray(n, log_weights.dtype))
    return Evidence(total - log_n, jnp.exp(2.0 * total - squares))
