"""The two networks of a link, and what follows from them at given settings."""

from __future__ import annotations

import itertools
from typing import Any

import jax
import jax.numpy as jnp


def network(layers: list[dict[str, jax.Array]], x: jax.Array, activation: Any) -> jax.Array:
    """A perceptron."""
    for layer in layers[:-1]:
        x = activation(x @ layer["w"] + layer["b"])
    return x @ layers[-1]["w"] + layers[-1]["b"]


def start(key: Any, features: int, k: int, width: int, components: int) -> Any:
    """Parameters to begin with: {"s": layers, "eta": layers}, b is the last output of eta."""
    one, two = jax.random.split(key)
    return {
        "s": _layers(one, (features, width, width, components), 1.0),
        # nearly the same distribution at every setting
        "eta": _layers(two, (k, width, width, components + 1), 0.1),
    }


def _layers(key: Any, sizes: tuple[int, ...], last: float) -> list[dict[str, jax.Array]]:
    layers = []
    for n, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        key, own = jax.random.split(key)
        scale = (last if n == len(sizes) - 2 else 1.0) / fan_in**0.5
        w = scale * jax.random.normal(own, (fan_in, fan_out), jnp.float32)
        layers.append({"w": w, "b": jnp.zeros(fan_out, jnp.float32)})
    return layers


def s_of(params: Any, rows: jax.Array, mirror: jax.Array | None) -> jax.Array:
    """S of rows (R, features), the mean of a row and its mirror image: (R, components)."""
    s = network(params["s"], rows, jax.nn.gelu)
    return s if mirror is None else (s + network(params["s"], mirror, jax.nn.gelu)) / 2


def logits(params: Any, s: jax.Array, theta: jax.Array) -> jax.Array:
    """S . eta + b, (R, points)."""
    eta = network(params["eta"], theta, jnp.tanh)
    return s @ eta[:, :-1].T + eta[:, -1]


@jax.jit
def statistics(params, rows, mirror, theta) -> tuple[jax.Array, jax.Array]:
    """S and log Z of rows for every replicate: (replicates, R, components), (replicates, R)."""

    def one(params: Any) -> tuple[jax.Array, jax.Array]:
        s = s_of(params, rows, mirror)
        return s, jax.nn.logsumexp(logits(params, s, theta), axis=1)

    return jax.lax.map(one, params)


@jax.jit
def log_posterior(params, rows, mirror, theta, point) -> jax.Array:
    """Log p(theta | x) of row n at setting point[n], (R,)."""
    log_p = jax.nn.log_softmax(logits(params, s_of(params, rows, mirror), theta), axis=1)
    return jnp.take_along_axis(log_p, jnp.asarray(point)[:, None], axis=1)[:, 0]


@jax.jit
def amplitudes(params, s, log_h, theta) -> jax.Array:
    """Square roots of p(x | theta), (n, R); arguments as for `curve`."""
    eta = network(params["eta"], theta, jnp.tanh)[:, :-1]
    return jnp.sqrt(jax.nn.softmax(eta @ s.T + log_h, axis=1))


@jax.jit
def curve(params, s, log_h, theta) -> tuple[jax.Array, jax.Array]:
    """p(x | theta), (n, R), and its scores d log p / d theta, (n, k, R).

    Args:
        params: Parameters of one replicate.
        s: Its statistics (R, components).
        log_h: log p(x) - log Z(x), (R,).
        theta: (n, k), scaled.
    """

    def eta(t: jax.Array) -> jax.Array:
        return network(params["eta"], t[None], jnp.tanh)[0, :-1]

    slope = jnp.swapaxes(jax.vmap(jax.jacfwd(eta))(theta), 1, 2)  # (n, k, components)
    p = jax.nn.softmax(jax.vmap(eta)(theta) @ s.T + log_h, axis=1)
    moved = slope @ s.T
    return p, moved - (p[:, None] * moved).sum(axis=-1, keepdims=True)


@jax.jit
def fisher(params, s, log_h, theta) -> jax.Array:
    """Variance of the scores, (n, k)."""
    p, score = curve(params, s, log_h, theta)
    return (p[:, None] * score**2).sum(axis=-1)
