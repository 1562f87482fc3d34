"""Training through the published face: it goes on, it is reproducible, it says what is wrong."""

from __future__ import annotations

import inspect
import logging

import jax
import numpy as np
import optax
import pytest

from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(0)


@pytest.fixture
def fresh(tiny):
    return VAETrainer(tiny.product(), tiny.grid())


def test_a_second_call_goes_on(tiny, fresh):
    fresh.train(4, 10, KEY)  # 120 snapshots: 12 steps per epoch
    assert int(fresh.state.step) == 48
    assert len(fresh.history_loss) == len(fresh.history_recon) == len(fresh.history_logvar) == 5
    before = tiny.numbers(fresh)
    fresh.train(2, 10, KEY)
    assert int(fresh.state.step) == 72
    assert len(fresh.history_loss) == 8  # steps 0, 10, ..., 70
    assert np.abs(tiny.numbers(fresh) - before).max() > 1e-4
    assert fresh.fit.n_compilations == 1
    assert all(np.shape(row) == (2,) for row in fresh.history_logvar)
    assert fresh.history_loss[-1] == fresh.fit.steps[22, 0]
    assert fresh.history_recon[-1] == fresh.fit.steps[22, 1]


def test_the_loss_falls_and_histories_are_finite(tiny):
    trainer = tiny.trained(epochs=40, learning_rate=0.02, beta=0.1)
    assert np.isfinite(trainer.history_loss).all()
    assert np.mean(trainer.history_loss[-3:]) < np.mean(trainer.history_loss[:3]) - 0.1


def test_one_key_one_result_in_either_style(tiny, reader):
    again = tiny.trained()
    np.testing.assert_array_equal(tiny.numbers(again), tiny.numbers(reader))
    legacy = VAETrainer(tiny.dense(), tiny.grid())
    legacy.train(2, 40, jax.random.PRNGKey(0))
    np.testing.assert_array_equal(tiny.numbers(legacy), tiny.numbers(reader))
    other = VAETrainer(tiny.dense(), tiny.grid())
    other.train(2, 40, jax.random.key(1))
    assert np.abs(tiny.numbers(other) - tiny.numbers(reader)).max() > 1e-3


def test_the_learning_rate_of_a_factory_takes_effect(tiny):
    results = []
    for rate in (0.0, 1e-3, 0.1):
        trainer = VAETrainer(tiny.product(), tiny.grid(), optimizer=optax.adam)
        begin = tiny.numbers(trainer) if trainer.state else None
        assert begin is None
        trainer.init_state(KEY)
        begin = tiny.numbers(trainer)
        trainer.train(1, 40, KEY, learning_rate=rate)
        results.append(np.abs(tiny.numbers(trainer) - begin).max())
    assert results[0] == 0
    # three steps of adam, each of at most about the rate
    assert 1e-3 < results[1] < 3.3e-3
    assert 0.1 < results[2] < 0.33


def test_an_optimizer_instance_keeps_its_own_rate(tiny):
    def moved(optimizer, **options):
        trainer = VAETrainer(tiny.product(), tiny.grid(), optimizer=optimizer)
        trainer.init_state(KEY)
        begin = tiny.numbers(trainer)
        trainer.train(1, 120, KEY, **options)
        return np.abs(tiny.numbers(trainer) - begin).max()

    assert moved(optax.adam(0.05)) == pytest.approx(0.05, rel=1e-3)
    assert moved(optax.chain(optax.clip(1.0), optax.adam(0.05))) == pytest.approx(0.05, rel=1e-3)
    own = optax.inject_hyperparams(optax.adam)(learning_rate=0.05)
    assert moved(own) == pytest.approx(0.05, rel=1e-3)
    assert moved(own, learning_rate=0.01) == pytest.approx(0.01, rel=1e-3)


@pytest.mark.parametrize("rate", [0.001, 0.1])
def test_a_rate_that_an_instance_would_ignore_is_refused(tiny, rate):
    trainer = VAETrainer(tiny.product(), tiny.grid(), optimizer=optax.adam(0.05))
    with pytest.raises(TrainingError, match="learning_rate would have no effect") as caught:
        trainer.train(1, 40, KEY, learning_rate=rate)
    assert "optax.inject_hyperparams" in str(caught.value)


@pytest.mark.parametrize("optimizer", ["adam", 0.1, lambda rate: None])
def test_what_is_no_optimizer_is_named_at_once(tiny, optimizer):
    with pytest.raises(ConfigError, match="an optimizer is an optax factory"):
        VAETrainer(tiny.product(), tiny.grid(), optimizer=optimizer)


