"""Fault 15 of the published library: data that were accepted and then could not be used.

Continuous data were refused by training, hybrid data could not be sampled, one theta was not
supported, three lost `values_other_thetas` when drawn, a theta with fewer than four values or a
single latent could not be drawn, and missing or list `local_states` failed late.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.dataset.core import Dataset
from qdisc.nn.core import ARNNDense, EncoderCNNcirc1D
from qdisc.vae.core import VAEmodel, VAETrainer

KEY = jax.random.key(0)


def model(kind="discrete", latent_dim=1, local_dimension=2):
    fields = {"data_type": kind, "local_dimension": local_dimension}
    encoder = EncoderCNNcirc1D(latent_dim, 1, conv_features=2, dense_features=3, **fields)
    return VAEmodel(encoder, ARNNDense(1, 3, **fields))


def codes(shape, shots=12, sites=3, states=2, seed=0):
    return np.random.default_rng(seed).integers(0, states, (*shape, shots, sites))


def test_continuous_data_are_trained():
    """The loss reaches the entropy of the Gaussian noise that the data are."""
    rng, sigma = np.random.default_rng(0), 0.5
    rows = 3 + sigma * rng.standard_normal((2, 600, 2))
    trainer = VAETrainer(model("continuous"), Dataset(rows, [[0.0, 1.0]], "continuous"))
    trainer.train(60, 200, KEY, learning_rate=0.02)
    entropy = 2 * (0.5 * np.log(2 * np.pi * np.e) + np.log(sigma))
    assert np.mean(trainer.history_recon[-5:]) == pytest.approx(entropy, abs=0.15)
    assert trainer.reconstruct_sample(rows[0, :3], KEY).shape == (3, 2)


def test_hybrid_data_are_trained_and_sampled():
    rng = np.random.default_rng(0)
    rows = np.concatenate([codes((2,), 40, 2), rng.normal(size=(2, 40, 2))], axis=-1)
    trainer = VAETrainer(model("hybrid"), Dataset(rows, [[0.0, 1.0]], "hybrid"))
    trainer.train(1, 40, KEY, alpha=0.8)
    drawn = trainer.get_sample(np.zeros((50, 1)), KEY)
    assert drawn.shape == (50, 4) and set(np.unique(drawn[:, :2])) == {0, 1}
    assert np.unique(drawn[:, 2:]).size == 100


@pytest.mark.parametrize("values", [1, 2, 3, 6])
def test_one_theta_with_few_values_is_mapped_and_drawn(values):
    trainer = VAETrainer(model(), Dataset(codes((values,)), [np.arange(values)], "discrete"))
    trainer.init_state(KEY)
    latvar = trainer.compute_repr2d(return_latvar=True)
    assert latvar["mu0"].shape == (values,) and latvar["theta_pair"] == (0,)
    figure = trainer.plot_repr2d()
    (line,) = figure.axes[0].get_lines()
    np.testing.assert_allclose(line.get_ydata(), latvar["mu0"])


@pytest.mark.parametrize("shape", [(1, 2), (2, 3), (3, 1)])
def test_few_values_of_two_thetas_and_one_latent_are_drawn(shape):
    thetas = [np.arange(n, dtype=float) for n in shape]
    trainer = VAETrainer(model(latent_dim=1), Dataset(codes(shape), thetas, "discrete"))
    trainer.train(1, 100, KEY)
    figure = trainer.compute_and_plot_repr2d((0, 1))
    assert len([ax for ax in figure.axes if ax.get_title()]) == 3
    assert len(trainer.plot_training(1).axes[-1].get_lines()) == 1


def test_three_thetas_keep_the_value_of_the_third_when_drawn():
    shape = (2, 3, 4)
    thetas = [np.arange(n, dtype=float) for n in shape]
    trainer = VAETrainer(model(), Dataset(codes(shape), thetas, "discrete"))
    trainer.init_state(KEY)
    drawn = []
    for value in (0.0, 2.0):
        figure = trainer.compute_and_plot_repr2d((0, 2), [value])
        assert figure.get_suptitle() == f"p2 = {value:g}"
        drawn.append(np.asarray(figure.axes[0].collections[0].get_array()))
        np.testing.assert_allclose(drawn[-1], trainer.latvar["mu0"].T)
    assert np.abs(drawn[0] - drawn[1]).max() > 0


@pytest.mark.parametrize("states", [None, [-1, 1], (-1, 1), np.array([-1.0, 1.0])])
def test_local_states_may_be_a_list_or_missing(states):
    dataset = Dataset(codes((2,)), [[0.0, 1.0]], "discrete", 2, states)
    np.testing.assert_array_equal(dataset.local_states, [-1.0, 1.0])
    VAETrainer(model(), dataset).train(1, 24, KEY)


def test_three_local_states_given_as_a_list():
    data = codes((2,), states=3)
    dataset = Dataset(data, [[0.0, 1.0]], "discrete", 3, [-1, 0, 1])
    trainer = VAETrainer(model(local_dimension=3), dataset)
    trainer.train(1, 24, KEY)
    assert trainer.get_cp(data[0]).shape == (12, 3, 3)
