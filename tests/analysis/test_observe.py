from __future__ import annotations

import numpy as np
import pytest

from qdisc.analysis.moments import standard_error, streamed_moments
from qdisc.analysis.observables.correlators import nearest_neighbour, two_point
from qdisc.analysis.observables.magnetisation import magnetisation
from qdisc.analysis.observe import observe
from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError
from qdisc.plugin import ObservableSpec, Variable


class Custom:
    def __init__(self, function, dims=()):
        self.spec = ObservableSpec(name="custom", summary="", units="K", dims=dims)
        self.function, self.rows = function, []

    def __call__(self, snapshots, data_spec):
        self.rows.append(len(snapshots))
        return self.function(snapshots)


def test_value_and_error_are_those_of_the_shots(toy):
    ds = toy.sweep(shots=50)
    out = observe(nearest_neighbour, ds)
    assert out["value"].dims == ds.theta_dims and set(out) == {"value", "std_error"}
    s = 2.0 * ds.samples - 1
    values = (s[:, :-1] * s[:, 1:]).mean(axis=1).reshape(6, 50)
    np.testing.assert_allclose(out["value"].data.ravel(), values.mean(axis=1), atol=1e-6)
    error = values.std(axis=1) / np.sqrt(50)
    np.testing.assert_allclose(out["std_error"].data.ravel(), error, atol=1e-6)


def test_error_is_the_limit_of_a_real_bootstrap(toy):
    ds = toy.sweep(shots=60)
    error = observe(magnetisation, ds)["std_error"].data.ravel()
    values = (2.0 * ds.samples - 1).mean(axis=1).reshape(6, 60)
    rng = np.random.default_rng(1)
    draws = rng.integers(0, 60, (4000, 60))
    real = values[:, draws].mean(axis=2).std(axis=1)
    np.testing.assert_allclose(error, real, rtol=0.05)  # 4.5 sigma of 4000 replicates


def test_each_configuration_is_seen_once_in_physical_units(toy):
    ds = toy.sweep()
    seen = Custom(lambda s: s[:, 0])
    out = observe(seen, ds)
    assert sum(seen.rows) == ds.configurations.shape[0] == 16
    assert out["value"].units == "K"
    first = 2.0 * ds.samples[:, 0] - 1
    np.testing.assert_allclose(out["value"].data.ravel(), first.reshape(6, -1).mean(1), atol=1e-6)
    qubits = Dataset([[[0, 1]], [[0, 0]]], [[0.0, 1.0]], "discrete", local_states=[1, -1])
    np.testing.assert_allclose(observe(magnetisation, qubits)["value"].data, [0.0, 1.0])


def test_one_shot_has_no_error_bar_and_empty_points_are_nan():
    ds = Dataset.from_counts([{"01": 1}, {}, {"11": 3}], [0.0, 1.0, 2.0])
    out = observe(magnetisation, ds)
    np.testing.assert_array_equal(out["value"].data, np.float32([0.0, np.nan, 1.0]))
    np.testing.assert_array_equal(out["std_error"].data, np.float32([np.nan, np.nan, 0.0]))


def test_blocks_do_not_change_moments(toy):
    ds = toy.sweep(shots=30)
    values = two_point(2.0 * ds.configurations - 1, ds.spec) + 1e6
    mean, variance = ds.moments(values)
    for size in (1, 5, 16):
        blocks = ((slice(a, a + size), values[a : a + size]) for a in range(0, 16, size))
        streamed = streamed_moments(ds.counts, blocks)
        np.testing.assert_allclose(streamed[0], mean, rtol=1e-12)
        np.testing.assert_allclose(streamed[1], variance, atol=1e-9)
    assert np.isnan(standard_error(np.zeros((2, 3)), np.array([1, 0]))).all()


@pytest.mark.parametrize(
    ("function", "dims", "message"),
    [
        (lambda s: s[:-1, 0], (), r"shape \(16\)"),
        (lambda s: s, (), "one value per snapshot"),
        (lambda s: s[:, 0], ("pair",), r"\(16, pair\)"),
        (lambda s: s[:, 0] / 0.0, (), r"finite; snapshot 0"),
        (lambda s: s[:, 0] * 1j, (), "complex128"),
        (lambda s: ["up"] * len(s), (), "real numbers"),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_bad_outputs_name_the_observable(toy, function, dims, message):
    with pytest.raises(PluginError, match=message) as error:
        observe(Custom(function, dims), toy.sweep())
    assert "observable custom" in str(error.value)


def test_snapshots_cannot_be_changed(toy):
    def spoil(s):
        s[:] = 0
        return s[:, 0]

    with pytest.raises(ValueError, match="read-only"):
        observe(Custom(spoil), toy.sweep())


def test_coordinates_are_checked_against_the_values(toy):
    out = observe(two_point, toy.sweep())
    assert out["pair_sites"].shape == (6, 2) and out["value"].dims[-1] == "pair"

    class Wrong(Custom):
        def coordinates(self, data_spec):
            return {"pair": Variable(np.arange(5), ("pair",))}

    with pytest.raises(PluginError, match="5 places along 'pair', 4 wanted"):
        observe(Wrong(lambda s: s, ("pair",)), toy.sweep())
