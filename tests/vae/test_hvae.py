"""A Hamiltonian VAE in the published trainer."""

from __future__ import annotations

import subprocess
import sys

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qdisc.errors import TrainingError
from qdisc.vae import HVAE
from qdisc.vae import hvae as published
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(0)


class Half(nn.Module):
    """Three codes and three values, independent given one latent."""

    def setup(self):
        self.encoding, self.decoding = nn.Dense(2), nn.Dense(12)

    def encode(self, batch):
        both = self.encoding(batch.astype(jnp.float32))
        return both[:, :1], both[:, 1:]

    def decode(self, z, batch):
        out = jnp.tanh(self.decoding(z)).reshape(-1, 3, 4)
        return jax.nn.log_softmax(out[..., :2], axis=-1), out[..., 2:]

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


@pytest.fixture(scope="module")
def trainer(tiny):
    trainer = VAETrainer(HVAE(tiny.product(), 2, 0.1, data_type="discrete"), tiny.grid())
    trainer.train(2, 40, KEY)
    return trainer


def test_it_trains_and_maps_the_end_of_the_path(tiny, trainer):
    assert np.isfinite(trainer.history_loss).all() and trainer.fit.n_compilations == 1
    maps = trainer.compute_repr2d(return_latvar=True)
    data, params = trainer.dataset, trainer.state.params
    x = data.configurations
    end = jax.jit(lambda: trainer.model.apply({"params": params}, x, method="posterior"))().mean
    shown = data.to_theta(data.average(np.asarray(end)[:, maps["id_lat"]]))
    assert np.allclose(maps["mu0"], shown[..., 0].T, atol=1e-5)  # the default pair is (1, 0)


def test_it_reconstructs_through_the_path(trainer):
    x = trainer.dataset.configurations[:5]
    centre = trainer._trained().centre(x, None)
    cp = trainer.model.apply({"params": trainer.state.params}, centre, x, method="decode")
    assert np.allclose(trainer.get_cp(x), cp, atol=1e-5)
    drawn = trainer.reconstruct_sample(x, KEY)
    assert drawn.shape == x.shape and set(np.unique(drawn)) <= {0, 1}
    assert np.array_equal(drawn, trainer.reconstruct_sample(x, KEY))


def test_the_weight_of_hybrid_data_is_that_of_the_training(tiny):
    """alpha is an argument of `train`; maps and samples follow the path that was trained."""
    trainer = VAETrainer(HVAE(Half(), 1, 0.1, data_type="hybrid"), tiny.grid("hybrid"))
    trainer.train(1, 60, KEY, alpha=0.3)
    assert trainer._trained().module.alpha == 0.3
    assert trainer._trained() is trainer._trained()


def test_model_and_data_must_agree(tiny):
    with pytest.raises(TrainingError, match="disagree on data_type"):
        VAETrainer(HVAE(tiny.dense("continuous"), 2), tiny.grid())


def test_the_name_is_there_without_starting_jax():
    code = "import sys, qdisc.vae; print('HVAE' in qdisc.vae.__all__, 'jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_stopped_forces_are_a_warning_where_one_trains(tiny):
    """The trainer and the step by hand; evaluating such a model warns nobody."""
    stopped = HVAE(tiny.product(), 2, 0.1, data_type="discrete", grad_method="autodiff_stop")
    for begin in (
        lambda: VAETrainer(stopped, tiny.grid()),
        lambda: published.train_step(stopped, optax.sgd(0.1)),
    ):
        with pytest.warns(UserWarning, match=r"HVAE.grad_method.*wrong gradients.*66 % at 0\.15"):
            begin()
