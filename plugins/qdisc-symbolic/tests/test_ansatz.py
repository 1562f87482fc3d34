"""The two-body ansatz, and which data it accepts."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError

from qdisc_symbolic import ansatz
from qdisc_symbolic.masks import as_mask

RNG = np.random.default_rng(0)


def test_the_formula_its_gradient_and_its_means():
    x = RNG.choice([-1.0, 1.0], size=(20, 5))
    alpha = RNG.normal(size=10)
    f = ansatz.evaluate(alpha, 0.5, x)
    by_hand = [
        sum(
            alpha[k] * row[i] * row[j]
            for k, (i, j) in enumerate(zip(*ansatz.pairs(5), strict=True))
        )
        for row in x
    ]
    np.testing.assert_allclose(f, np.array(by_hand) + 0.5, rtol=1e-12)
    np.testing.assert_allclose(ansatz.features(x) @ alpha + 0.5, f, rtol=1e-12)
    moved = x.copy()
    moved[:, 2] += 1e-3  # linear in each variable: the difference quotient is exact
    slope = (ansatz.evaluate(alpha, 0.0, moved) - ansatz.evaluate(alpha, 0.0, x)) / 1e-3
    np.testing.assert_allclose((x @ ansatz.symmetric(alpha, 5))[:, 2], slope, rtol=1e-9)
    weights = sp.csr_array(RNG.random((3, 20)))
    np.testing.assert_allclose(
        ansatz.correlators(x, weights), weights @ ansatz.features(x), rtol=1e-12
    )


def test_codes_become_spins():
    spins = Dataset(np.array([[[0, 1, 1]], [[1, 0, 0]]]), [[0.0, 1.0]], "discrete")
    codes = spins.configurations
    np.testing.assert_array_equal(ansatz.variables(spins, codes), 2.0 * codes - 1)
    np.testing.assert_array_equal(ansatz.variables(spins, codes, shift_data=False), codes)
    three = Dataset(np.array([[[0, 1, 2]]]), [[0.0]], "discrete")
    np.testing.assert_array_equal(ansatz.variables(three, [[0, 1, 2]]), [[-1, 0, 1]])


def test_the_continuous_half_stays_as_it_is():
    rows = np.array([[0, 1, 0.25, -3.0], [1, 1, 0.5, 2.0]])
    hybrid = Dataset(rows[None], [[0.0]], "hybrid")
    expected = rows.copy()
    expected[:, :2] = 2 * rows[:, :2] - 1
    np.testing.assert_allclose(ansatz.variables(hybrid, rows), expected)


def test_shadows_are_refused():
    shadow = Dataset(np.array([[[2, 0, 4, 1]]]), [[0.0]], "shadow")
    with pytest.raises(DataError, match="basis codes are not spins"):
        ansatz.variables(shadow, shadow.configurations)


def test_every_usual_way_to_name_a_cluster():
    grid = Dataset(RNG.integers(0, 2, (3, 4, 5, 2)), [np.arange(3.0), np.arange(4.0)], "discrete")
    mask = RNG.random((3, 4)) < 0.5
    for cluster in (
        mask, mask.reshape(-1), np.where(mask), np.argwhere(mask), np.flatnonzero(mask.reshape(-1))
    ):  # fmt: skip
        np.testing.assert_array_equal(as_mask(grid, cluster, "c"), mask.reshape(-1))
    with pytest.raises(DataError, match="cluster is empty"):
        as_mask(grid, np.zeros((3, 4), dtype=bool), "c")
    with pytest.raises(DataError, match="outside the grid"):
        as_mask(grid, np.array([[0, 4]]), "c")
    with pytest.raises(DataError, match="names no cluster"):
        as_mask(grid, np.ones((4, 3), dtype=bool), "c")
