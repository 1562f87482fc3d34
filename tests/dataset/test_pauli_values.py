"""Shadow estimators: means, errors that mean what they say, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.pauli_values import estimate, pauli_values
from qdisc.dataset.shadows import get_classical_shadow
from qdisc.errors import DataError

SHADOW = np.array([[2, 1, 3, 0], [2, 0, 4, 1], [4, 1, 4, 0], [2, 1, 3, 1]])


def test_values_by_hand():
    np.testing.assert_array_equal(pauli_values(SHADOW, "XI"), [3, -3, 0, 3])
    np.testing.assert_array_equal(pauli_values(SHADOW, "XY"), [-9, 0, 0, 9])
    np.testing.assert_array_equal(pauli_values(SHADOW, "ZZ"), [0, 0, -9, 0])
    np.testing.assert_array_equal(pauli_values(SHADOW, "II"), [1, 1, 1, 1])


def test_fewer_bases_need_a_smaller_factor():
    plus_i = np.array([1, 1j]) / np.sqrt(2)
    shadow = get_classical_shadow(np.kron(plus_i, plus_i), 20_000, 2, 3, "YZ")
    values = pauli_values(shadow, "YY", "YZ")
    assert set(np.unique(values)) == {0, 4}
    assert abs(values.mean() - 1) < 4 * values.std() / np.sqrt(len(values))


def test_errors_cover_the_truth_as_often_as_they_should():
    """200 repetitions of 1000 normal values: z scores of both estimators are near unit."""
    rng = np.random.default_rng(0)
    z, z_median = [], []
    for _ in range(200):
        e = estimate(rng.normal(1.0, 2.0, 1000), groups=20)
        z.append((e.mean - 1) / e.std_error)
        z_median.append((e.median_of_means - 1) / e.median_error)
    assert abs(np.mean(z)) < 0.25 and 0.85 < np.std(z) < 1.15
    assert abs(np.mean(z_median)) < 0.25 and 0.8 < np.std(z_median) < 1.2


def test_the_median_of_means_shrugs_off_an_outlier():
    values = np.ones(1000)
    values[17] = 1e6
    e = estimate(values)
    assert e.median_of_means == 1
    assert e.mean > 100
    assert e.groups == 10


def test_refusals():
    with pytest.raises(DataError, match=r"3 sites have 6 columns\n.*\n.*\(4, 4\)"):
        pauli_values(SHADOW, "XYZ")
    with pytest.raises(DataError, match="nothing was measured in Y"):
        pauli_values(SHADOW, "YZ", "XZ")
    with pytest.raises(DataError, match="nothing was measured in A"):
        pauli_values(SHADOW, "AZ")
    with pytest.raises(DataError, match="none empty"):
        estimate([1.0])
    with pytest.raises(DataError, match="none empty"):
        estimate([1.0, 2.0, 3.0], groups=4)
