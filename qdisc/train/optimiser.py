"""Optimisers whose learning rate is data, so that changing it compiles nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qdisc.config import TrainConfig
from qdisc.errors import ConfigError, TrainingError

Optimizer = optax.GradientTransformation | Callable[..., optax.GradientTransformation]

FACTORIES: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adabelief": optax.adabelief,
    "adam": optax.adam,
    "adamw": optax.adamw,
    "sgd": optax.sgd,
}


def injected(optimizer: Optimizer) -> optax.GradientTransformation:
    """Return an optimiser whose state carries its `learning_rate`.

    Args:
        optimizer: An optax factory that takes `learning_rate` (optax.adam), or an instance
            (optax.adam(1e-2), optax.chain(...)), which is returned as it is.

    Raises:
        ConfigError: Neither of the two.
    """
    if isinstance(optimizer, optax.GradientTransformation):
        return optimizer
    if not callable(optimizer) or "learning_rate" not in inspect.signature(optimizer).parameters:
        raise ConfigError(
            "an optimizer is an optax factory with a learning_rate, or an optax transformation",
            where="optimizer",
            value=optimizer,
            hint="optax.adabelief, or optax.chain(optax.clip(1.0), optax.adam(1e-3))",
        )
    return optax.inject_hyperparams(optimizer)(learning_rate=0.0)


def has_rate(opt_state: Any) -> bool:
    """Whether the state carries a learning rate of its own."""
    return "learning_rate" in getattr(opt_state, "hyperparams", {})


def with_rate(opt_state: Any, rate: jax.Array) -> Any:
    """Return the state with this learning rate; unchanged when it carries none."""
    if not has_rate(opt_state):
        return opt_state
    old = opt_state.hyperparams["learning_rate"]
    new = {**opt_state.hyperparams, "learning_rate": jnp.asarray(rate, old.dtype)}
    return opt_state._replace(hyperparams=new)


def rate_schedule(config: TrainConfig, n_steps: int) -> np.ndarray:
    """Learning rate of every step of a run, float32 (n_steps,).

    constant: the rate. cosine: rate (1 + cos(pi t / T)) / 2. warmup_cosine: linear over the
    first 5 % of the steps, then cosine to zero.
    """
    rate, steps = config.learning_rate, np.arange(n_steps)
    if config.schedule == "constant" or n_steps == 0:
        return np.full(n_steps, rate, np.float32)
    warmup = max(1, n_steps // 20) if config.schedule == "warmup_cosine" else 0
    cosine = optax.cosine_decay_schedule(rate, max(1, n_steps - warmup))
    with jax.ensure_compile_time_eval():
        values = np.asarray(cosine(jnp.maximum(steps - warmup, 0)), np.float32)
    if warmup:
        values = np.where(steps < warmup, rate * (steps + 1) / warmup, values)
    return values.astype(np.float32)


def beta_schedule(config: TrainConfig, n_steps: int) -> np.ndarray:
    """Weight of the KL term at every step, float32 (n_steps,).

    Over the share `kl_warmup` of the steps it goes from `beta_start` to beta, then stays: linearly
    where one of them is zero, else geometrically, beta_t = beta_start^(1 - t/T) beta^(t/T)
    (deterministic annealing, Rose, Proc. IEEE 86, 2210 (1998): beta is a temperature, and latents
    appear as it falls).
    """
    warmup = config.kl_warmup * n_steps
    ramp = np.ones(n_steps) if warmup <= 0 else np.minimum(1.0, np.arange(n_steps) / warmup)
    start, end = config.beta_start, config.beta
    betas = start + (end - start) * ramp if start * end == 0 else start ** (1 - ramp) * end**ramp
    return betas.astype(np.float32)


def check_rate(opt_state: Any, explicit: bool, rate: float) -> None:
    """Refuse a learning rate that an optimiser instance would ignore."""
    if explicit and not has_rate(opt_state):
        raise TrainingError(
            "this optimizer instance carries its own learning rate, so learning_rate would have "
            "no effect",
            where="learning_rate",
            value=rate,
            hint="pass the factory (optax.adam), wrap it (optax.inject_hyperparams(optax.adam)"
            "(learning_rate=1e-3)), or leave learning_rate out",
        )
