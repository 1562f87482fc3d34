"""Fault 9 of the published library: values outside the local states cost 0, NaN spreads silently.

Its losses gave {0, 7}, {-1, 1} and 0.3 a cost of zero, and one NaN in the data turned every
parameter NaN without a word. Here no such value gets into a Dataset, by any door.
"""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load
from qdisc.errors import DataError

BAD = {
    "{0, 7} with two local states": (7, "codes are 0..1", "[1, 2]"),
    "{-1, 1}": (-1, "codes 0..d-1", "[1, 2]"),
    "0.3": (0.3, "whole codes", "[1, 2]"),
    "NaN": (np.nan, "not finite", "[1, 2]"),
    "inf": (np.inf, "not finite", "[1, 2]"),
}


def _samples(value):
    samples = np.array([[0.0, 1, 1], [1, 0, 0], [1, 1, 0]])
    samples[1, 2] = value
    return samples


def _constructor(samples, tmp_path):
    return Dataset(samples[None], [[0.0]], "discrete", 2)


def _from_samples(samples, tmp_path):
    return Dataset.from_samples(samples, np.zeros(3), data_type="discrete", local_dimension=2)


def _npz(samples, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, samples=samples, theta=np.zeros(3), data_type="discrete", local_dimension=2)
    return load(path)


def _hdf5(samples, tmp_path):
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["samples"], file["point"], file["theta"] = samples, [0, 0, 0], [[0.0]]
        file.attrs.update({"data_type": "discrete", "local_dimension": 2})
    return load(path)


DOORS = [_constructor, _from_samples, _npz, _hdf5]


@pytest.mark.parametrize("door", DOORS)
def test_a_good_array_passes_every_door(door, tmp_path):
    assert door(_samples(0), tmp_path).n_snapshots == 3


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("what", BAD)
def test_bad_values_are_refused_with_their_place(door, what, tmp_path):
    value, match, index = BAD[what]
    with pytest.raises(DataError, match=match) as caught:
        door(_samples(value), tmp_path)
    assert index in str(caught.value) and "try:" in str(caught.value)
    assert str(value if value != value or value % 1 else int(value)) in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("data_type", ["continuous", "hybrid"])
def test_continuous_values_are_finite(bad, data_type):
    samples = np.zeros((2, 4))
    samples[1, 3] = bad
    with pytest.raises(DataError, match="not finite") as caught:
        Dataset.from_samples(samples, [0.0, 1.0], data_type=data_type)
    assert "[1, 3]" in str(caught.value)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_theta_is_finite(bad):
    with pytest.raises(DataError, match="theta must be finite"):
        Dataset(np.zeros((2, 1, 1)), [[0.0, bad]], "discrete")


def test_shadow_words_are_checked():
    for row in ([0, 1], [5, 1], [2, 2], [2, -1], [2.5, 1]):
        with pytest.raises(DataError, match="a shadow's"):
            Dataset.from_samples([row], [0.0], data_type="shadow")
