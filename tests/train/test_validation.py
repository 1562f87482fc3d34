"""Snapshots kept out of training, early stopping."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, TrainingError
from qdisc.train.rows import make_plan
from qdisc.train.validation import Validation, split

KEY = jax.random.key(0)


def rows_of(dataset, point):
    return sorted(map(tuple, dataset.samples[dataset.point == point].tolist()))


def datasets(toy):
    shadows = np.random.default_rng(0).integers(0, 2, (3, 20, 4))
    shadows[..., ::2] += 2
    return {
        "repeating": toy.repeating(copies=4),
        "plain": toy.plain(toy.repeating(copies=4)),
        "spins": toy.spins(),
        "values": toy.values(),
        "hybrid": toy.hybrid(),
        "shadow": Dataset(shadows, [np.arange(3.0)], "shadow"),
    }


@pytest.mark.parametrize(
    "name", ["repeating", "plain", "spins", "values", "hybrid", "shadow"]
)  # fmt: skip
def test_no_snapshot_is_lost_or_doubled(toy, name):
    data = datasets(toy)[name]
    train, held = split(data, 0.25, KEY)
    assert (train.shots + held.shots == data.shots).all()
    for point in range(data.n_points):
        assert sorted(rows_of(train, point) + rows_of(held, point)) == rows_of(data, point)
    for part in (train, held):
        assert part.data_type == data.data_type
        assert part.local_dimension == data.local_dimension
        assert part.theta_names == data.theta_names
        assert (part.theta == data.theta).all()
        if data.local_states is not None:
            assert (part.local_states == data.local_states).all()
    share = held.n_snapshots / data.n_snapshots
    assert abs(share - 0.25) < 4 * np.sqrt(0.25 * 0.75 / data.n_snapshots)
    if data.n_snapshots >= 48:
        assert (held.shots > 0).all()


def test_every_point_is_divided_in_the_same_proportion(toy):
    data = toy.repeating(copies=1000)
    _, held = split(data, 0.1, KEY)
    assert np.allclose(held.shots / data.shots, 0.1, atol=4 * np.sqrt(0.09 / 6000))


def test_the_key_decides_which(toy):
    data = toy.values()
    parts = [split(data, 0.3, jax.random.key(seed))[1].samples for seed in (1, 1, 2)]
    assert np.array_equal(parts[0], parts[1])
    assert parts[0].shape != parts[2].shape or (parts[0] != parts[2]).any()


def test_no_fraction_no_split(toy):
    data = toy.repeating()
    assert split(data, 0.0, KEY) == (data, None)


def test_configurations_held_out_altogether_are_not_trained_on():
    """Of 200 snapshots that never repeat much, the training part must not see the others."""
    codes = (np.arange(64)[:, None] >> np.arange(6)) & 1
    rows = np.concatenate([codes] * 3 + [codes[:8]])[None]
    data = Dataset(rows, [[0.0]], "discrete")
    for seed in range(5):
        train, held = split(data, 0.5, jax.random.key(seed))
        assert make_plan(train, TrainConfig()).n_total == train.n_snapshots
        assert make_plan(train, TrainConfig()).mode == "all"
        assert (train.weights + held.weights == data.weights).all()


@pytest.mark.parametrize(("shots", "fraction"), [(1, 0.5), (3, 1e-9), (2, 1 - 1e-9)])
def test_too_few_snapshots_to_divide(shots, fraction):
    data = Dataset(np.zeros((1, shots, 2), np.uint8), [[0.0]], "discrete")
    with pytest.raises(TrainingError, match="too few snapshots to keep some out") as caught:
        split(data, fraction, KEY)
    assert "train.validation_fraction = 0" in str(caught.value)
    assert f"of {shots} snapshots" in str(caught.value)


def test_the_validation_loss_is_that_of_the_held_out_snapshots(toy):
    """Without noise it is the plain mean over them: rec + beta KL, total correlation left out."""

    class Known(toy.Chain):
        def encode(self, batch):
            one = jnp.ones((batch.shape[0], 1), jnp.float32)
            return one, 0 * one

        def decode(self, z, batch):
            number = batch.astype(jnp.float32) @ jnp.asarray([4.0, 2, 1], jnp.float32)
            return jnp.broadcast_to(-(number / 3)[:, None, None], (*batch.shape, 2))

    data = toy.repeating(copies=3)
    _, held = split(data, 0.4, KEY)
    config = TrainConfig(beta=0.5, gamma=7.0, validation_fraction=0.4)
    check = Validation(Known(), held, config, 1)
    expected = (held.samples.astype(int) @ [4, 2, 1]).mean() + 0.5 * 0.5
    params = {"w": jnp.zeros((), jnp.float32)}
    ones = (jnp.float32(1), jnp.float32(1))
    assert check.loss(params, ones) == pytest.approx(expected, rel=1e-5)
    assert check.loss(params, ones) == check.loss(params, ones)


# The chain model raises w without end; a module that is best at w = 1 over-trains after it.


def overtrained(toy):
    class Turning(toy.Chain):
        """Training data (a column of ones) raise w; validated rows hold zeros as well."""

        def decode(self, z, batch):
            log_p = jnp.stack([jax.nn.log_sigmoid(-self.w), jax.nn.log_sigmoid(self.w)])
            return jnp.broadcast_to(log_p, (*batch.shape, 2))

    return Turning()


def test_early_stopping_keeps_the_best_parameters(toy, monkeypatch):
    """Held-out snapshots are 3/4 ones: the best w is log 3, and training goes far beyond."""
    ones = np.ones((1, 40, 3), np.uint8)
    mixed = np.ones((1, 40, 3), np.uint8)
    mixed[:, ::4] = 0
    parts = [Dataset(rows, [[0.0]], "discrete") for rows in (ones, mixed)]
    monkeypatch.setattr("qdisc.train.setup.split", lambda *args: parts)
    config = TrainConfig(
        epochs=60, batch_size=40, learning_rate=0.1, optimizer="sgd",
        validation_fraction=0.5, patience=3,
    )  # fmt: skip
    run = toy.fit(overtrained(toy), parts[0], config)
    way = [0.0]
    for _ in range(60):
        way.append(way[-1] + 0.1 * 3 / (1 + np.exp(way[-1])))
    losses = 3 * (0.75 * np.log1p(np.exp(-np.array(way))) + 0.25 * np.log1p(np.exp(way)))
    best = int(losses.argmin())
    assert 3 < best < 30
    assert run.stop_reason == "early_stopping"
    assert run.epochs_run == best + 3
    assert float(run.variables["params"]["w"]) == pytest.approx(way[best], rel=1e-5)
    assert float(run.state.params["w"]) > way[best]
    assert np.allclose(run.validation_loss, losses[1 : best + 4], rtol=1e-4)
    assert f"for 3 epochs; kept the parameters of epoch {best}, the best" in run.message


def test_validation_without_patience_only_watches(toy):
    """The whole run is done, and the last parameters are kept."""
    config = TrainConfig(epochs=4, batch_size=6, learning_rate=0.05, validation_fraction=0.3)
    seen = []
    run = toy.fit(toy.Linear(), toy.repeating(copies=3), config, callbacks=[seen.append])
    assert run.stop_reason == "finished"
    assert run.validation_loss.shape == (4,)
    assert [epoch.validation_loss for epoch in seen] == run.validation_loss.tolist()
    assert toy.bits(run.variables["params"]) == toy.bits(run.state.params)
    again = toy.fit(toy.Linear(), toy.repeating(copies=3), config)
    assert toy.bits((run.variables, run.validation_loss)) == toy.bits(
        (again.variables, again.validation_loss)
    )


def test_patience_needs_snapshots_to_validate_on():
    with pytest.raises(ConfigError, match="early stopping needs snapshots to validate on") as info:
        TrainConfig(patience=3)
    assert "train.validation_fraction = 0.1" in str(info.value)
