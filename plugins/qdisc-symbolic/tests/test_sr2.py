"""SR2: planted gradients, exact derivatives, directions only."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.errors import DataError

from qdisc_symbolic import ansatz
from qdisc_symbolic.sr2 import alignment, fit_sr2, flip_gradient

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 2, (80, 6))
X = 2.0 * CODES - 1
PLANTED = RNG.normal(size=15)
WEIGHTS = RNG.random(80)


def test_flips_give_the_partial_derivatives_of_a_two_body_formula():
    target = flip_gradient(lambda c: ansatz.evaluate(PLANTED, 1.0, 2.0 * c - 1), CODES)
    np.testing.assert_allclose(target, X @ ansatz.symmetric(PLANTED, 6), atol=1e-12)


def test_planted_formula_is_found_up_to_its_length():
    """A monotonic mu has the gradient of f up to a length that differs from row to row."""
    lengths = RNG.lognormal(size=(80, 1))
    fit = fit_sr2(X, lengths * (X @ ansatz.symmetric(PLANTED, 6)), WEIGHTS)
    assert fit.converged and fit.loss < 1e-6
    np.testing.assert_allclose(fit.alpha, PLANTED / np.sqrt(np.mean(PLANTED**2)), atol=1e-4)


def test_the_gradient_is_exact():
    alpha, target, step = RNG.normal(size=15), RNG.normal(size=(80, 6)), 1e-5
    target[3] = 0.0  # points nowhere and is left out
    value, exact = alignment(alpha, X, target, WEIGHTS)
    assert 0 <= value <= 4
    for j in range(15):
        e = step * np.eye(15)[j]
        up, down = (alignment(alpha + s * e, X, target, WEIGHTS)[0] for s in (1, -1))
        assert exact[j] == pytest.approx((up - down) / (2 * step), abs=1e-8)


def test_only_the_direction_of_the_coefficients_counts():
    alpha, target = RNG.normal(size=15), RNG.normal(size=(80, 6))
    value, slope = alignment(alpha, X, target, WEIGHTS)
    assert alignment(40 * alpha, X, target, WEIGHTS)[0] == pytest.approx(value, rel=1e-12)
    assert abs(slope @ alpha) < 1e-12


def test_rows_whose_gradient_vanishes_do_not_stop_the_optimiser():
    rng = np.random.default_rng(1)
    for _ in range(3):
        assert fit_sr2(X, rng.normal(size=X.shape), WEIGHTS).converged


def test_l1_removes_what_is_not_needed():
    sparse = np.zeros(15)
    sparse[[1, 4, 9]] = [1.0, -0.5, 2.0]
    target = X @ ansatz.symmetric(sparse, 6) + 0.05 * RNG.normal(size=(80, 6))
    dense, thin = (fit_sr2(X, target, WEIGHTS, L1_reg=l1) for l1 in (0.0, 0.2))
    assert thin.converged and np.flatnonzero(thin.alpha).tolist() == [1, 4, 9]
    assert np.count_nonzero(dense.alpha) == 15


def test_refusals():
    with pytest.raises(DataError, match="zero everywhere"):
        fit_sr2(X, np.zeros_like(X), WEIGHTS)
    with pytest.raises(DataError, match="no flip changes"):
        flip_gradient(lambda c: np.zeros(len(c)), CODES)
    with pytest.raises(DataError, match="codes are 0 and 1"):
        flip_gradient(lambda c: c.sum(1), CODES + 1)
    with pytest.raises(DataError, match="not finite"):
        flip_gradient(lambda c: np.full(len(c), np.nan), CODES)
