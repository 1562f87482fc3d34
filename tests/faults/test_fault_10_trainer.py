"""Fault 10 of the published library, through the trainer: figures that did not show what they said.

`plot_training` always drew five latents, and `plot_repr2d` labelled the axes with the pair it was
called with, whatever pair the map had been computed for.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.core import Dataset
from qdisc.show import latent, training
from qdisc.vae import trained
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(0)


class Product(nn.Module):
    """Independent sites with any number of latents."""

    latent_dim: int

    def setup(self):
        self.encoding, self.decoding = nn.Dense(2 * self.latent_dim), nn.Dense(6)

    def encode(self, batch):
        both = self.encoding(2 * batch.astype(jnp.float32) - 1)
        return both[:, : self.latent_dim], both[:, self.latent_dim :]

    def decode(self, z, batch):
        return jax.nn.log_softmax(self.decoding(z).reshape(-1, 3, 2), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


def trainer(latent_dim):
    rows = np.random.default_rng(0).integers(0, 2, (2, 4, 10, 3))
    dataset = Dataset(rows, [[0.0, 1.0], [5.0, 6.0, 7.0, 8.0]], "discrete",
                      theta_names=["short", "long"])  # fmt: skip
    return VAETrainer(Product(latent_dim), dataset)


def check_each_latent_is_drawn_once(latent_dim):
    subject = trainer(latent_dim)
    subject.train(2, 40, KEY)
    axis = subject.plot_training(2).axes[-1]
    drawn = np.sort([line.get_ydata()[-1] for line in axis.get_lines()])
    assert len(drawn) == latent_dim, f"{len(drawn)} curves for {latent_dim} latents"
    np.testing.assert_allclose(drawn, np.sort(subject.history_logvar[-1]))


@pytest.mark.parametrize("latent_dim", [1, 3, 7])
def test_plot_training_draws_each_latent_once(latent_dim):
    check_each_latent_is_drawn_once(latent_dim)


@pytest.mark.parametrize("latent_dim", [1, 3, 7])
def test_the_check_sees_five_curves(monkeypatch, latent_dim):
    """The fault: latents 0..4, the last one again where there are fewer."""
    real = training._latents

    def five(ax, x, values, active):
        take = np.minimum(np.arange(5), values.shape[1] - 1)
        real(ax, x, values[:, take], range(5))

    monkeypatch.setattr(training, "_latents", five)
    with pytest.raises(AssertionError, match="5 curves"):
        check_each_latent_is_drawn_once(latent_dim)


def check_labels_belong_to_the_map(pair):
    subject = trainer(2)
    subject.init_state(KEY)
    latvar = subject.compute_repr2d(pair, return_latvar=True)
    figure = subject.plot_repr2d(latvar, theta_pair=(1, 0))
    axis = next(ax for ax in figure.axes if ax.get_xlabel() and ax.get_ylabel())
    names = ("short", "long")
    assert axis.get_xlabel() == names[pair[0]], "the horizontal label is of another axis"
    assert axis.get_ylabel() == names[pair[1]]
    (mesh,) = axis.collections
    corners = mesh.get_coordinates()[..., 0], mesh.get_coordinates()[..., 1]
    spans = [values.max() - values.min() for values in corners]
    assert spans == [(2.0, 4.0)[pair[0]], (2.0, 4.0)[pair[1]]]


@pytest.mark.parametrize("pair", [(0, 1), (1, 0)])
def test_plot_repr2d_keeps_the_axes_of_the_map(pair):
    check_labels_belong_to_the_map(pair)


def test_the_check_sees_relabelled_axes(monkeypatch):
    """The fault: the labels are those of the argument `theta_pair`, here (1, 0)."""
    real = latent.latent_figure

    def relabelled(sweep, *rest, **options):
        swapped = type(sweep)(sweep.theta, sweep.names[::-1], sweep.units, sweep.axes)
        return real(swapped, *rest, **options)

    monkeypatch.setattr(latent, "latent_figure", relabelled)
    with pytest.raises(AssertionError, match="of another axis"):
        check_labels_belong_to_the_map((0, 1))


def test_the_faults_are_put_back_where_the_trainer_draws():
    """The trainer imports its figures when it draws, so that the checks above see the fault."""
    assert not hasattr(trained, "training_figure") and not hasattr(trained, "latent_figure")
