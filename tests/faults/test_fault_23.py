"""Fault 23 of the published library: transformers trained at a few hundred samples per second.

Time is measured elsewhere; here is what it followed from: double precision, loops over sites, and
compiling again.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.nn.transformer_decoder import Transformer_decoder
from qdisc.nn.transformer_encoder import Transformer_encoder
from qdisc.nn.vae import VAEmodel
from qdisc.train import fit
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.rows import make_plan, make_tables

RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 2, (1, 8, 6))
ROWS = {
    "discrete": CODES,
    "shadow": np.stack([RNG.integers(2, 5, CODES.shape), CODES], -1).reshape(1, 8, 12),
    "hybrid": np.concatenate([CODES, RNG.normal(size=CODES.shape)], axis=-1),
}


def model(kind):
    return VAEmodel(
        Transformer_encoder(2, 8, 1, 2, data_type=kind),
        Transformer_decoder(2, 8, 1, data_type=kind),
    )


def program(kind):
    """One step of a transformer with its gradient, as JAX is told to run it."""
    data = Dataset(ROWS[kind], [[0.0]], kind)
    module, tables = model(kind), make_tables(data, "float32")
    plan = make_plan(data, TrainConfig(batch_size=8))
    key, one = jax.random.key(0), jnp.ones((), jnp.float32)
    x = jax.ShapeDtypeStruct((1, data.input_size), tables.configurations.dtype)
    params = jax.eval_shape(lambda x: module.init(key, x, key), x)["params"]
    order = jnp.arange(8, dtype=jnp.int32)

    def step(params):
        hyper = Hyper(one, one, (one, one))
        args = (module, kind, plan, False, tables, order, hyper, key)
        return jax.value_and_grad(lambda p: step_loss(p, *args)[0])(params)

    return str(jax.make_jaxpr(step)(params))


def check_program(text):
    assert "f64" not in text, "double precision"
    assert "scan[" not in text, "a loop over sites"
    assert "while[" not in text.replace("threefry", ""), "a loop over sites"


@pytest.mark.parametrize("kind", list(ROWS))
def test_a_step_is_single_precision_without_loops(kind):
    """Even where 64 bit is switched on, as importing NetKet does."""
    check_program(program(kind))
    with jax.enable_x64(True):
        check_program(program(kind))


def test_the_check_sees_loops_and_double_precision():
    def slow(x):
        return jax.lax.scan(lambda c, y: (c + y, c), x[0], x)[1]

    with pytest.raises(AssertionError, match="a loop over sites"):
        check_program(str(jax.make_jaxpr(slow)(jnp.ones(3, jnp.float32))))
    with jax.enable_x64(True), pytest.raises(AssertionError, match="double precision"):
        check_program(str(jax.make_jaxpr(lambda x: x * 2)(jnp.ones(3))))


def test_a_fit_compiles_once():
    data = Dataset(ROWS["discrete"], [[0.0]], "discrete")
    run = fit(model("discrete"), data, TrainConfig(epochs=3, batch_size=3))
    assert run.n_compilations == 1
    assert run.steps.shape[0] == 9
    assert {leaf.dtype.name for leaf in jax.tree.leaves(run.variables)} == {"float32"}
