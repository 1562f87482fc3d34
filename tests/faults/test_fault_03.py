"""Fault 3 of the published library: total correlation.

There the log weights were added once per latent before the joint sum (a value offset by about
-(D-1) log(B-1)), the population was the batch, the last stratum sat in the wrong row, and the
whole was computed even with gamma = 0. Each check passes on this package and fails with the fault
put back.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.elbo import Mixture, combine, elbo_terms
from qdisc.objectives.kl import log_normal_pdf
from qdisc.objectives.published import TC_term
from qdisc.objectives.total_correlation import Stratified, stratified_log_weights


def check_value(tc):
    """Zero for equal posteriors, (D-1) log N for isolated codes."""
    rng = np.random.default_rng(0)
    for n, latents in [(16, 2), (64, 5)]:
        equal = jnp.zeros((n, latents), jnp.float32)
        z = jnp.asarray(rng.normal(size=(n, latents)), jnp.float32)
        assert float(tc(equal, equal, z)) == pytest.approx(0.0, abs=1e-4)
        codes = np.stack([np.roll(np.arange(n), k) for k in range(latents)], axis=1)
        codes = jnp.asarray(codes, jnp.float32)
        value = float(tc(codes, jnp.full_like(codes, -8.0), codes))
        assert value == pytest.approx((latents - 1) * math.log(n), abs=1e-3)


def check_strata(log_weights):
    """Own component 1/N, all others alike, rows that sum to one, for a population N > B."""
    for n_total, batch in [(1000, 2), (1000, 5), (50_000, 16)]:
        weights = np.exp(np.asarray(log_weights(n_total, batch), np.float64))
        assert weights.sum(axis=1) == pytest.approx(np.ones(batch), rel=1e-5)
        assert np.diag(weights) == pytest.approx(np.full(batch, 1 / n_total), rel=1e-5)
        others = weights[~np.eye(batch, dtype=bool)]
        expected = (n_total - 1) / (n_total * (batch - 1))
        assert others == pytest.approx(np.full(others.size, expected), rel=1e-5)


def check_no_cost_without_gamma(loss):
    """A program without gamma has no loop over latents in it."""
    assert "scan" not in str(jax.make_jaxpr(loss)(jnp.ones((6, 3), jnp.float32)))


def published_weights(n_total, batch):
    """Population = batch, and a stride that walks off the diagonal."""
    weights = np.full(batch * batch, 1.0 / (batch - 1))
    weights[:: batch + 1] = 1.0 / batch
    weights = np.roll(weights.reshape(batch, batch), 1, axis=0)
    weights[0] = weights[1]
    weights[batch - 2, 0] = 1.0 / batch
    return jnp.log(jnp.asarray(weights, jnp.float32))


def weights_once_per_latent(log_weights):
    def tc(mean, logvar, z):
        log_q = log_normal_pdf(mean[None], logvar[None], z[:, None, :])
        log_q = log_q + log_weights(len(z), len(z))[..., None]
        joint = jax.nn.logsumexp(log_q.sum(-1), axis=1)
        return (joint - jax.nn.logsumexp(log_q, axis=1).sum(-1)).mean()

    return tc


def loss_of(latents, mixture, gamma):
    log_cp = jnp.full((6, 2, 2), -math.log(2), jnp.float32)
    codes = jnp.zeros((6, 2), jnp.uint8)
    terms = elbo_terms(log_cp, codes, latents, latents, latents, "discrete", mixture=mixture)
    return combine(terms, 1.0, gamma)


def test_the_value_has_no_offset():
    check_value(TC_term)


@pytest.mark.parametrize("log_weights", [published_weights, stratified_log_weights])
def test_weights_once_per_latent_are_caught(log_weights):
    with pytest.raises(AssertionError):
        check_value(weights_once_per_latent(log_weights))


def test_the_strata_are_where_they_belong():
    check_strata(stratified_log_weights)


def test_displaced_strata_and_a_batch_taken_for_the_population_are_caught():
    with pytest.raises(AssertionError):
        check_strata(published_weights)
    with pytest.raises(AssertionError):
        check_strata(lambda n_total, batch: stratified_log_weights(batch, batch))


def test_no_gamma_no_cost():
    check_no_cost_without_gamma(lambda z: loss_of(z, None, 0.0))


def test_paying_for_gamma_zero_is_caught():
    with pytest.raises(AssertionError):
        check_no_cost_without_gamma(lambda z: loss_of(z, Mixture(z, z, Stratified(100, 6)), 0.0))
