"""Fault 9 of the published library, in training: beta = nan turned every parameter NaN silently.

One NaN or inf in the data did the same.
"""

from __future__ import annotations

import math
import types

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError
from qdisc.train import loop
from qdisc.vae import trainer as trainer_module
from qdisc.vae.trainer import VAETrainer

DATA = Dataset(np.random.default_rng(0).normal(size=(1, 8, 2)), [[0.0]], "continuous")


class Mean(nn.Module):
    """One parameter: the mean of all values."""

    data_type: str = "continuous"

    @nn.compact
    def __call__(self, batch, key):
        w = self.param("w", lambda key: jnp.zeros((), jnp.float32))
        mean = w + jnp.zeros((batch.shape[0], 1), jnp.float32)
        gauss = jnp.stack([w, jnp.zeros_like(w)])
        return mean, 0 * mean, mean, jnp.broadcast_to(gauss, (*batch.shape, 2))


def finite(tree):
    return all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(tree))


def check_weights(name):
    """NaN and inf are refused before the first step, by name."""
    for value in (math.nan, math.inf):
        trainer = VAETrainer(Mean(), DATA)
        try:
            trainer.train(1, 4, jax.random.key(0), **{name: value})
        except ConfigError as error:
            assert f"train.{name} has no meaning" in str(error)
            assert trainer.state is None or finite(trainer.state.params)
        else:
            raise AssertionError(f"{name}={value} accepted")


def check_data():
    """A number that is none is refused with its place, before anything is trained."""
    for value in (math.nan, math.inf):
        rows = np.zeros((1, 8, 2))
        rows[0, 3, 1] = value
        try:
            Dataset(rows, [[0.0]], "continuous")
        except DataError as error:
            assert "[3" in str(error)
        else:
            raise AssertionError(f"{value} in the data accepted")


@pytest.mark.parametrize("name", ["beta", "gamma", "learning_rate"])
def test_weights_that_are_no_numbers_are_refused(name):
    check_weights(name)


@pytest.mark.parametrize("name", ["beta", "gamma"])
def test_the_check_sees_the_fault(monkeypatch, name):
    """The fault: nobody looks at the weights."""

    class Anything(types.SimpleNamespace):
        def __init__(self, **given):
            defaults = {
                "rows": None, "optimizer": "adabelief", "schedule": "constant", "kl_warmup": 0.0,
                "beta_start": 0.0, "validation_fraction": 0.0, "patience": None, "dtype": "float32",
                "on_divergence": "stop", "devices": 1,
            }  # fmt: skip
            super().__init__(**{**defaults, **given})

    monkeypatch.setattr(trainer_module, "TrainConfig", Anything)
    monkeypatch.setattr(VAETrainer, "train", unguarded(VAETrainer.train))
    with pytest.raises(AssertionError, match=f"{name}=nan accepted"):
        check_weights(name)


def unguarded(train):
    """As `train`, keeping quiet about a loss that is no number."""

    def wrapped(self, *args, **options):
        try:
            return train(self, *args, **options)
        except trainer_module.TrainingError:
            return None

    return wrapped


def test_data_that_are_no_numbers_are_refused():
    check_data()


def test_accepting_them_is_caught(monkeypatch):
    from qdisc.dataset import dataset as module

    def anything(rows, kind, *_):
        return rows.astype(np.float32), types.SimpleNamespace(dimension=0, states=None)

    monkeypatch.setattr(module, "check_samples", anything)
    with pytest.raises(AssertionError, match="nan in the data accepted"):
        check_data()


def check_a_nan_step_costs_no_parameter(start):
    """Even if a NaN gets through, the parameters of before are what remains."""
    run = start()
    assert run.stop_reason == "not_finite"
    assert finite(run.variables), "the parameters are NaN"
    assert "kl not finite at epoch 1, batch 1" in run.message


def nan_weight():
    from qdisc.config import TrainConfig

    class Overflow(Mean):
        @nn.compact
        def __call__(self, batch, key):
            w = self.param("w", lambda key: jnp.full((), 1e30, jnp.float32))
            mean = w + jnp.zeros((batch.shape[0], 1), jnp.float32)
            return mean, 0 * mean, mean, jnp.zeros((*batch.shape, 2), jnp.float32) + 0 * w

    return loop.fit(Overflow(), DATA, TrainConfig(epochs=2, batch_size=4))


def test_a_nan_step_costs_no_parameter():
    check_a_nan_step_costs_no_parameter(nan_weight)


def test_a_step_that_is_applied_all_the_same_is_caught(monkeypatch):
    """The fault: whatever the gradient is, it is applied."""
    from qdisc.train import program

    monkeypatch.setattr(program.jnp, "isfinite", lambda a: jnp.full(jnp.shape(a), True))
    with pytest.raises(AssertionError):
        check_a_nan_step_costs_no_parameter(nan_weight)
