"""Fault 1 of the published library, over several calls of `train()`.

Rates 0, 1e-3 and 0.1 gave bit-identical parameters, and a configured optimizer instance was
refused.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.errors import TrainingError
from qdisc.train import program
from qdisc.vae.trainer import VAETrainer

DATA = Dataset(np.random.default_rng(0).integers(0, 2, (2, 8, 3)), [[0.0, 1.0]], "discrete")


class Small(nn.Module):
    """One latent, linear in the spins."""

    data_type: str = "discrete"

    def setup(self):
        self.mean = nn.Dense(1, param_dtype=jnp.float32)
        self.odds = nn.Dense(3, param_dtype=jnp.float32)

    def encode(self, batch):
        mean = self.mean(2 * batch.astype(jnp.float32) - 1)
        return mean, jnp.zeros_like(mean)

    def decode(self, z, batch):
        half = self.odds(z)
        return jax.nn.log_softmax(jnp.stack([-half, half], axis=-1), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)


def trained(rate, optimizer=optax.adam):
    trainer = VAETrainer(Small(), DATA, optimizer)
    start = jax.tree.leaves(jax.tree.map(np.array, trainer.init_state(jax.random.key(0)).params))
    trainer.train(2, 8, jax.random.PRNGKey(1), **({} if rate is None else {"learning_rate": rate}))
    return start, jax.tree.leaves(trainer.state.params)


def same(a, b):
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def check_rates():
    """Rate 0 leaves the parameters as they are; others move them, each its own way."""
    ends = {}
    for rate in (0.0, 1e-3, 0.1):
        start, ends[rate] = trained(rate)
        assert same(start, ends[rate]) == (rate == 0.0), f"rate {rate} has no effect"
    assert not same(ends[1e-3], ends[0.1]), "rates 1e-3 and 0.1 agree"
    small, large = (
        max(np.abs(a - b).max() for a, b in zip(ends[0.0], ends[rate], strict=True))
        for rate in (1e-3, 0.1)
    )
    # Adam's steps are about one rate long, whatever the gradient: 4 steps
    assert 2e-3 < small < 4.5e-3
    assert 0.2 < large < 0.45


def check_instance():
    """A configured instance trains as the factory with its rate does."""
    _, factory = trained(0.05)
    start, instance = trained(None, optax.adam(0.05))
    assert not same(start, instance)
    for a, b in zip(factory, instance, strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_rate_takes_effect():
    check_rates()


def test_a_rate_that_is_ignored_is_caught(monkeypatch):
    """The fault: the optimiser is built once, with a rate of its own."""
    monkeypatch.setattr(program, "with_rate", lambda state, rate: state)
    with pytest.raises(AssertionError, match="has no effect"):
        check_rates()


def test_an_optimizer_instance_works():
    check_instance()


def test_refused_instances_are_caught(monkeypatch):
    from qdisc.vae import trainer

    real = trainer.injected

    def factories_only(optimizer):
        assert callable(optimizer), "a configured optimizer instance is refused"
        return real(optimizer)

    monkeypatch.setattr(trainer, "injected", factories_only)
    with pytest.raises(AssertionError, match="is refused"):
        check_instance()


def test_a_rate_that_an_instance_would_ignore_is_refused():
    trainer = VAETrainer(Small(), DATA, optax.adam(0.05))
    with pytest.raises(TrainingError, match="would have no effect"):
        trainer.train(1, 8, jax.random.key(0), learning_rate=0.2)
    wrapped = optax.inject_hyperparams(optax.adam)(learning_rate=0.05)
    start, slow = trained(0.0, wrapped)
    assert same(start, slow)


def test_a_second_call_may_have_another_rate():
    """The state goes on, and nothing is compiled again."""
    trainer = VAETrainer(Small(), DATA, optax.adam)
    trainer.train(1, 8, jax.random.key(0), learning_rate=0.1)
    before = [np.array(leaf) for leaf in jax.tree.leaves(trainer.state.params)]
    trainer.train(1, 8, jax.random.key(1), learning_rate=0.0, beta=0.3)
    assert same(before, jax.tree.leaves(trainer.state.params))
    trainer.train(1, 8, jax.random.key(1), learning_rate=0.1, beta=0.3, alpha=0.5)
    assert not same(before, jax.tree.leaves(trainer.state.params))
    assert trainer.fit.n_compilations == 1
