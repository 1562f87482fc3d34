"""Fault 13 of the published library: cross-attention to a memory that repeats one vector.

Attention is then uniform whatever queries and keys are: their gradients are exactly zero and the
latent variables act as one bias, the same at every site.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax.traverse_util import flatten_dict

from qdisc.nn.core import Transformer_decoder, Transformer_encoder
from qdisc.nn.transformer_decoder import LatentTokens

X = jax.random.bernoulli(jax.random.key(1), 0.5, (6, 5)).astype(jnp.int32)

ROUNDING = 1e-4  # of the largest gradient: below it a float32 gradient is a sum that cancels


def attention_gradients(latent_dim):
    """Largest gradient of every query and key matrix of a decoder."""
    module = Transformer_decoder(num_heads=2, d_model=8, num_layers=2)
    z = jax.random.normal(jax.random.key(2), (6, latent_dim))
    variables = jax.jit(module.init)(jax.random.key(0), (z, X))

    def loss(variables):
        log_p = module.apply(variables, (z, X))
        return -jnp.take_along_axis(log_p, X[..., None], -1).mean()

    return largest(jax.jit(jax.grad(loss))(variables))


def largest(gradient):
    flat = flatten_dict(gradient["params"])
    names = [path for path in flat if "query" in path or "key" in path]
    return {"/".join(path): float(np.abs(flat[path]).max()) for path in names}


def check_queries_and_keys_learn(latent_dim):
    gradients = attention_gradients(latent_dim)
    assert len(gradients) == 2 * 2 * 2  # layers, self and cross, query and key
    dead = [name for name, size in gradients.items() if size < ROUNDING * max(gradients.values())]
    assert not dead, f"no gradient: {dead}"


@pytest.mark.parametrize("latent_dim", [1, 3])
def test_every_query_and_key_learns(latent_dim):
    check_queries_and_keys_learn(latent_dim)


def repeat_one_vector(monkeypatch):
    """Put the fault back: the memory is one vector, made of z, repeated for every site."""
    tokens = LatentTokens.__call__

    def repeated(self, z):
        one = tokens(self, z).sum(1, keepdims=True)
        return jnp.repeat(one, X.shape[1], axis=1)

    monkeypatch.setattr(LatentTokens, "__call__", repeated)


def test_the_check_sees_the_fault(monkeypatch):
    repeat_one_vector(monkeypatch)
    with pytest.raises(AssertionError, match="no gradient"):
        check_queries_and_keys_learn(3)


def test_a_repeated_vector_gives_cross_attention_nothing_to_learn(monkeypatch):
    """Zero up to the rounding of sums that cancel, far below every other gradient."""
    repeat_one_vector(monkeypatch)
    gradients = attention_gradients(3)
    cross = [size for name, size in gradients.items() if "cross" in name]
    alive = [size for name, size in gradients.items() if "cross" not in name]
    assert len(cross) == 4 and max(cross) < ROUNDING * max(alive) < min(alive)


def test_every_query_and_key_of_the_encoder_learns():
    module = Transformer_encoder(num_heads=2, d_model=8, num_layers=2, latent_dim=2)
    variables = jax.jit(module.init)(jax.random.key(0), X)
    target = jax.random.normal(jax.random.key(3), (6, 2))

    def loss(variables):
        mean, logvar = module.apply(variables, X)
        return ((mean - target) ** 2 + logvar**2).mean()

    gradients = largest(jax.jit(jax.grad(loss))(variables))
    assert len(gradients) == 4 and min(gradients.values()) > ROUNDING * max(gradients.values())
