"""Latent maps against direct averages, and figures whose axes are those of their values."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.errors import ConfigError, DataError
from qdisc.vae.core import VAETrainer

THREE = (np.array([0.0, 1.0]), np.array([10.0, 20.0, 30.0]), np.array([5.0, 6.0]))


@pytest.fixture(scope="module")
def three(tiny):
    trainer = VAETrainer(tiny.product(), tiny.grid(thetas=THREE, theta_names=["a", "b", "c"]))
    trainer.train(1, 240, jax.random.key(0))
    return trainer


def direct(trainer):
    """mu, |mu|, logvar (theta..., latents) in the model's order, from every single snapshot."""
    data = trainer.dataset.data
    params = {"params": trainer.state.params}
    mu, logvar = trainer.model.apply(params, data.reshape(-1, data.shape[-1]), method="encode")
    mu, logvar = (np.asarray(a, np.float64).reshape(*data.shape[:-1], -1) for a in (mu, logvar))
    kl = 0.5 * (mu**2 + np.exp(logvar) - 1 - logvar)
    information = kl.reshape(-1, kl.shape[-1]).mean(axis=0)
    means = [a.mean(axis=-2) for a in (mu, np.abs(mu), logvar)]
    return (*means, information)


def test_maps_are_the_average_over_the_shots(reader):
    mu, mu_abs, logvar, information = direct(reader)
    latvar = reader.compute_repr2d(theta_pair=(0, 1), return_latvar=True)
    assert latvar is reader.latvar is reader.get_data()["latvar"]
    for place, latent in enumerate(latvar["id_lat"]):
        for name, exact in (("mu{}", mu), ("mu{}_abs", mu_abs), ("logvar{}", logvar)):
            got = latvar[name.format(place)]
            assert got.shape == (3, 2)
            np.testing.assert_allclose(got, exact[..., latent], atol=2e-6)
    assert np.all(np.diff(information[latvar["id_lat"]]) <= 0)
    names = {f"{n}{i}{s}" for i in (0, 1) for n, s in (("mu", ""), ("mu", "_abs"), ("logvar", ""))}
    assert set(latvar) == names | {"id_lat", "theta_pair", "values_other_thetas"}
    assert latvar["theta_pair"] == (0, 1)


def test_the_order_of_the_pair_is_the_order_of_the_axes(reader):
    straight = reader.compute_repr2d((0, 1), return_latvar=True)
    turned = reader.compute_repr2d(return_latvar=True)
    assert turned["theta_pair"] == (1, 0)
    assert turned["mu0"].shape == (2, 3)
    for name in ("mu0", "mu0_abs", "logvar1"):
        np.testing.assert_array_equal(turned[name], straight[name].T)
    assert reader.compute_repr2d() is None


def test_the_most_informative_latent_comes_first(tiny):
    """Swapping the latents of the model changes nothing but their numbers."""
    trainer = VAETrainer(tiny.product(), tiny.grid())
    trainer.train(3, 40, jax.random.key(0), learning_rate=0.1)
    first = trainer.compute_repr2d(return_latvar=True)
    params = jax.tree.map(np.array, trainer.state.params)
    swap = [1, 0, 3, 2]
    params["encoding"] = {k: v[..., swap] for k, v in params["encoding"].items()}
    trainer.state = type(trainer.state)(params, trainer.state.opt_state, trainer.state.step)
    second = trainer.compute_repr2d(return_latvar=True)
    assert sorted(first["id_lat"]) == [0, 1]
    np.testing.assert_array_equal(second["id_lat"], 1 - first["id_lat"])
    np.testing.assert_allclose(second["mu0"], first["mu0"], atol=1e-6)
    np.testing.assert_allclose(second["mu1"], first["mu1"], atol=1e-6)


@pytest.mark.parametrize("pair", [(0, 1), (1, 0), (2, 1), (0, 2)])
@pytest.mark.parametrize("last", [False, True])
def test_three_axes_are_cut_at_the_nearest_value(three, pair, last):
    mu, *_ = direct(three)
    (other,) = {0, 1, 2} - set(pair)
    value = THREE[other][-1] + 0.1 if last else THREE[other][0] - 3.0
    latvar = three.compute_repr2d(pair, [value], return_latvar=True)
    exact = np.moveaxis(mu, other, 0)[-1 if last else 0][..., latvar["id_lat"][0]]
    exact = exact.T if pair[0] > pair[1] else exact
    np.testing.assert_allclose(latvar["mu0"], exact, atol=2e-6)
    assert latvar["values_other_thetas"] == (value,)


