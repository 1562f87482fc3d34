"""Training on a file: every row once an epoch, the gradient of training in memory, bit by bit."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.train import loop, stream
from qdisc.train.checkpoint import Checkpoint
from qdisc.train.rows import epoch_words, make_plan
from qdisc.train.stream import Layout, Streamed

KEY = jax.random.key(5)


@pytest.fixture(scope="module")
def data(toy, tmp_path_factory):
    """240 snapshots in memory, and the file that holds them."""
    held = toy.values(points=4, shots=60)
    return held, write_dataset(held, tmp_path_factory.mktemp("stream") / "data.h5")


@pytest.fixture
def many(data, monkeypatch):
    """The same from the file, in 12 blocks of 20 rows and 4 buffers."""
    monkeypatch.setattr(stream, "_BLOCK_BYTES", 240)
    away = read_dataset(data[1], stream=True)
    away.buffer_bytes = 3 * 240
    return away


def seen(dataset, batch, epoch):
    """Rows (as numbers) that the steps of an epoch look at, step by step."""
    plan = make_plan(dataset, TrainConfig(batch_size=batch))
    feed, steps, done = Streamed(dataset, plan, KEY, "float32"), [], 0
    while done < plan.steps_per_epoch:
        tables, order = feed.take(epoch, done, 2)
        steps += [np.asarray(tables.configurations)[row[row >= 0]] for row in order]
        done += len(order)
    feed.close()
    assert done == plan.steps_per_epoch == -(-dataset.n_snapshots // batch)
    return steps


@pytest.mark.parametrize("batch", [20, 7, 64, 240])
def test_an_epoch_shows_every_row_exactly_once(data, many, batch):
    held = data[0]
    rows = np.concatenate(seen(many, batch, 0))
    assert np.array_equal(np.unique(rows, axis=0), np.unique(held.configurations, axis=0))
    assert len(rows) == held.n_snapshots
    again, other = np.concatenate(seen(many, batch, 0)), np.concatenate(seen(many, batch, 1))
    assert np.array_equal(rows, again) and not np.array_equal(rows, other)


def test_buffers_are_made_of_blocks_from_everywhere():
    """1000 rows in blocks of 20, 8 blocks per buffer: seven buffers; each block in one of them."""
    layout = Layout.of(1000, 10, 100, 16000)
    layout = Layout(1000, 10, 20, 8)
    parts = layout.epoch(epoch_words(KEY, 0))
    assert [p.size for p in parts] == [8] * 6 + [2]
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(50))
    assert not np.array_equal(np.concatenate(parts), np.arange(50))
    steps = [layout.order(epoch_words(KEY, 0), b, layout.rows(p)) for b, p in enumerate(parts)]
    assert sum(map(len, steps)) == 100
    assert Layout(995, 10, 20, 8).rows(np.array([49, 3])) == 35  # the last block is short


def test_the_expected_gradient_is_that_of_all_rows(many):
    """Mean over the batches of all epochs, for the gradient of a mean: exact over an epoch.

    Each batch of 20 has the mean of its rows as gradient; all of an epoch average to the mean of
    the data, and the first batch of many epochs does so within its standard error.
    """
    mean = many.configurations[:].mean(axis=0)
    epochs = [seen(many, 20, e) for e in range(60)]
    for steps in epochs[:5]:
        assert np.allclose(np.mean([s.mean(axis=0) for s in steps], axis=0), mean, atol=1e-6)
    first = np.array([steps[0].mean(axis=0) for steps in epochs])
    error = first.std(axis=0, ddof=1) / np.sqrt(len(first))
    assert (np.abs(first.mean(axis=0) - mean) < 4 * error).all()


CONFIG = TrainConfig(epochs=3, batch_size=16, learning_rate=1e-2, gamma=1.0)


@pytest.mark.parametrize("held_out", [0.0, 0.2])
def test_in_one_buffer_it_is_training_in_memory(toy, data, held_out, monkeypatch):
    """The same steps, parameters and validation losses, bit by bit."""
    config = TrainConfig(
        epochs=3, batch_size=16, learning_rate=1e-2, gamma=1.0, validation_fraction=held_out
    )
    monkeypatch.setattr(stream, "_SLAB_BYTES", 4 * 16 * 12)  # four steps on the device
    model = toy.small("continuous")
    here = loop.fit(model, data[0], config)
    away = loop.fit(model, read_dataset(data[1], stream=True), config)
    assert toy.bits(here.steps) == toy.bits(away.steps)
    assert toy.bits(here.variables) == toy.bits(away.variables)
    assert away.n_compilations == 1
    if held_out:
        assert toy.bits(here.validation_loss) == toy.bits(away.validation_loss)
        assert np.array_equal(away.held_out.samples, here.held_out.samples)


def test_many_buffers_learn_the_same(toy, data, many):
    """The loss of the last epochs is that of training in memory, within its own scatter."""
    config = TrainConfig(epochs=40, batch_size=20, learning_rate=1e-2)
    model = toy.small("continuous")
    here, away = loop.fit(model, data[0], config), loop.fit(model, many, config)
    assert here.loss[0] > here.loss[-10:].mean() + 5 * here.loss[-10:].std()  # it has learnt
    scatter = np.hypot(here.loss[-10:].std(), away.loss[-10:].std())
    assert abs(here.loss[-10:].mean() - away.loss[-10:].mean()) < 3 * scatter


def test_it_resumes_bit_by_bit(toy, many, tmp_path):
    """Stopped in the middle of a buffer, and of an epoch."""
    model, path = toy.small("continuous"), tmp_path / "training.checkpoint.h5"
    config = TrainConfig(epochs=3, batch_size=4, learning_rate=1e-2)
    whole = loop.fit(model, many, config)
    told = iter([None] * 6 + ["SIGTERM"] * 99)
    part = loop.fit(model, many, config, checkpoint=Checkpoint(path), stop=lambda: next(told))
    assert part.stop_reason == "interrupted" and 0 < len(part.steps) % 60 != 0
    rest = loop.fit(model, many, config, checkpoint=Checkpoint(path, resume=True))
    assert toy.bits(rest.steps) == toy.bits(whole.steps)
    assert toy.bits(rest.variables) == toy.bits(whole.variables)
