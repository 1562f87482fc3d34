"""A tiny trainer for each kind of data, trained once for all tests that only read it."""

from __future__ import annotations

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.core import Dataset
from qdisc.nn.core import ARNNDense, EncoderCNNcirc1D
from qdisc.vae.core import VAEmodel, VAETrainer

THETAS = (np.array([0.0, 0.5, 1.0]), np.array([10.0, 20.0]))


def samples(kind, n, strength, rng):
    """n rows; codes are 1, and values are large, more often when the strength is."""
    ones = (rng.random((n, 4)) < strength).astype(int)
    values = rng.normal(strength, 0.3, (n, 3))
    if kind == "discrete":
        return ones
    if kind == "continuous":
        return values
    if kind == "hybrid":
        return np.concatenate([ones[:, :3], values], axis=1)
    return np.stack([rng.integers(2, 5, (n, 3)), ones[:, :3]], axis=-1).reshape(n, 6)


def grid(kind="discrete", thetas=THETAS, shots=20, seed=0, **options):
    """A full grid of equal shots."""
    rng = np.random.default_rng(seed)
    shape = tuple(len(axis) for axis in thetas)
    strengths = np.linspace(0.1, 0.9, int(np.prod(shape)))
    rows = np.stack([samples(kind, shots, s, rng) for s in strengths])
    return Dataset(rows.reshape(*shape, shots, -1), list(thetas), kind, **options)


def dense(kind="discrete", latent_dim=2, **options):
    """A small convolutional encoder and a dense decoder."""
    encoder = EncoderCNNcirc1D(
        latent_dim, num_conv_layers=1, conv_features=3, dense_features=4, data_type=kind, **options
    )
    return VAEmodel(encoder, ARNNDense(num_layers=1, features=4, data_type=kind, **options))


class Product(nn.Module):
    """The least that can be trained: independent sites. It compiles in a fraction of the time."""

    n: int = 4

    def setup(self):
        self.encoding, self.decoding = nn.Dense(4), nn.Dense(2 * self.n)

    def encode(self, batch):
        both = self.encoding(2 * batch.astype(jnp.float32) - 1)
        return both[:, :2], both[:, 2:]

    def decode(self, z, batch):
        return jax.nn.log_softmax(self.decoding(z).reshape(-1, self.n, 2), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)


def trained(kind="discrete", thetas=THETAS, epochs=2, latent_dim=2, **options):
    """A trainer that has seen the data."""
    trainer = VAETrainer(dense(kind, latent_dim), grid(kind, thetas))
    options = {"alpha": 0.5, **options} if kind == "hybrid" else options
    trainer.train(epochs, 40, jax.random.key(0), **options)
    return trainer


def numbers(trainer):
    """All parameters in one vector."""
    leaves = jax.tree.leaves(trainer.get_data()["params"])
    return np.concatenate([np.ravel(leaf) for leaf in leaves])


@pytest.fixture(scope="session")
def tiny():
    """Builders of data, models and trainers."""
    return SimpleNamespace(
        grid=grid, dense=dense, product=Product, trained=trained, thetas=THETAS,
        numbers=numbers,
    )  # fmt: skip


@pytest.fixture(scope="session")
def reader(tiny):
    """A trained trainer; tests that use it do not train it further."""
    return tiny.trained()
