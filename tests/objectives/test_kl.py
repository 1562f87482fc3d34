from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.integrate import quad

from qdisc.objectives.kl import kl_per_latent, log_normal_pdf

compiled_kl = jax.jit(kl_per_latent)


@pytest.mark.parametrize(("mean", "logvar"), [(0.0, 0.0), (0.7, -2.0), (-1.5, 0.8), (3.0, -6.0)])
def test_kl_equals_its_integral(x64, mean, logvar):
    q, p = stats.norm(mean, math.exp(logvar / 2)), stats.norm(0, 1)
    width = 12 * q.std()
    integral, _ = quad(
        lambda z: q.pdf(z) * (q.logpdf(z) - p.logpdf(z)), mean - width, mean + width, epsabs=1e-12
    )
    value = float(kl_per_latent(jnp.array([[mean]]), jnp.array([[logvar]]))[0, 0])
    assert value == pytest.approx(integral, abs=1e-9)


def test_kl_of_known_cases(x64):
    mean = jnp.array([[0.0, 2.0], [0.0, 0.0]])
    logvar = jnp.array([[0.0, 0.0], [math.log(4.0), math.log(0.25)]])
    expected = [[0.0, 2.0], [1.5 - math.log(2.0), -0.375 + math.log(2.0)]]
    np.testing.assert_allclose(kl_per_latent(mean, logvar), expected, atol=1e-14)


def test_kl_keeps_its_digits_near_the_prior():
    logvar = jnp.full((1, 1), 1e-3, jnp.float32)
    value = float(kl_per_latent(jnp.zeros((1, 1), jnp.float32), logvar)[0, 0])
    # exp(lv) - 1 - lv by subtraction from 1.001 would be wrong in the first digit.
    assert value == pytest.approx(0.5 * (math.expm1(1e-3) - 1e-3), rel=2e-3)


def test_kl_gradient_equals_finite_differences(x64, numeric_gradient):
    mean, logvar = jnp.array([[0.4, -1.0]]), jnp.array([[-0.5, 1.2]])
    by_mean = jax.grad(lambda m: kl_per_latent(m, logvar).sum())(mean)
    by_logvar = jax.grad(lambda v: kl_per_latent(mean, v).sum())(logvar)
    np.testing.assert_allclose(by_mean, mean, atol=1e-14)
    numeric = numeric_gradient(lambda v: kl_per_latent(mean, v).sum(), logvar)
    np.testing.assert_allclose(by_logvar, numeric, atol=1e-9)


def test_log_normal_pdf_equals_scipy_and_broadcasts(x64):
    mean, sample = jnp.array([[0.3], [-2.0]]), jnp.array([[0.0, 1.5, 9.0]])
    value = log_normal_pdf(mean, jnp.array([[-1.0]]), sample)
    assert value.shape == (2, 3)
    np.testing.assert_allclose(value, stats.norm(mean, math.exp(-0.5)).logpdf(sample), rtol=1e-13)


@settings(max_examples=100, deadline=None)
@given(mean=st.floats(-1e6, 1e6, width=32), logvar=st.floats(-1e4, 80.0, width=32))
def test_kl_is_finite_and_not_negative(mean, logvar):
    args = jnp.full((1, 1), mean, jnp.float32), jnp.full((1, 1), logvar, jnp.float32)
    value = float(compiled_kl(*args)[0, 0])
    assert math.isfinite(value)
    assert value >= 0.0


@settings(max_examples=100, deadline=None)
@given(
    logvar=st.floats(-70.0, 70.0, width=32),
    distance=st.floats(-1e3, 1e3, width=32),
)
def test_log_normal_pdf_is_finite_for_narrow_and_wide_posteriors(logvar, distance):
    arrays = [jnp.full((1,), v, jnp.float32) for v in (0.0, logvar, distance)]
    assert np.all(np.isfinite(log_normal_pdf(*arrays)))
