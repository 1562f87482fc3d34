"""Which rows a step sees, and with which weights.

Three plans, one expected gradient (that of plain minibatches):

* all: snapshots repeat and all configurations fit in a step. Each configuration is encoded once;
  rows for the decoder are drawn in proportion to the counts, each with its own latent noise. The
  rate and the aggregate posterior are exact.
* drawn: snapshots repeat, but there are many configurations. Rows are drawn, then encoded.
* shuffled: snapshots do not repeat. An epoch is a permutation cut into batches; the last batch is
  padded with rows of weight zero, so nothing is dropped and shapes stay static.

Drawing is systematic resampling: one uniform number, equally spaced marks on the cumulative
weights (lower variance than independent draws, same expectation).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh
from jaxtyping import Array, Float, Int

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.streamed import StreamedDataset
from qdisc.train.devices import data_mesh

CAPACITY = 512  # most steps in one device call


@dataclass(frozen=True)
class Plan:
    """Static shape of a step.

    Attributes:
        mode: all, drawn or shuffled.
        n_rows: Rows decoded per step.
        steps_per_epoch: ceil(n_snapshots / batch_size).
        n_total: Number of snapshots.
        batch_size: Snapshots that one step stands for.
        mesh: Devices that share the rows of a step; None for one.
    """

    mode: Literal["all", "drawn", "shuffled"]
    n_rows: int
    steps_per_epoch: int
    n_total: int
    batch_size: int
    mesh: Mesh | None = None


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Tables:
    """Device arrays of a dataset.

    Attributes:
        configurations: (U, columns) codes or values.
        cumulative: (U,) cumulative share of snapshots, ends at 1.
        weights: (U,) share of snapshots of each configuration.
    """

    configurations: Array
    cumulative: Float[Array, " configurations"]
    weights: Float[Array, " configurations"]


def make_plan(dataset: Dataset, config: TrainConfig) -> Plan:
    """Choose how rows are drawn from this dataset."""
    n, mesh = dataset.n_snapshots, data_mesh(config.devices)
    batch = min(config.batch_size, n)
    steps = -(-n // batch)
    if isinstance(dataset, StreamedDataset):
        return Plan("shuffled", batch, steps, n, batch, mesh)
    # Not `dataset.deduplicated`: a part of a dataset may hold configurations nobody saw.
    if (dataset.weights == 1).all():
        return Plan("shuffled", batch, steps, n, batch, mesh)
    rows = config.rows or min(batch, 1024)
    fits = dataset.configurations.shape[0] <= max(batch, rows)
    return Plan("all" if fits else "drawn", rows, steps, n, batch, mesh)


def make_tables(dataset: Dataset, dtype: str) -> Tables:
    """Put a dataset on the device; codes stay small integers until they are used."""
    share = dataset.weights / dataset.n_snapshots
    return Tables(
        configurations=as_stored(dataset.configurations, dtype),
        cumulative=jnp.asarray(cumulative_share(dataset), np.float32),
        weights=jnp.asarray(share, dtype),
    )


def cumulative_share(dataset: Dataset) -> np.ndarray:
    """Cumulative share of snapshots of each configuration, float64, ends at 1."""
    cumulative = np.cumsum(dataset.weights / dataset.n_snapshots)
    return cumulative / cumulative[-1]


def as_stored(rows: np.ndarray, dtype: str) -> jax.Array:
    """Rows on the device: real numbers in the dtype of the training, codes as they are."""
    return jnp.asarray(rows.astype(dtype) if rows.dtype.kind == "f" else rows)


def epoch_words(key: jax.Array, epoch: int) -> np.ndarray:
    """Seed of the order of one epoch, uint32 (4,)."""
    return np.asarray(jax.random.bits(jax.random.fold_in(key, epoch), (4,), np.uint32))


def epoch_order(plan: Plan, key: jax.Array, epoch: int) -> np.ndarray:
    """Rows of one epoch, int32 (steps_per_epoch, n_rows), -1 for padding; shuffled plan only."""
    if plan.mode != "shuffled":
        return np.zeros((plan.steps_per_epoch, 0), np.int32)
    order = (
        np.random.default_rng(epoch_words(key, epoch)).permutation(plan.n_total).astype(np.int32)
    )
    padding = plan.steps_per_epoch * plan.n_rows - plan.n_total
    order = np.concatenate([order, np.full(padding, -1, np.int32)])
    return order.reshape(plan.steps_per_epoch, plan.n_rows)


def systematic(
    cumulative: Float[Array, " configurations"], n_rows: int, key: jax.Array
) -> Int[Array, " rows"]:
    """Draw `n_rows` indices in proportion to the weights, with one uniform number."""
    start = jax.random.uniform(key, (), jnp.float32)
    marks = (start + jnp.arange(n_rows, dtype=jnp.float32)) / n_rows
    index = jnp.searchsorted(cumulative, marks, side="right")
    return jnp.minimum(index, cumulative.shape[0] - 1).astype(jnp.int32)
