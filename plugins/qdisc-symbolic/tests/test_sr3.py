"""SR3: planted maps are followed exactly, in closed form."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from qdisc.errors import DataError

from qdisc_symbolic import ansatz
from qdisc_symbolic.sr3 import cp_rows, delta_rows, fit_sr3, grid_gradient

RNG = np.random.default_rng(0)
X = np.array(np.meshgrid(*[[-1.0, 1.0]] * 4, indexing="ij")).reshape(4, -1).T
SHARE = sp.csr_array(RNG.dirichlet(np.ones(16), size=20))
PLANTED = RNG.normal(size=6)
MU = (SHARE @ ansatz.evaluate(PLANTED, 0.3, X)).reshape(4, 5)
ALL = np.ones((4, 5), dtype=bool)


def test_delta_follows_a_planted_map():
    rows, target = delta_rows(X, SHARE, MU, ALL)
    assert [r.shape for r in rows] == [(20, 6), (20, 6)]
    fit = fit_sr3(rows, target)
    np.testing.assert_allclose(fit.alpha, PLANTED, atol=1e-10)
    assert fit.loss < 1e-20 and fit.converged and fit.iterations == 0


def test_delta_rows_are_differences_per_step_towards_larger_mu():
    rows, target = delta_rows(X, SHARE, MU, ALL)
    table = ansatz.correlators(X, SHARE).reshape(4, 5, 6)
    # the first point of axis 0 has one neighbour only, whichever way mu grows
    np.testing.assert_allclose(rows[0][0], table[1, 0] - table[0, 0], atol=1e-12)
    assert target[0][0] == pytest.approx(MU[1, 0] - MU[0, 0])
    step = 1 if MU[3, 2] > MU[1, 2] else -1
    np.testing.assert_allclose(rows[0][12], step * (table[2 + step, 2] - table[2, 2]), atol=1e-12)
    assert target[0][12] == pytest.approx(step * (MU[2 + step, 2] - MU[2, 2]))


def test_only_settings_of_the_mask_with_shots_are_used():
    counts = SHARE.toarray()
    counts[7] = 0.0
    mask = ALL.copy()
    mask[0] = False
    rows, _ = delta_rows(X, sp.csr_array(counts), MU, mask)
    assert all(r.shape[0] < 15 for r in rows)
    np.testing.assert_allclose(fit_sr3(*delta_rows(X, SHARE, MU, mask)).alpha, PLANTED, atol=1e-9)


def test_cp_rows_are_mean_projections_on_the_response():
    response = RNG.normal(size=(16, 4))
    rows, target = cp_rows(X, response, SHARE, MU, ALL)
    alpha = RNG.normal(size=6)
    projection = ((X @ ansatz.symmetric(alpha, 4)) * response).sum(1)  # grad f . u of each x
    for axis in range(2):
        slope = grid_gradient(MU, axis).reshape(-1)
        np.testing.assert_allclose(target[axis], slope)
        np.testing.assert_allclose(rows[axis] @ alpha, slope * (SHARE @ projection), atol=1e-12)


def test_axes_count_by_relative_residual():
    """Stretching an axis, or repeating settings, changes neither coefficients nor loss."""
    rows = [RNG.normal(size=(30, 6)), RNG.normal(size=(20, 6))]
    target = [RNG.normal(size=30), RNG.normal(size=20)]
    fit = fit_sr3(rows, target)
    stretched = fit_sr3([rows[0], 50 * rows[1]], [target[0], 50 * target[1]])
    repeated = fit_sr3([np.tile(r, (7, 1)) for r in rows], [np.tile(t, 7) for t in target])
    for other in (stretched, repeated):
        np.testing.assert_allclose(other.alpha, fit.alpha, atol=1e-10)
        assert other.loss == pytest.approx(fit.loss, rel=1e-10)
    assert 0 < fit.loss < 2


def test_l1_meets_its_optimality_conditions():
    rows, target = delta_rows(X, SHARE, MU, ALL)
    fit = fit_sr3(rows, target, L1_reg=1.0)
    assert fit.converged and fit.gradient_norm < 1e-9
    assert np.abs(fit.alpha).sum() < np.abs(PLANTED).sum()


def test_a_flat_map_is_refused():
    rows, target = delta_rows(X, SHARE, np.ones((4, 5)), ALL)
    with pytest.raises(DataError, match="does not change over theta"):
        fit_sr3(rows, target)
