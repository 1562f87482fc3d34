"""A model and a training that need no training: every answer is a formula."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from qdisc.analysis.model import Model
from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.nn.sites import split
from qdisc.train.fit import Fit

LATENTS = 2
EPOCHS = 3


class TinyModel(nn.Module):
    """Two latents: z_0 follows the mean of the snapshot, z_1 carries nothing; sites independent.

    q(z|x) = N((m, 0), (e^-2, 1)) with m the mean over sites of the code (centred) or value;
    p(code k) ~ exp(z_0 (k - (d - 1) / 2)); p(value) = N(z_0, 1).

    Attributes:
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes.
    """

    data_type: str
    local_dimension: int = 2

    def encode(self, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log variance, (B, 2) each."""
        sites = split(batch, self.data_type)
        if sites.codes is None:
            m = jnp.mean(sites.values, axis=1)  # type: ignore[arg-type]
        else:
            m = jnp.mean(sites.codes.astype(jnp.float32), axis=1) - (self.local_dimension - 1) / 2
        zero = jnp.zeros_like(m)
        return jnp.stack([2 * m, zero], axis=1), jnp.stack([zero - 2, zero], axis=1)

    def decode(self, z: jax.Array, batch: jax.Array) -> Any:
        """Log conditional probabilities, mean and logvar, or both."""
        sites = split(batch, self.data_type)
        some = sites.codes if sites.codes is not None else sites.values
        shape = some.shape  # type: ignore[union-attr]
        level = jnp.arange(self.local_dimension, dtype=jnp.float32) - (self.local_dimension - 1) / 2
        logits = jnp.broadcast_to(z[:, :1, None] * level, (*shape, level.size))
        codes = jax.nn.log_softmax(logits, axis=-1)
        mean = jnp.broadcast_to(z[:, :1], shape)
        values = jnp.stack([mean, jnp.zeros_like(mean)], axis=-1)
        if self.data_type == "hybrid":
            return codes, values
        return values if self.data_type == "continuous" else codes

    def __call__(self, batch: jax.Array, key: jax.Array) -> tuple[Any, Any, Any, Any]:
        """Return mean, logvar, z and what `decode` gives."""
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, mean.dtype)
        return mean, logvar, z, self.decode(z, batch)


def tiny_model(dataset: Dataset, chunk: int | None = None) -> Model:
    """The model of a dataset as analyses see it."""
    module = TinyModel(dataset.data_type, dataset.local_dimension or 2)
    return Model(module, {"params": {}}, dataset.spec, chunk=chunk)


def tiny_training() -> Fit:
    """A `Fit` with falling curves, for analyses that need `training`."""
    loss = np.linspace(3.0, 2.0, EPOCHS, dtype=np.float32)
    kl = np.stack([np.linspace(0.1, 1.0, EPOCHS), np.zeros(EPOCHS)], 1).astype(np.float32)
    logvar = np.stack([np.linspace(0, -2, EPOCHS), np.zeros(EPOCHS)], 1).astype(np.float32)
    total = kl.sum(axis=1)
    terms = {"reconstruction": loss - total, "kl": total, "tc": np.zeros_like(loss)}
    columns = np.stack([loss, *terms.values()], axis=1)
    return Fit(
        variables={"params": {}}, state=None, loss=loss, terms=terms, kl=kl, logvar=logvar,
        steps=np.concatenate([columns, kl, logvar], axis=1), validation_loss=None,
        epochs_run=EPOCHS, stop_reason="finished", message=f"all {EPOCHS} epochs done", seed=0,
        config=TrainConfig(epochs=EPOCHS), n_compilations=1, duration_s=0.0, n_parameters=0,
    )  # fmt: skip
