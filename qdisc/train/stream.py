"""Train on a file: which rows a step sees when they do not fit into memory.

An epoch, drawn from the key and the number of the epoch alone:

    rows of the file, in blocks of about 1 MB (a multiple of the batch)
        -> a permutation of the blocks, cut into buffers of `buffer_bytes`: many places of the file
        -> in each buffer, a permutation of its rows, cut into batches

A thread reads the next buffer while the steps of this one run; slabs of 16 MB, some dozens of
steps, go to the device. Every row is seen exactly once per epoch, the batch that the file ends with
is padded with rows of weight zero, and step s of epoch e can be found again without those before
it: a training resumes bit by bit.

What it does to the gradient. Averaged over the order, the gradient of a step is that of plain
minibatches. Within a buffer it is the gradient of the buffer's rows plus the usual noise of a
minibatch; the buffer is a sample of K whole blocks, and differs from the whole data by

    variance = (between-block variance of the gradient) / K * (1 - K / blocks),

shared by all the steps of the buffer, where a full shuffle has noise that is independent from step
to step. In a file sorted by theta a block is one setting, so K is the number of settings that a
buffer mixes: 128 with the defaults. That noise averages out over the buffers of an epoch, because
the blocks are drawn without replacement. When everything fits into one buffer, blocks are not
permuted, and the batches are those of training in memory.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.dataset.streamed import StreamedDataset
from qdisc.train.devices import replicated
from qdisc.train.rows import CAPACITY, Plan, Tables, epoch_words

_BLOCK_BYTES = 1 << 20
_SLAB_BYTES = 16 << 20


@dataclass(frozen=True)
class Layout:
    """How rows are cut up.

    Attributes:
        n: Rows.
        batch: Rows of a step.
        block: Rows of a block, a multiple of `batch`.
        per_buffer: Blocks of a buffer.
    """

    n: int
    batch: int
    block: int
    per_buffer: int

    @staticmethod
    def of(n: int, batch: int, row_bytes: int, buffer_bytes: int) -> Layout:
        """Blocks of about 1 MB, buffers of at most `buffer_bytes` (and at least one block)."""
        block = batch * max(1, round(_BLOCK_BYTES / (batch * row_bytes)))
        return Layout(n, batch, block, max(1, buffer_bytes // (block * row_bytes)))

    @property
    def blocks(self) -> int:
        """Blocks of the data; the last one may be short."""
        return -(-self.n // self.block)

    @property
    def buffers(self) -> int:
        """Buffers of an epoch."""
        return -(-self.blocks // self.per_buffer)

    def epoch(self, words: np.ndarray) -> list[np.ndarray]:
        """The blocks of each buffer."""
        if self.buffers == 1:
            return [np.arange(self.blocks)]
        order = np.random.default_rng(words).permutation(self.blocks)
        return np.split(order, range(self.per_buffer, self.blocks, self.per_buffer))

    def rows(self, blocks: np.ndarray) -> int:
        """Rows of some blocks."""
        short = self.blocks * self.block - self.n
        return blocks.size * self.block - (short if (blocks == self.blocks - 1).any() else 0)

    def order(self, words: np.ndarray, buffer: int, rows: int) -> np.ndarray:
        """Rows of a buffer step by step, int32 (steps, batch); -1 for padding."""
        seed = words if self.buffers == 1 else np.append(words, np.uint32(buffer + 1))
        order = np.random.default_rng(seed).permutation(rows).astype(np.int32)
        padding = -rows % self.batch
        return np.concatenate([order, np.full(padding, -1, np.int32)]).reshape(-1, self.batch)


@dataclass
class _Buffer:
    """Rows in memory, and which of them each step takes."""

    rows: np.ndarray
    order: np.ndarray


class Streamed:
    """The feed of a `StreamedDataset`; see the module.

    Args:
        dataset: What is trained on.
        plan: How rows are drawn: shuffled.
        key: Key of the order.
        dtype: Of the real numbers.
    """

    def __init__(self, dataset: StreamedDataset, plan: Plan, key: jax.Array, dtype: str) -> None:
        rows: Any = dataset.configurations
        self.rows, self.key = rows, key
        self.layout = Layout.of(plan.n_total, plan.n_rows, rows.row_bytes, dataset.buffer_bytes)
        self.dtype = np.dtype(dtype) if rows.dtype.kind == "f" else rows.dtype
        wanted = max(1, _SLAB_BYTES // (plan.n_rows * rows.row_bytes))
        self.capacity = min(CAPACITY, plan.steps_per_epoch, wanted)
        self._one, self._mesh = jnp.ones(1, dtype), plan.mesh
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="qdisc-rows")
        self._epoch: tuple[int, np.ndarray, list[np.ndarray], np.ndarray] | None = None
        self._coming: dict[tuple[int, int], Future[_Buffer]] = {}
        self._slab: tuple[tuple[int, int], Tables] | None = None

    def take(self, epoch: int, done: int, n: int) -> tuple[Tables, np.ndarray]:
        """See `Feed`: at most the steps that are on the device together."""
        _, _, _, ends = self._planned(epoch)
        buffer = int(np.searchsorted(ends, done, side="right"))
        within = done - (int(ends[buffer - 1]) if buffer else 0)
        content = self._buffer(epoch, buffer)
        first = within - within % self.capacity
        order = content.order[first : first + self.capacity]
        where = (epoch, done - within + first)
        if self._slab is None or self._slab[0] != where:
            self._slab = None  # let go of the old one before the new one is made
            self._slab = where, self._tables(content.rows, order)
        # Row i of the slab is the i-th of its steps; padding stays padding.
        places = np.where(order < 0, -1, np.arange(order.size, dtype=np.int32).reshape(order.shape))
        return self._slab[1], places[within - first : within - first + n]

    def _tables(self, rows: np.ndarray, order: np.ndarray) -> Tables:
        slab = np.zeros((self.capacity * self.layout.batch, rows.shape[1]), self.dtype)
        slab[: order.size] = rows[np.maximum(order, 0).reshape(-1)]
        tables = Tables(configurations=jnp.asarray(slab), cumulative=self._one, weights=self._one)
        return replicated(self._mesh, tables)

    def _planned(self, epoch: int) -> tuple[int, np.ndarray, list[np.ndarray], np.ndarray]:
        if self._epoch is None or self._epoch[0] != epoch:
            words, layout = epoch_words(self.key, epoch), self.layout
            blocks = layout.epoch(words)
            steps = [-(-layout.rows(part) // layout.batch) for part in blocks]
            self._epoch = epoch, words, blocks, np.cumsum(steps)
        return self._epoch

    def _buffer(self, epoch: int, number: int) -> _Buffer:
        """A buffer, and the reading of the next one under way."""
        for other in [place for place in self._coming if place not in (
            (epoch, number), (epoch, number + 1))]:  # fmt: skip
            del self._coming[other]
        wanted = self._ask(epoch, number)
        if number + 1 < self.layout.buffers:
            self._ask(epoch, number + 1)
        return wanted.result()

    def _ask(self, epoch: int, number: int) -> Future[_Buffer]:
        place = epoch, number
        if place not in self._coming:
            _, words, blocks, _ = self._planned(epoch)
            self._coming[place] = self._reader.submit(self._read, blocks[number], words, number)
        return self._coming[place]

    def _read(self, blocks: np.ndarray, words: np.ndarray, number: int) -> _Buffer:
        layout, n = self.layout, self.layout.rows(blocks)
        rows = np.empty((n, self.rows.shape[1]), self.rows.dtype)
        at = np.concatenate([[0], np.cumsum([layout.rows(blocks[i : i + 1])
                                             for i in range(blocks.size)])])  # fmt: skip
        for place in np.argsort(blocks):  # in the order of the file: a disk reads on
            start = int(blocks[place]) * layout.block
            size = int(at[place + 1] - at[place])
            rows[at[place] : at[place + 1]] = self.rows[start : start + size]
        return _Buffer(rows, layout.order(words, number, n))

    def close(self) -> None:
        """Stop reading."""
        self._reader.shutdown(wait=True, cancel_futures=True)
        self._coming, self._slab = {}, None
