"""The decoders are probability distributions: they sum, or integrate, to one."""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.nn.core import ARNNDense, Transformer_decoder

DECODERS = (ARNNDense, Transformer_decoder)
KEY = jax.random.key(3)


def loud(variables, factor=2.0):
    """Weights far from a uniform answer, so that a missing normalisation shows."""
    return jax.tree.map(lambda w: np.asarray(w) * np.float32(factor), variables)


def init(module, z, x):
    return jax.jit(module.init)(KEY, (z[:2], x[:2]))


def apply(module, variables, z, x):
    return jax.jit(module.apply)(variables, (z, x))


def one_latent(rows, width):
    return jnp.broadcast_to(jax.random.normal(KEY, (1, width)), (rows, width))


def small(decoder, **fields):
    sizes = {"num_layers": 2}
    sizes |= {"features": 6} if decoder is ARNNDense else {"num_heads": 2, "d_model": 6}
    return decoder(**sizes, **fields)


def codes(n, d):
    return np.array(list(itertools.product(range(d), repeat=n)))


def joint(log_p, x):
    return np.take_along_axis(np.asarray(log_p, float), x[..., None], -1).sum((1, 2))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("d", [2, 3])
def test_discrete_probabilities_sum_to_one(decoder, d):
    x = codes(4, d)
    module = small(decoder, local_dimension=d)
    z = one_latent(len(x), 3)
    log_p = apply(module, loud(init(module, z, x)), z, x)
    assert log_p.shape == (len(x), 4, d)
    p = np.exp(joint(log_p, x))
    assert abs(p.sum() - 1) < 1e-5
    assert p.std() > 0.1 / len(x)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("bases", [(2, 3, 4, 2), (4, 4, 2, 3)])
def test_shadow_outcomes_sum_to_one_for_given_bases(decoder, bases):
    outcomes = codes(4, 2)
    b = np.broadcast_to(bases, outcomes.shape)
    x = np.stack([b, outcomes], -1).reshape(len(outcomes), -1)
    module = small(decoder, data_type="shadow")
    z = one_latent(len(x), 3)
    log_p = apply(module, loud(init(module, z, x)), z, x)
    assert log_p.shape == (16, 4, 2)
    assert abs(np.exp(joint(log_p, outcomes)).sum() - 1) < 1e-5


def normal(gaussian, values):
    mean, logvar = np.asarray(gaussian, float)[..., 0], np.asarray(gaussian, float)[..., 1]
    return -0.5 * ((values - mean) ** 2 / np.exp(logvar) + logvar + np.log(2 * np.pi))


@pytest.mark.parametrize("decoder", DECODERS)
def test_continuous_density_integrates_to_one(decoder):
    """Quadrature on two sites in the units of the data: no Jacobian is missing."""
    module = small(decoder, data_type="continuous", location=(10.0, -3.0), scale=(4.0, 0.5))
    a = np.linspace(10 - 60, 10 + 60, 121)
    b = np.linspace(-3 - 8, -3 + 8, 121)
    x = np.stack(np.meshgrid(a, b, indexing="ij"), -1).reshape(-1, 2).astype(np.float32)
    z = one_latent(len(x), 2)
    gaussian = apply(module, init(module, z, x), z, x)
    density = np.exp(normal(gaussian, x.astype(float)).sum(1))
    assert abs(density.sum() * (a[1] - a[0]) * (b[1] - b[0]) - 1) < 1e-4


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("d", [3])
def test_hybrid_codes_sum_to_one_for_given_values(decoder, d):
    """sum_f prod_i p(f_i | f_<i, d_<i) = 1 whatever the values are: f_i never sees d_i."""
    f = codes(3, d)
    values = np.broadcast_to(np.float32([0.3, -1.2, 2.0]), f.shape)
    x = np.concatenate([f, values], 1).astype(np.float32)
    module = small(decoder, data_type="hybrid", local_dimension=d)
    z = one_latent(len(x), 3)
    log_p, gaussian = apply(module, loud(init(module, z, x)), z, x)
    assert log_p.shape == (len(x), 3, d) and gaussian.shape == (len(x), 3, 2)
    assert abs(np.exp(joint(log_p, f)).sum() - 1) < 1e-5


@pytest.mark.parametrize("decoder", DECODERS)
def test_hybrid_toy_joint_normalises(decoder):
    """One site: sum over f of the integral over d of p(f) p(d|f)."""
    d = np.linspace(-12, 12, 801)
    x = np.array([[f, v] for f in (0, 1) for v in d], np.float32)
    module = small(decoder, data_type="hybrid")
    z = jnp.ones((len(x), 2))
    log_p, gaussian = apply(module, init(module, z, x), z, x)
    log_f = joint(log_p, x[:, :1].astype(int))
    density = np.exp(log_f + normal(gaussian, x[:, 1:].astype(float))[:, 0])
    assert abs(density.sum() * (d[1] - d[0]) - 1) < 1e-4
    means = np.asarray(gaussian)[:, 0, 0]
    assert abs(means[0] - means[-1]) > 1e-3  # d_i is conditioned on f_i


@pytest.mark.parametrize("decoder", DECODERS)
def test_variance_is_bounded_below(decoder):
    """However small the free parameter, var >= floor scale^2: the Gaussian loss has a minimum."""
    module = small(decoder, data_type="continuous", scale=(2.0, 2.0), variance_floor=1e-3)
    x, z = jnp.zeros((4, 2), jnp.float32), jnp.ones((4, 2), jnp.float32)
    variables = init(module, z, x)
    head = "value_head" if decoder is ARNNDense else "value_bias"
    bias = variables["params"][head]["bias"]
    variables["params"][head]["bias"] = bias.at[:, 1].set(-1e4)
    logvar = np.asarray(apply(module, variables, z, x))[..., 1]
    np.testing.assert_allclose(np.exp(logvar), 4e-3, rtol=1e-5)
