"""Products whose derivatives are again products that run fast on processors.

XLA multiplies small batched matrices quickly when the summed axes are inner ones, and several times
slower when the left factor has to be transposed, which reverse-mode differentiation asks for once
per product. The rules here place that transpose where it is carried out once, in memory, before the
product. They are ordinary forward-mode rules, so derivatives of any kind and order exist.
"""

from __future__ import annotations

from typing import Any

import flax.linen as nn
import jax

_written = jax.lax.optimization_barrier  # XLA would otherwise fold transposes into the product


@jax.custom_jvp
def mix(weights: jax.Array, values: jax.Array) -> jax.Array:
    """Return weights (..., Q, K) @ values (..., K, D)."""
    return weights @ values


@mix.defjvp
def _mix_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (weights, values), (d_weights, d_values) = primals, tangents
    turned = _written(_written(d_values.swapaxes(-1, -2)) @ weights.swapaxes(-1, -2))
    return weights @ values, d_weights @ values + turned.swapaxes(-1, -2)


@jax.custom_jvp
def overlaps(queries: jax.Array, keys: jax.Array) -> jax.Array:
    """Return all scalar products of queries (..., Q, D) with keys (..., K, D), (..., Q, K)."""
    return queries @ keys.swapaxes(-1, -2)


@overlaps.defjvp
def _overlaps_jvp(primals: Any, tangents: Any) -> tuple[jax.Array, jax.Array]:
    (queries, keys), (d_queries, d_keys) = primals, tangents
    turned = _written(d_keys @ queries.swapaxes(-1, -2))
    value = queries @ keys.swapaxes(-1, -2)
    return value, d_queries @ keys.swapaxes(-1, -2) + turned.swapaxes(-1, -2)


class TokenDense(nn.Dense):
    """A dense layer on the last axis, as one product over all other axes taken together.

    The gradient of the kernel then sums over one long axis, three times as fast as over two.
    """

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Map (..., C) to (..., features)."""
        flat = super().__call__(inputs.reshape(-1, inputs.shape[-1]))
        return flat.reshape(*inputs.shape[:-1], self.features)
