"""Fault 19 of the published library: what a training should come with was not there.

No validation split, no early stopping, no history of the terms, no provenance; a second `train`
went on with cached data.
"""

from __future__ import annotations

import flax.linen as nn
import h5py
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.pipeline import discover
from qdisc.plugin import Config, ModelSpec
from qdisc.plugin.registry import Registry
from qdisc.train import fit
from qdisc.vae.trainer import VAETrainer


class Mean(nn.Module):
    """One parameter: the mean of all values, which are normal around it."""

    data_type: str = "continuous"

    def setup(self):
        self.w = self.param("w", lambda key: jnp.zeros((), jnp.float32))

    def encode(self, batch):
        zero = jnp.zeros((batch.shape[0], 1), jnp.float32)
        return zero + 0 * self.w, zero

    def decode(self, z, batch):
        return jnp.broadcast_to(jnp.stack([self.w, jnp.zeros_like(self.w)]), (*batch.shape, 2))

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


class NoOptions(Config):
    """None."""


class MeanModel:
    """`Mean` as a plugin."""

    spec = ModelSpec(name="mean", summary="one parameter")
    Config = NoOptions

    def build(self, data_spec, config):
        return Mean()


def around(value, shots=40, seed=0):
    rows = value + np.random.default_rng(seed).normal(size=(1, shots, 2))
    return Dataset(rows, [[0.0]], "continuous")


def test_terms_and_validation_are_recorded_and_stopping_is_early():
    """At rate 0 nothing gets better: it stops after `patience` epochs with the first parameters."""
    config = TrainConfig(
        epochs=50, batch_size=10, learning_rate=0.0, validation_fraction=0.25, patience=2
    )
    run = fit(Mean(), around(1.0), config)
    assert run.stop_reason == "early_stopping"
    assert run.epochs_run == 3
    assert run.validation_loss.shape == (3,)
    assert set(run.terms) == {"reconstruction", "kl", "tc"}
    assert all(curve.shape == (3,) for curve in run.terms.values())
    assert run.steps.shape[0] == 3 * np.ceil((40 - held_out(config)) / 10)


def held_out(config):
    """Snapshots kept out of a training with seed 0."""
    from qdisc.train.validation import split

    key = jax.random.split(jax.random.key(0), 4)[3]
    return split(around(1.0), config.validation_fraction, key)[1].n_snapshots


def check_second_training_sees_new_data():
    """A trainer that is given other data forgets the old: the parameter follows their mean."""
    trainer = VAETrainer(Mean(), around(-2.0))
    options = {"num_epochs": 60, "batch_size": 10, "learning_rate": 0.1}
    trainer.train(key=jax.random.key(0), **options)
    assert float(trainer.state.params["w"]) == pytest.approx(-2.0, abs=0.5)
    trainer.dataset = around(3.0)
    trainer.train(key=jax.random.key(1), **options)
    seen = float(trainer.state.params["w"])
    assert seen == pytest.approx(3.0, abs=0.5), f"stale data: {seen}"


def test_a_second_training_does_not_use_the_data_of_the_first():
    check_second_training_sees_new_data()


def test_stale_data_are_caught(monkeypatch):
    from qdisc.train import feed

    real, kept = feed.make_tables, []

    def cached(dataset, dtype):
        kept.append(real(dataset, dtype))
        return kept[0]

    monkeypatch.setattr(feed, "make_tables", cached)
    with pytest.raises(AssertionError, match="stale data"):
        check_second_training_sees_new_data()


def test_a_second_training_uses_its_own_coefficients():
    """Both coefficients weigh the second call's loss, and nothing is compiled again."""
    trainer = VAETrainer(Mean(), around(1.0))
    for beta, gamma in [(1.0, 0.0), (4.0, 0.0), (1.0, 2.0), (1.0, 5.0)]:
        trainer.train(1, 10, jax.random.key(0), learning_rate=0.0, beta=beta, gamma=gamma)
        loss, rec, kl, tc = trainer.fit.steps[:, :4].T
        assert np.allclose(loss, rec + beta * kl + gamma * tc, rtol=1e-5)
        assert trainer.fit.n_compilations == 1


def test_the_result_says_where_it_comes_from(tmp_path):
    """Seed, configuration, versions, checksum of the data, terms and validation, in one file."""
    result = discover(
        around(1.0), 7, tmp_path / "out.h5", registry=Registry(extra=[("model", MeanModel())]),
        **{
            "model.name": "mean", "train.epochs": 4, "train.batch_size": 10, "train.gamma": 0.0,
            "train.validation_fraction": 0.25, "train.patience": 4, "observables.run": [],
            "analyses.run": ["latent_map"],
        },
    )  # fmt: skip
    assert result.exit_code == 0
    with h5py.File(result.path, "r") as file:
        provenance = file["provenance"].attrs
        assert provenance["seed"] == 7
        assert "validation_fraction = 0.25" in provenance["config.toml"]
        assert provenance["created_at"]
        assert provenance["duration_s"] > 0
        environment = file["provenance"].attrs.get("environment") or str(
            dict(file["provenance/environment"].attrs)
        )
        for package in ("jax", "numpy", "flax", "qdisc", "python"):
            assert package in str(environment).lower()
        assert file["dataset"].attrs["sha256"] == around(1.0).sha256
        assert file["training/loss"].shape == (4,)
        assert file["training/terms"].shape[0] == 4
        assert file["training/validation_loss"].shape == (4,)
        assert file["training"].attrs["stop_reason"] == "finished"
