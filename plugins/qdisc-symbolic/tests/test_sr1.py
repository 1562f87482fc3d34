"""SR1 against closed forms, finite differences and an independent optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.errors import DataError
from scipy.optimize import minimize

from qdisc_symbolic import ansatz
from qdisc_symbolic.quadratic import solve, subgradient
from qdisc_symbolic.sr1 import fit_sr1, gradient, log_loss

RNG = np.random.default_rng(0)
SPINS = np.array(np.meshgrid(*[[-1.0, 1.0]] * 6, indexing="ij")).reshape(6, -1).T
PHI = ansatz.features(SPINS)  # (64, 15)


def problem():
    planted = RNG.normal(size=15) * (RNG.random(15) < 0.5)
    inside = np.exp(PHI @ planted)
    label = np.repeat([1.0, 0.0], 64)
    weights = np.concatenate([inside / inside.sum(), np.full(64, 1 / 64)])
    return planted, inside, np.concatenate([PHI, PHI]), label, weights


def test_a_boltzmann_cluster_gives_back_its_energy():
    """ln p_in / p_out = f - ln Z: the optimum is the planted formula and b its normalisation."""
    planted, inside, phi, label, weights = problem()
    fit = fit_sr1(phi, label, weights, add_constant=True)
    assert fit.converged and fit.gradient_norm < 1e-9 and fit.iterations < 15
    np.testing.assert_allclose(fit.alpha, planted, atol=1e-6)
    assert fit.constant == pytest.approx(-np.log(inside.mean()), abs=1e-6)


def test_the_gradient_is_exact():
    _, _, phi, label, weights = problem()
    weights = weights / weights.sum()
    a, step = RNG.normal(size=15), 1e-5
    exact = phi.T @ gradient(phi @ a, label, weights)
    for j in range(15):
        e = step * np.eye(15)[j]
        up, down = (log_loss(phi @ (a + s * e), label, weights) for s in (1, -1))
        assert exact[j] == pytest.approx((up - down) / (2 * step), abs=1e-9)


@pytest.mark.parametrize("L1_reg", [0.0, 0.1, 1.0])
def test_the_optimum_is_that_of_an_independent_optimiser(L1_reg):
    _, _, phi, label, weights = problem()
    share = weights / weights.sum()

    def objective(both):  # |a| as p + q with p, q >= 0
        a = both[:15] - both[15:]
        slope = phi.T @ gradient(phi @ a, label, share)
        flat = L1_reg / 15
        value = log_loss(phi @ a, label, share) + flat * both.sum()
        return value, np.concatenate([slope + flat, -slope + flat])

    other = minimize(
        objective, np.zeros(30), jac=True, bounds=[(0, None)] * 30, method="L-BFGS-B",
        options={"ftol": 0, "gtol": 1e-10, "maxiter": 5000, "maxfun": 20000},
    )  # fmt: skip
    fit = fit_sr1(phi, label, weights, L1_reg)
    assert fit.converged
    assert fit.loss == pytest.approx(other.fun, abs=1e-9) and fit.loss <= other.fun + 1e-12
    np.testing.assert_allclose(fit.alpha, other.x[:15] - other.x[15:], atol=1e-5)


def test_counts_are_repetitions():
    counts = RNG.integers(0, 5, 128).astype(float)
    _, _, phi, label, _ = problem()
    counted = fit_sr1(phi, label, counts, 0.2, True)
    rows = np.repeat(np.arange(128), counts.astype(int))
    repeated = fit_sr1(phi[rows], label[rows], np.ones(rows.size), 0.2, True)
    np.testing.assert_allclose(counted.alpha, repeated.alpha, atol=1e-9)
    assert counted.loss == pytest.approx(repeated.loss, abs=1e-12)


def test_classes_weigh_the_same_however_many_rows_they_have():
    _, _, phi, label, weights = problem()
    more = fit_sr1(phi, label, np.where(label > 0, 30 * weights, weights))
    np.testing.assert_allclose(more.alpha, fit_sr1(phi, label, weights).alpha, atol=1e-9)


def test_strong_l1_leaves_nothing():
    _, _, phi, label, weights = problem()
    fit = fit_sr1(phi, label, weights, 100.0)
    assert fit.converged and not fit.alpha.any() and fit.loss == pytest.approx(np.log(2))


def test_separable_classes_stay_finite():
    fit = fit_sr1(PHI[:, :3], (PHI[:, 0] > 0).astype(float), np.ones(64))
    assert np.isfinite(fit.alpha).all() and 0 <= fit.loss < 1e-8


def test_a_class_without_snapshots_is_named():
    with pytest.raises(DataError, match="inside and outside"):
        fit_sr1(PHI, np.ones(64), np.ones(64))


def test_the_quadratic_problem_meets_its_optimality_conditions():
    design = RNG.normal(size=(8, 12))  # fewer rows than columns: a singular form
    gram, linear = design.T @ design, design.T @ RNG.normal(size=8)
    for l1 in (0.0, 0.01, 1.0):
        a = solve(gram, linear, np.full(12, l1), np.zeros(12))
        assert subgradient(gram @ a - linear, a, np.full(12, l1)) < 1e-9
    shortest = solve(gram, linear, np.zeros(12), np.zeros(12))
    np.testing.assert_allclose(shortest, np.linalg.pinv(gram) @ linear, atol=1e-9)
