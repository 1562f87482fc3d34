"""Cached sampling: the same snapshots as the slow way, with the right frequencies."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError, DataError
from qdisc.nn.core import ARNNDense, EncoderCNNcirc1D, Transformer_decoder, VAEmodel
from qdisc.nn.sampling import sample_from_conditionals

N = 4
KEY = jax.random.key(5)
CASES = [("discrete", 3), ("continuous", 2), ("hybrid", 2), ("shadow", 2)]


def model(decoder, data_type, d=2):
    standard = {"location": (3.0,) * N, "scale": (2.0,) * N}
    fields = {"data_type": data_type, "local_dimension": d}
    fields |= standard if data_type in ("continuous", "hybrid") else {}
    sizes = {"num_layers": 2}
    sizes |= {"features": 5} if decoder is ARNNDense else {"num_heads": 2, "d_model": 8}
    encoder = EncoderCNNcirc1D(2, 1, 2, conv_features=2, dense_features=4, **fields)
    module = VAEmodel(encoder, decoder(**sizes, **fields))
    columns = N if data_type in ("discrete", "continuous") else 2 * N
    variables = jax.jit(module.init)(KEY, np.full((2, columns), 1.0), KEY)
    # louder weights where codes are drawn; values feed their own rounding back into the chain
    factor = np.float32(1.5 if data_type in ("discrete", "shadow") else 1.0)
    return module, jax.tree.map(lambda w: factor * np.asarray(w), variables)


def bases_for(data_type, rows):
    return np.random.default_rng(0).integers(2, 5, (rows, N)) if data_type == "shadow" else None


def decode(module, variables):
    return lambda z, x: module.apply(variables, z, x, method="decode")


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
@pytest.mark.parametrize(("data_type", "d"), CASES)
def test_cached_equals_one_pass_per_site(decoder, data_type, d):
    module, variables = model(decoder, data_type, d)
    rows = 200
    z = jax.random.normal(KEY, (rows, 2))
    bases = bases_for(data_type, rows)

    def fast(variables, z, key):
        return module.apply(variables, z, key, bases, method="sample")

    def slow(variables, z, key):
        return sample_from_conditionals(
            decode(module, variables), z, key, data_type=data_type, n_sites=N, bases=bases
        )

    a = np.asarray(jax.jit(fast)(variables, z, KEY))
    b = np.asarray(jax.jit(slow)(variables, z, KEY))
    assert a.shape == b.shape and a.dtype == b.dtype
    if data_type == "continuous":
        np.testing.assert_allclose(a, b, atol=2e-5, rtol=1e-5)
    elif data_type == "hybrid":
        np.testing.assert_array_equal(a[:, :N], b[:, :N])
        np.testing.assert_allclose(a[:, N:], b[:, N:], atol=2e-5, rtol=1e-5)
        assert set(np.unique(a[:, :N])) == {0.0, 1.0}
    else:
        assert a.dtype == np.int32
        np.testing.assert_array_equal(a, b)
    if data_type == "shadow":
        np.testing.assert_array_equal(a[:, 0::2], bases)


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
@pytest.mark.parametrize("data_type", ("discrete", "shadow"))
def test_frequencies_match_the_exact_probabilities(decoder, data_type):
    module, variables = model(decoder, data_type)
    rows = 40_000
    z = jnp.broadcast_to(jnp.float32([0.7, -1.1]), (rows, 2))
    basis = np.array([2, 4, 3, 2])
    bases = np.broadcast_to(basis, (rows, N)) if data_type == "shadow" else None
    drawn = jax.jit(lambda v, z, k: module.apply(v, z, k, bases, method="sample"))
    x = np.asarray(drawn(variables, z, jax.random.PRNGKey(0)))  # a legacy key
    outcomes = np.array(list(itertools.product((0, 1), repeat=N)))
    columns = outcomes
    if data_type == "shadow":
        x = x[:, 1::2]
        columns = np.stack([np.broadcast_to(basis, outcomes.shape), outcomes], -1).reshape(16, -1)
    log_cp = np.asarray(jax.jit(decode(module, variables))(z[:16], columns), float)
    p = np.exp(np.take_along_axis(log_cp, outcomes[..., None], -1).sum((1, 2)))
    frequency = np.bincount(x @ [8, 4, 2, 1], minlength=16) / rows
    assert p.std() > 0.01
    assert (np.abs(frequency - p) < 4 * np.sqrt(p * (1 - p) / rows) + 1e-6).all()


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
def test_continuous_draws_have_the_stated_moments(decoder):
    """First site: mean and variance do not depend on the draw, so they are known exactly."""
    module, variables = model(decoder, "continuous")
    rows = 20_000
    z = jnp.broadcast_to(jnp.float32([0.7, -1.1]), (rows, 2))
    x = jax.jit(lambda v, z, k: module.apply(v, z, k, method="sample"))(variables, z, KEY)
    gaussian = jax.jit(decode(module, variables))(z[:1], x[:1])
    mean, variance = float(gaussian[0, 0, 0]), float(np.exp(gaussian[0, 0, 1]))
    first = np.asarray(x[:, 0], float)
    assert abs(first.mean() - mean) < 4 * np.sqrt(variance / rows)
    assert abs(first.var() / variance - 1) < 4 * np.sqrt(2 / rows)


def test_halves_order_serves_models_that_put_all_codes_first():
    """p(f) uniform, d_i = 10 f_last + noise: right only if every f is drawn before any d."""

    def decode(z, x):
        rows = x.shape[0]
        log_p = jnp.full((rows, 2, 2), -jnp.log(2.0), jnp.float32)
        mean = jnp.broadcast_to(10 * x[:, 1:2], (rows, 2))
        return log_p, jnp.stack([mean, jnp.full((rows, 2), -10.0, jnp.float32)], -1)

    z = jnp.zeros((50, 1), jnp.float32)
    x = sample_from_conditionals(decode, z, KEY, data_type="hybrid", n_sites=2, order="halves")
    np.testing.assert_allclose(x[:, 2:], np.repeat(10 * np.asarray(x[:, 1:2]), 2, 1), atol=0.1)
    with pytest.raises(ConfigError, match="unknown order"):
        sample_from_conditionals(decode, z, KEY, data_type="hybrid", n_sites=2, order="random")


class Uncached(ARNNDense):
    """A decoder that offers no caches: sampled with one pass per site."""

    start = None
    step = None


def test_a_decoder_without_caches_is_sampled_all_the_same():
    module, variables = model(ARNNDense, "discrete")
    z = jax.random.normal(KEY, (20, 2))
    slow = VAEmodel(module.encoder, Uncached(2, 5))
    drawn = [
        jax.jit(lambda m=m: m.apply(variables, z, KEY, method="sample"))() for m in (module, slow)
    ]
    np.testing.assert_array_equal(*drawn)


def test_wrong_requests_are_named():
    module, variables = model(ARNNDense, "shadow")
    z = jnp.ones((3, 2), jnp.float32)

    def draw(z, bases=None):
        return module.apply(variables, z, KEY, bases, method="sample")

    with pytest.raises(DataError, match="sampling shadows needs the bases"):
        draw(z)
    with pytest.raises(DataError, match="one entry per sample and site"):
        draw(z, np.full((3, N + 1), 2))
    with pytest.raises(DataError, match="made for 2 latent variables, z has 3"):
        draw(jnp.ones((3, 3), jnp.float32), np.full((3, N), 2))
    with pytest.raises(DataError, match="two axes"):
        draw(jnp.ones(2, jnp.float32), np.full((3, N), 2))
    module, variables = model(ARNNDense, "discrete")
    with pytest.raises(DataError, match="bases belong to shadow data"):
        draw(z, np.full((3, N), 2))
