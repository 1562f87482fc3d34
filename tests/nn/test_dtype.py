"""float32 whatever jax_enable_x64 says; float64 on request."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.nn.core import (
    ARNNDense,
    EncoderCNN2D,
    EncoderCNNcirc1D,
    Transformer_decoder,
    Transformer_encoder,
    VAEmodel,
)

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 2, (3, 4))
BATCH = {
    "discrete": CODES,
    "continuous": RNG.normal(size=(3, 4)),
    "hybrid": np.concatenate([CODES, RNG.normal(size=(3, 4))], 1),
    "shadow": np.stack([RNG.integers(2, 5, (3, 4)), CODES], -1).reshape(3, -1),
}


def pairs(data_type, dtype):
    fields = {"data_type": data_type, "dtype": dtype}
    if data_type in ("continuous", "hybrid"):
        fields |= {"location": (1.0,) * 4, "scale": (2.0,) * 4}
    square = ((0, 1), (3, 2))
    yield VAEmodel(EncoderCNNcirc1D(2, 1, **fields), ARNNDense(1, 4, **fields))
    yield VAEmodel(
        EncoderCNN2D(2, 1, lattice_topology=square, **fields),
        Transformer_decoder(1, 4, 1, **fields),
    )
    yield VAEmodel(Transformer_encoder(1, 4, 1, 2, **fields), ARNNDense(1, 4, **fields))


@pytest.mark.parametrize("data_type", BATCH)
@pytest.mark.parametrize("dtype", (jnp.float32, jnp.float64))
def test_dtypes_with_x64_switched_on(data_type, dtype):
    x, bases = BATCH[data_type], None
    if data_type == "shadow":
        bases = x[:, 0::2]
    with jax.enable_x64(True):
        key = jax.random.key(0)
        for module in pairs(data_type, dtype):
            out, variables = jax.eval_shape(module.init_with_output, key, x, key)
            assert {leaf.dtype for leaf in jax.tree.leaves((out, variables))} == {jnp.dtype(dtype)}
            sampled = jax.eval_shape(
                lambda v, z, m=module: m.apply(v, z, key, bases, method="sample"),
                variables,
                out[2],
            )
            codes = data_type in ("discrete", "shadow")
            assert sampled.dtype == (jnp.int32 if codes else dtype)


def test_x64_changes_no_value():
    """Same key, same weights, same answer, whether or not the switch is on."""
    module = next(pairs("discrete", jnp.float32))

    def run():
        key = jax.random.key(0)
        (mean, logvar, z, log_p), variables = jax.jit(module.init_with_output)(key, CODES, key)
        draw = jax.jit(lambda v, z: module.apply(v, z, key, method="sample"))
        return mean, logvar, z, log_p, draw(variables, z)

    plain = run()
    with jax.enable_x64(True):
        wide = run()
    for a, b in zip(plain, wide, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("data_type", ("hybrid",))
def test_float64_refines_float32(data_type):
    x = BATCH[data_type]
    with jax.enable_x64(True):
        key = jax.random.key(0)
        short, long = (list(pairs(data_type, dtype))[1] for dtype in (jnp.float32, jnp.float64))
        variables = jax.jit(short.init)(key, x, key)
        wide = jax.tree.map(lambda w: np.asarray(w, np.float64), variables)
        a = jax.jit(short.apply)(variables, x, key)[:2]
        b = jax.jit(long.apply)(wide, x, key)[:2]
        for p, q in zip(a, b, strict=True):
            np.testing.assert_allclose(p, q, atol=2e-5)
            assert np.abs(np.asarray(p, float) - q).max() > 0
        z = np.ones((3, 2))
        a = jax.jit(lambda v: short.apply(v, z, x, method="decode"))(variables)
        b = jax.jit(lambda v: long.apply(v, z, x, method="decode"))(wide)
        for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
            np.testing.assert_allclose(p, q, atol=2e-5)


def test_float64_without_x64_is_refused():
    module = ARNNDense(dtype="float64")
    with pytest.raises(ConfigError, match="jax computes in 32 bit") as error:
        jax.eval_shape(module.init, jax.random.key(0), (np.ones((3, 2)), CODES))
    assert "jax_enable_x64" in str(error.value)
