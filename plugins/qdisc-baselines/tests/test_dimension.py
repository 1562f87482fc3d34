"""Intrinsic dimension of manifolds and bits whose dimension is known."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.testing import run_plugin

from qdisc_baselines.dimension import hamming_dimension, intrinsic_dimension, two_nn


@pytest.mark.parametrize("d", [1, 2, 5])
def test_a_plane_in_ten_dimensions(d):
    rng = np.random.default_rng(d)
    x = rng.random((2000, d)) @ rng.normal(size=(d, 10))
    value, error = two_nn(x)
    # borders of the cube shorten no neighbour distance: a small bias towards smaller d remains
    assert abs(value - d) < 4 * error + 0.05 * d
    assert error == pytest.approx(value / np.sqrt(1998))


def test_a_sphere():
    x = np.random.default_rng(0).normal(size=(3000, 3))
    value, error = two_nn(x / np.linalg.norm(x, axis=1, keepdims=True))
    assert abs(value - 2) < 4 * error


@pytest.mark.parametrize("d", [3, 6, 12])
def test_free_bits_beside_frozen_ones(d):
    """d free bits, 5 frozen: dimension d, whatever else the string holds."""
    rng = np.random.default_rng(d)
    rows = np.concatenate([rng.integers(0, 2, (3000, d)), np.ones((3000, 5), int)], axis=1)
    unique, count = np.unique(rows, axis=0, return_counts=True)
    value, error = hamming_dimension(unique, count, 0.5, rng)
    assert abs(value - d) < 4 * error + 0.01 and error < 0.1 * d


def test_one_string_has_no_dimension():
    rng = np.random.default_rng(0)
    assert hamming_dimension(np.ones((1, 4), int), np.array([9]), 0.5, rng) == (0.0, 0.0)


def test_a_sweep_from_frozen_to_free():
    """Spins that freeze one after another: the map counts the free ones."""
    rng = np.random.default_rng(1)
    free = np.array([2, 5, 8])
    rows = np.ones((3, 2000, 8), int)
    for p, d in enumerate(free):
        rows[p, :, :d] = rng.integers(0, 2, (2000, d))
    dataset = Dataset.from_samples(
        rows.reshape(-1, 8), np.repeat(free / 1.0, 2000), data_type="discrete"
    )
    found = run_plugin(intrinsic_dimension, dataset, snapshots=2000)
    assert (np.abs(found["dimension"].data - free) < 4 * found["dimension_error"].data + 0.05).all()
