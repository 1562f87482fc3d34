"""Masked dense layers between sites: output i sees the inputs of sites before (and at) i only.

A causal weight matrix is block triangular, so half of it is zero. The sites are cut into a few
strips; each strip multiplies only with the inputs up to its own end, which stores and computes
about two thirds of the full square. The mask is then needed inside a strip alone.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

MAX_STRIPS = 3


def strips(n_sites: int) -> list[tuple[int, int]]:
    """Cut sites 0..N-1 into at most three runs (begin, end) of about equal length."""
    return even_runs(n_sites, min(MAX_STRIPS, n_sites))


def even_runs(n_sites: int, count: int) -> list[tuple[int, int]]:
    """Cut sites 0..N-1 into `count` runs (begin, end) of about equal length."""
    edges = np.linspace(0, n_sites, count + 1).round().astype(int)
    return [(int(a), int(b)) for a, b in pairwise(edges)]


def strip_mask(begin: int, end: int, exclusive: bool) -> np.ndarray:
    """Boolean (end, end - begin): may output begin + column see input `row`?"""
    source, target = np.arange(end)[:, None], np.arange(begin, end)[None, :]
    return source < target if exclusive else source <= target


class MaskedDense(nn.Module):
    """Dense layer (B, N, C) -> (B, N, features) that is causal in the sites.

    y_i = b_i + sum_{j <= i} x_j W_ji, or j < i when exclusive; every pair of sites has its own
    weights. Weights start with variance 1 / (number of inputs that site i really sees).

    Attributes:
        features: Outputs per site.
        exclusive: Whether site i is hidden from its own output.
        dtype: dtype of parameters and result.
    """

    features: int
    exclusive: bool = False
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, x: jax.Array) -> jax.Array:
        """Return all sites at once."""
        batch, n, channels = x.shape
        flat = x.reshape(batch, n * channels)
        outputs = []
        for index, (begin, end) in enumerate(strips(n)):
            mask = self._mask(begin, end, channels)
            shape = (end * channels, (end - begin) * self.features)
            kernel = self.param(f"kernel_{index}", _initialise, shape, mask, self.dtype)
            outputs.append(flat[:, : end * channels] @ (kernel * mask))
        bias = self.param("bias", nn.initializers.zeros, (n, self.features), self.dtype)
        return jnp.concatenate(outputs, axis=1).reshape(batch, n, self.features) + bias

    def weights(self) -> tuple[jax.Array, jax.Array]:
        """Kernel (N, N C, features), first axis the output site, and bias (N, features)."""
        params = self.variables["params"]
        bias = params["bias"]
        n = bias.shape[0]
        columns = []
        for index, (begin, end) in enumerate(strips(n)):
            kernel = params[f"kernel_{index}"]
            channels = kernel.shape[0] // end
            kernel = kernel * self._mask(begin, end, channels)
            padded = jnp.pad(kernel, ((0, (n - end) * channels), (0, 0)))
            columns.append(padded.reshape(n * channels, end - begin, self.features))
        return jnp.concatenate(columns, axis=1).transpose(1, 0, 2), bias

    def columns(self, begin: int, end: int) -> tuple[jax.Array, ...]:
        """Weights of output sites begin..end-1, as drawing them one by one needs them.

        Returns:
            Kernel from all sites before `begin` (begin C, (end - begin) features), which no mask
            touches; kernels among these sites themselves, first axis the output site
            (end - begin, (end - begin) C, features); bias (end - begin, features).
        """
        params = self.variables["params"]
        bias, width = params["bias"], self.features
        before, among = [], []
        for index, (first, last) in enumerate(strips(bias.shape[0])):
            low, high = max(begin, first), min(end, last)
            if low >= high:
                continue
            kernel = params[f"kernel_{index}"]
            channels = kernel.shape[0] // last
            kernel = kernel[:, (low - first) * width : (high - first) * width]
            before.append(kernel[: begin * channels])
            own = kernel[begin * channels : high * channels]
            mask = strip_mask(low, high, self.exclusive)[begin:].astype(self.dtype)
            own = own * np.kron(mask, np.ones((channels, width), mask.dtype))
            own = jnp.pad(own, ((0, (end - high) * channels), (0, 0)))
            among.append(own.reshape(-1, high - low, width).transpose(1, 0, 2))
        return jnp.concatenate(before, axis=1), jnp.concatenate(among), bias[begin:end]

    def _mask(self, begin: int, end: int, channels: int) -> np.ndarray:
        seen = strip_mask(begin, end, self.exclusive).astype(self.dtype)
        return np.kron(seen, np.ones((channels, self.features), seen.dtype))


def _initialise(key: jax.Array, shape: tuple[int, int], mask: np.ndarray, dtype: Any) -> jax.Array:
    fan_in = np.maximum(mask.sum(0), 1)
    scale = jnp.asarray(mask / np.sqrt(fan_in), dtype=dtype)
    return jax.random.normal(key, shape, dtype) * scale


class SiteEmbedding(nn.Module):
    """A learned vector per site and code: (B, N) integers in 0..count-1 -> (B, N, features)."""

    count: int
    features: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, codes: jax.Array) -> jax.Array:
        """Look all sites up at once."""
        shape = (codes.shape[1], self.count, self.features)
        table = self.param("embedding", nn.initializers.normal(1.0), shape, self.dtype)
        return lookup(table, codes)

    def table(self) -> jax.Array:
        """Table (N, count, features)."""
        return self.variables["params"]["embedding"]


def lookup(table: jax.Array, codes: jax.Array) -> jax.Array:
    """Row `codes` of `table` (..., count, features), by products: scatter-free gradients."""
    one_hot = jax.nn.one_hot(codes, table.shape[-2], dtype=table.dtype)
    return (one_hot[..., None] * table).sum(-2)


class LatentToSites(nn.Module):
    """Linear map of the latent variables to every site: (B, L) -> (B, N, features), no bias."""

    features: int
    dtype: Any = jnp.float32

    @nn.compact
    def __call__(self, z: jax.Array, n_sites: int) -> jax.Array:
        """Map z; N is given because nothing in z tells it."""
        shape = (z.shape[1], n_sites * self.features)
        kernel = self.param("kernel", nn.initializers.lecun_normal(), shape, self.dtype)
        return (z @ kernel).reshape(z.shape[0], n_sites, self.features)

    def columns(self, begin: int, end: int) -> jax.Array:
        """Kernel (L, (end - begin) features) of the sites begin..end-1."""
        return self.variables["params"]["kernel"][:, begin * self.features : end * self.features]
