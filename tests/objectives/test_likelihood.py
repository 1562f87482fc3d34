from __future__ import annotations

import inspect
import itertools
import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from qdisc.errors import ConfigError
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.objectives.likelihood import categorical_nll, gaussian_nll, reconstruction_nll


def log_probabilities(rows, sites, outcomes, seed=0):
    logits = np.random.default_rng(seed).normal(size=(rows, sites, outcomes))
    return jax.nn.log_softmax(jnp.asarray(logits), axis=-1)


# --- categorical ----------------------------------------------------------------------------


def test_probabilities_of_all_strings_add_up_to_one(x64):
    strings = jnp.asarray(list(itertools.product(range(3), repeat=4)))
    log_cp = jnp.broadcast_to(log_probabilities(1, 4, 3), (len(strings), 4, 3))
    assert float(jnp.exp(-categorical_nll(log_cp, strings)).sum()) == pytest.approx(1.0, abs=1e-12)


def test_uniform_outcomes_cost_log_d_per_site(x64):
    log_cp = jnp.full((2, 5, 3), -math.log(3))
    codes = jnp.asarray([[0, 1, 2, 0, 1], [2, 2, 2, 2, 2]], jnp.uint8)
    assert categorical_nll(log_cp, codes) == pytest.approx([5 * math.log(3)] * 2)


def test_impossible_outcomes_cost_nothing_unless_they_occur(x64):
    log_cp = jnp.log(jnp.asarray([[[0.0, 1.0]], [[0.0, 1.0]]]))
    values = categorical_nll(log_cp, jnp.asarray([[1], [0]]))
    assert values[0] == 0.0
    assert values[1] == math.inf
    gradient = jax.grad(lambda a: categorical_nll(a, jnp.asarray([[1], [1]])).sum())(log_cp)
    np.testing.assert_array_equal(gradient, [[[0.0, -1.0]], [[0.0, -1.0]]])


@pytest.mark.parametrize("code", [-1, 2, 7, 2**31 - 1, -(2**31)])
@pytest.mark.parametrize("compiled", [False, True])
def test_codes_outside_the_range_have_no_likelihood(code, compiled):
    nll = jax.jit(categorical_nll) if compiled else categorical_nll
    log_cp = jnp.full((2, 3, 2), -math.log(2), jnp.float32)
    values = nll(log_cp, jnp.asarray([[0, code, 1], [0, 1, 1]], jnp.int32))
    assert np.isnan(values[0])
    assert values[1] == pytest.approx(3 * math.log(2))


def test_wide_codes_do_not_wrap_around_into_the_range(x64):
    log_cp = jnp.zeros((1, 1, 1))
    assert np.isnan(categorical_nll(log_cp, jnp.asarray([[2**32]], jnp.int64))[0])


# --- Gaussian -------------------------------------------------------------------------------


def test_gaussian_nll_equals_scipy_with_the_floor_in_both_terms(x64):
    rng = np.random.default_rng(1)
    mean, logvar, x = rng.normal(size=(3, 4, 6))
    for eps in (1e-8, 1e-2, 0.0):
        sd = np.sqrt(np.exp(logvar) + eps)
        value = gaussian_nll(jnp.asarray(mean), jnp.asarray(logvar), jnp.asarray(x), eps)
        np.testing.assert_allclose(value, -stats.norm(mean, sd).logpdf(x).sum(1), rtol=1e-12)


def test_changing_the_unit_shifts_the_nll_by_its_logarithm(x64):
    rng = np.random.default_rng(2)
    mean, logvar, x = jnp.asarray(rng.normal(size=(3, 4, 6)))
    unit = 1e3
    scaled = gaussian_nll(unit * mean, logvar + 2 * math.log(unit), unit * x, 0.0)
    shift = 6 * math.log(unit)
    np.testing.assert_allclose(scaled, gaussian_nll(mean, logvar, x, 0.0) + shift, rtol=1e-12)


