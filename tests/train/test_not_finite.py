"""A loss that is no number ends the training, and costs no parameters."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.train import setup

ONES = Dataset(np.ones((1, 12, 3), np.uint8), [[0.0]], "discrete")
ZERO_KL = 0.0


def descend(steps, rate):
    """w after 0, 1, 2, ... steps of gradient descent on -3 log sigmoid(w)."""
    w = [0.0]
    for _ in range(steps):
        w.append(w[-1] + rate * 3 / (1 + np.exp(w[-1])))
    return np.array(w)


def train(toy, limit, where="decode", epochs=6, rate=0.1, **options):
    config = TrainConfig(
        epochs=epochs, batch_size=4, learning_rate=rate, optimizer="sgd", on_divergence="stop"
    )
    return toy.fit(toy.Chain(limit, where), ONES, config, **options)


@pytest.mark.parametrize("seconds", [1e-9, 1e9])
@pytest.mark.parametrize("limit", [0.25, 0.5, 0.75, 1.0])
def test_the_last_parameters_with_a_finite_loss_are_kept(toy, limit, seconds, monkeypatch):
    """Whatever the length of a device call; 3 steps an epoch."""
    monkeypatch.setattr(setup, "_SECONDS", seconds)
    run = train(toy, limit)
    way = descend(18, 0.1)
    bad = int(np.argmax(way > limit))  # the step whose loss is NaN, counted from 0
    assert bad >= 2
    assert run.stop_reason == "not_finite"
    assert float(run.variables["params"]["w"]) == pytest.approx(way[bad - 1], rel=1e-5)
    assert toy.bits(run.variables["params"]) == toy.bits(run.state.params)
    assert int(run.state.step) == bad - 1
    assert run.steps.shape[0] == bad
    assert np.isfinite(run.steps).all()
    assert run.epochs_run == len(run.loss) == bad // 3
    words = f"reconstruction not finite at epoch {bad // 3 + 1}, batch {bad % 3 + 1}"
    assert run.message.startswith(words)
    assert "try a smaller train.learning_rate (now 0.1)" in run.message
    assert run.message.endswith("kept the parameters whose loss was finite last")


def test_the_term_at_fault_is_named(toy):
    run = train(toy, 0.5, "encode")
    assert run.message.startswith("kl not finite at epoch")


def test_training_can_go_on_from_what_was_kept(toy):
    run = train(toy, 0.75)
    slower = train(toy, 0.75, epochs=1, rate=1e-3, state=run.state)
    assert slower.stop_reason == "finished"
    assert slower.state.params["w"] > run.state.params["w"]


def test_a_model_that_never_worked_keeps_what_it_began_with(toy):
    run = train(toy, -1.0)
    assert float(run.variables["params"]["w"]) == 0.0
    assert (run.epochs_run, run.steps.shape) == (0, (0, 6))
    assert "epoch 1, batch 1;" in run.message
    assert run.message.endswith("kept the parameters it began with")


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_an_absurd_learning_rate_leaves_finite_parameters(toy, optimizer):
    """Steps of 1e38 overflow; the parameters of before are kept."""
    data = toy.repeating()
    config = TrainConfig(
        epochs=4, batch_size=5, learning_rate=3e38, optimizer=optimizer, on_divergence="stop"
    )
    run = toy.fit(toy.Linear(), data, config)
    assert run.stop_reason == "not_finite"
    leaves = jax.tree.leaves(run.variables)
    assert all(np.isfinite(leaf).all() for leaf in leaves)
    x = jnp.asarray(data.configurations)
    out = toy.Linear().apply(run.variables, x, jax.random.key(0))
    assert all(np.isfinite(part).all() for part in out)
    assert "(now 3e+38)" in run.message


def test_a_gradient_without_a_value_is_named(toy):
    """sqrt has no slope at 0: the loss is finite there, its gradient is not."""

    class Kink(toy.Chain):
        def decode(self, z, batch):
            cost = 1.0 + jnp.sqrt(self.w * self.w)
            return jnp.broadcast_to(-cost, (*batch.shape, 2))

    run = toy.fit(Kink(), ONES, TrainConfig(epochs=1, batch_size=12))
    assert run.message.startswith("gradient not finite at epoch 1, batch 1")
    assert float(run.variables["params"]["w"]) == 0.0


def test_callbacks_see_complete_epochs_only(toy):
    seen = []
    run = train(toy, 0.75, callbacks=[lambda epoch: seen.append(epoch.epoch)])
    assert seen == list(range(1, run.epochs_run + 1))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1.0])
@pytest.mark.parametrize("key", ["beta", "gamma", "learning_rate"])
def test_weights_that_are_no_numbers_are_refused(key, value):
    with pytest.raises(ConfigError, match=f"train.{key} has no meaning"):
        TrainConfig(**{key: value})
