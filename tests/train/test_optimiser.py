"""Learning rates and KL weights as functions of the step."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qdisc.config import TrainConfig
from qdisc.errors import ConfigError, TrainingError
from qdisc.train.optimiser import (
    beta_schedule,
    check_rate,
    has_rate,
    injected,
    rate_schedule,
    with_rate,
)

PARAMS = {"w": jnp.ones(2, jnp.float32)}


def test_a_constant_rate():
    rates = rate_schedule(TrainConfig(learning_rate=0.03), 5)
    assert rates.dtype == np.float32
    assert rates.tolist() == [np.float32(0.03)] * 5
    assert rate_schedule(TrainConfig(schedule="cosine"), 0).shape == (0,)


def test_cosine_runs_from_the_rate_to_zero():
    rates = rate_schedule(TrainConfig(learning_rate=0.1, schedule="cosine"), 100)
    assert np.allclose(rates, 0.05 * (1 + np.cos(np.pi * np.arange(100) / 100)), rtol=1e-5)
    assert rates[0] == np.float32(0.1)
    assert rates[-1] < 1e-4


def test_warm_up_takes_five_per_cent_of_the_steps():
    rates = rate_schedule(TrainConfig(learning_rate=0.1, schedule="warmup_cosine"), 100)
    assert np.allclose(rates[:5], [0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates.argmax() in (4, 5)
    assert (np.diff(rates[5:]) < 0).all()
    assert rates[-1] < 1e-4
    short = rate_schedule(TrainConfig(learning_rate=0.1, schedule="warmup_cosine"), 3)
    assert short[0] == np.float32(0.1)


def test_the_weight_of_the_kl_warms_up():
    betas = beta_schedule(TrainConfig(beta=0.5, kl_warmup=0.5), 12)
    assert np.allclose(betas, [0, 1 / 12, 1 / 6, 1 / 4, 1 / 3, 5 / 12, *[0.5] * 6])
    assert betas.dtype == np.float32
    assert beta_schedule(TrainConfig(beta=0.5), 3).tolist() == [0.5] * 3
    half = beta_schedule(TrainConfig(beta=1.0, kl_warmup=1 / 3), 6)
    assert half.tolist() == [0, 0.5, 1, 1, 1, 1]


def test_the_weight_of_the_kl_anneals_geometrically():
    betas = beta_schedule(TrainConfig(beta=0.5, beta_start=2.0, kl_warmup=0.5), 8)
    assert np.allclose(betas[:5], [2, 2**0.5, 1, 2**-0.5, 0.5])
    assert (betas[4:] == 0.5).all()
    to_zero = beta_schedule(TrainConfig(beta=0.0, beta_start=2.0, kl_warmup=1.0), 4)
    assert to_zero.tolist() == [2.0, 1.5, 1.0, 0.5]


def test_a_factory_takes_its_rate_from_the_state():
    optimizer = injected(optax.sgd)
    state = optimizer.init(PARAMS)
    assert has_rate(state)
    for rate in (0.0, 0.5):
        updates, _ = optimizer.update(PARAMS, with_rate(state, jnp.float32(rate)), PARAMS)
        assert np.allclose(updates["w"], -rate)
        assert updates["w"].dtype == jnp.float32


def test_single_precision_with_64_bit_switched_on():
    """An optimiser whose rate were float64 would turn every update into float64."""
    with jax.enable_x64(True):
        optimizer = injected(optax.adam)
        state = with_rate(optimizer.init(PARAMS), jnp.asarray(0.1))
        updates, state = optimizer.update(PARAMS, state, PARAMS)
        kinds = {leaf.dtype.name for leaf in jax.tree.leaves((updates, state))}
    assert kinds <= {"float32", "int32", "bool"}


def test_an_instance_keeps_its_own_rate():
    instance = optax.adam(1e-2)
    assert injected(instance) is instance
    state = instance.init(PARAMS)
    assert not has_rate(state)
    assert with_rate(state, jnp.float32(1)) is state
    check_rate(state, False, 0.001)
    with pytest.raises(TrainingError, match="would have no effect") as caught:
        check_rate(state, True, 0.5)
    assert "optax.inject_hyperparams" in str(caught.value)
    check_rate(injected(optax.adam).init(PARAMS), True, 0.5)


@pytest.mark.parametrize("what", [3, "adam", lambda rate: None])
def test_anything_else_is_refused(what):
    with pytest.raises(ConfigError, match="optax factory with a learning_rate") as caught:
        injected(what)
    assert "optax.adabelief" in str(caught.value)
