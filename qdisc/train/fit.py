"""What a finished training is: parameters, curves, and why it stopped."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset

ACTIVE = 0.05  # nats of KL above which a latent counts as active


@dataclass(frozen=True)
class Fit:
    """Result of `fit`.

    Attributes:
        variables: {"params": ...}: the last good parameters, or the best ones on validation.
        state: Full training state, to go on from.
        loss: (epochs,) mean loss per epoch, nats.
        terms: reconstruction, kl and tc, each (epochs,).
        kl: (epochs, latents) KL per latent, nats.
        logvar: (epochs, latents) mean log variance of the posterior.
        steps: (steps, 4 + 2 latents) the same per step: loss, reconstruction, kl, tc, kl per
            latent, logvar per latent.
        validation_loss: (epochs,), or None without a validation split.
        epochs_run: Complete epochs.
        stop_reason: finished, early_stopping, not_finite, callback or interrupted.
        message: The reason in words.
        seed: Seed, when one was given.
        config: How it was trained.
        n_compilations: Compilations of the training loop.
        duration_s: Wall time.
        n_parameters: Number of parameters.
        program: The compiled loop, to pass to the next `fit` on the same model and data.
        held_out: The snapshots kept out of training, or None.
        setbacks: What was not finite, for each time the learning rate was halved.
    """

    variables: dict[str, Any]
    state: Any
    loss: np.ndarray
    terms: dict[str, np.ndarray]
    kl: np.ndarray
    logvar: np.ndarray
    steps: np.ndarray
    validation_loss: np.ndarray | None
    epochs_run: int
    stop_reason: str
    message: str
    seed: int | None
    config: TrainConfig
    n_compilations: int
    duration_s: float
    n_parameters: int
    program: Any = None
    held_out: Dataset | None = None
    setbacks: tuple[str, ...] = ()

    @property
    def active_latents(self) -> int:
        """Latents whose KL exceeds 0.05 nat at the end."""
        return int((self.kl[-1] > ACTIVE).sum()) if self.kl.size else 0


@dataclass(frozen=True)
class Epoch:
    """What a callback sees after each epoch (and progress after each chunk).

    Attributes:
        epoch: Number of complete epochs.
        epochs: Epochs that were asked for.
        loss: Mean loss of the epoch, nats.
        terms: reconstruction, kl, tc.
        active: Latents with more than 0.05 nat.
        validation_loss: Or None.
    """

    epoch: int
    epochs: int
    loss: float
    terms: dict[str, float]
    active: int
    validation_loss: float | None = None
