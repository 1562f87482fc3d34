"""From the columns of a batch to sites: codes, values, bases, and what a network is shown of them.

All networks here see one feature vector per site, so that the two columns of hybrid and shadow
data share a site (half the sequence length of one token per column).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from qdisc.nn.checks import n_sites_of

FIRST_BASIS = 2  # shadows store X, Y, Z as 2, 3, 4
N_BASES = 3


class Sites(NamedTuple):
    """A batch by sites; what a data type does not have is None.

    Attributes:
        codes: Local states or shadow outcomes (B, N), int32.
        values: Continuous values (B, N) in original units.
        bases: Shadow bases (B, N), int32, 0, 1, 2 for X, Y, Z.
    """

    codes: jax.Array | None = None
    values: jax.Array | None = None
    bases: jax.Array | None = None


def split(x: jax.Array, data_type: str, where: str = "batch", dtype: Any = jnp.float32) -> Sites:
    """Split columns (B, columns) into sites.

    Raises:
        DataError: The batch has not two axes, or an odd number of columns where sites have two.
    """
    x = jnp.asarray(x)
    n = n_sites_of(x.shape, data_type, where)
    if data_type == "discrete":
        return Sites(codes=x.astype(jnp.int32))
    if data_type == "continuous":
        return Sites(values=x.astype(dtype))
    if data_type == "hybrid":
        return Sites(codes=x[:, :n].astype(jnp.int32), values=x[:, n:].astype(dtype))
    x = x.astype(jnp.int32)
    return Sites(codes=x[:, 1::2], bases=x[:, 0::2] - FIRST_BASIS)


def join(sites: Sites, data_type: str) -> jax.Array:
    """Columns of a batch, the inverse of `split`: int32 codes, or floats where values occur."""
    if data_type == "discrete":
        return sites.codes  # type: ignore[return-value]
    if data_type == "continuous":
        return sites.values  # type: ignore[return-value]
    if data_type == "hybrid":
        values = sites.values
        return jnp.concatenate([sites.codes.astype(values.dtype), values], axis=1)  # type: ignore[union-attr]
    pairs = jnp.stack([sites.bases + FIRST_BASIS, sites.codes], axis=-1)  # type: ignore[operator]
    return pairs.reshape(pairs.shape[0], -1)


def standardise(
    values: jax.Array, location: Sequence[float], scale: Sequence[float], site: Any = slice(None)
) -> jax.Array:
    """(values - location) / scale per site; empty tuples mean 0 and 1."""
    if len(location):
        values = values - jnp.asarray(location, dtype=values.dtype)[site]
    if len(scale):
        values = values / jnp.asarray(scale, dtype=values.dtype)[site]
    return values


def code_features(codes: jax.Array, local_dimension: int, dtype: Any) -> jax.Array:
    """Codes (...) as features (..., C): s = 2 code - 1 for two states, one-hot for more."""
    if local_dimension == 2:
        return (2 * codes - 1).astype(dtype)[..., None]
    return jax.nn.one_hot(codes, local_dimension, dtype=dtype)


def n_features(data_type: str, local_dimension: int) -> int:
    """Length C of a site's feature vector."""
    if data_type == "continuous":
        return 1
    if data_type == "shadow":
        return N_BASES
    codes = 1 if local_dimension == 2 else local_dimension
    return codes + (data_type == "hybrid")


def site_features(
    sites: Sites,
    local_dimension: int,
    location: Sequence[float] = (),
    scale: Sequence[float] = (),
    dtype: Any = jnp.float32,
    site: Any = slice(None),
) -> jax.Array:
    """What a network is shown of each site.

    Args:
        sites: The batch, arrays (B, N) (or (B,) with `site` the index they belong to).
        local_dimension: Number of codes.
        location: Mean of each continuous site, () for 0.
        scale: Standard deviation of each continuous site, () for 1.
        dtype: Floating dtype of the features.
        site: Which entries of location and scale belong to the last axis.

    Returns:
        (B, N, C): the spin 2x - 1 or a one-hot code; the standardised value; both for hybrid
        data; for shadows the outcome's eigenvalue +-1 in the channel of its basis, 0 in others.
    """
    if sites.bases is not None:
        sign = (2 * sites.codes - 1).astype(dtype)  # type: ignore[operator]
        return sign[..., None] * jax.nn.one_hot(sites.bases, N_BASES, dtype=dtype)
    parts = []
    if sites.codes is not None:
        parts.append(code_features(sites.codes, local_dimension, dtype))
    if sites.values is not None:
        standard = standardise(sites.values.astype(dtype), location, scale, site)
        parts.append(standard[..., None])
    return jnp.concatenate(parts, axis=-1)
