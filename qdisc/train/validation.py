"""Snapshots kept out of training, and the loss on them."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.streamed import StreamedDataset
from qdisc.errors import TrainingError
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.rows import Plan, Tables, as_stored, cumulative_share, make_tables, systematic

_ROWS = 2048  # rows per evaluation; the same rows and noise every epoch, so that epochs compare

_PIECE = 1 << 20  # rows that are drawn at once


def split(dataset: Dataset, fraction: float, key: jax.Array) -> tuple[Dataset, Dataset | None]:
    """Divide every point's shots at random into (training, validation).

    Args:
        dataset: All snapshots.
        fraction: Share of snapshots for validation; 0 leaves the dataset as it is.
        key: Random key.

    Raises:
        TrainingError: A part would be empty.
    """
    if fraction == 0:
        return dataset, None
    words = np.asarray(jax.random.bits(key, (4,), np.uint32))
    rng = np.random.default_rng(words)
    if isinstance(dataset, StreamedDataset):
        return _split_rows(dataset, fraction, rng)
    counts = dataset.counts
    held = rng.binomial(counts.data, fraction)
    _refuse_few(int(held.sum()), dataset, fraction)
    return _keep(dataset, counts.data - held), _keep(dataset, held)


def _refuse_few(held: int, dataset: Dataset, fraction: float) -> None:
    if held in (0, dataset.n_snapshots):
        raise TrainingError(
            "too few snapshots to keep some out for validation",
            where="train.validation_fraction",
            value=f"{fraction} of {dataset.n_snapshots} snapshots",
            hint="train.validation_fraction = 0",
        )


def _split_rows(
    dataset: StreamedDataset, fraction: float, rng: np.random.Generator
) -> tuple[Dataset, Dataset]:
    """The same for rows that stay in their file: one draw per row, in pieces."""
    n = dataset.n_snapshots
    held = np.empty(n, bool)
    for start in range(0, n, _PIECE):
        piece = np.ones(min(_PIECE, n - start), np.int64)
        held[start : start + piece.size] = rng.binomial(piece, fraction)
    _refuse_few(int(held.sum()), dataset, fraction)
    narrow = dataset.counts.indices.dtype
    kept, out = (np.flatnonzero(mask).astype(narrow) for mask in (~held, held))
    return dataset.part(kept), dataset.part(out)


def _keep(dataset: Dataset, data: np.ndarray) -> Dataset:
    counts, rows = dataset.counts, dataset.configurations
    kept = CountMatrix.from_pairs(
        counts.point_of_entry(), counts.indices, data, counts.n_points, counts.n_configurations
    )
    if not dataset.deduplicated:
        rows = rows[kept.indices]
        kept = CountMatrix.one_each(kept.shots())
    return Dataset.from_configurations(
        rows, kept, dataset.theta, data_type=dataset.data_type,
        theta_names=dataset.theta_names, theta_units=dataset.theta_units,
        local_states=None if dataset.data_type == "shadow" else dataset.local_states,
        sites=dataset.sites, periodic=dataset.periodic,
        local_dimension=dataset.local_dimension, name=dataset.name, source=dataset.source,
    )  # fmt: skip


class Validation:
    """Loss (reconstruction + beta KL, no TC) on fixed rows with fixed noise."""

    def __init__(self, module: Any, dataset: Dataset, config: TrainConfig, latent_dim: int) -> None:
        n_rows = min(_ROWS, dataset.n_snapshots)
        plan = Plan("shuffled", n_rows, 1, dataset.n_snapshots, n_rows)
        cumulative = jnp.asarray(cumulative_share(dataset), np.float32)
        index = systematic(cumulative, n_rows, jax.random.key(0))
        if isinstance(dataset, StreamedDataset):  # these rows alone
            rows = dataset.configurations[np.asarray(index)]
            one, index = jnp.ones(1, config.dtype), jnp.arange(n_rows, dtype=jnp.int32)
            tables = Tables(as_stored(rows, config.dtype), one, one)
        else:
            tables = make_tables(dataset, config.dtype)
        beta = jnp.asarray(config.beta, config.dtype)

        @jax.jit
        def loss(params: Any, tables: Tables, index: jax.Array, hybrid: Any) -> jax.Array:
            hyper = Hyper(beta, jnp.zeros_like(beta), hybrid)
            return step_loss(
                params, module, dataset.data_type, plan, False, tables, index, hyper,
                jax.random.key(1),
            )[0]  # fmt: skip

        self._loss = lambda params, hybrid: loss(params, tables, index, hybrid)

    def loss(self, params: Any, hybrid: Any) -> float:
        """Validation loss in nats."""
        return float(self._loss(jax.tree.map(np.asarray, params), hybrid))
