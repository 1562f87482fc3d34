"""Entropies and Fisher information, on closed forms and on the 3 x 3 J1-J2 model."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import DataError
from qdisc.physics.ground_states import grid, snapshot_distribution
from qdisc.physics.hamiltonians import j1j2_family
from qdisc.physics.oracles import entropies, fisher_information, ridge

SQUARE = j1j2_family(3)


def test_entropies_of_the_published_sweep():
    theta = grid([np.linspace(0, 1.5, 21), np.linspace(0.1, 2.0, 20)])
    e = entropies(snapshot_distribution(SQUARE, theta))
    assert e.conditional.shape == (420,)
    assert e.mean_conditional == pytest.approx(4.07, abs=0.005)
    assert e.marginal == pytest.approx(4.80, abs=0.005)
    assert e.mutual_information == pytest.approx(0.73, abs=0.005)


def test_the_ridge_of_the_published_model():
    h = np.round(np.arange(1, 41) * 0.05, 10)
    j2 = [0.0, 0.3, 0.5, 0.6, 0.7, 0.9, 1.2, 1.5]
    p = snapshot_distribution(SQUARE, grid([j2, h])).reshape(len(j2), len(h), -1)
    expected = [1.375, 1.025, 0.725, 0.575, 0.375, 0.475, 0.725, 0.875]
    np.testing.assert_allclose(ridge(p, h), expected, atol=1e-12)


def test_the_ridge_along_j2_at_zero_field_is_three_quarters():
    j2 = np.round(np.arange(0, 31) * 0.05 + 0.025, 10)
    p = snapshot_distribution(SQUARE, grid([j2, [0.0]]))
    assert ridge(p, j2) == pytest.approx(0.75)


def test_a_coin_has_its_textbook_information():
    q = np.linspace(0.2, 0.8, 6001)
    middle, fisher = fisher_information(np.stack([q, 1 - q], axis=1), q)
    np.testing.assert_allclose(fisher, 1 / (middle * (1 - middle)), rtol=1e-5)


def test_any_axis_and_either_direction():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(5), size=(3, 4))
    theta = np.array([0.0, 0.5, 2.0])
    middle, fisher = fisher_information(p, theta, axis=0)
    assert fisher.shape == (2, 4)
    np.testing.assert_array_equal(middle, [0.25, 1.25])
    direct = 8 * (1 - np.sqrt(p[1] * p[2]).sum(axis=-1)) / 1.5**2
    np.testing.assert_allclose(fisher[1], direct, rtol=1e-12)
    _, back = fisher_information(p[::-1], theta[::-1], axis=0)
    np.testing.assert_allclose(back[::-1], fisher, rtol=1e-12)
    assert ridge(p, theta, axis=0).shape == (4,)


def test_entropies_of_simple_mixtures():
    e = entropies([[1.0, 0.0], [0.0, 1.0]])
    assert (e.mean_conditional, e.marginal) == (0.0, pytest.approx(np.log(2)))
    assert e.mutual_information == pytest.approx(np.log(2))
    same = entropies([[0.5, 0.5], [0.5, 0.5]])
    assert same.mutual_information == pytest.approx(0, abs=1e-15)
    weighted = entropies([[1.0, 0.0], [0.0, 1.0]], weights=[3, 1])
    assert weighted.marginal == pytest.approx(-0.75 * np.log(0.75) - 0.25 * np.log(0.25))


@pytest.mark.parametrize(
    "p", [[0.5, 0.5], [[0.5, 0.6]], [[1.5, -0.5]], [[np.nan, 1.0]], np.ones((0, 2))]
)
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(DataError, match=r"p\(x \| theta\)|not a probability distribution"):
        entropies(p)


def test_theta_must_fit():
    p = np.full((3, 2), 0.5)
    with pytest.raises(DataError, match="one value of theta per point"):
        fisher_information(p, [0.0, 1.0])
    with pytest.raises(DataError, match="strictly monotonic"):
        fisher_information(p, [0.0, 1.0, 0.5])
    with pytest.raises(DataError, match="one weight >= 0 per setting"):
        entropies(p, weights=[1, 1])
