"""How a batch, and a latent vector per sample, enter encoders and decoders: checked, as features.

Shapes are static under jit, so a wrong one is an error here, in words, before any product of
arrays could fail or broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp

from qdisc.errors import DataError
from qdisc.nn import checks, sites
from qdisc.nn.sites import Sites


def encoder_features(encoder: Any, x: jax.Array) -> jax.Array:
    """Site features (B, N, C) of a batch, by the encoder's fields.

    `data_type=None` takes every column as a site with one channel 2x - 1.
    """
    where = type(encoder).__name__
    dtype = checks.check_dtype(encoder.dtype, where)
    if encoder.data_type is None:
        x = jnp.asarray(x)
        checks.n_sites_of(x.shape, "discrete", where)
        return 2 * x.astype(dtype)[..., None] - 1
    checks.check_codes(encoder.data_type, encoder.local_dimension, where)
    batch = sites.split(x, encoder.data_type, where, dtype)
    return _features(encoder, batch, where)


def decoder_input(
    decoder: Any, z: jax.Array, x: jax.Array, known_sites: int | None, known_latents: int | None
) -> tuple[jax.Array, Sites, jax.Array]:
    """Latent vectors in the decoder's dtype, the batch by sites, and its features (B, N, C).

    Raises:
        DataError: z is not (B, L), x not (B, columns), their B differ, or N or L is not the
            one that the parameters were made for.
    """
    where = type(decoder).__name__
    z, x = jnp.asarray(z), jnp.asarray(x)
    check_latent_dim(z.shape, known_latents, where)
    batch = sites.split(x, decoder.data_type, where, decoder.dtype)
    if z.shape[0] != x.shape[0]:
        raise DataError(
            "one latent vector per sample is wanted",
            where=where,
            value=f"{z.shape[0]} latent vectors for {x.shape[0]} samples",
        )
    h = _features(decoder, batch, where)
    checks.check_known_sites(h.shape[1], known_sites, where)
    return z.astype(decoder.dtype), batch, h


def check_latent_dim(shape: Sequence[int], known: int | None, where: str) -> None:
    """Raise DataError unless z is (B, L), with the L that the parameters were made for."""
    if len(shape) != 2 or shape[1] < 1:
        raise DataError(
            "latent variables have two axes, (samples, latent_dim)",
            where=where,
            value=tuple(shape),
            hint="a single latent vector is z[None]",
        )
    if known is not None and known != shape[1]:
        raise DataError(
            f"the parameters were made for {known} latent variables, z has {shape[1]}",
            where=where,
            value=tuple(shape),
        )


def _features(module: Any, batch: Sites, where: str) -> jax.Array:
    some = batch.codes if batch.codes is not None else batch.values
    if batch.values is not None:
        n = some.shape[1]  # type: ignore[union-attr]
        checks.check_standardisation(module.location, module.scale, n, where)
    return sites.site_features(
        batch, module.local_dimension, module.location, module.scale, module.dtype
    )
