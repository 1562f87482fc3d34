"""Fault 16 of the published library, its batches.

Partial batches were dropped, a batch larger than the data printed "finished" without training, and
a batch size of 0 divided by zero.
"""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.core import Dataset
from qdisc.errors import ConfigError
from qdisc.train import rows
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(0)


class Mean(nn.Module):
    """q(z|x) does not depend on x; p(x) is one Gaussian: the least that uses every row."""

    def setup(self):
        self.centre = self.param("centre", nn.initializers.zeros, (1,), jnp.float32)

    def encode(self, batch):
        zero = jnp.zeros((batch.shape[0], 1), jnp.float32)
        return zero, zero

    def decode(self, z, batch):
        mean = jnp.broadcast_to(self.centre, (batch.shape[0], 1))
        return jnp.stack([mean, jnp.zeros_like(mean)], axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


def trainer():
    # one snapshot in twenty is far away: dropping any row shows in the loss
    values = 2.0 ** np.arange(20)
    return VAETrainer(Mean(), Dataset(values.reshape(1, 20, 1), [[0.0]], "continuous"))


def squares():
    return (2.0 ** np.arange(20)) ** 2 / 2 + 0.5 * np.log(2 * np.pi)


def check_every_snapshot_is_seen_once(batch_size):
    subject = trainer()
    subject.train(1, batch_size, KEY, learning_rate=0.0)
    steps = -(-20 // min(batch_size, 20))
    assert int(subject.state.step) == steps, f"{int(subject.state.step)} steps, not {steps}"
    sizes = np.full(steps, min(batch_size, 20), float)
    sizes[-1] = 20 - sizes[:-1].sum()
    seen = float((subject.fit.steps[:, 1] * sizes).sum())
    assert seen == pytest.approx(squares().sum(), rel=1e-5), "snapshots were left out"


@pytest.mark.parametrize("batch_size", [1, 6, 7, 19, 20, 21, 5000])
def test_every_snapshot_is_seen_once_per_epoch(batch_size):
    check_every_snapshot_is_seen_once(batch_size)


def test_the_check_sees_a_dropped_batch(monkeypatch):
    real = rows.make_plan

    def dropping(dataset, config):
        plan = real(dataset, config)
        steps = plan.n_total // plan.batch_size
        return rows.Plan(plan.mode, plan.n_rows, steps, plan.n_rows * steps, plan.batch_size)

    monkeypatch.setattr("qdisc.train.setup.make_plan", dropping)
    check_every_snapshot_is_seen_once(5)
    with pytest.raises(AssertionError, match="2 steps, not 3"):
        check_every_snapshot_is_seen_once(7)


def test_batches_of_the_dataset_keep_every_row_too():
    data = np.arange(20, dtype=float).reshape(1, 20, 1)
    batches = Dataset(data, [[0.0]], "continuous").create_batches(7, KEY)
    seen = np.concatenate([np.asarray(batch).reshape(-1) for batch in batches])
    np.testing.assert_array_equal(np.sort(seen), np.arange(20))


def test_a_batch_larger_than_the_data_trains():
    subject = trainer()
    subject.train(3, 1000, KEY, learning_rate=0.1)
    assert int(subject.state.step) == 3
    assert float(subject.state.params["centre"][0]) > 0.2
    assert len(subject.history_loss) == 1


@pytest.mark.parametrize("batch_size", [0, -5])
def test_a_batch_without_snapshots_is_refused(batch_size):
    with pytest.raises(ConfigError, match=r"train.batch_size has no meaning") as caught:
        trainer().train(1, batch_size, KEY)
    assert "at least 1 snapshot per step" in str(caught.value)
