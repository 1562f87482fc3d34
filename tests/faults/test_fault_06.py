"""Fault 6 of the published library: the Gaussian loss was unbounded below.

There the quotient had the floor exp(logvar) + eps and the logarithm had not, so that a well
predicted value let logvar run to minus infinity.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.likelihood import gaussian_nll
from qdisc.objectives.published import gaussian_negloglik

LOGVAR = jnp.linspace(-200.0, 5.0, 411, dtype=jnp.float32)[:, None]


def check_bounded(loss):
    """Never below log(2 pi eps)/2, and no gradient left far below the floor."""
    for distance in (0.0, 1e-6, 1e-4, 0.1):
        x = jnp.full_like(LOGVAR, distance)
        mean = jnp.zeros_like(x)
        for eps in (1e-8, 1e-4):
            values = np.asarray(loss(mean, LOGVAR, x, eps))
            assert values.min() >= 0.5 * math.log(2 * math.pi * eps) - 1e-5
            slope = jax.grad(lambda v, x=x, mean=mean, eps=eps: loss(mean, v, x, eps).sum())
            assert np.abs(slope(LOGVAR)[LOGVAR < -60]).max() < 1e-3


def floor_in_the_quotient_only(mean, logvar, targets, eps=1e-8):
    quotient = (targets - mean) ** 2 / (jnp.exp(logvar) + eps)
    return 0.5 * (math.log(2 * math.pi) + logvar + quotient).sum(axis=-1)


def test_the_loss_is_bounded_below():
    check_bounded(gaussian_nll)


def test_a_floor_in_the_quotient_only_is_caught():
    with pytest.raises(AssertionError):
        check_bounded(floor_in_the_quotient_only)


def test_the_published_name_has_the_same_floor():
    x = jnp.zeros((4, 3), jnp.float32)
    value = float(gaussian_negloglik(x, jnp.full_like(x, -500.0), x))
    assert value == pytest.approx(1.5 * math.log(2 * math.pi * 1e-8), rel=1e-6)
