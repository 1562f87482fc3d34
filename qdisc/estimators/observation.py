"""What a decoder's output means: the distribution p(x|z) of a row of a table, in nats."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qdisc.errors import ConfigError, nearest
from qdisc.objectives.kl import log_normal_pdf
from qdisc.objectives.likelihood import categorical_nll

DISTRIBUTIONS = ("normal", "laplace", "bernoulli", "categorical")
Decoded: TypeAlias = Array | tuple[Array, Array]


def check_distribution(name: Any) -> None:
    """Raise ConfigError unless `name` is one of `DISTRIBUTIONS`."""
    if name not in DISTRIBUTIONS:
        raise ConfigError(
            "unknown distribution of the observations", where="default_dist", value=name,
            hint=nearest(str(name), DISTRIBUTIONS),
        )  # fmt: skip


def nll(kind: str, decoded: Decoded, x: Float[Array, "rows features"]) -> Float[Array, " rows"]:
    """Minus log p(x|z) of each row, summed over features, with every normalising constant.

    * normal: (x - m)^2 / 2s^2 + log s + log(2 pi) / 2,
    * laplace: |x - m| / s + log 2s,
    * bernoulli: softplus(l) - x l, with l the logit; x may lie anywhere in [0, 1],
    * categorical: minus the log-softmax of the logits (rows, features, categories) at code x.

    Args:
        kind: One of `DISTRIBUTIONS`.
        decoded: Means m, or (m, s) with scales s > 0 (s = 1 where there is none); logits.
        x: The rows.
    """
    if kind == "categorical":
        return categorical_nll(jax.nn.log_softmax(_only(decoded, kind)), x.astype(jnp.int32))
    if kind == "bernoulli":
        logits = _only(decoded, kind)
        return (jax.nn.softplus(logits) - x * logits).sum(axis=-1)
    mean, scale = decoded if isinstance(decoded, tuple) else (decoded, 1.0)
    if kind == "normal":
        return -log_normal_pdf(mean, 2.0 * jnp.log(scale), x).sum(axis=-1)
    return (jnp.abs(x - mean) / scale + math.log(2.0) + jnp.log(scale)).sum(axis=-1)


def centre(kind: str, decoded: Decoded) -> Array:
    """The row a decoder means: mean, probability of a one, or most likely code."""
    if kind == "categorical":
        return jnp.argmax(_only(decoded, kind), axis=-1).astype(jnp.float32)
    if kind == "bernoulli":
        return jax.nn.sigmoid(_only(decoded, kind))
    return decoded[0] if isinstance(decoded, tuple) else decoded


def draw(kind: str, decoded: Decoded, key: jax.Array) -> Array:
    """A row drawn from p(x|z)."""
    if kind == "categorical":
        return jax.random.categorical(key, _only(decoded, kind)).astype(jnp.float32)
    if kind == "bernoulli":
        return jax.random.bernoulli(key, centre(kind, decoded)).astype(jnp.float32)
    mean, scale = decoded if isinstance(decoded, tuple) else (decoded, 1.0)
    noise = jax.random.normal if kind == "normal" else jax.random.laplace
    return mean + scale * noise(key, mean.shape, mean.dtype)


def _only(decoded: Decoded, kind: str) -> Array:
    if isinstance(decoded, tuple):
        raise ConfigError(
            f"a {kind} decoder returns logits alone", where="decoder",
            value=f"{len(decoded)} arrays",
            hint="return one array; scales belong to normal and laplace",
        )  # fmt: skip
    return decoded
