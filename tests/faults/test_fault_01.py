"""Fault 1 of the published library: the learning rate had no effect.

Rates of 0, 0.001 and 0.1 gave bit-identical parameters, and a configured optimizer instance was
refused.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qdisc.dataset.core import Dataset
from qdisc.train import program
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(0)


class Line(nn.Module):
    """One latent, linear both ways."""

    @nn.compact
    def __call__(self, batch, key):
        mean = nn.Dense(1)(batch.astype(jnp.float32))
        logits = nn.Dense(4)(mean).reshape(-1, 2, 2)
        return mean, jnp.zeros_like(mean), mean, jax.nn.log_softmax(logits, axis=-1)


def moved(optimizer=optax.adabelief, **options):
    """How far one step takes the parameters."""
    codes = np.array([[[0, 1], [1, 1], [0, 0]]])
    trainer = VAETrainer(Line(), Dataset(codes, [[0.0]], "discrete"), optimizer=optimizer)
    trainer.init_state(KEY)
    flat = [np.array(leaf).ravel() for leaf in jax.tree.leaves(trainer.state.params)]
    trainer.train(1, 3, KEY, **options)
    after = [np.array(leaf).ravel() for leaf in jax.tree.leaves(trainer.state.params)]
    return np.abs(np.concatenate(after) - np.concatenate(flat)).max()


def check_the_rate_takes_effect():
    assert moved(learning_rate=0.0) == 0, "a rate of zero moves the parameters"
    small, large = moved(learning_rate=1e-3), moved(learning_rate=0.1)
    assert large == pytest.approx(100 * small, rel=1e-2), "the rate has no effect"
    assert moved() == small  # the default is 0.001


def test_the_rate_takes_effect():
    check_the_rate_takes_effect()


def test_the_check_sees_the_fault(monkeypatch):
    """The fault: the optimiser keeps the rate it was made with."""
    made = {"learning_rate": jnp.float32(0.05)}

    def ignoring(opt_state, rate):
        return opt_state._replace(hyperparams={**opt_state.hyperparams, **made})

    monkeypatch.setattr(program, "with_rate", ignoring)
    with pytest.raises(AssertionError, match="a rate of zero moves the parameters"):
        check_the_rate_takes_effect()


def test_factories_and_configured_instances_both_work():
    assert moved(optax.adam, learning_rate=0.05) == pytest.approx(0.05, rel=1e-3)
    assert moved(optax.adam(0.05)) == pytest.approx(0.05, rel=1e-3)
    assert moved(optax.chain(optax.clip(1.0), optax.adam(0.05))) == pytest.approx(0.05, rel=1e-3)
