"""Log importance weights of many samples per row, some at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from qdisc.errors import ConfigError
from qdisc.nn.sampling import per_row
from qdisc.objectives.evidence import Evidence, importance_evidence
from qdisc.objectives.hamiltonian import Noise, gaussian_start, log_standard_normal
from qdisc.objectives.likelihood import reconstruction_nll

_ROWS = 1024  # rows that samples are spread over in one go


def gaussian_log_weights(
    mean: jax.Array,
    logvar: jax.Array,
    decode: Callable[[jax.Array], Any],
    batch: jax.Array,
    data_type: Any,
    key: jax.Array,
    n_samples: int,
) -> tuple[jax.Array, jax.Array]:
    """Log p(x, z) and log q(z|x), (B, n_samples) each, of z drawn from N(mean, exp(logvar)).

    For hybrid data p is the joint likelihood of both halves.

    Args:
        mean: Mean of q(z|x) (B, L).
        logvar: Log variance of q(z|x) (B, L).
        decode: z -> decoder output for `batch`.
        batch: Samples (B, columns).
        data_type: What the columns mean.
        key: Key of the noise, or one key per row.
        n_samples: Samples per row.
    """
    check_samples(n_samples)

    def one(number: jax.Array) -> tuple[jax.Array, jax.Array]:
        noise = row_noise(numbered(key, number), mean.shape, mean.dtype).z
        z, log_q = gaussian_start(mean, logvar, noise)
        return log_standard_normal(z) - reconstruction_nll(decode(z), batch, data_type), log_q

    return in_blocks(one, n_samples, batch.shape[0])


def module_evidence(
    module: Any, variables: Any, batch: jax.Array, keys: jax.Array, n_samples: int, data_type: Any
) -> Evidence:
    """Importance-weighted evidence of any module that can tell it.

    A module's own `log_weights` is asked first (row by row, unless it takes one key per row: its
    field `keys_per_row`); otherwise `encode` and `decode` are those of a Gaussian posterior.

    Args:
        module: A flax module.
        variables: Its variables.
        batch: Samples (B, columns).
        keys: One key per row (B,).
        n_samples: Samples per row.
        data_type: What the columns mean.
    """

    def call(*args: Any, method: str) -> Any:
        return module.apply(variables, *args, method=method)

    if not callable(getattr(module, "log_weights", None)):
        mean, logvar = tuple(call(batch, method="encode"))[:2]
        log_p, log_q = gaussian_log_weights(
            mean, logvar, lambda z: call(z, batch, method="decode"), batch, data_type, keys,
            n_samples,
        )  # fmt: skip
    elif getattr(module, "keys_per_row", False):
        log_p, log_q = call(batch, keys, n_samples, method="log_weights")
    else:
        both = jax.vmap(lambda key, row: call(row[None], key, n_samples, method="log_weights"))
        log_p, log_q = (part[:, 0] for part in both(keys, batch))
    return importance_evidence(log_p - log_q)


def row_noise(key: jax.Array, shape: tuple[int, ...], dtype: Any) -> Noise:
    """Base noise of one sample per row, from a key or one key per row.

    The latents' noise is that of `VAEmodel`: without steps, both draw the same z from a key.
    """
    if per_row(key):
        return jax.vmap(lambda k: row_noise(k, shape[1:], dtype))(key)
    return Noise(
        jax.random.normal(key, shape, dtype),
        jax.random.normal(jax.random.fold_in(key, 1), shape, dtype),
    )


def in_blocks(one: Callable, n_samples: int, rows: int) -> tuple[jax.Array, jax.Array]:
    """Call `one(number)` for every sample, some at once, and put the samples last."""
    at_once = max(1, min(n_samples, _ROWS // max(1, rows)))
    numbers = jnp.arange(n_samples, dtype=jnp.uint32)
    log_p, log_q = jax.lax.map(one, numbers, batch_size=at_once)
    return log_p.T, log_q.T


def check_samples(n_samples: Any) -> None:
    """Raise ConfigError unless it is a whole number >= 1."""
    if isinstance(n_samples, bool) or not isinstance(n_samples, int) or n_samples < 1:
        raise ConfigError(
            "an evidence needs a whole number >= 1 of samples", where="n_samples",
            value=n_samples, hint="n_samples=64",
        )  # fmt: skip


def numbered(key: jax.Array, number: jax.Array) -> jax.Array:
    """Key of sample `number`, or one such key per row."""
    if per_row(key):
        return jax.vmap(lambda k: jax.random.fold_in(k, number))(key)
    return jax.random.fold_in(key, number)
