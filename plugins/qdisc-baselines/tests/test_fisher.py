"""The generative classifier's Fisher information against exact enumeration."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.testing import run_plugin

from qdisc_baselines.derivatives import derivatives
from qdisc_baselines.fisher import generative_fisher

FIELDS = np.linspace(0.2, 2.0, 19)


def exact(p, theta):
    """Central differences of sqrt p: 4 sum (d sqrt p)^2, NaN at the ends."""
    slope = (np.sqrt(p[2:]) - np.sqrt(p[:-2])) / (theta[2:] - theta[:-2])[:, None]
    return np.concatenate([[np.nan], 4 * (slope**2).sum(axis=1), [np.nan]])


def bound(p, theta, phi):
    """d mu . C^-1 . d mu with exact moments, the derivative central, C of both neighbours."""
    out = np.full(len(theta), np.nan)
    for n in range(1, len(theta) - 1):
        low, high = p[n - 1], p[n + 1]
        d = (high - low) @ phi / (theta[n + 1] - theta[n - 1])
        c = sum(0.5 * ((phi.T * q) @ phi - np.outer(q @ phi, q @ phi)) for q in (low, high))
        out[n] = d @ np.linalg.pinv(c, rcond=1e-6, hermitian=True) @ d
    return out


def features(x):
    i, j = np.triu_indices(x.shape[1], 1)
    return np.concatenate([x, x[:, i] * x[:, j]], axis=1).astype(float)


@pytest.fixture(scope="module")
def ising(make):
    p = make.tfim(6, FIELDS)
    return p, exact(p, FIELDS), bound(p, FIELDS, features(2 * make.bits(6) - 1))


def test_two_body_moments_nearly_reach_the_fisher_information(make):
    """The model's information is a lower bound, at least 95 % of the exact one, with its ridge."""
    fields = np.linspace(0.2, 2.0, 37)
    p = make.tfim(6, fields)
    ratio = bound(p, fields, features(2 * make.bits(6) - 1)) / exact(p, fields)
    assert ((ratio[1:-1] > 0.95) & (ratio[1:-1] < 1.001)).all(), ratio
    whole = exact(p, fields)
    assert np.nanargmax(ratio * whole) == np.nanargmax(whole)


def test_estimates_are_unbiased_and_their_errors_honest(ising, make):
    """25 draws: the mean is that of exact moments, and the spread is the stated error."""
    p, _, below = ising
    found = [run_plugin(generative_fisher, make.drawn(p, FIELDS, 1000, seed)) for seed in range(25)]
    value = np.array([f["fisher"].data[1:-1, 0] for f in found])
    error = np.array([f["fisher_error"].data[1:-1, 0] for f in found])
    spread = value.std(axis=0, ddof=1)
    pull = (value.mean(axis=0) - below[1:-1]) / (spread / np.sqrt(25))
    assert np.abs(pull).max() < 4.5, pull
    ratio = spread / error.mean(axis=0)
    assert 0.7 < np.median(ratio) < 1.3, ratio


def test_the_ridge_of_the_ring(ising, make):
    p, fisher, _ = ising
    found = run_plugin(generative_fisher, make.drawn(p, FIELDS, 2000, 3))["fisher"]
    assert abs(int(np.nanargmax(found.data[1:-1, 0])) + 1 - int(np.nanargmax(fisher))) <= 1


def test_nothing_changes(nothing):
    """Without a change the pulls are those of noise: mean 0, none beyond 5."""
    found = run_plugin(generative_fisher, nothing)
    pull = (found["fisher"].data / found["fisher_error"].data).ravel()
    assert abs(pull.mean()) < 5 / np.sqrt(pull.size) and np.abs(pull).max() < 6


def test_gaussians_in_closed_form():
    """x ~ N(theta u, S): F = u . S^-1 . u per unit of theta; from one-body features alone."""
    rng = np.random.default_rng(0)
    u = np.array([1.0, -0.5, 0.0])
    root = np.array([[1.0, 0, 0], [0.6, 0.8, 0], [0, 0.3, 0.5]])
    theta = np.repeat(np.linspace(0, 0.4, 5), 4000)
    x = theta[:, None] * u + rng.normal(size=(theta.size, 3)) @ root.T
    dataset = Dataset.from_samples(x, theta, data_type="continuous")
    found = run_plugin(generative_fisher, dataset, pairs=0)
    wanted = u @ np.linalg.inv(root @ root.T) @ u
    pull = (found["fisher"].data[:, 0] - wanted) / found["fisher_error"].data[:, 0]
    assert np.abs(pull).max() < 4


def test_derivatives_of_a_plane_are_exact():
    rng = np.random.default_rng(1)
    grid = np.stack(np.meshgrid([0, 1, 3.0], [0, 0.5, 2, 4.0], indexing="ij"), -1).reshape(-1, 2)
    for theta in (grid, rng.random((20, 2)), rng.random((30, 3))):
        dataset = Dataset.from_samples(
            np.arange(2 * len(theta)).reshape(-1, 1) % 2, np.repeat(theta, 2, axis=0),
            data_type="discrete", local_dimension=2,
        )  # fmt: skip
        slope = np.array([2.0, -3.0, 0.7])[: theta.shape[1]]
        for axis, way in enumerate(derivatives(dataset)):
            np.testing.assert_allclose(way.matrix @ (dataset.theta @ slope + 5), slope[axis])
