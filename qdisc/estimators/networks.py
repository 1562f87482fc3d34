"""The network behind `VAE`: encoder, two linear heads, decoder."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError
from qdisc.estimators.observation import Decoded


class MLP(nn.Module):
    """Dense layers with softplus between them.

    Attributes:
        hidden: Widths of the hidden layers.
        out: Shape of a row of the output; None ends with the last hidden layer.
    """

    hidden: tuple[int, ...]
    out: tuple[int, ...] | None = None

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """(rows, ...) -> (rows, *out)."""
        x = x.reshape(x.shape[0], -1)
        for width in self.hidden:
            x = nn.softplus(nn.Dense(width)(x))
        if self.out is None:
            return x
        total = 1
        for length in self.out:
            total *= length
        return nn.Dense(total)(x).reshape(x.shape[0], *self.out)


class Autoencoder(nn.Module):
    """x -> encoder -> fc_mu, fc_logvar -> z -> decoder.

    Attributes:
        encoder: (rows, features) -> (rows, encoder_out_dim); codes arrive one-hot, with one more
            axis.
        decoder: (rows, latent_dim) -> means, (means, scales) or logits.
        latent_dim: Number of latents.
        features: Columns of a row.
        categories: Number of codes; 0 where columns hold numbers.
        encoder_out_dim: Width the encoder promises; None takes any.
    """

    encoder: nn.Module
    decoder: nn.Module
    latent_dim: int
    features: int
    categories: int = 0
    encoder_out_dim: int | None = None

    def setup(self) -> None:
        """Create the heads; q starts with unit variance."""
        self.fc_mu = nn.Dense(self.latent_dim)
        self.fc_logvar = nn.Dense(self.latent_dim, kernel_init=nn.initializers.zeros)

    def encode(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and log variance of q(z|x), (rows, latent_dim) each."""
        if self.categories:
            x = jax.nn.one_hot(x.astype(jnp.int32), self.categories, dtype=x.dtype)
        hidden: Any = self.encoder(x)  # type: ignore[operator]
        wanted = self.encoder_out_dim
        shape = getattr(hidden, "shape", type(hidden).__name__)
        if len(shape) != 2 or shape[0] != x.shape[0] or wanted not in (None, shape[1]):
            raise ConfigError(
                "the encoder returns one vector per row", where="encoder", value=shape,
                hint=f"(rows, {wanted or 'encoder_out_dim'}) = ({x.shape[0]}, {wanted or 'any'})",
            )  # fmt: skip
        return self.fc_mu(hidden), self.fc_logvar(hidden)

    def decode(self, z: jax.Array) -> Decoded:
        """What the decoder says about z."""
        decoded: Any = self.decoder(z)  # type: ignore[operator]
        row = (self.features, self.categories) if self.categories else (self.features,)
        parts = decoded if isinstance(decoded, tuple) else (decoded,)
        shapes = [getattr(part, "shape", type(part).__name__) for part in parts]
        if len(parts) > 2 or any(shape != (z.shape[0], *row) for shape in shapes):
            raise ConfigError(
                "the decoder returns a mean, (mean, scale) or logits of every row",
                where="decoder", value=shapes, hint=f"arrays of shape {(z.shape[0], *row)}",
            )  # fmt: skip
        return decoded

    def __call__(self, x: jax.Array, noise: jax.Array) -> tuple[jax.Array, jax.Array, Decoded]:
        """Mean, log variance, and the decoder at mean + exp(logvar / 2) noise."""
        mean, logvar = self.encode(x)
        return mean, logvar, self.decode(mean + jnp.exp(0.5 * logvar) * noise)
