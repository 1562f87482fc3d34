from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.objectives.decomposition import decompose
from qdisc.objectives.kl import kl_per_latent, log_normal_pdf
from qdisc.objectives.mixture import Stratified, stratified_log_weights
from qdisc.objectives.total_correlation import total_correlation

split = jax.jit(decompose, static_argnames="block_rows")


def posteriors(n=40, latents=3, seed=0):
    rng = np.random.default_rng(seed)
    mean = rng.normal(size=(n, latents)) @ rng.normal(size=(latents, latents))
    logvar = -1.0 + 0.3 * rng.normal(size=(n, latents))
    z = mean + np.exp(logvar / 2) * rng.normal(size=(n, latents))
    return jnp.asarray(z), jnp.asarray(mean), jnp.asarray(logvar)


def rate_samples(z, mean, logvar):
    zero = jnp.zeros_like(z)
    return (log_normal_pdf(mean, logvar, z) - log_normal_pdf(zero, zero, z)).sum(1)


@pytest.mark.parametrize("weights", ["exact", "strata", "matrix", "wrong"])
@pytest.mark.parametrize("block_rows", [None, 7])
def test_the_parts_add_up_for_any_weights(x64, weights, block_rows):
    z, mean, logvar = posteriors()
    log_weights = {
        "exact": jnp.full(40, -math.log(40)),
        "strata": Stratified(1000, 40),
        "matrix": stratified_log_weights(1000, 40),
        "wrong": jnp.linspace(-3.0, 5.0, 40),
    }[weights]
    parts = split(z, mean, logvar, log_weights, block_rows=block_rows)
    assert float(sum(parts)) == pytest.approx(
        float(rate_samples(z, mean, logvar).mean()), rel=1e-12
    )
    tc = total_correlation(z, mean, logvar, log_weights)
    assert float(parts.tc) == pytest.approx(float(tc), rel=1e-12)


def test_the_parts_add_up_in_single_precision():
    z, mean, logvar = (a.astype(jnp.float32) for a in posteriors())
    parts = split(z, mean, logvar, Stratified(1000, 40))
    assert float(sum(parts)) == pytest.approx(float(rate_samples(z, mean, logvar).mean()), rel=1e-6)


def test_isolated_codes_tell_which_snapshot_it_was(x64):
    mean = 10.0 * jnp.arange(16.0)[:, None] * jnp.ones(2)
    z = mean + 0.01 * jnp.asarray(np.random.default_rng(1).normal(size=(16, 2)))
    parts = split(z, mean, jnp.full((16, 2), 2 * math.log(0.01)), jnp.full(16, -math.log(16)))
    assert float(parts.mi) == pytest.approx(math.log(16), abs=1e-10)


def test_posteriors_equal_to_the_prior_have_no_rate(x64):
    z = jnp.asarray(np.random.default_rng(2).normal(size=(30, 3)))
    parts = split(z, jnp.zeros((30, 3)), jnp.zeros((30, 3)), jnp.full(30, -math.log(30)))
    assert np.allclose(parts, 0.0, atol=1e-13)


def test_equal_posteriors_leave_only_the_kl_of_each_latent(x64):
    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mean, logvar = jnp.full((1, 1), 0.8), jnp.full((1, 1), -1.2)
    z = mean + jnp.exp(logvar / 2) * jnp.asarray(nodes)[:, None]
    rows = jnp.ones((20, 1))
    parts = split(
        z, mean, logvar, jnp.zeros(1), rows * mean, rows * logvar, row_weights=jnp.asarray(weights)
    )
    assert abs(float(parts.mi)) < 1e-12
    assert float(parts.dwkl) == pytest.approx(float(kl_per_latent(mean, logvar)[0, 0]), rel=1e-12)


def test_rows_drawn_from_few_configurations(x64):
    z, mean, logvar = posteriors(5)
    own = jnp.asarray([0, 0, 3, 1, 4, 4, 2])
    rows = z[own] + 0.1
    weights = jnp.asarray([1.0, 1, 1, 1, 1, 1, 0])
    log_weights = jnp.full(5, -math.log(5))
    parts = split(
        rows.at[6].set(jnp.nan), mean, logvar, log_weights, mean[own], logvar[own], weights
    )
    expected = rate_samples(rows, mean[own], logvar[own])[:6].mean()
    assert float(sum(parts)) == pytest.approx(float(expected), rel=1e-12)


def test_rows_without_a_posterior_are_refused(x64):
    z, mean, logvar = posteriors(5)
    with pytest.raises(ConfigError, match="row_mean and row_logvar"):
        decompose(z[:3], mean, logvar, jnp.zeros(5))
    with pytest.raises(ConfigError, match="row_mean and row_logvar"):
        decompose(z, mean, logvar, jnp.zeros(5), row_mean=mean)
