"""Transformer encoder: every site attends to every site."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.nn import checks
from qdisc.nn.attention import Block, sinusoids
from qdisc.nn.encoders_cnn import GaussianHead
from qdisc.nn.inputs import encoder_features
from qdisc.nn.products import TokenDense


class Transformer_encoder(nn.Module):
    """Encoder of pre-norm self-attention blocks; mean and logvar from the flattened tokens.

    One token per site: a linear map of its features (code, value, or both; for shadows the
    outcome in the channel of its basis) plus a sinusoidal position.

    Attributes:
        num_heads: Attention heads; must divide d_model.
        d_model: Width of a token; odd widths work.
        num_layers: Blocks.
        latent_dim: Number of latent variables L.
        data_type: discrete, continuous, hybrid or shadow.
        local_dimension: Number of codes.
        location: Mean of each continuous site, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        dtype: dtype of parameters and results, whatever jax_enable_x64 says.

    Raises:
        ConfigError: Unknown data type, a size below 1, heads that do not divide d_model.
        DataError: The batch is not (B, columns), or has another N than the parameters.
    """

    num_heads: int = 2
    d_model: int = 8
    num_layers: int = 3
    latent_dim: int = 5
    data_type: str = "discrete"
    local_dimension: int = 2
    _: KW_ONLY
    location: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Encode a batch (B, columns) into mean and logvar, (B, latent_dim) each."""
        name = type(self).__name__
        checks.check_codes(self.data_type, self.local_dimension, name)
        checks.check_heads(self.d_model, self.num_heads, name)
        checks.check_positive(name, num_layers=self.num_layers, latent_dim=self.latent_dim)
        h = encoder_features(self, x)
        n = h.shape[1]
        known = checks.parameter_shape(self, "latent", "mean", "kernel")
        known_sites = None if known is None else known[0] // self.d_model
        checks.check_known_sites(n, known_sites, name)
        dense = {"dtype": self.dtype, "param_dtype": self.dtype}
        h = TokenDense(self.d_model, name="embed", **dense)(h)
        h = h + jnp.asarray(sinusoids(n, self.d_model), dtype=self.dtype)
        for layer in range(self.num_layers):
            block = Block(self.num_heads, self.d_model, False, self.dtype, name=f"block_{layer}")
            h = block(h)
        h = nn.LayerNorm(name="norm", **dense)(h)
        return GaussianHead(self.latent_dim, self.dtype, name="latent")(h.reshape(h.shape[0], -1))
