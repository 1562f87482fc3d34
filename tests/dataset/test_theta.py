"""Settings: grids in any order, ragged and scattered sweeps, names, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import DataError


def _continuous(samples, theta, **options):
    return Dataset.from_samples(samples, theta, data_type="continuous", **options)


def test_a_shuffled_product_becomes_a_grid():
    """The value of each sample tells its setting: nothing may be exchanged."""
    a, b = np.meshgrid([0.0, 0.1, 0.3], [1.0, -1.0], indexing="ij")
    theta = np.repeat(np.stack([a.ravel(), b.ravel()], 1), 2, axis=0)
    order = np.random.default_rng(0).permutation(12)
    ds = _continuous((100 * theta[:, :1] + theta[:, 1:])[order], theta[order])
    assert ds.is_grid and ds.theta_shape == (3, 2) and ds.num_sample_per_params == 2
    values = ds.to_theta(ds.average(ds.configurations))[..., 0]
    expected = 100 * ds.thetas[0][:, None] + ds.thetas[1][None, :]
    np.testing.assert_allclose(values, expected, rtol=1e-6)


def test_from_configurations_in_any_order_of_points(make, same):
    """Points given in another order than C order end as the same grid."""
    ds = make("discrete", 2, "ragged")
    order = np.random.default_rng(1).permutation(ds.n_points)
    shuffled = Dataset.from_configurations(
        ds.configurations, ds.counts.take_points(order), ds.theta[order], data_type="discrete",
        theta_names=ds.theta_names, theta_units=ds.theta_units, sites=ds.sites,
        periodic=ds.periodic,
    )  # fmt: skip
    same(shuffled, ds)


def test_a_grid_in_c_order_keeps_its_axes():
    points = [[a, b] for a in (3.0, 1.0, 2.0) for b in (0.5, -0.5)]
    ds = Dataset.from_points(np.eye(6), range(6), points, data_type="continuous")
    assert [axis.tolist() for axis in ds.thetas] == [[3.0, 1.0, 2.0], [0.5, -0.5]]
    np.testing.assert_array_equal(ds.samples, np.eye(6))
    mixed = Dataset.from_points(np.eye(6), range(6), points[::-1], data_type="continuous")
    assert [axis.tolist() for axis in mixed.thetas] == [[2.0, 1.0, 3.0], [-0.5, 0.5]]


def test_rounding_does_not_split_a_setting():
    ds = _continuous([[1.0], [3.0]], [0.1 * 3, 0.3])
    assert ds.n_points == 1 and ds.average(ds.configurations).tolist() == [[2.0]]
    assert _continuous([[1.0], [3.0]], [0.3, 0.3 + 1e-9]).n_points == 2


def test_scattered_and_ragged():
    ds = _continuous(np.ones((4, 2)), [[0, 0], [0, 1], [1, 0], [2, 2]])
    assert not ds.is_grid and ds.theta_dims == ("point",) and ds.theta_shape == (4,)
    with pytest.raises(DataError, match="no axes") as caught:
        _ = ds.thetas
    assert ".theta, one row per point" in str(caught.value)
    missing = _continuous(np.ones((3, 2)), [[0, 0], [0, 1], [1, 0]])
    assert not missing.is_grid and missing.n_points == 3


@pytest.mark.parametrize("k", [1, 2, 3, 5])
def test_any_number_of_axes(k):
    theta = np.array(np.meshgrid(*[[0.0, 1.0]] * k, indexing="ij")).reshape(k, -1).T
    ds = _continuous(np.arange(2**k, dtype=float)[:, None], theta)
    assert ds.is_grid and ds.theta_shape == (2,) * k
    np.testing.assert_array_equal(ds.data.reshape(-1), np.arange(2**k))


def test_points_keep_their_empty_ones():
    ds = Dataset.from_points([[1.0], [2.0]], [2, 0], [[0.0], [1.0], [2.0]], data_type="continuous")
    assert ds.shots.tolist() == [1, 0, 1] and ds.samples.tolist() == [[2.0], [1.0]]


def _refused(match, make):
    with pytest.raises(DataError, match=match) as caught:
        make()
    return str(caught.value)


def test_two_points_with_one_theta():
    text = _refused(
        "same theta",
        lambda: Dataset.from_counts([{"0": 1}, {"1": 1}, {"1": 2}], [0.5, 1.0, 0.5]),
    )
    assert "rows 0 and 2" in text and "[0.5]" in text and "from_samples" in text
    _refused("same theta", lambda: Dataset(np.zeros((2, 3, 1)), [[1.0, 1.0]], "continuous"))


def test_theta_that_does_not_match():
    text = _refused("does not match the samples", lambda: _continuous(np.ones((4, 2)), [0.0, 1.0]))
    assert "2 rows of theta, 4 wanted" in text
    _refused("does not match", lambda: Dataset.from_counts([{"0": 1}], [0.0, 1.0]))
    text = _refused(
        "does not match thetas", lambda: Dataset(np.ones((2, 3, 4)), [[0.0, 1, 2]], "continuous")
    )
    assert "(2, 3, 4)" in text and "(3,)" in text
    _refused("at least one theta axis", lambda: Dataset(np.ones((3, 4)), [], "continuous"))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_theta_is_finite(bad):
    theta = np.zeros((3, 2))
    theta[1, 1] = bad
    assert "theta[1, 1]" in _refused("finite", lambda: _continuous(np.ones((3, 1)), theta))
    _refused("finite", lambda: Dataset(np.ones((2, 1, 1)), [[0.0, bad]], "continuous"))


def test_theta_is_numbers():
    _refused("numbers", lambda: _continuous(np.ones((1, 1)), ["a"]))
    _refused("numbers", lambda: Dataset(np.ones((1, 1, 1)), [["a"]], "continuous"))
    _refused("one column per axis", lambda: _continuous(np.ones((1, 1)), np.ones((1, 1, 1))))


@pytest.mark.parametrize("point", [[0, 1, 3], [0, -1, 1], [0.5, 1, 1], [0, 1], ["a", "b", "c"]])
def test_point_names_a_row(point):
    text = _refused(
        "point",
        lambda: Dataset.from_points(np.ones((3, 1)), point, [0, 1, 2], data_type="continuous"),
    )
    assert "where: point" in text and "try:" in text


@pytest.mark.parametrize("names", [["a"], ["a", "a"], ["a", "1b"], ["a", "b c"], ["a", 3]])
def test_names(names):
    assert "theta_names" in _refused(
        "theta (axis|name)", lambda: _continuous(np.ones((1, 1)), [[0.0, 1.0]], theta_names=names)
    )


def test_names_and_units_have_defaults():
    ds = _continuous(np.ones((1, 1)), [[0.0, 1.0]])
    assert ds.theta_names == ("p1", "p2") and ds.theta_units == ("1", "1")
    assert _continuous(np.ones((1, 1)), [0.0], theta_units="").theta_units == ("1",)
    _refused("unit", lambda: _continuous(np.ones((1, 1)), [0.0], theta_units=["a", "b"]))


@pytest.mark.parametrize("sites", [[0, 1, 2], [[0, 0], [0, 0]], [0, np.nan], [["a"], ["b"]]])
def test_positions(sites):
    _refused("position|sites", lambda: _continuous(np.ones((1, 2)), [0.0], sites=sites))


def test_periodic_flags():
    square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    build = lambda p: _continuous(np.ones((1, 4)), [0.0], sites=square, periodic=p)  # noqa: E731
    assert build(True).periodic == (True, True) and build([True, False]).periodic == (True, False)
    _refused("one flag per direction", lambda: build([True] * 3))
    _refused("one flag", lambda: build([[True, False]]))
