"""Device calls of the compiled loop, and taking back the step that led to a bad number.

Keeping the state of one step earlier inside the loop would copy every parameter at every step. The
loop is deterministic, so the host keeps the state at which the last two calls began, and runs them
again, shorter, in the rare case that a number is not finite.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from qdisc.train.devices import replicated
from qdisc.train.program import Chunk, TrainState


@dataclass(frozen=True)
class _Call:
    """Where a call began, what it was given, and how many steps it was to take."""

    start: TrainState
    inputs: tuple[Any, ...]
    steps: np.ndarray


class Calls:
    """A training state, or several side by side, that moves on call by call.

    Args:
        loop: The compiled loop of a `Program`, for one model or vmapped over models. It takes its
            state over (donation), so it is given copies.
        state: Where to begin.
        mesh: Devices that the loop was compiled for; None for one.

    Attributes:
        state: State after the last call; after a failure, the last one whose loss was finite.
    """

    def __init__(
        self, loop: Callable[..., Chunk], state: TrainState, mesh: Mesh | None = None
    ) -> None:
        self._loop, self._mesh = loop, mesh
        self.restart(state)

    def restart(self, state: TrainState) -> None:
        """Begin at another state."""
        self._last: _Call | None = None
        self.state = replicated(self._mesh, jax.tree.map(jnp.asarray, state))

    def run(self, n_steps: Any, *inputs: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Take up to `n_steps` steps (one number, or one per model).

        Args:
            n_steps: Steps wanted.
            *inputs: Arguments of the loop between its state and its number of steps, and its key
                last.

        Returns:
            The record, a row per step; how many steps had a finite loss and gradient; and which
            numbers of the step after them were finite (all True when there was no such step).
        """
        inputs = replicated(self._mesh, inputs)
        call = _Call(self.state, inputs, np.asarray(n_steps, np.int32))
        chunk = self._run(call, call.steps)
        done, finite = np.asarray(chunk.done), np.asarray(chunk.finite)
        failed = np.asarray(~finite.all(axis=-1))
        self.state = self._taken_back(call, chunk.state, done, failed)
        self._last = call
        return np.asarray(chunk.record), done, finite

    def _taken_back(
        self, call: _Call, state: TrainState, done: np.ndarray, failed: np.ndarray
    ) -> TrainState:
        """The state, where a model failed one step before step `done`, the first bad one."""
        later, at_once = failed & (done > 0), failed & (done == 0)
        if later.any():
            again = self._run(call, np.where(later, done - 1, 0)).state
            state = _chosen(later, again, state)
        if at_once.any():  # it was the last step of the call before that led there
            last = self._last
            again = call.start
            if last is not None:
                again = self._run(last, np.where(at_once, last.steps - 1, 0)).state
            state = _chosen(at_once, again, state)
        return state

    def _run(self, call: _Call, steps: np.ndarray) -> Chunk:
        *inputs, key = call.inputs
        own = jax.tree.map(jnp.array, call.start)
        count = replicated(self._mesh, jnp.asarray(steps, jnp.int32))
        return self._loop(own, *inputs, count, key)


def _chosen(mask: np.ndarray, these: TrainState, others: TrainState) -> TrainState:
    """`these` where the mask is set, `others` elsewhere, model by model."""

    def choose(a: jax.Array, b: jax.Array) -> jax.Array:
        return jnp.where(mask.reshape(mask.shape + (1,) * (a.ndim - mask.ndim)), a, b)

    return jax.tree.map(choose, these, others)
