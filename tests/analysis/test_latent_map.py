from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.analysis.context import Context, Resources
from qdisc.analysis.encode import encode
from qdisc.analysis.latent_map import latent_map
from qdisc.analysis.model import Model
from qdisc.errors import ConfigError, TrainingError


def maps(ds, module, toy, **config):
    model = Model(module, toy.variables, ds.spec)
    resources = Resources(ds, model, key=jax.random.key(0))
    context = Context(resources, latent_map.spec)
    return latent_map.run(context, latent_map.Config(**config), key=jax.random.key(0))


def spins(ds):
    return 2.0 * ds.samples.astype(float) - 1.0


def per_point(ds, values):
    return np.array([values[ds.point == p].mean() for p in range(ds.n_points)])


def test_columns_are_ordered_by_information_and_lead_back(toy):
    ds = toy.sweep()
    table = encode(toy.Magnet(toy.flat), toy.variables, ds)
    assert table.order.tolist() == [1, 0]  # the model's second latent carries m
    kl = 0.5 * (table.mu**2 + np.exp(table.logvar) - 1 - table.logvar)
    np.testing.assert_allclose(table.kl, kl, atol=1e-5)
    mean = np.repeat(kl, ds.weights, axis=0).mean(axis=0)
    np.testing.assert_allclose(table.rate, mean, rtol=1e-5)
    assert mean[0] > 1.5 and mean[1] < 1e-6
    z = np.array([[7.0, 8.0]])
    np.testing.assert_array_equal(table.to_model(z), [[8.0, 7.0]])
    np.testing.assert_array_equal(table.from_model(table.to_model(z)), z)
    with pytest.raises(ValueError, match="read-only"):
        table.mu[0, 0] = 1.0


def test_an_encoder_that_diverged_is_named(toy):
    class Nan(toy.Magnet):
        def encode(self, batch):
            mean, logvar = super().encode(batch)
            return mean * np.nan, logvar

    with pytest.raises(TrainingError, match="not finite"):
        encode(Nan(toy.flat), toy.variables, toy.sweep())


@pytest.mark.parametrize("grid", [(5,), (3, 2), (2, 3, 2)])
def test_maps_are_the_magnetisation_of_the_data(toy, grid):
    ds = toy.sweep(grid=grid)
    out = maps(ds, toy.Magnet(toy.flat), toy)
    m = spins(ds).mean(axis=1)
    mu = out["mu"]
    assert mu.dims == (*(f"theta_t{i}" for i in range(len(grid))), "latent")
    assert mu.shape == (*grid, 2) and mu.data.dtype == np.float32
    np.testing.assert_allclose(mu.data[..., 0].ravel(), per_point(ds, m), atol=1e-6)
    mu_abs, mu_std = out["mu_abs"].data[..., 0].ravel(), out["mu_std"].data[..., 0].ravel()
    np.testing.assert_allclose(mu_abs, per_point(ds, np.abs(m)), atol=1e-6)
    variance = per_point(ds, m**2) - per_point(ds, m) ** 2
    np.testing.assert_allclose(mu_std**2, variance, atol=1e-5)
    np.testing.assert_allclose(out["logvar"].data[..., 0], -4.0)
    np.testing.assert_allclose(out["mu"].data[..., 1], 0.0)
    assert out["active"].data.tolist() == [1, 0] and out["order"].data.tolist() == [1, 0]


def test_repetition_changes_nothing_but_rounding(toy):
    ds = toy.sweep()
    one = toy.plain(ds)
    assert ds.deduplicated and not one.deduplicated
    a, b = (maps(d, toy.Magnet(toy.flat), toy) for d in (ds, one))
    for name in a:
        np.testing.assert_allclose(a[name].data, b[name].data, atol=1e-5, err_msg=name)


def test_histograms_hold_every_shot_in_its_bin(toy):
    ds = toy.sweep(shots=37)
    out = maps(ds, toy.Magnet(toy.flat), toy, bins=5)
    histogram, edges = out["histogram"].data, out["bin_edges"].data
    assert histogram.shape == (3, 2, 2, 5) and edges.shape == (2, 6)
    np.testing.assert_array_equal(histogram.sum(axis=-1), 37)
    np.testing.assert_array_equal(out["histogram_all"].data.sum(axis=-1), ds.n_snapshots)
    m = spins(ds).mean(axis=1)  # five values -1, -1/2, 0, 1/2, 1 fall into the five bins
    expected = [np.sum(m[ds.point == 3] == value) for value in (-1, -0.5, 0, 0.5, 1)]
    np.testing.assert_array_equal(histogram.reshape(6, 2, 5)[3, 0], expected)
    assert (edges[0, 0], edges[0, -1]) == (-1.0, 1.0)
    np.testing.assert_allclose(edges[1, [0, -1]], [-0.5, 0.5])  # a constant latent


def test_discrete_latents_are_averaged(toy):
    ds = toy.sweep()
    labels = maps(ds, toy.Copy(), toy)["label_probs"]
    assert labels.dims == (*ds.theta_dims, "label")
    np.testing.assert_allclose(
        labels.data.reshape(-1, 2)[:, 1], per_point(ds, ds.samples[:, 0].astype(float)), atol=1e-6
    )


def test_scattered_one_shot_and_one_point(toy):
    scattered = toy.sweep(scattered=True, shots=1)
    out = maps(scattered, toy.Magnet(toy.flat), toy)
    assert out["mu"].dims == ("point", "latent") and out["mu"].shape == (6, 2)
    np.testing.assert_allclose(out["mu_std"].data, 0.0, atol=1e-7)
    point = maps(toy.sweep(grid=(1,)), toy.Magnet(toy.flat), toy)
    assert point["mu"].shape == (1, 2) and np.isfinite(point["mu"].data).all()


def test_options_are_checked():
    with pytest.raises(ConfigError, match="bins"):
        latent_map.Config(bins=0)
