"""Tiny data of every kind, and a model that compiles in no time."""

from __future__ import annotations

from types import SimpleNamespace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.pipeline import discover
from qdisc.plugin import Config, ModelSpec
from qdisc.plugin.registry import Registry

# Without total correlation, which takes longer to compile than to compute here.
TRAIN = {
    "train.epochs": 2, "train.batch_size": 16, "train.learning_rate": 0.01, "train.gamma": 0.0,
}  # fmt: skip
FEW = {"analyses.reconstruction.n_samples": 4}
SMALL_CNN = {
    "model.latent_dim": 2, "model.conv_layers": 1, "model.conv_features": 4,
    "model.dense_features": 8, "model.decoder_layers": 1, "model.decoder_features": 4,
}  # fmt: skip
SMALL_TRANSFORMER = {
    "model.latent_dim": 2, "model.encoder_width": 8, "model.encoder_layers": 1,
    "model.decoder_width": 8, "model.decoder_layers": 1, "model.decoder_heads": 2,
}  # fmt: skip


class Factor(nn.Module):
    """Sites independent given z; works for every kind of data."""

    kind: str
    sites: int
    states: int
    latents: int

    def setup(self):
        self.mean = nn.Dense(self.latents, param_dtype=jnp.float32)
        self.head = nn.Dense(self.sites * (self.states + 2), param_dtype=jnp.float32)

    def encode(self, batch):
        mean = self.mean(batch.astype(jnp.float32))
        return mean, jnp.zeros_like(mean) - 1.0

    def decode(self, z, batch):
        out = self.head(z).reshape(z.shape[0], self.sites, self.states + 2)
        log_p = jax.nn.log_softmax(out[..., : self.states], axis=-1)
        gauss = 0.3 * out[..., self.states :]
        return {"continuous": gauss, "hybrid": (log_p, gauss)}.get(self.kind, log_p)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)

    def sample(self, z, key, bases=None):
        cp, draw = self.decode(z, None), jax.random.split(key)
        if self.kind == "continuous":
            return cp[..., 0] + jax.random.normal(draw[0], cp.shape[:2], jnp.float32)
        if self.kind == "hybrid":
            codes = jax.random.categorical(draw[0], cp[0])
            noise = jax.random.normal(draw[1], codes.shape, jnp.float32)
            return jnp.concatenate([codes.astype(jnp.float32), cp[1][..., 0] + noise], axis=1)
        codes = jax.random.categorical(draw[0], cp)
        if self.kind == "shadow":
            return jnp.stack([bases.astype(codes.dtype), codes], -1).reshape(len(codes), -1)
        return codes


class FactorConfig(Config):
    latent_dim: int = 2


class FactorModel:
    spec = ModelSpec(name="factor", summary="independent sites")
    Config = FactorConfig

    def build(self, data_spec, config):
        states = data_spec.local_dimension or 2
        return Factor(data_spec.data_type, data_spec.n_sites, states, config.latent_dim)


def registry(*extra):
    """What is installed, the small model, and what is given."""
    return Registry(extra=[("model", FactorModel()), *extra])


def rows(kind, shape, n=4, seed=0):
    """Random snapshots (*shape, columns) of a kind."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 2, (*shape, n))
    if kind == "discrete":
        return codes
    if kind == "shadow":
        return np.stack([rng.integers(2, 5, codes.shape), codes], -1).reshape(*shape, 2 * n)
    values = rng.normal(size=codes.shape).astype(np.float32)
    return values if kind == "continuous" else np.concatenate([codes, values], axis=-1)


def line(kind="discrete", points=3, shots=12, n=4, seed=0):
    """A sweep of one theta."""
    return Dataset(rows(kind, (points, shots), n, seed), [np.linspace(0, 1, points)], kind)


def quick(dataset, seed=0, out=None, *, plugins=(), **overrides):
    """`discover` with the small model."""
    base = {"model.name": "factor", **TRAIN, **FEW}
    changes = {**base, **overrides.pop("set", {})}
    return discover(dataset, seed, out, registry=registry(*plugins), **overrides, **changes)


@pytest.fixture(scope="session")
def lab():
    """Data, models, and `discover` at its smallest."""
    return SimpleNamespace(
        Factor=Factor, FactorModel=FactorModel, registry=registry, rows=rows, line=line,
        quick=quick, train=TRAIN, few=FEW, cnn=SMALL_CNN, transformer=SMALL_TRANSFORMER,
    )  # fmt: skip
