"""An ensemble is its models: each equals the fit of its seed, and stops when that fit stops."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, TrainingError
from qdisc.train import fit_ensemble
from qdisc.train.loop import fit

SEEDS = (3, 0, 7)


def trained(module, data, config, seeds=SEEDS, **options):
    """The ensemble, and the fits of its seeds one after another with one compilation."""
    alone = []
    for seed in seeds:
        program = alone[0].program if alone else None
        alone.append(fit(module, data, config, seed=seed, program=program))
    return fit_ensemble(module, data, config, seeds, **options), alone


def same(together, alone, rtol, atol):
    assert together.seed == alone.seed
    assert (together.stop_reason, together.message) == (alone.stop_reason, alone.message)
    assert together.epochs_run == alone.epochs_run and together.config is alone.config
    numbers = [
        (run.variables, run.state.params, run.state.step, run.steps, run.loss, run.kl, run.logvar)
        for run in (together, alone)
    ]
    for a, b in zip(*map(jax.tree.leaves, numbers), strict=True):
        np.testing.assert_allclose(a, b, rtol, atol)


@pytest.mark.parametrize("stored", ["counts", "rows"])
def test_each_model_is_the_fit_of_its_seed(toy, stored):
    """Double precision, so that 18 steps cannot amplify the order of sums beyond 1e-10."""
    data = toy.repeating(copies=2)
    data = data if stored == "counts" else toy.plain(data)
    config = TrainConfig(epochs=3, batch_size=4, learning_rate=0.05, gamma=1.0, dtype="float64")

    class Double(toy.Linear):
        dtype: str = "float32"

        def setup(self):
            self.mean = nn.Dense(self.latents, dtype=self.dtype, param_dtype=self.dtype)
            self.width = nn.Dense(self.latents, dtype=self.dtype, param_dtype=self.dtype)
            self.odds = nn.Dense(3, dtype=self.dtype, param_dtype=self.dtype)

        def encode(self, batch):
            mean, width = self.mean(batch), self.width(batch)
            return mean, 0.3 * width - 1.0

        def __call__(self, batch, key):
            mean, logvar = self.encode(batch)
            z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, mean.dtype)
            return mean, logvar, z, self.decode(z, batch)

    together, alone = trained(Double(), data, config)
    assert len(together) == len(SEEDS)
    for a, b in zip(together, alone, strict=True):
        same(a, b, 1e-6, 1e-6)  # curves are kept in single precision
        for x, y in zip(*(jax.tree.leaves(run.variables) for run in (a, b)), strict=True):
            np.testing.assert_allclose(x, y, 1e-9, 1e-10)
    losses = [run.loss[-1] for run in together]
    assert len(set(losses)) == len(SEEDS), "seeds differ, so models do"
    assert together[0].n_compilations == 1


def test_single_precision_agrees_to_rounding(toy):
    config = TrainConfig(epochs=2, batch_size=5, learning_rate=0.05)
    together, alone = trained(toy.Linear(), toy.repeating(), config)
    for a, b in zip(together, alone, strict=True):
        same(a, b, 2e-5, 2e-6)
        assert a.variables["params"]["mean"]["kernel"].dtype == np.float32


def test_one_model_that_fails_costs_the_others_nothing(toy):
    """w starts between 0 and 1 with the seed, only rises, and is NaN above the limit."""

    class Rising(toy.Chain):
        def setup(self):
            self.w = self.param("w", lambda key: jax.random.uniform(key, (), jnp.float32))

    data = toy.plain(toy.repeating())
    config = TrainConfig(epochs=4, batch_size=3, learning_rate=0.02, optimizer="sgd")
    free = fit_ensemble(Rising(9.0), data, config, SEEDS)
    finals = [float(run.state.params["w"]) for run in free]
    limit = float(np.sort(finals)[:2].mean())  # one model stays below it, two do not
    together, alone = trained(Rising(limit), data, config)
    reasons = sorted(run.stop_reason for run in together)
    assert reasons == ["finished", "not_finite", "not_finite"]
    for a, b in zip(together, alone, strict=True):
        same(a, b, 1e-5, 1e-6)


def test_with_held_out_snapshots_the_models_follow_each_other(toy):
    config = TrainConfig(epochs=2, batch_size=10, learning_rate=0.05, validation_fraction=0.3)
    data = toy.repeating(copies=4)
    (together,) = fit_ensemble(toy.Linear(), data, config, SEEDS[:1])
    alone = fit(toy.Linear(), data, config, seed=SEEDS[0])
    same(together, alone, 0, 0)
    np.testing.assert_array_equal(together.validation_loss, alone.validation_loss)


def test_progress_counts_the_steps_of_all(toy):
    calls = []
    config = TrainConfig(epochs=2, batch_size=5, learning_rate=0.05)
    runs = fit_ensemble(
        toy.Linear(), toy.repeating(), config, SEEDS, progress=lambda *a: calls.append(a)
    )
    assert calls[-1][:2] == (6, 6)
    assert [call[0] for call in calls] == sorted({call[0] for call in calls})
    mean = np.mean([run.steps[-1, 0] for run in runs])
    assert calls[-1][2]["loss"] == pytest.approx(mean, rel=1e-5)


def test_what_an_ensemble_refuses(toy):
    config = TrainConfig(epochs=1, batch_size=5)
    for seeds in ((), (1, 2, 1)):
        with pytest.raises(ConfigError, match="one seed per model, all different"):
            fit_ensemble(toy.Linear(), toy.repeating(), config, seeds)
    with pytest.raises(TrainingError, match="does not fit discrete data"):
        fit_ensemble(toy.Linear(), Dataset(
            np.zeros((2, 4, 4), int), [np.arange(2.0)], "discrete", 2
        ), config, SEEDS)  # fmt: skip
