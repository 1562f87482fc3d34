"""From the last hidden layer to log probabilities, or to a mean and a bounded log variance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

VARIANCE_FLOOR = 1e-4
"""Smallest variance of a continuous site, in units of its variance over the data."""


def log_probabilities(logits: jax.Array) -> jax.Array:
    """Normalised log probabilities over the last axis."""
    return jax.nn.log_softmax(logits, axis=-1)


def mean_and_logvar(
    raw: jax.Array,
    location: Sequence[float],
    scale: Sequence[float],
    floor: float,
    site: Any = slice(None),
) -> jax.Array:
    """Mean and log variance in original units from two free numbers per site.

    var = scale^2 (floor + softplus(s)): bounded below, smooth, and the same number in both terms
    of the Gaussian likelihood, which therefore has a minimum. A density of x in original units
    needs no further Jacobian.

    Args:
        raw: (..., N, 2), or (..., 2) for the single site `site`.
        location: Mean of each site over the data, () for 0.
        scale: Standard deviation of each site, () for 1.
        floor: Smallest variance of the standardised value.
        site: Which entries of location and scale are meant.

    Returns:
        Array of the shape of `raw`: mean, logvar.
    """
    mean, variance = raw[..., 0], floor + jax.nn.softplus(raw[..., 1])
    logvar = jnp.log(variance)
    if len(scale):
        sd = jnp.asarray(scale, dtype=raw.dtype)[site]
        mean, logvar = mean * sd, logvar + 2 * jnp.log(sd)
    if len(location):
        mean = mean + jnp.asarray(location, dtype=raw.dtype)[site]
    return jnp.stack([mean, logvar], axis=-1)
