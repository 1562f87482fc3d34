"""A training that goes on from a checkpoint is, bit by bit, the one that was not interrupted."""

from __future__ import annotations

import dataclasses
import json
import shutil

import h5py
import msgspec
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ResultError, TrainingError
from qdisc.train import checkpoint, setup
from qdisc.train.checkpoint import Checkpoint

SHUFFLED = TrainConfig(epochs=4, batch_size=32, learning_rate=3e-3, schedule="warmup_cosine")
PLANS = {
    "shuffled": SHUFFLED,
    "validated": TrainConfig(
        epochs=4, batch_size=32, learning_rate=0.02, validation_fraction=0.2, patience=2
    ),
    "weighted": TrainConfig(epochs=6, batch_size=5, gamma=1.0, kl_warmup=0.5),
    "double": TrainConfig(epochs=3, batch_size=40, dtype="float64", optimizer="adamw"),
}
STOPS = dict.fromkeys(PLANS, (1, 2, 1, 3, 10**6)) | {
    "double": (2, 10**6),
    "validated": (2, 1, 10**6),
}


def data_of(toy, plan):
    return toy.repeating() if plan == "weighted" else toy.spins(n=3)


class Until:
    """Interrupts after a number of device calls."""

    def __init__(self, calls):
        self.left = calls

    def __call__(self):
        self.left -= 1
        return "a test" if self.left <= 0 else None


def equal(toy, one, other):
    assert toy.bits(one.state) == toy.bits(other.state)
    for field in dataclasses.fields(one):
        if field.name in ("state", "program", "duration_s", "held_out"):
            continue
        a, b = getattr(one, field.name), getattr(other, field.name)
        if isinstance(a, dict | np.ndarray):
            assert toy.bits(a) == toy.bits(b), field.name
        else:
            assert a == b, field.name


@pytest.mark.parametrize("plan", PLANS)
def test_interrupted_anywhere_it_goes_on_bit_by_bit(toy, plan, tmp_path):
    data, config = data_of(toy, plan), PLANS[plan]
    whole = toy.fit(toy.small(), data, config, seed=3)
    path = tmp_path / "run.checkpoint.h5"
    calls = 0
    for stops in STOPS[plan]:
        keep = Checkpoint(path, seconds=1e9, resume=True)
        part = toy.fit(toy.small(), data, config, seed=3, checkpoint=keep, stop=Until(stops))
        calls += 1
        if part.stop_reason != "interrupted":
            break
        assert part.message.startswith("interrupted by a test after epoch")
        assert path.exists()
    assert calls >= 2
    equal(toy, part, whole)
    assert [p.name for p in tmp_path.iterdir()] == ["run.checkpoint.h5"]  # one file, no more


def test_a_finished_training_is_not_done_again(toy, tmp_path):
    keep = Checkpoint(tmp_path / "c.h5", resume=True)
    data = toy.spins(n=3)
    first = toy.fit(toy.small(), data, SHUFFLED, checkpoint=keep)
    seen = []
    again = toy.fit(
        toy.small(), data, SHUFFLED, checkpoint=keep, progress=lambda *a: seen.append(a)
    )
    assert seen == []
    equal(toy, again, first)


@pytest.mark.parametrize("stops", [1, 2, 3, 5])
def test_setbacks_survive(toy, tmp_path, monkeypatch, stops):
    """It diverges in the second epoch, and is interrupted before and after."""
    monkeypatch.setattr(setup, "_SECONDS", 1e-9)  # one step in a device call
    ones = Dataset(np.ones((1, 12, 3), np.uint8), [[0.0]], "discrete")
    config = TrainConfig(epochs=4, batch_size=4, learning_rate=0.3, optimizer="sgd")
    whole = toy.fit(toy.Chain(1.65), ones, config)
    assert whole.setbacks
    part, keep = None, Checkpoint(tmp_path / "c.h5", resume=True)
    while part is None or part.stop_reason == "interrupted":
        part = toy.fit(toy.Chain(1.65), ones, config, checkpoint=keep, stop=Until(stops))
    equal(toy, part, whole)


