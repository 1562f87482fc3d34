"""Fault 15 of the published library: data kinds and sweeps that it accepts and cannot use.

One theta was unsupported, three theta lost values, short axes and missing or list `local_states`
failed late. Here every kind of data and every number of axes is first class in the Dataset.
"""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.errors import DataError

ROWS = {
    "discrete": [[0, 1], [1, 1]],
    "continuous": [[0.5, -1.5], [2.0, 0.0]],
    "hybrid": [[0, 1, 0.5, -1.0], [1, 1, 0.25, 3.0]],
    "shadow": [[2, 0, 3, 1], [4, 1, 2, 0]],
}


@pytest.mark.parametrize("data_type", ROWS)
@pytest.mark.parametrize("shape", [(1,), (3,), (2, 3), (1, 1), (2, 1, 3), (1, 2, 2, 2)])
def test_every_kind_on_every_number_of_axes(data_type, shape, tmp_path):
    rows = np.array(ROWS[data_type], dtype=float)
    data = np.broadcast_to(rows, (*shape, *rows.shape))
    ds = Dataset(data, [np.arange(n, dtype=float) for n in shape], data_type)
    assert ds.theta_shape == shape and ds.n_sites == 2 and ds.num_sample_per_params == 2
    mean = ds.to_theta(ds.average(ds.configurations))
    assert mean.shape == (*shape, rows.shape[1])
    np.testing.assert_allclose(mean, np.broadcast_to(rows.mean(0), mean.shape), rtol=1e-12)
    again = read_dataset(write_dataset(ds, tmp_path / "x.h5"))
    assert again.sha256 == ds.sha256 and again.theta_shape == shape


def test_three_axes_keep_their_values():
    """Each sample states its setting; no axis is lost or exchanged."""
    a, b, c = np.meshgrid([0.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0], indexing="ij")
    data = np.stack([a, b, c], -1)[..., None, :]
    ds = Dataset(data, [[0.0, 1.0], [0.0, 1.0, 2.0], [0.0, 1.0, 2.0, 3.0]], "continuous")
    np.testing.assert_array_equal(ds.theta, ds.samples)


@pytest.mark.parametrize(
    ("data_type", "samples", "states"),
    [
        ("discrete", [[0, 1]], [-1, 1]),
        ("discrete", [[0, 2]], [0, 1, 2]),
        ("hybrid", [[0, 0.5]], [0, 1]),
        ("shadow", [[2, 0]], [-1, 1]),
    ],
)
def test_missing_local_states_have_stated_defaults(data_type, samples, states):
    ds = Dataset.from_samples(samples, [0.0], data_type=data_type)
    assert ds.local_states.tolist() == states


def test_continuous_data_have_none():
    assert Dataset.from_samples([[0.5]], [0.0], data_type="continuous").local_states is None


@pytest.mark.parametrize("states", [[-1, 1], (-1, 1), np.array([-1.0, 1.0])])
def test_local_states_may_be_a_list(states):
    ds = Dataset(np.array([[[0, 1]]]), [[0.0]], "discrete", 2, states)
    np.testing.assert_array_equal(ds.physical(ds.samples), [[-1, 1]])


def test_wrong_local_states_fail_at_once():
    with pytest.raises(DataError, match="disagree"):
        Dataset(np.array([[[0, 1]]]), [[0.0]], "discrete", 2, [-1, 0, 1])
    with pytest.raises(DataError, match="numbers"):
        Dataset(np.array([[[0, 1]]]), [[0.0]], "discrete", 2, ["down", "up"])
