"""What is compiled for `VAE`: steps, epochs, and maps over rows.

Everything here is a function of arrays and of a hashable `Network`, so that estimators with equal
networks share their programs. Rows are padded to a power of two for training and come in blocks of
one length for everything else: a program does not depend on the number of rows, and no row's
numbers depend on its neighbours.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from qdisc.estimators.networks import Autoencoder
from qdisc.estimators.observation import centre, draw, nll
from qdisc.objectives.kl import kl_per_latent

BLOCK = 256  # rows of a block, and the least rows a training is padded to
EPOCHS = 32  # epochs of one call
DRAWS = 32  # posterior draws behind a score


class Network(NamedTuple):
    """What a program is compiled for."""

    module: Autoencoder
    kind: str


class Hyper(NamedTuple):
    """Numbers that change without compiling."""

    beta: Any
    lr: Any
    weight_decay: Any


class State(NamedTuple):
    """A training: parameters, optimiser, random key, epochs done."""

    params: Any
    optimiser: Any
    key: Any
    epoch: Any


def losses(
    network: Network, params: Any, x: jax.Array, weights: Any, key: jax.Array, beta: Any
) -> dict[str, jax.Array]:
    """Loss = rec_loss + beta kl_loss of a batch, nats per row; `weights` are zero on padding."""
    module, kind = network
    noise = jax.random.normal(key, (x.shape[0], module.latent_dim), x.dtype)
    out: Any = module.apply({"params": params}, x, noise)
    mean, logvar, decoded = out
    weights = weights / weights.sum()
    rec = (weights * nll(kind, decoded, x)).sum()
    kl = (weights * kl_per_latent(mean, logvar).sum(axis=-1)).sum()
    return {"loss": rec + beta * kl, "rec_loss": rec, "kl_loss": kl}


@partial(jax.jit, static_argnames="network")
def start(network: Network, key: jax.Array) -> State:
    """Parameters at random, epoch 0."""
    module = network.module
    x = jnp.zeros((1, module.features), jnp.float32)
    noise = jnp.zeros((1, module.latent_dim), jnp.float32)
    params = module.init(key, x, noise)["params"]
    return State(params, _optimiser(Hyper(1.0, 1.0, 0.0)).init(params), key, jnp.int32(0))


@partial(jax.jit, static_argnames="network")
def step_losses(
    network: Network, params: Any, x: Any, weights: Any, key: Any, beta: Any
) -> dict[str, jax.Array]:
    """`losses`, compiled."""
    return losses(network, params, x, weights, key, beta)


@partial(jax.jit, static_argnames=("network", "batch_size", "validate"))
def train(
    network: Network,
    batch_size: int,
    validate: bool,
    state: State,
    rows: jax.Array,
    n_train: Any,
    n_rows: Any,
    hyper: Hyper,
    count: Any,
) -> tuple[State, dict[str, jax.Array]]:
    """`count` <= EPOCHS epochs of AdamW over the first `n_train` of `rows`.

    Rows up to `n_rows` are held out, the others padding. Every epoch is a new random order; the
    last batch holds what is left. Steps and epochs are loops with lengths that are data.

    Returns:
        The state, and the mean over each epoch of `losses` (EPOCHS,), also of the held-out rows
        where `validate`.
    """
    optimiser = _optimiser(hyper)
    capacity = rows.shape[0]
    place = jnp.arange(capacity)
    within = jnp.arange(batch_size)
    history = {
        f"{part}/{name}": jnp.zeros(EPOCHS, jnp.float32)
        for part in (("train", "val") if validate else ("train",))
        for name in ("loss", "rec_loss", "kl_loss")
    }

    def loss(params: Any, *args: Any) -> tuple[jax.Array, dict[str, jax.Array]]:
        terms = losses(network, params, *args)
        return terms["loss"], terms

    def epoch(number: Any, carry: Any) -> Any:
        state, history = carry
        key_order, key_noise, key_held = jax.random.split(
            jax.random.fold_in(state.key, state.epoch), 3
        )
        chance = jax.random.uniform(key_order, (capacity,), jnp.float32)
        order = jnp.argsort(jnp.where(place < n_train, chance, 2.0))
        order = jnp.concatenate([order, jnp.zeros(batch_size, order.dtype)])

        def step(number: Any, carry: Any) -> Any:
            params, opt_state, sums = carry
            batch = rows[lax.dynamic_slice(order, (number * batch_size,), (batch_size,))]
            weights = (number * batch_size + within < n_train).astype(rows.dtype)
            key = jax.random.fold_in(key_noise, number)
            grads, terms = jax.grad(loss, has_aux=True)(params, batch, weights, key, hyper.beta)
            updates, opt_state = optimiser.update(grads, opt_state, params)
            share = weights.sum() / n_train
            sums = {name: sums[name] + share * value for name, value in terms.items()}
            return optax.apply_updates(params, updates), opt_state, sums

        steps = (n_train + batch_size - 1) // batch_size
        zero = dict.fromkeys(("loss", "rec_loss", "kl_loss"), jnp.zeros((), jnp.float32))
        params, opt_state, means = lax.fori_loop(
            0, steps, step, (state.params, state.optimiser, zero)
        )
        history = {**history, **{
            f"train/{name}": history[f"train/{name}"].at[number].set(value)
            for name, value in means.items()
        }}  # fmt: skip
        if validate:
            held = ((place >= n_train) & (place < n_rows)).astype(rows.dtype)
            terms = losses(network, params, rows, held, key_held, hyper.beta)
            history = {**history, **{
                f"val/{name}": history[f"val/{name}"].at[number].set(value)
                for name, value in terms.items()
            }}  # fmt: skip
        return State(params, opt_state, state.key, state.epoch + 1), history

    return lax.fori_loop(0, count, epoch, (state, history))


@partial(jax.jit, static_argnames="network")
def means(network: Network, params: Any, x: jax.Array) -> jax.Array:
    """Mean of q(z|x) of each row."""
    return _encode(network, params, x)[0]


@partial(jax.jit, static_argnames="network")
def latents(network: Network, params: Any, x: jax.Array, key: jax.Array) -> jax.Array:
    """A draw of q(z|x) of each row, with noise that is a function of the row and the key."""
    mean, logvar = _encode(network, params, x)

    def noise(row: jax.Array) -> jax.Array:
        bits = lax.bitcast_convert_type(row + 0.0, jnp.uint32)  # + 0: one zero, not two
        own = lax.fori_loop(0, row.size, lambda i, k: jax.random.fold_in(k, bits[i]), key)
        return jax.random.normal(own, (mean.shape[1],), x.dtype)

    return mean + jnp.exp(0.5 * logvar) * jax.vmap(noise)(x)


@partial(jax.jit, static_argnames="network")
def bounds(network: Network, params: Any, x: jax.Array, key: jax.Array) -> jax.Array:
    """Evidence bound E_q log p(x|z) - KL of each row, by DRAWS noises that all rows share.

    They come in pairs +-, of unit variance: exact where log p(x|z) is a quadratic form of
    independent latents, which is where a few plain draws err most.
    """
    module, kind = network
    variables = {"params": params}
    mean, logvar = _encode(network, params, x)

    def one(noise: jax.Array) -> jax.Array:
        z = mean + jnp.exp(0.5 * logvar) * noise
        decoded: Any = module.apply(variables, z, method="decode")
        return nll(kind, decoded, x)

    half = jax.random.normal(key, (DRAWS // 2, module.latent_dim), x.dtype)
    noise = jnp.concatenate([half, -half])
    noise = noise / jnp.sqrt((noise**2).mean(axis=0))
    rec = lax.map(one, noise).mean(axis=0)
    return -rec - kl_per_latent(mean, logvar).sum(axis=-1)


@partial(jax.jit, static_argnames=("network", "noisy"))
def decoded_rows(
    network: Network, noisy: bool, params: Any, z: jax.Array, key: jax.Array
) -> jax.Array:
    """The centre of p(x|z) at each z, or a draw of it."""
    decoded: Any = network.module.apply({"params": params}, z, method="decode")
    return draw(network.kind, decoded, key) if noisy else centre(network.kind, decoded)


def in_blocks(program: Callable[[Any, int], Any], rows: np.ndarray) -> np.ndarray:
    """Call `program(block, number)` on blocks of BLOCK rows and join what it returns."""
    parts = []
    for number, first in enumerate(range(0, len(rows), BLOCK)):
        part = rows[first : first + BLOCK]
        parts.append(np.asarray(program(padded(part, BLOCK), number))[: len(part)])
    return np.concatenate(parts)


def padded(rows: np.ndarray, capacity: int) -> np.ndarray:
    """`rows` and zeros, `capacity` in all."""
    return np.concatenate([rows, np.zeros((capacity - len(rows), rows.shape[1]), rows.dtype)])


def capacity_for(rows: int) -> int:
    """The smallest power of two that holds them, at least BLOCK."""
    return max(BLOCK, 1 << (rows - 1).bit_length())


def _encode(network: Network, params: Any, x: jax.Array) -> Any:
    return network.module.apply({"params": params}, x, method="encode")


def _optimiser(hyper: Hyper) -> optax.GradientTransformation:
    return optax.adamw(hyper.lr, weight_decay=hyper.weight_decay)
