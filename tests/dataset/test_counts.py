"""The sparse matrix of counts, against a dense one."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.counts import CountMatrix
from qdisc.errors import DataError


@pytest.fixture
def dense():
    rng = np.random.default_rng(2)
    out = rng.integers(0, 4, (5, 6))
    out[3] = 0
    return out


@pytest.fixture
def matrix(dense):
    point, configuration = np.nonzero(dense)
    return CountMatrix.from_pairs(point, configuration, dense[point, configuration], 5, 6)


def test_sums(dense, matrix):
    np.testing.assert_array_equal(matrix.shots(), dense.sum(1))
    np.testing.assert_array_equal(matrix.weights(), dense.sum(0))
    values = np.arange(24.0).reshape(6, 2, 2)
    np.testing.assert_allclose(matrix.sums(values), np.einsum("pu,uab->pab", dense, values))
    np.testing.assert_array_equal(matrix.point_of_entry(), np.nonzero(dense)[0])


def test_rows_in_another_order(dense, matrix):
    order = np.array([3, 1, 4, 0, 2])
    taken = matrix.take_points(order)
    np.testing.assert_allclose(taken.sums(np.eye(6)), dense[order])


def test_pairs_that_repeat_are_summed():
    pairs = np.array([1, 1, 0]), np.array([2, 2, 0]), np.array([3, 4, 1])
    np.testing.assert_array_equal(
        CountMatrix.from_pairs(*pairs, 2, 3).sums(np.eye(3)), [[1, 0, 0], [0, 0, 7]]
    )


def test_one_each():
    matrix = CountMatrix.one_each(np.array([2, 0, 1]))
    np.testing.assert_array_equal(matrix.indptr, [0, 2, 2, 3])
    np.testing.assert_array_equal(matrix.sums(np.eye(3)), [[1, 1, 0], [0, 0, 0], [0, 0, 1]])


@pytest.mark.parametrize("dtype", ["int8", "uint64", "float32", ">i4"])
def test_checked_takes_any_whole_numbers(dtype):
    matrix = CountMatrix.checked(
        np.array([2, 1], dtype), np.array([1, 0], dtype), np.array([0, 1, 2], dtype), 2, "counts"
    )
    assert (matrix.data.dtype, matrix.indices.dtype) == (np.int64, np.int32)
    np.testing.assert_array_equal(matrix.sums(np.eye(2)), [[0, 2], [1, 0]])


@pytest.mark.parametrize(
    ("data", "indices", "indptr", "seen"),
    [
        ([1, 0], [0, 1], [0, 1, 2], "counts/data[1]"),
        ([1, -2], [0, 1], [0, 1, 2], "value: -2"),
        ([1, 1], [0, 5], [0, 1, 2], "counts/indices[1]"),
        ([1, 1], [-1, 0], [0, 1, 2], "value: -1"),
        ([1, 1], [0, 1], [0, 2, 1, 2], "counts/indptr[2]"),
        ([1, 1], [0, 1], [0, 1, 3], "last entry 2"),
        ([1, 1], [0, 1], [1, 1, 2], "starts at 0"),
        ([1, 1], [0, 1], [0], "one entry per point + 1"),
        ([1, 1], [0, 1], [], "one entry per point + 1"),
        ([1, 1, 1], [0, 1], [0, 1, 3], "2 indices, 3 counts"),
        ([1.5, 1], [0, 1], [0, 1, 2], "counts/data[0]"),
        ([np.nan, 1], [0, 1], [0, 1, 2], "value: nan"),
        ([2**60, 2**60], [0, 1], [0, 1, 2], "more snapshots"),
        ([1e300, 1], [0, 1], [0, 1, 2], "whole number"),
        ([[1, 1]], [0, 1], [0, 1, 2], "list of whole numbers"),
        (["a", "b"], [0, 1], [0, 1, 2], "list of whole numbers"),
    ],
)
def test_what_is_not_a_count_matrix(data, indices, indptr, seen):
    with pytest.raises(DataError) as caught:
        CountMatrix.checked(data, indices, np.array(indptr, np.int64), 2, "counts")
    assert seen in str(caught.value)
