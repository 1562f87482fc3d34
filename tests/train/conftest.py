"""The smallest models and data on which training can be checked by hand."""

from __future__ import annotations

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
from qdisc.nn.vae import VAEmodel
from qdisc.train import feed, loop
from qdisc.train.rows import make_plan

# 12 snapshots of 3 spins at two settings: 5 configurations, seen 5, 1, 2, 3 and 1 times.
CODES = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]], np.uint8)
COUNTS = np.array([[3, 0, 2, 1, 0], [2, 1, 0, 2, 1]])


class Linear(nn.Module):
    """Two latents linear in the spins; spins independent given z, with log odds linear in z."""

    latents: int = 2

    def setup(self):
        self.mean = nn.Dense(self.latents, param_dtype=jnp.float32)
        self.width = nn.Dense(self.latents, param_dtype=jnp.float32)
        self.odds = nn.Dense(3, param_dtype=jnp.float32)

    def encode(self, batch):
        s = 2.0 * batch.astype(jnp.float32) - 1.0
        return self.mean(s), 0.3 * self.width(s) - 1.0

    def decode(self, z, batch):
        half = 0.5 * self.odds(z)
        return jax.nn.log_softmax(jnp.stack([-half, half], axis=-1), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)


class Chain(nn.Module):
    """Data of ones only: nll = -n log sigmoid(w); NaN, not slowly, once w exceeds the limit.

    Gradient descent from w = 0 only ever raises w, so the step that fails is known.
    """

    limit: float = 1.0
    where: str = "decode"

    def setup(self):
        self.w = self.param("w", lambda key: jnp.zeros((), jnp.float32))

    def encode(self, batch):
        zero = jnp.zeros((batch.shape[0], 1), jnp.float32)
        bad = jnp.nan if self.where == "encode" else 0.0
        return zero + jnp.where(self.w > self.limit, bad, 0.0), zero

    def decode(self, z, batch):
        bad = jnp.nan if self.where == "decode" else 0.0
        w = jnp.where(self.w > self.limit, bad, self.w)
        log_p = jnp.stack([jax.nn.log_sigmoid(-w), jax.nn.log_sigmoid(w)])
        return jnp.broadcast_to(log_p, (*batch.shape, 2))

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


def repeating(copies=1):
    """The 12 snapshots as configurations and counts (`copies` times each)."""
    data = COUNTS * copies
    point, row = np.nonzero(data)
    counts = CountMatrix.from_pairs(point, row, data[point, row], 2, len(CODES))
    return Dataset.from_configurations(CODES, counts, [[0.0], [1.0]], data_type="discrete")


def plain(dataset):
    """The same snapshots, every one stored on its own."""
    return Dataset.from_configurations(
        dataset.samples, CountMatrix.one_each(dataset.shots), dataset.theta,
        data_type=dataset.data_type, local_dimension=dataset.local_dimension,
    )  # fmt: skip


def spins(points=3, shots=40, n=4, seed=0):
    """Independent spins, up with a probability that grows with theta, no two stored alike."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(0.1, 0.9, points)
    rows = (rng.random((points, shots, n)) < theta[:, None, None]).astype(np.uint8)
    return Dataset(rows, [theta], "discrete")


def values(points=3, shots=20, n=3, seed=0):
    """Normal values with a mean that grows with theta; they never repeat."""
    rng = np.random.default_rng(seed)
    theta = np.linspace(0.0, 1.0, points)
    rows = theta[:, None, None] + rng.normal(size=(points, shots, n))
    return Dataset(rows.astype(np.float32), [theta], "continuous")


def hybrid(points=2, shots=15, n=3, seed=0):
    """Codes and values side by side."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, (points, shots, n))
    both = np.concatenate([codes, rng.normal(size=(points, shots, n))], axis=-1)
    return Dataset(both.astype(np.float32), [np.arange(float(points))], "hybrid")


def small(data_type="discrete", latents=2, features=4):
    """A VAE of a few hundred parameters."""
    encoder = EncoderCNNcirc1D(latents, 1, 3, 1, features, 8, data_type=data_type)
    return VAEmodel(encoder, ARNNDense(1, features, data_type=data_type))


PROGRAMS: dict = {}


def fit(module, dataset, config, **options):
    """`qdisc.train.fit` that compiles equal work once for all tests."""
    shape, with_tc = dataset.configurations.shape, config.gamma > 0
    plan = make_plan(dataset, config)
    key = (module, dataset.data_type, plan, shape, with_tc, config.optimizer, feed.CAPACITY)
    if config.validation_fraction == 0 and config.dtype == "float32":
        options.setdefault("program", PROGRAMS.get(key))
        run = loop.fit(module, dataset, config, **options)
        PROGRAMS[key] = run.program
        return run
    return loop.fit(module, dataset, config, **options)


def bits(tree):
    """All numbers of a tree of arrays, as bytes."""
    return b"".join(np.asarray(leaf).tobytes() for leaf in jax.tree.leaves(tree))


@pytest.fixture(scope="session")
def toy():
    """Models and data sets."""
    return SimpleNamespace(
        Linear=Linear, Chain=Chain, repeating=repeating, plain=plain, spins=spins, values=values,
        hybrid=hybrid, small=small, bits=bits, fit=fit, codes=CODES, counts=COUNTS,
    )  # fmt: skip
