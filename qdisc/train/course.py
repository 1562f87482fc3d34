"""How far a training has come: what a checkpoint holds beside the state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import jax
import numpy as np

HALVINGS = 3  # times the learning rate is halved before a training gives up


@dataclass
class Course:
    """The record of a training, from which it can go on.

    Attributes:
        steps: Rows of the record, one array (steps, columns) per complete epoch.
        partial: Those of the epoch under way.
        validation: Validation loss after each epoch.
        best: The lowest of them; `best_epoch` counts from 0, `best_params` are its parameters.
        setbacks: What was not finite, once for each time the training went back.
        reason: Why it ended; "" while it goes on.
        message: The reason in words.
        n_compilations: Compilations of the loop.
    """

    steps: list[np.ndarray] = field(default_factory=list)
    partial: list[np.ndarray] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    best: float = np.inf
    best_epoch: int = -1
    best_params: Any = None
    setbacks: list[str] = field(default_factory=list)
    reason: str = ""
    message: str = ""
    n_compilations: int = 0

    @property
    def epoch(self) -> int:
        """Complete epochs."""
        return len(self.steps)

    @property
    def done(self) -> int:
        """Steps of the epoch under way."""
        return sum(rows.shape[0] for rows in self.partial)

    @property
    def factor(self) -> float:
        """What the learning rate is multiplied with: it is halved with every setback."""
        return 0.5 ** len(self.setbacks)

    @property
    def epochs(self) -> list[np.ndarray]:
        """Means of the record over each complete epoch."""
        return [rows.mean(0) for rows in self.steps]

    @property
    def records(self) -> list[np.ndarray]:
        """The record of every step there was."""
        return [*self.steps, *self.partial]

    def complete_epoch(self) -> None:
        """The epoch under way has ended."""
        self.steps.append(np.concatenate(self.partial))
        self.partial = []

    def validated(self, loss: float, params: Any) -> None:
        """Note the validation loss of the last epoch, and keep its parameters if it is the best."""
        self.validation.append(loss)
        if loss < self.best:
            self.best, self.best_epoch = loss, self.epoch - 1
            self.best_params = jax.tree.map(np.asarray, params)

    def copy(self) -> Course:
        """A course that goes its own way; the arrays are shared, since nobody changes them."""
        return replace(
            self, steps=list(self.steps), partial=list(self.partial),
            validation=list(self.validation), setbacks=list(self.setbacks),
        )  # fmt: skip


@dataclass(frozen=True)
class Anchor:
    """The start of an epoch: where a training goes back to when a number is not finite.

    Attributes:
        state: `TrainState` on the host.
        course: The course up to there.
    """

    state: Any
    course: Course

    @staticmethod
    def at(state: Any, course: Course) -> Anchor:
        """The present, copied."""
        return Anchor(jax.tree.map(np.array, state), course.copy())
