"""Fault 22 of the published library: slow fits that stop before they converge.

There SR1 used finite differences (24.2 s against 0.028 s with the exact gradient) and hit the limit
of evaluations on Falicov-Kimball data, and every fit of a mixture compiled its program again.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qdisc_phases import GaussianMixture
from qdisc_symbolic import ansatz, sr1
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # threads only stand in each other's way at this size
        yield


def problem(n_sites, n_rows, noise):
    x = RNG.choice([-1.0, 1.0], size=(n_rows, n_sites))
    phi = ansatz.features(x)
    planted = RNG.normal(size=phi.shape[1]) * (RNG.random(phi.shape[1]) < 0.3)
    label = (RNG.random(n_rows) < 1 / (1 + np.exp(-phi @ planted / noise))).astype(float)
    return phi, label


def exact(phi, label, L1_reg):
    """Fit with the exact gradient; count how often the loss is evaluated."""
    calls = 0
    loss = sr1.log_loss

    def counted(*arguments):
        nonlocal calls
        calls += 1
        return loss(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sr1, "log_loss", counted)
        fit = sr1.fit_sr1(phi, label, np.ones(len(label)), L1_reg)
    return fit.alpha, fit.loss, fit.converged, calls


def finite_differences(phi, label, L1_reg):
    """The fault put back: the same loss, minimised by L-BFGS without its gradient."""
    weights = 0.5 * np.where(label > 0, 1 / label.sum(), 1 / (1 - label).sum())
    found = minimize(
        lambda a: sr1.log_loss(phi @ a, label, weights) + L1_reg * np.abs(a).mean(),
        np.zeros(phi.shape[1]), method="L-BFGS-B",
    )  # fmt: skip
    return found.x, found.fun, bool(found.success), found.nfev


def check_few_evaluations(fit, phi, label, L1_reg):
    """Converged, with fewer evaluations of the loss than one finite-difference gradient takes."""
    *_, converged, calls = fit(phi, label, L1_reg)
    assert converged, f"not converged after {calls} evaluations"
    assert calls < phi.shape[1], f"{calls} evaluations"


def test_the_same_optimum_at_a_fraction_of_the_cost():
    phi, label = problem(9, 1500, noise=2.0)
    alpha, loss, _, calls = exact(phi, label, 0.0)
    slow, slow_loss, _, slow_calls = finite_differences(phi, label, 0.0)
    assert loss <= slow_loss + 1e-12 and loss == pytest.approx(slow_loss, abs=1e-6)
    np.testing.assert_allclose(alpha, slow, atol=5e-3)  # as close as finite differences come
    assert slow_calls > 20 * calls


@pytest.mark.parametrize("L1_reg", [0.0, 1.0])
def test_few_evaluations(L1_reg):
    check_few_evaluations(exact, *problem(9, 1500, noise=2.0), L1_reg)


def test_the_check_sees_finite_differences():
    with pytest.raises(AssertionError, match="evaluations"):
        check_few_evaluations(finite_differences, *problem(9, 1500, noise=2.0), 0.0)


def test_496_pairs_converge_where_finite_differences_run_into_their_limit():
    """Pairs of 32 columns, as 4 x 4 sites with two variables each have, with L1 = 2."""
    phi, label = problem(32, 150, noise=4.0)
    check_few_evaluations(exact, phi, label, 2.0)
    alpha, *_ = exact(phi, label, 2.0)
    assert 0 < np.count_nonzero(alpha) < 496
    with pytest.raises(AssertionError, match="not converged after"):
        check_few_evaluations(finite_differences, phi, label, 2.0)


# -- mixtures --------------------------------------------------------------------------------


def compilations(function):
    """Number of programs that jax compiles while a function runs."""
    seen = []

    def listen(event, *_, **__):
        if "compile" in event:
            seen.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        function()
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    return len(seen)


def check_a_second_fit_compiles_nothing(fit):
    first, second = RNG.normal(size=(60, 2)), RNG.normal(size=(60, 2))
    fit(first)
    assert compilations(lambda: fit(second)) == 0


def test_a_second_mixture_compiles_nothing():
    key = jax.random.key(0)
    check_a_second_fit_compiles_nothing(lambda X: GaussianMixture(3).fit(X, key))


def test_the_check_sees_a_program_per_fit():
    def compiled_again(X):
        return jax.jit(lambda x: jnp.exp(-(x**2)).sum())(jnp.asarray(X, jnp.float32))

    with pytest.raises(AssertionError):
        check_a_second_fit_compiles_nothing(compiled_again)
