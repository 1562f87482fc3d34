from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qdisc.errors import ConfigError
from qdisc.objectives.elbo import Mixture, Terms, combine, elbo_terms
from qdisc.objectives.kl import kl_per_latent
from qdisc.objectives.likelihood import categorical_nll, reconstruction_nll
from qdisc.objectives.mixture import Stratified
from qdisc.objectives.total_correlation import total_correlation
from qdisc.objectives.weighted import weighted_mean


def discrete_batch(rows=8, sites=4, latents=2, seed=0):
    rng = np.random.default_rng(seed)
    codes = jnp.asarray(rng.integers(0, 2, (rows, sites)), jnp.uint8)
    cp = jax.nn.log_softmax(jnp.asarray(rng.normal(size=(rows, sites, 2))), axis=-1)
    z, mean, logvar = jnp.asarray(rng.normal(size=(3, rows, latents)))
    return cp, codes, z, mean, logvar


@pytest.mark.parametrize("sigma", [0.3, 1.0])
def test_the_exact_posterior_reaches_the_evidence(x64, sigma):
    """z ~ N(0,1), x|z ~ N(z, sigma^2): at the exact posterior the loss is -log p(x).

    The rows are the nodes of a Gauss-Hermite rule, so the mean over noise is exact.
    """
    x = 1.3
    variance = sigma**2 / (1 + sigma**2)
    nodes, weights = np.polynomial.hermite_e.hermegauss(10)
    n = len(nodes)
    mean, logvar = jnp.full((n, 1), x / (1 + sigma**2)), jnp.full((n, 1), math.log(variance))
    z = mean + jnp.exp(logvar / 2) * jnp.asarray(nodes)[:, None]
    cp = jnp.stack([z, jnp.full_like(z, math.log(sigma**2 - 1e-8))], axis=-1)
    batch = jnp.full((n, 1), x)
    terms = elbo_terms(cp, batch, z, mean, logvar, "continuous", row_weights=jnp.asarray(weights))
    evidence = stats.norm(0, math.sqrt(1 + sigma**2)).logpdf(x)
    assert float(combine(terms)) == pytest.approx(-evidence, rel=1e-12)


def test_the_terms_are_the_means_of_their_functions(x64):
    cp, codes, z, mean, logvar = discrete_batch()
    mixture = Mixture(mean, logvar, Stratified(100, 8))
    terms = elbo_terms(cp, codes, z, mean, logvar, "discrete", mixture=mixture)
    rec = float(categorical_nll(cp, codes).mean())
    kl = float(kl_per_latent(mean, logvar).sum(1).mean())
    tc = float(total_correlation(z, *mixture))
    assert [float(t) for t in terms] == pytest.approx([rec, kl, tc], rel=1e-12)
    assert float(combine(terms, 0.4, 2.0)) == pytest.approx(rec + 0.4 * kl + 2.0 * tc, rel=1e-12)


def test_hybrid_weights_reach_the_reconstruction(x64):
    cp, codes, z, mean, logvar = discrete_batch()
    values = jnp.asarray(np.random.default_rng(1).normal(size=(8, 4, 2)))
    batch = jnp.concatenate([codes.astype(jnp.float64), values[..., 0]], axis=1)
    heads = (cp, jnp.flip(values, axis=0))
    args = heads, batch, z, mean, logvar, "hybrid"
    joint = float(elbo_terms(*args).reconstruction)
    assert joint == pytest.approx(float(reconstruction_nll(heads, batch, "hybrid").mean()))
    tilted = float(elbo_terms(*args, hybrid=(0.2, 0.8)).reconstruction)
    assert tilted == pytest.approx(float(reconstruction_nll(heads, batch, "hybrid", 0.2).mean()))


def test_row_weights_count_rows_and_padding_counts_for_nothing(x64):
    cp, codes, z, mean, logvar = discrete_batch()
    expanded = [jnp.repeat(a, jnp.asarray([2, 1, 1, 3]), axis=0) for a in (cp[:4], codes[:4])]
    latents = [jnp.repeat(a[:4], jnp.asarray([2, 1, 1, 3]), axis=0) for a in (z, mean, logvar)]
    expected = elbo_terms(*expanded, *latents, "discrete")
    counts = jnp.asarray([2.0, 1, 1, 3, 0, 0, 0, 0])
    spoilt = codes.at[5].set(200)
    terms = elbo_terms(cp, spoilt, z, mean, logvar, "discrete", row_weights=counts)
    assert float(terms.reconstruction) == pytest.approx(float(expected.reconstruction), rel=1e-12)
    assert float(terms.kl) == pytest.approx(float(expected.kl), rel=1e-12)


def test_weighted_mean_of_rows():
    values = jnp.asarray([1.0, 3.0, math.nan], jnp.float32)
    assert float(weighted_mean(values, jnp.asarray([1.0, 3.0, 0.0]))) == pytest.approx(2.5)
    assert np.isnan(weighted_mean(values))
    integer_weights = jnp.asarray([1, 3, 0]).astype(jnp.float32)
    assert weighted_mean(values, integer_weights).dtype == jnp.float32


def test_without_a_mixture_total_correlation_costs_nothing():
    cp, codes, z, mean, logvar = discrete_batch()

    def operations(with_tc):
        def loss(z):
            mixture = Mixture(mean, logvar, Stratified(100, 8)) if with_tc else None
            terms = elbo_terms(cp, codes, z, mean, logvar, "discrete", mixture=mixture)
            return combine(terms, 1.0, 1.0 if with_tc else 0.0)

        return str(jax.make_jaxpr(loss)(z))

    assert "scan" in operations(True)
    assert "scan" not in operations(False)
    assert elbo_terms(cp, codes, z, mean, logvar, "discrete").tc is None


def test_beta_and_gamma_can_change_without_a_new_compilation():
    cp, codes, z, mean, logvar = discrete_batch()
    traces = []

    @jax.jit
    def loss(beta, gamma):
        traces.append(1)
        mixture = Mixture(mean, logvar, Stratified(100, 8))
        return combine(
            elbo_terms(cp, codes, z, mean, logvar, "discrete", mixture=mixture), beta, gamma
        )

    assert float(loss(1.0, 0.0)) < float(loss(2.0, 0.0))
    assert float(loss(1.0, 0.0)) != float(loss(1.0, 3.0))
    assert len(traces) == 1


SCALARS = Terms(*(jnp.asarray(v, jnp.float32) for v in (1.0, 10.0, 100.0)))


def test_the_loss_is_the_weighted_sum():
    assert float(combine(SCALARS)) == 11.0
    assert float(combine(SCALARS, 0.5, 2.0)) == 206.0
    assert float(combine(SCALARS._replace(tc=None), 0.5, 0.0)) == 6.0


@pytest.mark.parametrize("weight", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("name", ["beta", "gamma"])
def test_weights_that_would_spoil_every_parameter_are_refused(name, weight):
    with pytest.raises(ConfigError, match=f"{name} is not a finite number >= 0"):
        combine(SCALARS, **{name: weight})


def test_gamma_without_total_correlation_is_refused():
    with pytest.raises(ConfigError, match="which was not computed"):
        combine(SCALARS._replace(tc=None), 1.0, 0.5)
    with pytest.raises(ConfigError, match="which was not computed"):
        jax.jit(lambda gamma: combine(SCALARS._replace(tc=None), 1.0, gamma))(0.0)
