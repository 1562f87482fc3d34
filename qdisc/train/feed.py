"""Where the rows of a step come from: all on the device, or read ahead from a file.

A feed is asked for the steps of an epoch, one device call after another, and gives the tables that
these steps look into and, per step, the places in them:

    Resident   the dataset is on the device, the places are `epoch_order`
    Streamed   (`qdisc.train.stream`) the rows of the next steps are, and the places count them off
"""

from __future__ import annotations

from typing import Protocol

import jax
import numpy as np

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.streamed import StreamedDataset
from qdisc.train.devices import replicated
from qdisc.train.rows import CAPACITY, Plan, Tables, epoch_order, make_tables
from qdisc.train.stream import Streamed


class Feed(Protocol):
    """The rows of a training."""

    capacity: int
    """Most steps that one device call may take."""

    def take(self, epoch: int, done: int, n: int) -> tuple[Tables, np.ndarray]:
        """Tables and order, int32 (up to n steps, rows), of the steps from `done` of an epoch."""
        ...

    def close(self) -> None:
        """Let go of files and threads."""
        ...


class Resident:
    """All rows on the device."""

    def __init__(self, dataset: Dataset, plan: Plan, key: jax.Array, dtype: str) -> None:
        self.plan, self.key = plan, key
        self.tables = replicated(plan.mesh, make_tables(dataset, dtype))
        self.capacity = min(CAPACITY, plan.steps_per_epoch)
        self._order: tuple[int, np.ndarray] | None = None

    def take(self, epoch: int, done: int, n: int) -> tuple[Tables, np.ndarray]:
        """See `Feed`."""
        if self._order is None or self._order[0] != epoch:
            self._order = epoch, epoch_order(self.plan, self.key, epoch)
        return self.tables, self._order[1][done : done + n]

    def close(self) -> None:
        """Nothing to let go of."""


def make_feed(dataset: Dataset, plan: Plan, key: jax.Array, dtype: str) -> Feed:
    """The feed that suits a dataset.

    Args:
        dataset: What is trained on.
        plan: How rows are drawn.
        key: Key of the order of the rows.
        dtype: float32 or float64.
    """
    if isinstance(dataset, StreamedDataset):
        return Streamed(dataset, plan, key, dtype)
    return Resident(dataset, plan, key, dtype)
