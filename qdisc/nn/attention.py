"""Multi-head attention and the pre-norm transformer block, in full and one position at a time."""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from qdisc.nn.products import TokenDense, mix, overlaps


def sinusoids(length: int, width: int) -> np.ndarray:
    """Positional code (length, width): sin and cos of position / 10000^(2k / width), any width."""
    position = np.arange(length)[:, None]
    frequency = 10000.0 ** (-2 * np.arange((width + 1) // 2) / width)
    angle = position * frequency
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(length, -1)[:, :width]


def attend(q: jax.Array, k: jax.Array, v: jax.Array, allowed: Any = None) -> jax.Array:
    """Scaled dot-product attention: sum_j softmax_j(q_i . k_j / sqrt(D)) v_j.

    Heads come before positions, so that both products are plain batched matrix products.

    Args:
        q: Queries (B, H, Q, D).
        k: Keys (B, H, K, D).
        v: Values (B, H, K, D).
        allowed: Booleans that broadcast to (B, H, Q, K); False hides a key from a query.

    Returns:
        (B, H, Q, D).
    """
    score = overlaps(q, k) / q.shape[-1] ** 0.5
    if allowed is not None:
        score = jnp.where(allowed, score, jnp.finfo(score.dtype).min)
    return mix(jax.nn.softmax(score, axis=-1), v)


class Attention(nn.Module):
    """The four projections around `attend`.

    Queries and keys have no bias: one added to every key cancels in the softmax.
    """

    num_heads: int
    d_model: int
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Create the projections."""
        dense = {"dtype": self.dtype, "param_dtype": self.dtype}
        self.query = TokenDense(self.d_model, use_bias=False, **dense)
        self.key = TokenDense(self.d_model, use_bias=False, **dense)
        self.value = TokenDense(self.d_model, **dense)
        self.out = TokenDense(self.d_model, **dense)

    def __call__(self, x: jax.Array, memory: jax.Array, allowed: Any = None) -> jax.Array:
        """Let positions of `x` (B, Q, d_model) read from `memory` (B, K, d_model)."""
        return self.read(x, *self.keys_and_values(memory), allowed)

    def keys_and_values(self, memory: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Keys and values (B, H, K, D) of a memory (B, K, d_model)."""
        return self._heads(self.key(memory)), self._heads(self.value(memory))

    def read(self, x: jax.Array, k: jax.Array, v: jax.Array, allowed: Any = None) -> jax.Array:
        """Attend from `x` (B, Q, d_model) to known keys and values."""
        mixed = attend(self._heads(self.query(x)), k, v, allowed)
        return self.out(mixed.swapaxes(1, 2).reshape(*x.shape[:-1], self.d_model))

    def _heads(self, x: jax.Array) -> jax.Array:
        return x.reshape(*x.shape[:-1], self.num_heads, -1).swapaxes(1, 2)


class Block(nn.Module):
    """Pre-norm block: self-attention, optional cross-attention, a dense layer of width 4 d_model.

    Attributes:
        num_heads: Attention heads.
        d_model: Width of a token.
        crossed: Whether the block also reads from a memory.
        dtype: dtype of parameters and result.
    """

    num_heads: int
    d_model: int
    crossed: bool = False
    dtype: Any = jnp.float32

    def setup(self) -> None:
        """Create the sublayers."""
        dense = {"dtype": self.dtype, "param_dtype": self.dtype}
        self.self_norm = nn.LayerNorm(**dense)
        self.self_attention = Attention(self.num_heads, self.d_model, self.dtype)
        if self.crossed:
            self.cross_norm = nn.LayerNorm(**dense)
            self.cross_attention = Attention(self.num_heads, self.d_model, self.dtype)
        self.wide_norm = nn.LayerNorm(**dense)
        self.wide = TokenDense(4 * self.d_model, **dense)
        self.narrow = TokenDense(self.d_model, **dense)

    def __call__(self, x: jax.Array, memory: Any = None, allowed: Any = None) -> jax.Array:
        """Transform tokens (B, N, d_model)."""
        normed = self.self_norm(x)
        x = x + self.self_attention(normed, normed, allowed)
        if self.crossed:
            x = x + self.cross_attention(self.cross_norm(x), memory)
        return self._feed_forward(x)

    def memory_cache(self, memory: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Keys and values of the memory, the same for every position."""
        return self.cross_attention.keys_and_values(memory)

    def step(
        self, x: jax.Array, cache: tuple[jax.Array, jax.Array], memory: Any, site: jax.Array
    ) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
        """Transform the token (B, 1, d_model) at `site`, given keys and values before it."""
        normed = self.self_norm(x)
        k, v = self.self_attention.keys_and_values(normed)
        put = jax.lax.dynamic_update_slice_in_dim
        cache = (put(cache[0], k, site, axis=2), put(cache[1], v, site, axis=2))
        allowed = jnp.arange(cache[0].shape[2], dtype=jnp.int32) <= site
        x = x + self.self_attention.read(normed, *cache, allowed)
        if self.crossed:
            x = x + self.cross_attention.read(self.cross_norm(x), *memory)
        return self._feed_forward(x), cache

    def _feed_forward(self, x: jax.Array) -> jax.Array:
        return x + self.narrow(nn.gelu(self.wide(self.wide_norm(x))))