def test_the_best_constant_variance_is_the_sample_variance(x64):
    x = jnp.asarray(np.random.default_rng(3).normal(2.0, 1.7, size=(500, 1)))

    def loss(logvar):
        return gaussian_nll(jnp.full_like(x, x.mean()), jnp.full_like(x, logvar), x).mean()

    assert float(jax.grad(loss)(math.log(float(x.var())))) == pytest.approx(0.0, abs=1e-7)


def test_gaussian_gradients_equal_finite_differences(x64, numeric_gradient):
    mean, logvar, x = jnp.asarray(np.random.default_rng(4).normal(size=(3, 2, 3)))
    logvar = logvar.at[0, 0].set(math.log(1e-8))  # where the floor is half of the variance

    def loss(logvar):
        return gaussian_nll(mean, logvar, mean + 1e-4 * x).sum()

    np.testing.assert_allclose(jax.grad(loss)(logvar), numeric_gradient(loss, logvar), atol=1e-7)


@settings(max_examples=150, deadline=None)
@given(
    logvar=st.floats(-(2.0**100), 2.0**100, width=32),
    distance=st.floats(-1e10, 1e10, width=32),
)
def test_gaussian_nll_is_bounded_below_and_smooth_everywhere(logvar, distance):
    def loss(mean, logvar):
        return gaussian_nll(mean, logvar, jnp.full((1, 1), distance, jnp.float32)).sum()

    args = jnp.zeros((1, 1), jnp.float32), jnp.full((1, 1), logvar, jnp.float32)
    value, gradients = jax.value_and_grad(loss, argnums=(0, 1))(*args)
    assert float(value) >= 0.5 * math.log(2 * math.pi * 1e-8) - 1e-5
    assert all(np.all(np.isfinite(g)) for g in gradients)


# --- every data type ------------------------------------------------------------------------


def hybrid_batch(rows=6, sites=3, seed=5):
    rng = np.random.default_rng(seed)
    codes, values = rng.integers(0, 2, (rows, sites)), rng.normal(size=(rows, sites))
    heads = log_probabilities(rows, sites, 2), jnp.asarray(rng.normal(size=(rows, sites, 2)))
    return heads, jnp.asarray(np.concatenate([codes, values], axis=1)), codes, values


def test_each_data_type_takes_its_own_columns(x64):
    (discrete, continuous), batch, codes, values = hybrid_batch()
    r_d = categorical_nll(discrete, jnp.asarray(codes))
    r_c = gaussian_nll(continuous[..., 0], continuous[..., 1], jnp.asarray(values))
    shadow = np.empty((6, 6), np.uint8)
    shadow[:, 0::2], shadow[:, 1::2] = 4, codes
    for value, expected in [
        (reconstruction_nll(discrete, jnp.asarray(codes, jnp.uint8), "discrete"), r_d),
        (reconstruction_nll(discrete, jnp.asarray(shadow), "shadow"), r_d),
        (reconstruction_nll(continuous, jnp.asarray(values), "continuous"), r_c),
        (reconstruction_nll((discrete, continuous), batch, "hybrid"), r_d + r_c),
        (
            reconstruction_nll((discrete, continuous), batch, "hybrid", 0.3),
            0.3 * r_d + 0.7 * r_c,
        ),
    ]:
        np.testing.assert_allclose(value, expected, rtol=1e-12)


@pytest.mark.parametrize("value", [0.3, 7.0, -1.0, math.nan, math.inf, -math.inf, 1e20])
def test_codes_stored_as_numbers_must_be_codes(value):
    (discrete, continuous), batch, _, _ = hybrid_batch()
    spoilt = batch.at[2, 1].set(value)
    nll = np.asarray(
        jax.jit(reconstruction_nll, static_argnums=2)((discrete, continuous), spoilt, "hybrid")
    )
    assert np.isnan(nll[2])
    assert np.all(np.isfinite(np.delete(nll, 2)))


