from __future__ import annotations

import numpy as np
import pytest

from qdisc.analysis.slices import marginal, nearest_index, slice_pair
from qdisc.errors import ConfigError

AXES = [np.array([0.0, 1.0]), np.array([0.0, 0.5, 1.0]), np.array([10.0, 20.0, 30.0, 40.0])]
VALUES = np.arange(24.0).reshape(2, 3, 4)


def test_three_thetas_keep_the_third_one_fixed():
    np.testing.assert_array_equal(slice_pair(VALUES, (0, 1), [29.0], AXES), VALUES[:, :, 2])
    np.testing.assert_array_equal(slice_pair(VALUES, (2, 0), (0.6,), AXES), VALUES[:, 1].T)
    with_latents = np.stack([VALUES, -VALUES], -1)
    cut = slice_pair(with_latents, (2, 0), (0.6,), AXES)
    assert cut.shape == (4, 2, 2)
    np.testing.assert_array_equal(cut[..., 1], -VALUES[:, 1].T)
    np.testing.assert_array_equal(slice_pair(VALUES, (1,), (1.0, 40.0), AXES), VALUES[1, :, 3])


def test_one_theta_is_a_line_or_a_plane_of_width_one():
    line = np.arange(3.0)
    np.testing.assert_array_equal(slice_pair(line, (0,), (), AXES[1:2]), line)
    np.testing.assert_array_equal(slice_pair(line, (1, 0), (), AXES[1:2]), line[None])
    np.testing.assert_array_equal(slice_pair(line, (0, 1), (), AXES[1:2]), line[:, None])


@pytest.mark.parametrize("pair", [(0, 0), (0, 3), (0, 1, 2), (-1, 0)])
def test_a_pair_is_two_axes(pair):
    with pytest.raises(ConfigError, match="two different theta axes"):
        slice_pair(VALUES, pair, (1.0,), AXES)


def test_missing_values_and_wrong_grids_are_errors():
    with pytest.raises(ConfigError, match=r"1 numbers, for axes \[2\]"):
        slice_pair(VALUES, (0, 1), (), AXES)
    with pytest.raises(ConfigError, match="do not lie on this grid"):
        slice_pair(VALUES[:, :2], (0, 1), (1.0,), AXES)


def test_nearest_and_marginal():
    assert nearest_index(AXES[2], 26.0) == 2 and nearest_index(AXES[2], -5) == 0
    shots = np.array([[1, 3], [0, 2]])
    values = np.array([[1.0, 5.0], [np.nan, 7.0]])
    np.testing.assert_allclose(marginal(values, 0, shots), [4.0, 7.0])
    np.testing.assert_allclose(marginal(values[..., None], 1, shots)[:, 0], [1.0, 29 / 5])
