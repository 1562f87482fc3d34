"""Penalties that hold weights near a Normal or Beta distribution: minus a log density, weighted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.scipy.stats import beta as beta_law
from jax.scipy.stats import norm

from qdisc.errors import ConfigError


def normal_regulariser(
    mean: float, std: float, weight: float = 1.0, function: Callable | None = None
) -> Callable[[Any], jax.Array]:
    """Parameter -> - weight sum log N(function(parameter) | mean, std^2).

    Raises:
        ConfigError: std is not positive.
    """
    if not std > 0:
        raise ConfigError("a standard deviation is positive", where="std", value=std)
    apply = function or jnp.asarray
    return lambda param: -weight * norm.logpdf(apply(param), mean, std).sum()


def beta_regulariser(
    mean: float, std: float, weight: float = 1.0, function: Callable | None = None
) -> Callable[[Any], jax.Array]:
    """Parameter -> - weight sum log Beta(function(parameter) | a, b), values in (0, 1).

        a = m (m (1 - m) / s^2 - 1),    b = a (1 - m) / m

    Raises:
        ConfigError: No Beta distribution has this mean and deviation: s^2 < m (1 - m).
    """
    if not 0 < mean < 1 or not 0 < std**2 < mean * (1 - mean):
        raise ConfigError(
            "no Beta distribution has this mean and standard deviation", where="mean, std",
            value=(mean, std), hint="0 < mean < 1 and std^2 < mean (1 - mean)",
        )  # fmt: skip
    a = mean * (mean * (1 - mean) / std**2 - 1)
    b = a * (1 - mean) / mean
    apply = function or jnp.asarray
    return lambda param: -weight * beta_law.logpdf(apply(param), a, b).sum()