def test_without_training_the_way_out_is_named(tiny):
    trainer = VAETrainer(tiny.product(), tiny.grid())
    calls = [
        trainer.get_data, trainer.compute_repr2d, trainer.plot_repr2d,
        trainer.compute_and_plot_repr2d, lambda: trainer.get_cp([[0, 1, 0, 1]]),
        lambda: trainer.reconstruct_sample([[0, 1, 0, 1]], KEY),
        lambda: trainer.get_sample([[0.0, 0.0]], KEY),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(TrainingError, match=r"no parameters yet(.|\n)*call train"):
            call()
    with pytest.raises(TrainingError, match=r"nothing to draw yet(.|\n)*call train"):
        trainer.plot_training(3)


def test_init_state_alone_is_enough_to_look_at_a_random_model(tiny, fresh):
    state = fresh.init_state(KEY, np.zeros((5, 4)))
    assert state is fresh.state and int(state.step) == 0
    assert fresh.compute_repr2d(return_latvar=True)["mu0"].shape == (2, 3)
    with pytest.raises(DataError, match="do not look like the dataset"):
        fresh.init_state(KEY, np.zeros((5, 3)))


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tiny, fresh):
    fresh.train(1, 40, KEY)
    good, entries = tiny.numbers(fresh), len(fresh.history_loss)
    with pytest.raises(TrainingError, match=r"not finite at epoch 1, batch") as caught:
        fresh.train(3, 40, KEY, learning_rate=1e30)
    assert "learning_rate" in str(caught.value)
    np.testing.assert_array_equal(tiny.numbers(fresh), good)
    assert np.isfinite(fresh.history_loss).all() and len(fresh.history_loss) >= entries
    fresh.train(1, 40, KEY)
    assert np.isfinite(tiny.numbers(fresh)).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beta": float("nan")}, "train.beta has no meaning"),
        ({"gamma": -1.0}, "train.gamma has no meaning"),
        ({"learning_rate": float("inf")}, "train.learning_rate has no meaning"),
        ({"num_epochs": -1}, "train.epochs has no meaning"),
        ({"num_epochs": 1.5}, "a whole number is wanted"),
        ({"batch_size": "many"}, "a whole number is wanted"),
    ],
)
def test_values_without_meaning_are_refused_before_anything_starts(fresh, options, message):
    with pytest.raises(ConfigError, match=message):
        fresh.train(**{"num_epochs": 1, "batch_size": 40, "key": KEY, **options})
    assert fresh.state is None


def test_numpy_numbers_are_numbers(fresh):
    fresh.train(np.int64(1), np.int32(60), KEY, np.float32(0.01), np.float64(0.5))
    assert int(fresh.state.step) == 2


def test_zero_epochs_only_initialise(fresh):
    fresh.train(0, 40, KEY)
    assert int(fresh.state.step) == 0 and fresh.history_loss == []


def test_nothing_is_printed_and_the_logger_speaks(tiny, fresh, capsys, caplog):
    with caplog.at_level(logging.INFO, "qdisc.vae"):
        fresh.train(4, 40, KEY, printing_rate=2)
        fresh.train(1, 40, KEY, printing_rate=0)
    fresh.compute_repr2d()
    fresh.plot_repr2d()
    fresh.plot_training(5)
    fresh.reconstruct_sample([[0, 1, 0, 1]], KEY)
    captured = capsys.readouterr()
    assert captured.out == captured.err == ""
    lines = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in lines] == ["epoch 2", "epoch 4"]
    assert "loss" in lines[0] and "reconstruction" in lines[0]


def test_without_reshuffling_every_epoch_has_the_same_order(tiny):
    """At rate zero nothing changes but the rows, so equal rows give equal epochs."""
    for reshuffle in (True, False):
        trainer = VAETrainer(tiny.dense("continuous"), tiny.grid("continuous"))
        trainer.train(2, 30, KEY, learning_rate=0.0, beta=0.0, re_shuffle=reshuffle)
        first, second = trainer.fit.logvar
        steps = trainer.fit.steps[:, -2:]
        same = np.allclose(steps[:4], steps[4:], atol=1e-6)
        assert same != reshuffle
        np.testing.assert_allclose(first, second, atol=1e-6)


def test_a_new_dataset_of_another_size_is_not_trained_with_the_old_plan(tiny, fresh):
    fresh.train(1, 40, KEY)
    fresh.dataset = tiny.grid(shots=60)
    fresh.train(1, 40, KEY)
    assert int(fresh.state.step) == 3 + 9


def test_hybrid_data_warn_about_the_published_default(tiny):
    trainer = VAETrainer(tiny.dense("hybrid"), tiny.grid("hybrid"))
    with pytest.warns(UserWarning, match=r"alpha = 0 drops the discrete half"):
        trainer.train(1, 120, KEY)
    with pytest.warns(UserWarning, match=r"alpha = 1 drops the continuous half"):
        trainer.train(1, 120, KEY, alpha=1.0)
    with pytest.raises(ConfigError, match=r"train\.alpha has no meaning"):
        trainer.train(1, 120, KEY, alpha=1.5)


@pytest.mark.filterwarnings("error::UserWarning")
def test_alpha_means_nothing_where_there_is_no_second_half(fresh):
    fresh.train(1, 120, KEY)
    assert fresh.fit.config.alpha is None


def test_gamma_zero_computes_no_total_correlation(fresh):
    fresh.train(1, 40, KEY)
    assert np.all(fresh.fit.terms["tc"] == 0)
    fresh.train(1, 40, KEY, gamma=5.0)
    assert np.any(fresh.fit.terms["tc"] != 0)


def test_get_data_holds_what_was_published(tiny, reader):
    data = reader.get_data()
    assert list(data) == ["params", "history_loss", "history_recon", "history_logvar", "latvar"]
    assert set(data["params"]) == {"encoder", "decoder"}
    assert data["history_loss"] is reader.history_loss


def test_defaults_can_be_told_from_given_values():
    """The default rate is an object of its own, and still reads as 0.001."""
    rate = inspect.signature(VAETrainer.train).parameters["learning_rate"].default
    assert rate == 0.001 and repr(rate) == "0.001"
