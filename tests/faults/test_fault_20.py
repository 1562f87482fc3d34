"""Fault 20 of the published library: a step of the tutorial took 13.6 s and 8.2 GB, in float64.

There the total correlation was computed even with gamma = 0, which was 95 % of the step. Compiled
here at the tutorial's size (9 spins, 420 settings of 1000 shots, batches of 5000) but not run.
"""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import optax
import pytest

from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNN2D
from qdisc.nn.vae import VAEmodel
from qdisc.objectives import mixture
from qdisc.train.optimiser import injected
from qdisc.train.program import TrainState, make_program
from qdisc.train.rows import Plan, Tables

MODEL = VAEmodel(EncoderCNN2D(5), ARNNDense())
REPEATING = Plan("all", 1024, 84, 420_000, 5000)
PLAIN = Plan("shuffled", 5000, 84, 420_000, 5000)
GIGABYTE = 1e9


def shape(*size, dtype=jnp.float32):
    return jax.ShapeDtypeStruct(size, dtype)


def arguments(plan, optimizer):
    configurations = 512 if plan.mode == "all" else 420_000
    rows = 0 if plan.mode == "all" else plan.n_rows
    key = jax.eval_shape(lambda: jax.random.key(0))
    x = shape(1, 9, dtype=jnp.uint8)
    params = jax.eval_shape(lambda x: MODEL.init(jax.random.key(0), x, jax.random.key(1)), x)
    params = params["params"]
    state = TrainState(params, jax.eval_shape(optimizer.init, params), shape(dtype=jnp.int32))
    tables = Tables(
        shape(configurations, 9, dtype=jnp.uint8), shape(configurations), shape(configurations)
    )
    order, steps = shape(84, rows, dtype=jnp.int32), shape(84)
    half = (shape(), shape())
    return (state, tables, order, steps, steps, shape(), half, shape(dtype=jnp.int32), key)


def lowered(plan, with_tc):
    optimizer = injected(optax.adabelief)
    program = make_program(MODEL, "discrete", plan, optimizer, with_tc, 5)
    return program.run.lower(*arguments(plan, optimizer))


def pairs(text, plan):
    """Arrays over pairs (row, component) of the mixture, which only total correlation needs."""
    sizes = "1024x512x" if plan.mode == "all" else f"{mixture._BLOCK_PAIRS // 5000}x5000x"
    return len(re.findall(rf"tensor<{sizes}f32>", text))


def check_no_total_correlation(text, plan):
    assert pairs(text, plan) == 0, "total correlation is computed"


def test_without_gamma_total_correlation_is_not_computed():
    with jax.enable_x64(False):
        check_no_total_correlation(lowered(REPEATING, False).as_text(), REPEATING)
        check_no_total_correlation(lowered(PLAIN, False).as_text(), PLAIN)


def test_the_check_sees_total_correlation():
    with jax.enable_x64(False), pytest.raises(AssertionError, match="is computed"):
        check_no_total_correlation(lowered(REPEATING, True).as_text(), REPEATING)
    with jax.enable_x64(False), pytest.raises(AssertionError, match="is computed"):
        check_no_total_correlation(lowered(PLAIN, True).as_text(), PLAIN)


@pytest.mark.parametrize("plan", [REPEATING, PLAIN], ids=lambda plan: plan.mode)
def test_a_step_with_total_correlation_is_single_precision_and_below_a_gigabyte(plan):
    with jax.enable_x64(False):
        step = lowered(plan, True)
        assert "f64" not in step.as_text()
        memory = step.compile().memory_analysis()
    if memory is None:
        pytest.skip("this backend does not say how much memory it takes")
    used = memory.temp_size_in_bytes + memory.argument_size_in_bytes + memory.output_size_in_bytes
    assert used < GIGABYTE, f"{used / GIGABYTE:.2f} GB"
