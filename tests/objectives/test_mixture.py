from __future__ import annotations

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.objectives.kl import log_normal_pdf
from qdisc.objectives.mixture import Stratified, log_mixture_density, stratified_log_weights


def test_one_standard_normal_component_has_the_normal_density(x64):
    z = jnp.asarray([[0.5, -2.0, 1.0]])
    zero = jnp.zeros((1, 3))
    joint, marginal = log_mixture_density(z, zero, zero, jnp.zeros(1))
    expected = -0.5 * (np.log(2 * np.pi) + np.square(z))
    np.testing.assert_allclose(marginal, expected, rtol=1e-14)
    np.testing.assert_allclose(joint, expected.sum(axis=1), rtol=1e-14)


def test_the_stratified_matrix():
    weights = np.exp(stratified_log_weights(10, 4))
    assert np.diag(weights) == pytest.approx(np.full(4, 0.1))
    assert weights[~np.eye(4, dtype=bool)] == pytest.approx(np.full(12, 9 / 30))
    assert weights.sum(axis=1) == pytest.approx(np.ones(4))
    assert np.exp(stratified_log_weights(10, 1)) == pytest.approx(np.ones((1, 1)))
    assert np.exp(stratified_log_weights(5, 5)) == pytest.approx(np.full((5, 5), 0.2))


@pytest.mark.parametrize("batch", [2, 3, 5, 8])
def test_stratified_densities_are_unbiased_by_enumeration(x64, batch):
    """Mean over all batches that hold snapshot 0 of q^(z_0) is q(z_0), joint and per latent."""
    z, mean, logvar = (jnp.asarray(a) for a in np.random.default_rng(0).normal(size=(3, 8, 3)))
    density = np.exp(log_normal_pdf(mean, logvar, z[0]))
    weights = np.exp(stratified_log_weights(8, batch))[0]
    batches = [(0, *rest) for rest in itertools.combinations(range(1, 8), batch - 1)]
    joint = np.mean([weights @ density.prod(axis=1)[list(b)] for b in batches])
    marginal = np.mean([weights @ density[list(b)] for b in batches], axis=0)
    # The weights themselves are stored in float32.
    assert joint == pytest.approx(density.prod(axis=1).mean(), rel=1e-6)
    assert marginal == pytest.approx(density.mean(axis=0), rel=1e-6)


@pytest.mark.parametrize(("n_total", "batch"), [(4, 5), (4, 0), (0, 0)])
def test_impossible_strata_are_refused(n_total, batch):
    with pytest.raises(ConfigError, match="between one and all of the snapshots"):
        Stratified(n_total, batch)
    with pytest.raises(ConfigError, match="size of the whole data set"):
        stratified_log_weights(n_total, batch)
