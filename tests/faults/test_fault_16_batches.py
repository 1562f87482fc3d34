"""Fault 16 of the published library: partial batches are dropped, odd batch sizes misbehave.

A batch larger than the data printed "finished" without training; batch size 0 divided by zero.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError


@pytest.fixture(params=["plain", "counts"])
def dataset(request):
    """Ten snapshots that tell each other apart, or ten with repeats."""
    if request.param == "plain":
        return Dataset(np.arange(10.0).reshape(2, 5, 1), [[0.0, 1.0]], "continuous")
    ds = Dataset.from_counts([{"3": 4, "1": 1}, {"5": 5}], [0.0, 1.0])
    assert ds.deduplicated and ds.n_snapshots == 10
    return ds


@pytest.mark.parametrize("key", [jax.random.key(0), jax.random.PRNGKey(0)])
@pytest.mark.parametrize("batch_size", range(1, 12))
def test_every_snapshot_once(dataset, batch_size, key):
    batches = dataset.create_batches(batch_size, key)
    assert len(batches) == -(-10 // batch_size)
    assert all(1 <= len(batch) <= batch_size for batch in batches)
    rows = np.sort(np.concatenate(batches), axis=0)
    np.testing.assert_array_equal(rows, np.sort(dataset.samples, axis=0))


def test_a_batch_larger_than_the_data_holds_all_of_it(dataset):
    (batch,) = dataset.create_batches(1000, jax.random.key(0))
    assert batch.shape == (10, 1)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "4", None, np.nan])
def test_a_batch_without_snapshots_is_an_error(dataset, batch_size):
    with pytest.raises(DataError, match="at least one snapshot") as caught:
        dataset.create_batches(batch_size, jax.random.key(0))
    assert "batch_size" in str(caught.value)


def test_numpy_sizes_work(dataset):
    assert len(dataset.create_batches(np.int64(4), jax.random.key(0))) == 3
