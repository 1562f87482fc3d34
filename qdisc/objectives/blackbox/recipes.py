"""One-line trainings: which losses take turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import optax

from qdisc.errors import TrainingError
from qdisc.objectives.blackbox.losses import Loss, SleepPhi, WakePhi, WakeTheta


def fit(
    losses: Sequence[Loss], data: list, *, steps: int = 1000, learning_rate: float = 1e-2
) -> Sequence[Loss]:
    """Take turns: every step is one Adam step of each loss, on all data; networks change in place.

    Raises:
        TrainingError: A loss that is not finite.
    """
    optimiser = optax.adam(learning_rate)
    states: list[Any] = [
        optimiser.init((loss.inf_net.weights, loss.gen_model.weights)) for loss in losses
    ]
    for step in range(steps):
        for number, loss in enumerate(losses):
            value, grads = loss.value_and_grad(data)
            if value != value:
                raise TrainingError(
                    "the loss is no number", where=f"{loss.name}, step {step}", value=value,
                    hint="a smaller learning_rate, or a mask where log_density meets log 0",
                )  # fmt: skip
            weights = loss.inf_net.weights, loss.gen_model.weights
            updates, states[number] = optimiser.update(grads, states[number], weights)
            loss.inf_net.weights, loss.gen_model.weights = optax.apply_updates(weights, updates)
    return losses


def wake_wake(inf_net: Any, gen_model: Any, n_samples: int = 8, **options: Any) -> list[Loss]:
    """Reweighted wake-sleep, both in the wake phase."""
    return [cls(inf_net, gen_model, n_samples, **options) for cls in (WakeTheta, WakePhi)]


def wake_sleep(inf_net: Any, gen_model: Any, n_samples: int = 8, **options: Any) -> list[Loss]:
    """Wake-sleep, reweighted where n_samples > 1: the inference network learns from dreams."""
    return [cls(inf_net, gen_model, n_samples, **options) for cls in (WakeTheta, SleepPhi)]


def reweighted_wake_sleep(
    inf_net: Any, gen_model: Any, n_samples: int = 8, **options: Any
) -> list[Loss]:
    """Reweighted wake-sleep with both: the inference network learns from data and dreams."""
    return [cls(inf_net, gen_model, n_samples, **options) for cls in (WakeTheta, WakePhi, SleepPhi)]
