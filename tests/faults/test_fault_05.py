"""Fault 5 of the published library: hybrid data lose their discrete half by default.

There the default alpha = 0 gave the discrete half zero weight and said nothing. Here the default is
the joint likelihood, and an alpha that drops a half warns.
"""

from __future__ import annotations

import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.elbo import elbo_terms
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.objectives.likelihood import categorical_nll, gaussian_nll, reconstruction_nll

RNG = np.random.default_rng(0)
CODES, VALUES = RNG.integers(0, 2, (5, 3)), RNG.normal(size=(5, 3))
BATCH = jnp.asarray(np.concatenate([CODES, VALUES], axis=1), jnp.float32)
HEADS = (
    jax.nn.log_softmax(jnp.asarray(RNG.normal(size=(5, 3, 2)), jnp.float32), axis=-1),
    jnp.asarray(RNG.normal(size=(5, 3, 2)), jnp.float32),
)


def check_default_is_joint(loss):
    """By default both heads have a gradient, and the loss is minus the joint log likelihood."""
    value, gradients = jax.value_and_grad(lambda heads: loss(heads, BATCH).sum())(HEADS)
    assert np.abs(gradients[0]).max() > 0.1
    assert np.abs(gradients[1]).max() > 0.1
    discrete = categorical_nll(HEADS[0], jnp.asarray(CODES))
    continuous = gaussian_nll(HEADS[1][..., 0], HEADS[1][..., 1], BATCH[:, 3:])
    assert float(value) == pytest.approx(float((discrete + continuous).sum()), rel=1e-5)


def check_dropping_a_half_warns(weights):
    for alpha, half in [(0.0, "discrete"), (1.0, "continuous")]:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            weights(alpha)
        said = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
        assert any(f"drops the {half} half" in text for text in said)


def silent(alpha=0.0):
    return alpha, 1.0 - alpha


def reconstruction_with_alpha_zero(heads, batch):
    return reconstruction_nll(heads, batch, "hybrid", weights=silent())


def default_terms(heads, batch):
    latents = jnp.zeros((len(batch), 1), jnp.float32)
    terms = elbo_terms(heads, batch, latents, latents, latents, "hybrid")
    return terms.reconstruction * len(batch)


def test_the_default_weighs_both_halves():
    check_default_is_joint(lambda heads, batch: reconstruction_nll(heads, batch, "hybrid"))
    check_default_is_joint(default_terms)


def test_a_default_of_zero_is_caught():
    with pytest.raises(AssertionError):
        check_default_is_joint(reconstruction_with_alpha_zero)


def test_dropping_a_half_warns():
    check_dropping_a_half_warns(hybrid_weights)
    check_dropping_a_half_warns(lambda alpha: reconstruction_nll(HEADS, BATCH, "hybrid", alpha))


def test_dropping_a_half_silently_is_caught():
    with pytest.raises(AssertionError):
        check_dropping_a_half_warns(silent)
