"""Drawing snapshots from autoregressive conditionals, one site after the other.

Site i always uses the key fold_in(key, i): the cached sampler and the slow one that knows
nothing but `decode` then draw the same snapshots from the same key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import flax.linen as nn
import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError, DataError
from qdisc.nn import sites
from qdisc.nn.checks import check_data_type
from qdisc.nn.inputs import check_latent_dim
from qdisc.nn.sites import Sites


def draw_code(key: jax.Array, log_p: jax.Array) -> jax.Array:
    """One code (B,), int32, per row of log probabilities (B, d): the largest Gumbel score."""
    score = log_p + jax.random.gumbel(key, log_p.shape, log_p.dtype)
    return jnp.argmax(score, axis=-1).astype(jnp.int32)


def draw_value(key: jax.Array, gaussian: jax.Array) -> jax.Array:
    """One normal value (B,) per row of (mean, logvar) (B, 2)."""
    mean, logvar = gaussian[:, 0], gaussian[:, 1]
    # its own stream: at a hybrid site the code was drawn with `key`
    noise = jax.random.normal(jax.random.fold_in(key, 1), mean.shape, mean.dtype)
    return mean + jnp.exp(0.5 * logvar) * noise


def check_bases(bases: Any, data_type: str, batch: int, n_sites: int | None, where: str) -> Any:
    """Return bases as 0, 1, 2 (B, N) for shadows, None otherwise; errors say what is wanted."""
    if data_type != "shadow":
        if bases is not None:
            raise DataError(f"bases belong to shadow data, not to {data_type} data", where=where)
        return None
    if bases is None:
        raise DataError(
            "sampling shadows needs the bases to measure in",
            where=where,
            hint="bases (samples, sites) with 2, 3, 4 for X, Y, Z",
        )
    bases = jnp.asarray(bases)
    wanted = (batch, bases.shape[-1] if n_sites is None else n_sites)
    if bases.shape != wanted:
        raise DataError(
            "bases have one entry per sample and site", where=where,
            value=tuple(bases.shape), hint=f"the shape {wanted}",
        )  # fmt: skip
    return bases.astype(jnp.int32) - sites.FIRST_BASIS


def sample_cached(
    decoder: nn.Module, variables: Any, z: jax.Array, key: jax.Array, bases: Any = None
) -> jax.Array:
    """Draw one snapshot per latent vector, computing for each site only what it adds.

    The decoder offers `n_sites()`, `start(z) -> (fixed, cache)`,
    `step(fixed, cache, site, past, basis) -> cache` where `past` are the features of the site
    before, `code_at(fixed, cache, site) -> (B, d)` and
    `value_at(fixed, cache, site, code) -> (cache, (B, 2))`.

    Args:
        decoder: The unbound decoder.
        variables: Its variables.
        z: Latent vectors (B, L).
        key: Key of the draw.
        bases: Shadows only: (B, N) with 2, 3, 4 for X, Y, Z.

    Returns:
        Snapshots (B, columns): int32 codes (shadows with their bases), or floats where
        continuous columns occur.
    """

    def call(method: str, *args: Any) -> Any:
        return decoder.apply(variables, *args, method=method)

    data_type, dtype = decoder.data_type, decoder.dtype
    check_latent_dim(z.shape, None, type(decoder).__name__)
    # parameters read from a file are numpy arrays, which a traced site cannot index
    variables = jax.tree.map(jnp.asarray, variables)
    n, batch = call("n_sites"), z.shape[0]
    bases = check_bases(bases, data_type, batch, n, type(decoder).__name__)
    fixed, cache = call("start", z.astype(dtype))
    channels = sites.n_features(data_type, decoder.local_dimension)
    past = jnp.zeros((batch, channels), dtype)

    def body(carry: Any, site: jax.Array) -> tuple[Any, Any]:
        cache, past = carry
        site_key = jax.random.fold_in(key, site)
        basis = None if bases is None else bases[:, site]
        cache = call("step", fixed, cache, site, past, basis)
        code = value = None
        if data_type != "continuous":
            code = draw_code(site_key, call("code_at", fixed, cache, site))
        if data_type in ("continuous", "hybrid"):
            cache, gaussian = call("value_at", fixed, cache, site, code)
            value = draw_value(site_key, gaussian)
        drawn = Sites(codes=code, values=value, bases=basis)
        past = sites.site_features(
            drawn, decoder.local_dimension, decoder.location, decoder.scale, dtype, site
        )
        return (cache, past), (code, value)

    steps = jnp.arange(n, dtype=jnp.int32)
    _, (codes, values) = jax.lax.scan(body, (cache, past), steps)
    codes = None if codes is None else codes.T
    values = None if values is None else values.T
    return sites.join(Sites(codes, values, bases), data_type)


def sample_from_conditionals(
    decode: Callable[[jax.Array, jax.Array], Any],
    z: jax.Array,
    key: jax.Array,
    *,
    data_type: str,
    n_sites: int,
    bases: Any = None,
    order: Literal["interleaved", "halves"] = "interleaved",
    dtype: Any = jnp.float32,
) -> jax.Array:
    """Draw snapshots with one full pass per site, for any strictly causal `decode`.

    The slow reference of `sample_cached`, and the way to sample a model without a sampler.

    Args:
        decode: (z, x) -> log conditional probabilities, as a decoder's `__call__`.
        z: Latent vectors (B, L).
        key: Key of the draw.
        data_type: discrete, continuous, hybrid or shadow.
        n_sites: Number of sites N.
        bases: Shadows only: (B, N) with 2, 3, 4 for X, Y, Z.
        order: Hybrid data: f_0 d_0 f_1 d_1 ... (the models here), or all f before all d.
        dtype: dtype of continuous columns.

    Returns:
        Snapshots (B, columns) as `sample_cached`.
    """
    check_data_type(data_type, "sample_from_conditionals")
    check_latent_dim(z.shape, None, "sample_from_conditionals")
    if order not in ("interleaved", "halves"):
        raise ConfigError("unknown order", value=order, hint="interleaved or halves")
    batch = z.shape[0]
    bases = check_bases(bases, data_type, batch, n_sites, "sample_from_conditionals")
    codes = None if data_type == "continuous" else jnp.zeros((batch, n_sites), jnp.int32)
    valued = data_type in ("continuous", "hybrid")
    values = jnp.zeros((batch, n_sites), dtype) if valued else None

    def code_step(site: Any, state: Any) -> Any:
        codes, values = state
        cp = decode(z, sites.join(Sites(codes, values, bases), data_type))
        log_p = cp[0] if data_type == "hybrid" else cp
        drawn = draw_code(jax.random.fold_in(key, site), log_p[:, site])
        return codes.at[:, site].set(drawn), values

    def value_step(site: Any, state: Any) -> Any:
        codes, values = state
        cp = decode(z, sites.join(Sites(codes, values, bases), data_type))
        gaussian = cp[1] if data_type == "hybrid" else cp
        drawn = draw_value(jax.random.fold_in(key, site), gaussian[:, site])
        return codes, values.at[:, site].set(drawn.astype(dtype))

    def both(site: Any, state: Any) -> Any:
        return value_step(site, code_step(site, state))

    if data_type == "hybrid":
        passes = (both,) if order == "interleaved" else (code_step, value_step)
    else:
        passes = (value_step,) if data_type == "continuous" else (code_step,)
    state: Any = (codes, values)
    first, last = jnp.int32(0), jnp.int32(n_sites)
    for step in passes:
        state = jax.lax.fori_loop(first, last, step, state)
    codes, values = state
    return sites.join(Sites(codes, values, bases), data_type)
