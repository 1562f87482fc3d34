"""Random keys: from a seed, and of either style."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.errors import ConfigError

_WORD = 0xFFFFFFFF


def key_of(seed: int) -> jax.Array:
    """Key of a seed; that of `jax.random.key` below 2**32.

    `jax.random.key` itself drops the high bits of a larger seed, or keeps them when 64 bit is
    switched on; here every bit counts, in either mode.

    Args:
        seed: A whole number >= 0 of any size.

    Raises:
        ConfigError: The seed is negative.
    """
    if seed < 0:
        raise ConfigError("the seed is a whole number >= 0", where="seed", value=seed)
    key, rest = jax.random.key(np.uint32(seed & _WORD)), seed >> 32
    while rest:
        key, rest = jax.random.fold_in(key, np.uint32(rest & _WORD)), rest >> 32
    return key


def typed(key: jax.Array) -> jax.Array:
    """Accept legacy uint32 keys beside new-style ones."""
    key = jnp.asarray(key)
    return key if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else jax.random.wrap_key_data(key)
