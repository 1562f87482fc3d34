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


def draw_code(noise: jax.Array, log_p: jax.Array) -> jax.Array:
    """One code (B,), int32, per row of log probabilities (B, d): the largest Gumbel score."""
    return jnp.argmax(log_p + noise, axis=-1).astype(jnp.int32)


def draw_value(noise: jax.Array, gaussian: jax.Array) -> jax.Array:
    """One normal value (B,) per row of (mean, logvar) (B, 2)."""
    return gaussian[:, 0] + jnp.exp(0.5 * gaussian[:, 1]) * noise


def code_noise(key: jax.Array, site: Any, rows: int, d: int, dtype: Any) -> jax.Array:
    """Gumbel noise (rows, d) of the codes at `site`.

    Args:
        key: One key for all rows, or one key per row: then a row's noise is its own, whatever
            other rows are drawn with it.
        site: Number of the site.
        rows: Number of rows.
        d: Number of codes.
        dtype: Floating dtype.
    """
    if per_row(key):
        return jax.vmap(lambda k: code_noise(k, site, 1, d, dtype)[0])(key)
    return jax.random.gumbel(jax.random.fold_in(key, site), (rows, d), dtype)


def value_noise(key: jax.Array, site: Any, rows: int, dtype: Any) -> jax.Array:
    """Normal noise (rows,) of the values at `site`; see `code_noise`."""
    if per_row(key):
        return jax.vmap(lambda k: value_noise(k, site, 1, dtype)[0])(key)
    # its own stream: at a hybrid site the code was drawn with the site's key
    return jax.random.normal(jax.random.fold_in(jax.random.fold_in(key, site), 1), (rows,), dtype)


def per_row(key: jax.Array) -> bool:
    """Say whether there is one key per row, of either style."""
    return key.ndim == (1 if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else 2)


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

    Sites are drawn in a few runs: what sites of earlier runs send to a run is computed at once.
    The decoder offers `n_sites()`, `runs() -> [(begin, end), ...]`, `start(z) -> known`,
    `enter(known, features, begin, end) -> (fixed, cache)`,
    `step(fixed, cache, site, past, basis) -> cache` where `past` are the features of the site
    before, `code_at(fixed, cache, site) -> (B, d)`,
    `value_at(fixed, cache, site, code) -> (cache, (B, 2))` and `leave(known, cache) -> known`.

    Args:
        decoder: The unbound decoder.
        variables: Its variables.
        z: Latent vectors (B, L).
        key: Key of the draw, or one key per row.
        bases: Shadows only: (B, N) with 2, 3, 4 for X, Y, Z.

    Returns:
        Snapshots (B, columns): int32 codes (shadows with their bases), or floats where
        continuous columns occur.
    """

    def call(method: str, *args: Any) -> Any:
        return decoder.apply(variables, *args, method=method)

    data_type, dtype, d = decoder.data_type, decoder.dtype, decoder.local_dimension
    check_latent_dim(z.shape, None, type(decoder).__name__)
    # parameters read from a file are numpy arrays, which a traced site cannot index
    variables = jax.tree.map(jnp.asarray, variables)
    n, rows = call("n_sites"), z.shape[0]
    bases = check_bases(bases, data_type, rows, n, type(decoder).__name__)
    known = call("start", z.astype(dtype))
    past = jnp.zeros((rows, sites.n_features(data_type, d)), dtype)
    features = jnp.zeros((rows, 0, past.shape[1]), dtype)
    runs = []
    for begin, end in call("runs"):
        fixed, cache = call("enter", known, features, begin, end)
        site = jnp.arange(begin, end, dtype=jnp.int32)
        # all random numbers of a run at once: inside the loop they would cost more than the network
        noise = [
            jax.vmap(lambda i: code_noise(key, i, rows, d, dtype))(site)
            if data_type != "continuous"
            else None,
            jax.vmap(lambda i: value_noise(key, i, rows, dtype))(site)
            if data_type in ("continuous", "hybrid")
            else None,
        ]

        def body(carry: Any, this: Any, fixed: Any = fixed) -> tuple[Any, Any]:
            cache, past = carry
            site, (gumbel, normal) = this
            basis = None if bases is None else bases[:, site]
            cache = call("step", fixed, cache, site, past, basis)
            code = value = None
            if gumbel is not None:
                code = draw_code(gumbel, call("code_at", fixed, cache, site))
            if normal is not None:
                cache, gaussian = call("value_at", fixed, cache, site, code)
                value = draw_value(normal, gaussian)
            drawn = Sites(codes=code, values=value, bases=basis)
            past = sites.site_features(drawn, d, decoder.location, decoder.scale, dtype, site)
            return (cache, past), (code, value, past)

        (cache, past), drawn = jax.lax.scan(body, (cache, past), (site, noise))
        codes, values, seen = jax.tree.map(lambda a: a.swapaxes(0, 1), drawn)
        runs.append((codes, values))
        features = jnp.concatenate([features, seen], axis=1)
        known = call("leave", known, cache)
    codes, values = jax.tree.map(lambda *parts: jnp.concatenate(parts, axis=1), *runs)
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
        key: Key of the draw, or one key per row.
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
        noise = code_noise(key, site, batch, log_p.shape[-1], log_p.dtype)
        drawn = draw_code(noise, log_p[:, site])
        return codes.at[:, site].set(drawn), values

    def value_step(site: Any, state: Any) -> Any:
        codes, values = state
        cp = decode(z, sites.join(Sites(codes, values, bases), data_type))
        gaussian = cp[1] if data_type == "hybrid" else cp
        noise = value_noise(key, site, batch, gaussian.dtype)
        drawn = draw_value(noise, gaussian[:, site])
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
