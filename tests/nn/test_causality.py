"""Strict causality, measured by the Jacobian of every conditional with respect to every input."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.nn import sites
from qdisc.nn.core import ARNNDense, Transformer_decoder

N = 4
KEY = jax.random.key(1)
CASES = [("discrete", 2), ("discrete", 3), ("continuous", 2), ("hybrid", 3), ("shadow", 2)]


def small(decoder, **fields):
    sizes = {"num_layers": 2}
    sizes |= {"features": 5} if decoder is ARNNDense else {"num_heads": 2, "d_model": 8}
    return decoder(**sizes, **fields)


def batch(data_type, d, rng):
    f = rng.integers(0, d, (1, N))
    if data_type == "discrete":
        return f
    if data_type == "continuous":
        return rng.normal(size=(1, N)).astype(np.float32)
    if data_type == "hybrid":
        return np.concatenate([f, rng.normal(size=(1, N))], 1).astype(np.float32)
    return np.stack([rng.integers(2, 5, (1, N)), f], -1).reshape(1, -1)


def outputs(module, variables, z, x):
    cp = module.apply(variables, (z, x))
    if module.data_type == "hybrid":
        return {"codes": cp[0], "values": cp[1]}
    return {"values" if module.data_type == "continuous" else "codes": cp}


def dependence(module, variables, z, x, part):
    """(output site, input site) -> whether conditional `i` changes with input `part` of site j.

    Codes and bases are changed one at a time to every other one; values by the Jacobian.
    """
    split = sites.split(x, module.data_type)
    if part == "values":

        def from_values(values):
            changed = sites.join(split._replace(values=values), module.data_type)
            return outputs(module, variables, z, changed)

        jacobians = jax.jit(jax.jacobian(from_values))(split.values)
        return {name: np.abs(np.asarray(j)[0, :, :, 0]).max(1) > 0 for name, j in jacobians.items()}
    count = 3 if part == "bases" else module.local_dimension
    old = np.asarray(getattr(split, part))[0]
    changed = [old]
    for j in range(N):
        for step in range(1, count):
            changed.append(np.where(np.arange(N) == j, (old + step) % count, old))
    rows = len(changed)
    repeated = [None if a is None else jnp.repeat(a, rows, axis=0) for a in split]
    batch = sites.Sites(*repeated)._replace(**{part: jnp.asarray(np.stack(changed), jnp.int32)})
    found = jax.jit(lambda z, x: outputs(module, variables, z, x))(
        jnp.repeat(z, rows, axis=0), sites.join(batch, module.data_type)
    )
    seen = {}
    for name, value in found.items():
        value = np.asarray(value)
        differs = (np.abs(value[1:] - value[:1]).max(-1) > 0).reshape(N, count - 1, N)
        seen[name] = differs.any(1).T
    return seen


BEFORE, UP_TO = np.tri(N, k=-1, dtype=bool), np.tri(N, dtype=bool)
WANTED = {  # (data type, input, output) -> which input sites an output site may, and does, see
    ("discrete", "codes", "codes"): BEFORE,
    ("continuous", "values", "values"): BEFORE,
    ("hybrid", "codes", "codes"): BEFORE,
    ("hybrid", "codes", "values"): UP_TO,
    ("hybrid", "values", "codes"): BEFORE,
    ("hybrid", "values", "values"): BEFORE,
    ("shadow", "codes", "codes"): BEFORE,
    ("shadow", "bases", "codes"): UP_TO,
}


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
@pytest.mark.parametrize(("data_type", "d"), CASES)
def test_each_site_sees_all_before_it_and_nothing_after(decoder, data_type, d):
    x = jnp.asarray(batch(data_type, d, np.random.default_rng(0)))
    module = small(decoder, data_type=data_type, local_dimension=d)
    z = jax.random.normal(KEY, (1, 3))
    variables = jax.jit(module.init)(KEY, (z, x))
    for part in ("codes", "values", "bases"):
        if getattr(sites.split(x, data_type), part) is None:
            continue
        for name, seen in dependence(module, variables, z, x, part).items():
            np.testing.assert_array_equal(seen, WANTED[data_type, part, name], err_msg=name)


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
def test_every_site_depends_on_every_latent(decoder):
    module = small(decoder)
    x = jnp.ones((1, N), jnp.int32)
    z = jax.random.normal(KEY, (1, 3))
    variables = jax.jit(module.init)(KEY, (z, x))
    jacobian = jax.jit(jax.jacobian(lambda z: module.apply(variables, (z, x))))(z)
    assert (np.abs(np.asarray(jacobian))[0, :, 0, 0, :] > 0).all()