def other(config, **changes):
    return msgspec.structs.replace(config, **changes)


def test_another_training_is_refused(toy, tmp_path):
    path, data = tmp_path / "c.h5", toy.spins(n=3)
    toy.fit(toy.small(), data, SHUFFLED, checkpoint=Checkpoint(path))
    keep = Checkpoint(path, resume=True)
    cases = (
        (toy.small(), data, other(SHUFFLED, learning_rate=0.5), 0, "learning_rate: 0.003 there"),
        (toy.small(features=5), data, SHUFFLED, 0, "model: "),
        (toy.small(), toy.spins(n=3, seed=1), SHUFFLED, 0, "dataset: "),
        (toy.small(), data, SHUFFLED, 1, "key: "),
    )
    for module, rows, config, seed, words in cases:
        with pytest.raises(TrainingError, match="another training") as error:
            toy.fit(module, rows, config, seed=seed, checkpoint=keep)
        assert words in str(error.value)
    # how often it is written is no part of a training
    toy.fit(toy.small(), data, other(SHUFFLED, checkpoint_s=1.0), checkpoint=keep)


def test_another_version_of_jax_goes_on_with_a_warning(toy, tmp_path):
    path, data = tmp_path / "c.h5", toy.spins(n=3)
    toy.fit(toy.small(), data, SHUFFLED, checkpoint=Checkpoint(path), stop=Until(1))
    with h5py.File(path, "r+") as file:
        was = json.loads(file.attrs["identity"])
        file.attrs["identity"] = json.dumps({**was, "jax": "0.0.1"}, sort_keys=True)
        file.attrs["sha256"] = checkpoint._digest(file)
    with pytest.warns(UserWarning, match="to rounding only"):
        toy.fit(toy.small(), data, SHUFFLED, checkpoint=Checkpoint(path, resume=True))


def test_a_damaged_file_is_named(toy, tmp_path):
    path, data = tmp_path / "c.h5", toy.spins(n=3)
    run = toy.fit(toy.small(), data, SHUFFLED, checkpoint=Checkpoint(path))
    good = path.read_bytes()
    with h5py.File(path) as file:
        identity = json.loads(file.attrs["identity"])

    def read():
        return Checkpoint(path).read(identity, run.state, run.variables["params"])

    state, _, course = read()
    assert toy.bits(state) == toy.bits(run.state)
    assert toy.bits(course.steps) == toy.bits(run.steps)
    rng = np.random.default_rng(0)
    unseen = 0
    for n in range(90):
        bad = bytearray(good)
        if n % 3 == 0:
            bad = bad[: rng.integers(1, len(bad))]
        else:
            for place in rng.integers(0, len(bad), n % 7 + 1):
                bad[place] ^= 1 << rng.integers(8)
        path.write_bytes(bytes(bad))
        try:
            state, _, course = read()
        except TrainingError as error:
            assert str(path) in str(error)
        else:  # a byte between the arrays: what is read is what was written
            unseen += 1
            assert toy.bits(state) == toy.bits(run.state)
            assert toy.bits(course.steps) == toy.bits(run.steps)
    assert unseen < 60


def test_two_trainings_in_one_file_are_refused(toy, tmp_path):
    keep = Checkpoint(tmp_path / "c.h5")
    with keep.held(), pytest.raises(ResultError, match="another process is writing this checkp"):
        toy.fit(toy.small(), toy.spins(n=3), SHUFFLED, checkpoint=Checkpoint(keep.path))


def test_a_disk_that_refuses_costs_no_training(toy, tmp_path):
    folder = tmp_path / "gone"
    folder.mkdir()
    keep = Checkpoint(folder / "c.h5", seconds=0.0)

    def vanish(*_):
        shutil.rmtree(folder, ignore_errors=True)

    with pytest.warns(UserWarning, match="no checkpoint: ") as told:
        run = toy.fit(toy.small(), toy.spins(n=3), SHUFFLED, checkpoint=keep, progress=vanish)
    assert run.stop_reason == "finished"
    assert len([one for one in told if "no checkpoint" in str(one.message)]) == 1, [
        str(one.message) for one in told
    ]
