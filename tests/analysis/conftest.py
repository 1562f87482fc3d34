"""Hand-made models whose answers are known in closed form."""

from __future__ import annotations

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset

VARIABLES = {"params": {}}


class Magnet(nn.Module):
    """mu = (0, m) with m the mean spin; log variances (0, -4); p(x|z) the given joint."""

    joint: tuple[float, ...] = ()  # 2**N probabilities, first site most significant
    n: int = 4

    def encode(self, batch):
        m = (2.0 * batch.astype(jnp.float32) - 1.0).mean(axis=1)
        zero = jnp.zeros_like(m)
        return jnp.stack([zero, m], axis=1), jnp.stack([zero, zero - 4.0], axis=1)

    def decode(self, z, batch):
        joint = np.asarray(self.joint, np.float32).reshape((2,) * self.n)
        x, out = batch.astype(jnp.int32), []
        for i in range(self.n):
            marginal = jnp.asarray(joint.sum(axis=tuple(range(i + 1, self.n))))
            weight = marginal[tuple(x[:, j] for j in range(i))] if i else marginal[None]
            weight = jnp.broadcast_to(weight, (x.shape[0], 2))
            total = weight.sum(axis=1, keepdims=True)
            out.append(jnp.log(jnp.where(total > 0, weight / total, 0.5)))
        return jnp.stack(out, axis=1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)


class Copy(nn.Module):
    """z is the configuration itself, and the decoder writes it down again."""

    n: int = 4

    def encode(self, batch):
        mean = 2.0 * batch.astype(jnp.float32) - 1.0
        return mean, jnp.full_like(mean, -20.0)

    def decode(self, z, batch):
        return jax.nn.log_softmax(jnp.stack([-20 * z, 20 * z], axis=-1), axis=-1)

    def sample(self, z, key, bases=None):
        return (z > 0).astype(jnp.int32)

    def label_probs(self, batch):
        up = batch[:, 0].astype(jnp.float32)
        return jnp.stack([1 - up, up], axis=1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


class CallOnly(nn.Module):
    """The least a model can be: `__call__`."""

    def __call__(self, batch, key):
        m = (2.0 * batch.astype(jnp.float32) - 1.0).mean(axis=1, keepdims=True)
        z = m + jax.random.normal(key, m.shape, jnp.float32)
        cp = jnp.broadcast_to(jnp.log(jnp.float32(0.5)), (*batch.shape, 2))
        return m, jnp.zeros_like(m), z, cp


def states(n=4):
    """All 2**n code words, first site most significant."""
    return (np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1)) & 1


def sweep(shots=200, grid=(3, 2), n=4, seed=0, scattered=False, sites=None):
    """Independent spins, up with a probability that grows with theta."""
    rng = np.random.default_rng(seed)
    axes = [np.linspace(0.0, 1.0, size) for size in grid]
    theta = np.stack(np.meshgrid(*axes, indexing="ij"), -1).reshape(-1, len(grid))
    up = 0.2 + 0.6 * theta.mean(axis=1)
    if scattered:
        theta = theta + 0.01 * np.arange(len(theta))[:, None]
    rows = (rng.random((len(theta), shots, n)) < up[:, None, None]).astype(int).reshape(-1, n)
    names = [f"t{i}" for i in range(len(grid))]
    return Dataset.from_samples(
        rows, np.repeat(theta, shots, axis=0), data_type="discrete", theta_names=names, sites=sites
    )


def plain(dataset):
    """The same snapshots, every one stored on its own."""
    from qdisc.dataset.counts import CountMatrix

    return Dataset.from_configurations(
        dataset.samples, CountMatrix.one_each(dataset.shots), dataset.theta,
        data_type=dataset.data_type, theta_names=dataset.theta_names,
    )  # fmt: skip


@pytest.fixture(scope="session")
def toy():
    """Models, data and the variables of a model without parameters."""
    return SimpleNamespace(
        Magnet=Magnet, Copy=Copy, CallOnly=CallOnly, variables=VARIABLES, states=states,
        sweep=sweep, plain=plain, flat=tuple([1 / 16] * 16),
    )  # fmt: skip
