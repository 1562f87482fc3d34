"""Means over rows that carry weights, some of them padding."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array, Float


def weighted_mean(
    values: Float[Array, " rows"], weights: Float[Array, " rows"] | None = None
) -> Float[Array, ""]:
    """Mean of `values` with weights that need not sum to one.

    Rows of weight zero are padding: they count for nothing even when their value is NaN or
    infinite.

    Args:
        values: One value per row.
        weights: Non-negative weight of each row; all equal if left out.

    Returns:
        sum_i w_i v_i / sum_i w_i, a scalar.
    """
    if weights is None:
        return values.mean()
    kept = jnp.where(weights > 0, values, jnp.zeros((), values.dtype))
    weights = weights.astype(values.dtype)
    return jnp.sum(weights * kept) / jnp.sum(weights)