def test_three_axes_need_a_value_for_the_third(three):
    with pytest.raises(ConfigError, match=r"each remaining theta axis needs a value(.|\n)*\[1\]"):
        three.compute_repr2d((0, 2))
    with pytest.raises(ConfigError, match="theta_pair names two different theta axes"):
        three.compute_repr2d((0, 3), [1.0])


def test_a_scattered_sweep_says_that_it_has_no_axes(tiny):
    from qdisc.dataset.core import Dataset

    rows = tiny.grid().samples[:60]
    theta = np.repeat([[0.0, 0.0], [1.0, 0.5], [0.2, 0.9]], 20, axis=0)
    trainer = VAETrainer(tiny.product(), Dataset.from_samples(rows, theta, data_type="discrete"))
    trainer.train(1, 60, jax.random.key(0))
    with pytest.raises(DataError, match="a scattered sweep has no axes"):
        trainer.compute_repr2d()


def labels(figure):
    """Every horizontal and vertical label of the panels (colour bars have neither ticks)."""
    panels = [ax for ax in figure.axes if ax.get_title()]
    found = {ax.get_xlabel() for ax in panels} - {""}, {ax.get_ylabel() for ax in panels} - {""}
    return tuple(next(iter(words)) if len(words) == 1 else words for words in found)


def test_a_map_knows_its_axes(tiny):
    named = tiny.grid(theta_names=["J2", "h"], theta_units=["J1", "1"])
    trainer = VAETrainer(tiny.product(), named)
    trainer.train(1, 120, jax.random.key(0))
    latvar = trainer.compute_repr2d((0, 1), return_latvar=True)
    assert labels(trainer.plot_repr2d()) == ("J2 (J1)", "h")  # the last map
    assert labels(trainer.plot_repr2d(theta_pair=(1, 0))) == ("h", "J2 (J1)")  # a new one
    assert trainer.latvar["theta_pair"] == (1, 0)
    assert labels(trainer.plot_repr2d(latvar, theta_pair=(1, 0))) == ("J2 (J1)", "h")
    assert labels(trainer.compute_and_plot_repr2d((0, 1))) == ("J2 (J1)", "h")
    assert trainer.latvar["theta_pair"] == (0, 1)


def test_the_values_that_are_drawn_are_those_of_the_map(tiny):
    trainer = VAETrainer(tiny.product(), tiny.grid())
    trainer.train(1, 120, jax.random.key(0))
    latvar = trainer.compute_repr2d((1, 0), return_latvar=True)
    figure = trainer.plot_repr2d()
    drawn = [ax for ax in figure.axes if ax.get_title()]
    assert len(drawn) == 6  # mu, |mu| and log variance of two latents
    for ax, name in zip(drawn, ("mu0", "mu0_abs", "logvar0", "mu1", "mu1_abs"), strict=False):
        (mesh,) = ax.collections
        np.testing.assert_allclose(np.asarray(mesh.get_array()), latvar[name].T)


def test_one_figure_or_one_per_latent(reader):
    reader.compute_repr2d()
    figures = reader.plot_repr2d(subplot=False)
    assert len(figures) == 2
    assert [len([a for a in f.axes if a.get_title()]) for f in figures] == [3, 3]
    assert "0" in figures[0].axes[0].get_title() and "1" in figures[1].axes[0].get_title()


def test_a_figure_says_where_the_third_axis_is_held(three):
    figure = three.compute_and_plot_repr2d((0, 2), [21.0])
    assert labels(figure) == ("a", "c")
    assert figure.get_suptitle() == "b = 20"
    turned = three.plot_repr2d(theta_pair=(2, 0))  # the same two axes: the third stays
    assert labels(turned) == ("c", "a")
    assert turned.get_suptitle() == "b = 20"
