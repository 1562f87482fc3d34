"""A number that is not finite: back to the start of the epoch with half the learning rate."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.train import setup
from qdisc.train.ensemble import fit_ensemble

ONES = Dataset(np.ones((1, 12, 3), np.uint8), [[0.0]], "discrete")
LIMITS = (0.25, 0.5, 0.9, 1.35, 1.65, 1.8, 1.9, 2.0, 2.1, 2.5)
STEPS = 3  # of an epoch: 12 snapshots, batches of 4


def course(limit, epochs, rate):
    """w, halvings and complete epochs of gradient descent on -3 log sigmoid(w), by hand.

    The loss at w > limit is NaN. A bad first step of an epoch is the fault of the epoch before.
    """
    w, halvings, epoch = [0.0], 0, 0
    while epoch < epochs:
        for step in range(STEPS):
            if w[-1] > limit:
                begin = epoch - (step == 0)
                if halvings == 3:
                    return w[begin * STEPS], halvings, epoch, False
                halvings, epoch = halvings + 1, begin
                w = w[: epoch * STEPS + 1]
                break
            w.append(w[-1] + rate * 0.5**halvings * 3 / (1 + np.exp(w[-1])))
        else:
            epoch += 1
    return w[-1], halvings, epoch, True


def train(toy, limit, epochs=4, rate=0.3, **options):
    config = TrainConfig(epochs=epochs, batch_size=4, learning_rate=rate, optimizer="sgd")
    return toy.fit(toy.Chain(limit), ONES, config, **options)


@pytest.mark.parametrize("seconds", [1e-9, 1e9])
@pytest.mark.parametrize("limit", LIMITS)
def test_the_way_is_the_one_computed_by_hand(toy, limit, seconds, monkeypatch):
    monkeypatch.setattr(setup, "_SECONDS", seconds)
    w, halvings, epochs, ended = course(limit, 4, 0.3)
    run = train(toy, limit)
    assert float(run.variables["params"]["w"]) == pytest.approx(w, rel=1e-5)
    assert len(run.setbacks) == halvings
    assert run.stop_reason == ("finished" if ended else "not_finite")
    assert run.epochs_run == len(run.loss) == epochs
    assert np.isfinite(run.steps).all()


def test_the_cases_above_differ():
    seen = [course(limit, 4, 0.3)[1:] for limit in LIMITS]
    assert {halvings for halvings, *_ in seen} == {0, 1, 2, 3}
    assert {ended for *_, ended in seen} == {True, False}


def test_every_setback_is_told(toy):
    run = train(toy, 1.65)
    assert run.setbacks[0].startswith("reconstruction not finite at epoch 3, batch 1: back to")
    assert run.setbacks[0].endswith("the start of epoch 2 at learning rate 0.15")
    assert f"{len(run.setbacks)} of 3 setbacks" in run.message


def test_a_loss_that_never_was_finite_is_not_tried_again(toy):
    run = train(toy, -1.0)
    assert (run.stop_reason, run.setbacks) == ("not_finite", ())
    assert run.message.endswith("kept the parameters it began with")


def test_validation_of_epochs_taken_back_is_forgotten(toy):
    config = TrainConfig(
        epochs=4, batch_size=4, learning_rate=0.3, optimizer="sgd", validation_fraction=0.25
    )
    run = toy.fit(toy.Chain(1.6), ONES, config)
    assert run.setbacks
    assert run.validation_loss.shape == run.loss.shape == (run.epochs_run,)


def test_models_of_an_ensemble_go_back_each_on_its_own(toy):
    """One of two seeds diverges; both are what `fit` gives."""
    config = TrainConfig(epochs=3, batch_size=5, learning_rate=2.0, optimizer="sgd")
    data = toy.repeating()
    fits = fit_ensemble(toy.Linear(), data, config, seeds=range(4))
    alone = [toy.fit(toy.Linear(), data, config, seed=seed) for seed in range(4)]
    for one, other in zip(fits, alone, strict=True):
        assert (one.stop_reason, len(one.setbacks)) == (other.stop_reason, len(other.setbacks))
    assert len({len(one.setbacks) for one in fits}) > 1
