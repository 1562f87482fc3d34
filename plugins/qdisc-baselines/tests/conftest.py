"""Sweeps whose answers are known: exact states of small rings, planted borders, nothing at all."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # threads only stand in each other's way at this size
        yield


def bits(n):
    """All strings of n bits, (2^n, n)."""
    return (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1


def drawn(p, theta, shots, seed, **options):
    """Shots drawn from exact probabilities p (points, 2^n)."""
    counts = np.random.default_rng(seed).multinomial(shots, p)
    return counted(counts, theta, **options)


def counted(counts, theta, **options):
    point, row = np.nonzero(counts)
    rows = bits(int(np.log2(counts.shape[1])))
    matrix = CountMatrix.from_pairs(point, row, counts[point, row], len(theta), len(rows))
    return Dataset.from_configurations(rows, matrix, theta, data_type="discrete", **options)


def tfim(n, fields):
    """p(z string | g) of the ground states of -sum Z Z - g sum X on a ring, (points, 2^n)."""
    z = 1 - 2 * bits(n)
    diagonal = -(z * np.roll(z, -1, axis=1)).sum(axis=1).astype(float)
    hop = np.zeros((2**n, 2**n))
    for i in range(n):
        hop[np.arange(2**n), np.arange(2**n) ^ (1 << i)] -= 1
    return np.array([np.linalg.eigh(np.diag(diagonal) + g * hop)[1][:, 0] ** 2 for g in fields])


@pytest.fixture(scope="session")
def make():
    class Make:
        bits, drawn, counted, tfim = map(staticmethod, (bits, drawn, counted, tfim))

    return Make


@pytest.fixture(scope="session")
def planted():
    """6 spins on a 9 x 7 grid of (a, b): up with probability 0.2 for a < 4.5, else 0.8."""
    a, b = np.meshgrid(np.arange(9.0), np.arange(7.0), indexing="ij")
    theta = np.stack([a.ravel(), b.ravel()], axis=1)
    up = np.where(theta[:, :1] < 4.5, 0.2, 0.8)
    x = bits(6)
    p = np.prod(np.where(x[None] == 1, up[..., None], 1 - up[..., None]), axis=-1)
    return drawn(p, theta, 400, seed=1, theta_names=("a", "b"))


@pytest.fixture(scope="session")
def nothing():
    """6 spins, the same correlated distribution at all 9 x 7 settings."""
    a, b = np.meshgrid(np.arange(9.0), np.arange(7.0), indexing="ij")
    p = tfim(6, [1.0])[0]
    return drawn(np.tile(p, (63, 1)), np.stack([a.ravel(), b.ravel()], axis=1), 400, seed=2)
