"""Fault 5 of the published library, in training: hybrid data lost their discrete half silently."""

from __future__ import annotations

import warnings

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.train import fit, setup
from qdisc.vae.trainer import VAETrainer

RNG = np.random.default_rng(0)
ROWS = np.concatenate([RNG.integers(0, 2, (1, 8, 2)), RNG.normal(size=(1, 8, 2))], axis=-1)
DATA = Dataset(ROWS, [[0.0]], "hybrid")


class Halves(nn.Module):
    """One parameter for the codes, one for the values."""

    data_type: str = "hybrid"

    @nn.compact
    def __call__(self, batch, key):
        codes = self.param("codes", lambda key: jnp.full((), 0.3, jnp.float32))
        values = self.param("values", lambda key: jnp.full((), 0.7, jnp.float32))
        zero = jnp.zeros((batch.shape[0], 1), jnp.float32)
        log_p = jax.nn.log_softmax(jnp.stack([-codes, codes]))
        gauss = jnp.stack([values, jnp.zeros_like(values)])
        shape = (batch.shape[0], 2, 2)
        return zero, zero, zero, (jnp.broadcast_to(log_p, shape), jnp.broadcast_to(gauss, shape))


def check_default_trains_both():
    """Without a word about alpha, both halves are trained and nothing warns."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        run = fit(Halves(), DATA, TrainConfig(epochs=1, batch_size=8, learning_rate=0.1))
    params = run.variables["params"]
    assert float(params["codes"]) != pytest.approx(0.3), "the discrete half is not trained"
    assert float(params["values"]) != pytest.approx(0.7), "the continuous half is not trained"
    p = 1 / (1 + np.exp(-0.6))
    codes, values = DATA.samples[:, :2], DATA.samples[:, 2:]
    discrete = -np.where(codes == 1, np.log(p), np.log(1 - p)).sum(1).mean()
    gauss = 0.5 * (np.log(2 * np.pi) + (values - 0.7) ** 2).sum(1).mean()
    assert float(run.steps[0, 1]) == pytest.approx(discrete + gauss, rel=1e-4)


def check_the_published_default_warns():
    """alpha = 0 is the published default of `train`; it drops the discrete half, and says so."""
    trainer = VAETrainer(Halves(), DATA)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        trainer.train(1, 8, jax.random.key(0))
    said = [str(w.message) for w in caught if issubclass(w.category, UserWarning)]
    assert any("drops the discrete half" in text for text in said), "dropped silently"
    assert float(trainer.state.params["codes"]) == pytest.approx(0.3)


def test_both_halves_are_trained_by_default():
    check_default_trains_both()


def test_the_published_default_warns():
    check_the_published_default_warns()


def test_the_checks_see_the_fault(monkeypatch):
    """The fault: alpha = 0 whenever nothing is said, and nothing is said about it."""
    monkeypatch.setattr(setup, "hybrid_weights", lambda alpha: (alpha or 0.0, 1.0 - (alpha or 0.0)))
    with pytest.raises(AssertionError, match="the discrete half is not trained"):
        check_default_trains_both()
    with pytest.raises(AssertionError, match="dropped silently"):
        check_the_published_default_warns()


def test_an_inner_alpha_weighs_both_without_a_warning():
    trainer = VAETrainer(Halves(), DATA)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        trainer.train(1, 8, jax.random.key(0), alpha=0.5, learning_rate=0.1)
    assert float(trainer.state.params["codes"]) != pytest.approx(0.3)
    assert float(trainer.state.params["values"]) != pytest.approx(0.7)
