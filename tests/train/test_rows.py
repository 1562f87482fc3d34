"""Which rows a step sees: every snapshot as often as it was measured."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.train.rows import Plan, epoch_order, make_plan, make_tables, systematic

KEY = jax.random.key(3)


def test_the_plan_follows_from_the_data(toy):
    assert make_plan(toy.repeating(), TrainConfig(batch_size=5)) == Plan("all", 5, 3, 12, 5)
    assert make_plan(toy.repeating(), TrainConfig(batch_size=4)) == Plan("drawn", 4, 3, 12, 4)
    rows = TrainConfig(batch_size=4, rows=7)
    assert make_plan(toy.repeating(), rows) == Plan("all", 7, 3, 12, 4)
    assert make_plan(toy.plain(toy.repeating()), rows) == Plan("shuffled", 4, 3, 12, 4)


def test_a_step_decodes_at_most_1024_rows_of_repeating_data(toy):
    plan = make_plan(toy.repeating(copies=1000), TrainConfig(batch_size=5000))
    assert plan == Plan("all", 1024, 3, 12000, 5000)


def test_a_batch_larger_than_the_data_is_all_of_them(toy):
    assert make_plan(toy.repeating(), TrainConfig(batch_size=10**6)) == Plan("all", 12, 1, 12, 12)
    shuffled = make_plan(toy.plain(toy.repeating()), TrainConfig(batch_size=10**6))
    assert shuffled == Plan("shuffled", 12, 1, 12, 12)


@pytest.mark.parametrize(("n", "batch"), [(12, 4), (12, 5), (12, 1), (12, 12), (12, 11)])
def test_an_epoch_holds_every_snapshot_once(n, batch):
    steps = -(-n // batch)
    order = epoch_order(Plan("shuffled", batch, steps, n, batch), KEY, 0)
    assert order.shape == (steps, batch)
    assert order.dtype == np.int32
    assert sorted(order[order >= 0]) == list(range(n))
    assert (order[:-1] >= 0).all()
    assert (order == -1).sum() == steps * batch - n


def test_epochs_and_keys_have_orders_of_their_own():
    plan = Plan("shuffled", 10, 10, 100, 10)
    first = epoch_order(plan, KEY, 0)
    assert (epoch_order(plan, KEY, 0) == first).all()
    assert (epoch_order(plan, KEY, 1) != first).any()
    assert (epoch_order(plan, jax.random.key(4), 0) != first).any()


def test_configurations_that_nobody_saw_are_not_snapshots():
    """Three entries, three configurations, each count 1, and yet: 0 was seen twice, 2 never."""
    counts = CountMatrix.from_pairs(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.ones(3, np.int64), 2, 3
    )
    rows = [[0, 0], [0, 1], [1, 1]]
    data = Dataset.from_configurations(rows, counts, [[0.0], [1.0]], data_type="discrete")
    plan = make_plan(data, TrainConfig(batch_size=3))
    assert plan.mode == "all"
    tables = make_tables(data, "float32")
    assert np.allclose(tables.weights, [2 / 3, 1 / 3, 0])
    drawn = jax.vmap(lambda k: systematic(tables.cumulative, 3, k))(jax.random.split(KEY, 50))
    assert set(np.unique(drawn)) == {0, 1}


def test_tables_hold_the_shares(toy):
    tables = make_tables(toy.repeating(), "float32")
    assert tables.configurations.dtype == jnp.uint8
    assert np.allclose(tables.weights, np.array([5, 1, 2, 3, 1]) / 12)
    assert np.allclose(tables.cumulative, np.array([5, 6, 8, 11, 12]) / 12)
    assert float(tables.cumulative[-1]) == 1.0
    assert tables.weights.dtype == tables.cumulative.dtype == jnp.float32
    assert make_tables(toy.values(), "float32").configurations.dtype == jnp.float32


def test_systematic_draws_have_the_right_frequencies(toy):
    """Each draw holds floor or ceil of rows * share, and their mean is rows * share."""
    cumulative = make_tables(toy.repeating(), "float32").cumulative
    keys, n_rows = jax.random.split(KEY, 4000), 7
    drawn = jax.vmap(lambda key: systematic(cumulative, n_rows, key))(keys)
    times = np.stack([np.bincount(row, minlength=5) for row in np.asarray(drawn)])
    expected = n_rows * np.array([5, 1, 2, 3, 1]) / 12
    assert (times >= np.floor(expected)).all()
    assert (times <= np.ceil(expected)).all()
    error = np.sqrt((expected % 1) * (1 - expected % 1) / len(keys))
    assert (np.abs(times.mean(0) - expected) < 4.5 * error + 1e-6).all()


def test_drawing_as_many_rows_as_snapshots_takes_each_once(toy):
    cumulative = make_tables(toy.repeating(), "float32").cumulative
    for seed in range(20):
        drawn = systematic(cumulative, 12, jax.random.key(seed))
        assert np.bincount(drawn, minlength=5).tolist() == [5, 1, 2, 3, 1]


def test_draws_stay_in_range_for_many_configurations():
    """Rounding of 10**6 shares in single precision loses none of the ends."""
    share = np.full(10**6, 1e-6)
    cumulative = np.cumsum(share)
    table = jnp.asarray(cumulative / cumulative[-1], jnp.float32)
    drawn = np.asarray(systematic(table, 5000, KEY))
    assert drawn.min() >= 0
    assert drawn.max() <= 10**6 - 1
    assert np.allclose(np.diff(drawn), 200, atol=1)