def test_an_unknown_data_type_is_named():
    with pytest.raises(ConfigError, match="unknown data type") as caught:
        # Past the type annotations, as from a recipe.
        inspect.unwrap(reconstruction_nll)(jnp.zeros((1, 1, 2)), jnp.zeros((1, 1)), "spins")
    assert "'spins'" in str(caught.value)
    assert "shadow" in str(caught.value)


# --- balance of the halves ------------------------------------------------------------------


def test_the_joint_of_codes_and_values_is_a_probability(x64):
    """Sum over codes and integral over the value of p(f, d) is one."""
    grid = np.linspace(-12, 12, 2001)
    f, d = np.meshgrid([0, 1], grid, indexing="ij")
    batch = jnp.asarray(np.stack([f.ravel(), d.ravel()], axis=1))
    rows = len(batch)
    discrete = jnp.broadcast_to(log_probabilities(1, 1, 2), (rows, 1, 2))
    # The mean of the value depends on the code, as in an autoregressive decoder.
    continuous = jnp.stack([batch[:, :1] - 0.4, jnp.full((rows, 1), -0.5)], axis=-1)
    nll = reconstruction_nll((discrete, continuous), batch, "hybrid")
    total = float(jnp.exp(-nll).sum() * (grid[1] - grid[0]))
    assert total == pytest.approx(1.0, abs=1e-7)


def test_half_is_half_the_joint_and_normalised_the_joint(x64):
    heads, batch, _, _ = hybrid_batch()
    joint = reconstruction_nll(heads, batch, "hybrid")
    np.testing.assert_allclose(2 * reconstruction_nll(heads, batch, "hybrid", 0.5), joint)
    weights = hybrid_weights(0.5, normalize=True)
    np.testing.assert_allclose(reconstruction_nll(heads, batch, "hybrid", weights=weights), joint)


@pytest.mark.parametrize(("alpha", "silent"), [(1.0, 1), (0.0, 0)])
def test_an_extreme_alpha_leaves_one_head_without_gradient_and_warns(x64, alpha, silent):
    heads, batch, _, _ = hybrid_batch()
    with pytest.warns(UserWarning, match=["discrete", "continuous"][silent]):
        weights = hybrid_weights(alpha)
    gradient = jax.grad(lambda h: reconstruction_nll(h, batch, "hybrid", weights=weights).sum())
    gradients = gradient(heads)
    assert not np.any(gradients[silent])
    assert np.any(gradients[1 - silent])


def test_a_new_alpha_needs_no_new_compilation():
    heads, batch, _, _ = hybrid_batch()
    traces = []

    @jax.jit
    def loss(weights):
        traces.append(1)
        return reconstruction_nll(heads, batch, "hybrid", weights=weights).mean()

    values = [float(loss(hybrid_weights(alpha))) for alpha in (None, 0.2, 0.8)]
    assert len(traces) == 1
    assert len(set(values)) == 3
    by_alpha = jax.jit(lambda a: reconstruction_nll(heads, batch, "hybrid", a).mean())
    assert float(by_alpha(0.2)) == pytest.approx(values[1])


@pytest.mark.parametrize("alpha", [-0.1, 1.5, math.nan, math.inf])
def test_an_alpha_outside_zero_to_one_is_refused(alpha):
    with pytest.raises(ConfigError, match=r"not in \[0, 1\]") as caught:
        hybrid_weights(alpha)
    assert "leave alpha unset" in str(caught.value)


def test_ordinary_weights_are_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert hybrid_weights(None) == (1.0, 1.0)
        assert hybrid_weights(0.25) == (0.25, 0.75)
        assert hybrid_weights(0.25, normalize=True) == (0.5, 1.5)


def test_alpha_and_weights_together_are_refused():
    heads, batch, _, _ = hybrid_batch()
    with pytest.raises(ConfigError, match="twice"):
        reconstruction_nll(heads, batch, "hybrid", 0.5, weights=(1.0, 1.0))
