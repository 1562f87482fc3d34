"""Boundaries and neighbours on grids of one, two and three axes."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from qdisc.errors import DataError

from qdisc_symbolic.boundary import boundary, neighbour


def brute_force(mask):
    out = np.zeros_like(mask)
    for index in itertools.product(*map(range, mask.shape)):
        for axis, step in itertools.product(range(mask.ndim), (1, -1)):
            other = list(index)
            other[axis] += step
            if 0 <= other[axis] < mask.shape[axis] and mask[index] and not mask[tuple(other)]:
                out[index] = True
    return out


@pytest.mark.parametrize("shape", [(9,), (6, 7), (4, 5, 3), (1, 6)])
def test_boundary_is_every_inner_point_with_an_outer_neighbour(shape):
    mask = np.random.default_rng(1).random(shape) < 0.6
    np.testing.assert_array_equal(boundary(mask), brute_force(mask))


def test_the_edge_of_the_grid_is_no_boundary():
    assert not boundary(np.ones((4, 5), dtype=bool)).any()
    half = np.zeros((4, 5), dtype=bool)
    half[:, :2] = True
    expected = np.zeros_like(half)
    expected[:, 1] = True
    np.testing.assert_array_equal(boundary(half), expected)


def test_neighbours_turn_round_at_the_edge():
    points = np.array([[0, 2], [3, 2], [3, 0]])
    to, step = neighbour((4, 3), points, 0, np.array([-1, 1, -1]))
    assert to.tolist() == [[1, 2], [2, 2], [2, 0]] and step.tolist() == [1, -1, -1]
    to, step = neighbour((4, 3), points, 1, np.array([1, 1, 1]))
    assert to.tolist() == [[0, 1], [3, 1], [3, 1]] and step.tolist() == [-1, -1, 1]
    assert points.tolist() == [[0, 2], [3, 2], [3, 0]]


def test_refusals():
    with pytest.raises(DataError, match="a mask over the grid"):
        boundary(np.ones((2, 2)))
    with pytest.raises(DataError, match="no neighbours"):
        neighbour((1, 3), np.array([[0, 1]]), 0, np.array([1]))
