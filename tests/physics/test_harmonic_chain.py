"""The harmonic chain: covariance, entropy, Fisher information and snapshots, all exact."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from qdisc.errors import ConfigError
from qdisc.physics.harmonic_chain import (
    covariance,
    entropy,
    fisher_information,
    laplacian,
    mixture_entropy,
    modes,
    snapshots,
)

THETA = np.array([[0.3, 1.0], [1.5, 0.2], [0.05, 2.0]])


@pytest.mark.parametrize("pbc", [False, True])
def test_the_covariance_is_half_the_inverse_root_of_k(pbc):
    for row, seen in zip(THETA, covariance(6, THETA, pbc), strict=True):
        k = row[0] ** 2 * np.eye(6) + row[1] * laplacian(6, pbc)
        np.testing.assert_allclose(seen, np.linalg.inv(sqrtm(k)) / 2, atol=1e-9)


@pytest.mark.parametrize("pbc", [False, True])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_standing_waves_are_the_modes_of_the_laplacian(n, pbc):
    """V diag(l) V^T is the Laplacian and V orthogonal; the signs are fixed by the formula."""
    eigenvalues, _, waves = modes(n, THETA, pbc)
    np.testing.assert_allclose((waves * eigenvalues) @ waves.T, laplacian(n, pbc), atol=1e-12)
    np.testing.assert_allclose(waves.T @ waves, np.eye(n), atol=1e-12)
    assert (waves[0, : 1 if pbc else n] > 0).all()


def test_one_and_two_oscillators_by_hand():
    assert covariance(1, [[0.7, 5.0]])[0, 0, 0] == pytest.approx(1 / (2 * 0.7))
    # normal modes omega and sqrt(omega^2 + 2 kappa)
    plus, minus = 1 / (2 * 0.7), 1 / (2 * np.sqrt(0.49 + 6))
    np.testing.assert_allclose(
        covariance(2, [[0.7, 3.0]])[0],
        [[(plus + minus) / 2, (plus - minus) / 2], [(plus - minus) / 2, (plus + minus) / 2]],
    )


def test_entropy_against_the_determinant():
    for row, seen in zip(covariance(5, THETA), entropy(5, THETA), strict=True):
        sign, logdet = np.linalg.slogdet(2 * np.pi * np.e * row)
        assert sign == 1
        assert seen == pytest.approx(logdet / 2, abs=1e-9)


def test_fisher_information_against_traces():
    """(1/2) tr[Sigma^-1 dSigma Sigma^-1 dSigma], dSigma by central differences."""
    d = 1e-5
    for row, seen in zip(THETA, fisher_information(5, THETA), strict=True):
        sigma = covariance(5, [row])[0]
        slopes = [
            (covariance(5, [row + d * e]) - covariance(5, [row - d * e]))[0] / (2 * d)
            for e in np.eye(2)
        ]
        half = [np.linalg.solve(sigma, slope) for slope in slopes]
        expected = [[0.5 * np.trace(a @ b) for b in half] for a in half]
        np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_snapshots_have_the_covariance():
    n, shots = 4, 100_000
    x = snapshots(n, (0.4, 1.3), shots, 3)
    sigma = covariance(n, [[0.4, 1.3]])[0]
    seen = x.T @ x / shots
    error = np.sqrt((sigma**2 + np.outer(np.diag(sigma), np.diag(sigma))) / shots)
    assert np.all(np.abs(seen - sigma) < 4 * error)
    assert np.all(np.abs(x.mean(axis=0)) < 4 * np.sqrt(np.diag(sigma) / shots))
    kurtosis = (x**4).mean(axis=0) / (3 * np.diag(sigma) ** 2)
    assert np.all(np.abs(kurtosis - 1) < 4 * np.sqrt(96 / 9 / shots))


def test_one_setting_tells_nothing_and_two_far_ones_tell_one_bit():
    value, error = mixture_entropy(3, [[0.5, 1.0]], 20_000, 0)
    assert abs(value - entropy(3, [[0.5, 1.0]])[0]) < 4 * error
    far = [[1e-6, 0.0], [1e6, 0.0]]
    value, error = mixture_entropy(3, far, 20_000, 1)
    assert abs(value - entropy(3, far).mean() - np.log(2)) < 4 * error


def test_settings_without_a_ground_state_are_refused():
    with pytest.raises(ConfigError, match=r"omega > 0 and kappa >= 0\n.*theta\[1\]"):
        covariance(3, [[1.0, 1.0], [0.0, 1.0]])
