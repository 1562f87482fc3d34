"""The Dataset itself: shapes, two representations with one meaning, batches, immutability."""

from __future__ import annotations

import inspect
import subprocess
import sys

import jax
import numpy as np
import pytest

from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError


def test_published_signature():
    """Code written for the published library calls exactly this."""
    parameters = inspect.signature(Dataset).parameters
    published = [p for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert [p.name for p in published] == [
        "data", "thetas", "data_type", "local_dimension", "local_states",
    ]  # fmt: skip
    assert parameters["local_dimension"].default == 0
    assert parameters["local_states"].default is None
    batches = inspect.signature(Dataset.create_batches).parameters
    assert list(batches) == ["self", "batch_size", "key"]
    rows = inspect.signature(Dataset.from_samples).parameters
    wanted = [
        "samples",
        "theta",
        "data_type",
        "theta_names",
        "theta_units",
        "local_states",
        "sites",
        "periodic",
    ]
    assert list(rows)[: len(wanted)] == wanted


def test_published_attributes():
    data = np.array([[[0, 1], [1, 1]], [[0, 0], [1, 0]], [[0, 1], [0, 1]]])
    ds = Dataset(data, [[0.0, 0.5, 1.0]], "discrete", 2)
    np.testing.assert_array_equal(ds.data, [sorted(map(list, rows)) for rows in data.tolist()])
    assert ds.num_sample_per_params == 2 and ds.input_size == 2
    assert (ds.n_points, ds.n_snapshots, ds.theta_shape) == (3, 6, (3,))
    assert ds.theta_dims == ("theta_p1",)
    np.testing.assert_array_equal(ds.local_states, [-1.0, 1.0])


def test_data_keeps_the_order_of_axes():
    """Column, shot and theta axes are not exchanged: every entry says where it is."""
    values = np.arange(2 * 3 * 4 * 5, dtype=float).reshape(2, 3, 4, 5)
    ds = Dataset(values, [[5.0, 1.0], [0.0, 2.0, 1.0]], "continuous")
    np.testing.assert_array_equal(ds.data, values)
    np.testing.assert_array_equal(ds.thetas[0], [5.0, 1.0])
    np.testing.assert_array_equal(ds.theta[2], [5.0, 1.0])


def _both(samples, theta):
    """The same snapshots stored with counts, and one by one."""
    once = Dataset.from_samples(samples, theta, data_type="discrete")
    order = np.argsort(theta, kind="stable")
    shots = np.unique(theta, return_counts=True)[1]
    plain = Dataset.from_configurations(
        samples[order], CountMatrix.one_each(shots), np.unique(theta), data_type="discrete"
    )
    assert once.deduplicated and not plain.deduplicated
    return once, plain


def test_counts_and_single_snapshots_give_the_same_averages():
    rng = np.random.default_rng(0)
    samples, theta = rng.integers(0, 2, (300, 4)), rng.integers(0, 3, 300).astype(float)
    once, plain = _both(samples, theta)
    for ds in (once, plain):
        spins = ds.physical(ds.configurations)
        mean, variance = ds.moments(spins.sum(1))
        for p in range(3):
            direct = (2.0 * samples[theta == p] - 1).sum(1)
            np.testing.assert_allclose(mean[p], direct.mean(), atol=1e-14)
            np.testing.assert_allclose(variance[p], direct.var(), atol=1e-13)
            np.testing.assert_allclose(
                ds.average(spins)[p], 2 * samples[theta == p].mean(0) - 1, atol=1e-13
            )
    assert once.weights.sum() == plain.weights.sum() == 300
    np.testing.assert_array_equal(once.shots, plain.shots)


def test_empty_points_are_nan_and_keep_their_place():
    ds = Dataset.from_counts([{"01": 3}, {}, {"11": 1, "00": 1}], [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(ds.shots, [3, 0, 2])
    mean, variance = ds.moments(ds.configurations[:, 0])
    np.testing.assert_allclose(mean, [0.0, np.nan, 0.5], atol=1e-15)
    np.testing.assert_allclose(variance, [0.0, np.nan, 0.25], atol=1e-15)
    assert ds.num_sample_per_params.tolist() == [3, 0, 2]
    with pytest.raises(DataError, match="equal shots"):
        _ = ds.data


def test_every_dataset_expands_to_its_samples(small):
    samples, point = small.samples, small.point
    assert samples.shape == (small.n_snapshots, small.input_size)
    np.testing.assert_array_equal(np.bincount(point, minlength=small.n_points), small.shots)
    assert (np.diff(point) >= 0).all()
    again = Dataset.from_points(
        samples, point, small.theta, data_type=small.data_type, local_states=small.local_states
    )
    np.testing.assert_array_equal(again.samples, samples)
    assert small.n_sites == 5 and small.spec.n_sites == 5


def test_physical_values():
    trits = Dataset.from_samples(
        [[0, 1, 2]], [0.0], data_type="discrete", local_states=[-1, 0, 1], local_dimension=3
    )
    np.testing.assert_array_equal(trits.physical(trits.samples), [[-1, 0, 1]])
    bits = Dataset.from_samples([[0, 1]], [0.0], data_type="discrete", local_states=[+1, -1])
    np.testing.assert_array_equal(bits.physical(bits.samples), [[1, -1]])
    hybrid = Dataset.from_samples([[0, 1, 0.25, -3]], [0.0], data_type="hybrid")
    np.testing.assert_array_equal(hybrid.physical(hybrid.samples), [[0, 1, 0.25, -3]])
    assert hybrid.spec.location == (0.25, -3.0) and hybrid.spec.scale == (1.0, 1.0)
    shadow = Dataset.from_samples([[2, 1, 4, 0]], [0.0], data_type="shadow")
    np.testing.assert_array_equal(shadow.physical(shadow.samples), [[2, 1, 4, 0]])


def test_storage_dtypes(make):
    assert make("discrete").configurations.dtype == np.uint8
    assert make("shadow").configurations.dtype == np.uint8
    assert make("continuous").configurations.dtype == np.float32
    assert make("hybrid").configurations.dtype == np.float32
    many = Dataset.from_samples([[0], [299]], [0.0, 1.0], data_type="discrete")
    assert many.configurations.dtype == np.uint16 and many.local_dimension == 300
    assert many.samples.tolist() == [[0], [299]]


def test_nothing_can_be_changed_from_outside():
    samples, theta = np.zeros((3, 2), np.uint8), np.array([0.0, 1.0, 2.0])
    sites, counts = np.array([[0.0], [1.0]]), np.ones(3, np.int64)
    matrix = CountMatrix(counts, np.arange(3, dtype=np.int32), np.arange(4), 3)
    states = np.array([-1.0, 1.0])
    ds = Dataset.from_configurations(
        samples, matrix, theta, data_type="discrete", sites=sites, local_states=states
    )
    before = ds.sha256
    for array in (samples, theta, sites, counts, states):
        array[0] = 1  # the user's own arrays stay writable ...
    assert ds.sha256 == before
    assert ds.theta[0, 0] == 0 and ds.sites[0, 0] == 0 and ds.configurations[0, 0] == 0
    for array in (ds.configurations, ds.theta, ds.counts.data, ds.sites, ds.local_states):
        with pytest.raises(ValueError, match="read-only"):  # ... and ours are not
            array[0] = 1


def test_a_read_only_array_is_taken_over_without_a_copy():
    samples = np.ones((200, 3), np.float32)
    samples.flags.writeable = False
    ds = Dataset.from_samples(samples, np.zeros(200), data_type="continuous")
    assert ds.configurations is samples
    view = np.arange(600, dtype=np.float32).reshape(200, 3)[::1]
    view.flags.writeable = False  # somebody else may still write through the base
    ds = Dataset.from_samples(view, np.zeros(200), data_type="continuous")
    assert not np.shares_memory(ds.configurations, view)


def test_checksum_depends_on_content_only(make):
    assert make("discrete").sha256 == make("discrete").sha256
    seen = {make(kind).sha256 for kind in ("discrete", "shadow", "continuous", "hybrid")}
    a = Dataset.from_samples([[0, 1]], [0.0], data_type="discrete")
    b = Dataset.from_samples([[1, 0]], [0.0], data_type="discrete")
    c = Dataset.from_samples([[0, 1]], [0.0], data_type="discrete", periodic=True)
    d = Dataset.from_samples([[0, 1]], [0.0], data_type="discrete", theta_units="K")
    assert len(seen | {x.sha256 for x in (a, b, c, d)}) == 8


def test_with_source_leaves_the_original(make):
    ds = make("discrete")
    other = ds.with_source({"loader": "x"})
    assert other.source == {"loader": "x"} and ds.source == {} and other.sha256 == ds.sha256


@pytest.mark.parametrize("batch_size", [1, 4, 7, 42, 1000])
def test_batches_drop_nothing(make, batch_size):
    ds = make("discrete", 2, "grid")
    batches = ds.create_batches(batch_size, jax.random.key(1))
    assert [len(b) for b in batches[:-1]] == [batch_size] * (len(batches) - 1)
    rows = np.concatenate(batches)
    assert sorted(map(bytes, rows)) == sorted(map(bytes, ds.samples))


def test_batches_are_shuffled_reproducibly(make):
    ds = make("continuous")
    first, again = (ds.create_batches(10, jax.random.key(3))[0] for _ in range(2))
    other = ds.create_batches(10, jax.random.PRNGKey(4))[0]
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
    assert not np.array_equal(first, ds.samples[:10])


@pytest.mark.parametrize("batch_size", [0, -3, 2.5, None])
def test_a_batch_holds_a_snapshot(make, batch_size):
    with pytest.raises(DataError, match="at least one snapshot") as caught:
        make("discrete").create_batches(batch_size, jax.random.key(0))
    assert str(batch_size) in str(caught.value)


def test_large_random_data_are_not_sorted_in_vain():
    """Non-repeating snapshots stay one by one; wide rows and narrow rows agree on repeats."""
    rng = np.random.default_rng(1)
    wide = rng.integers(0, 2, (500, 100))
    assert not Dataset.from_samples(wide, np.zeros(500), data_type="discrete").deduplicated
    twice = np.repeat(wide[:20], 30, axis=0)
    ds = Dataset.from_samples(twice, np.arange(600) % 2.0, data_type="discrete")
    assert ds.configurations.shape == (20, 100) and ds.weights.tolist() == [30] * 20
    np.testing.assert_allclose(ds.average(ds.configurations).mean(0), wide[:20].mean(0))


def test_import_starts_no_jax():
    code = (
        "import sys, qdisc.dataset.dataset, qdisc.dataset.hdf5, qdisc.dataset.load, qdisc.plugin;"
        "print([m for m in ('jax', 'flax', 'matplotlib', 'netket') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
