"""The Hamiltonian VAE under its published names; the mathematics is in `qdisc.objectives`.

`HVAE` is the flax module and has every piece of the bound as a method (`hvae.apply(variables, x,
key, method="hamiltonian_elbo")`). The functions below are the same on arrays, the decoder given as
a function z -> (log p(x|z) per row, output). Rows come first everywhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import optax

from qdisc.errors import TrainingError
from qdisc.nn.hvae import HVAE, HVAEOutput
from qdisc.objectives.evidence import Evidence, importance_evidence
from qdisc.objectives.hamiltonian import (
    LogPWeights,
    LogQWeights,
    PhaseSpace,
    grad_potential_energy,
    hamiltonian_elbo,
    leapfrog_step,
    leapfrog_tempering_step,
    log_p_bar,
    log_q_bar,
    null_tempering,
    potential_energy,
    quadratic_temperature_tempering,
    quadratic_tempering,
    warn_if_stopped,
)
from qdisc.train.program import TrainState

__all__ = [
    "HVAE",
    "Evidence",
    "HVAEOutput",
    "LogPWeights",
    "LogQWeights",
    "PhaseSpace",
    "begin",
    "grad_potential_energy",
    "hamiltonian_elbo",
    "importance_evidence",
    "leapfrog_step",
    "leapfrog_tempering_step",
    "log_p_bar",
    "log_q_bar",
    "loss",
    "null_tempering",
    "potential_energy",
    "quadratic_temperature_tempering",
    "quadratic_tempering",
    "train",
    "train_step",
]


_log = logging.getLogger("qdisc.vae")


def loss(
    hvae: HVAE, params: Any, x: Any, key: jax.Array, target: Any = None, **options: Any
) -> Any:
    """Mean loss of a batch; `HVAE.loss` has the formula and the options."""
    return hvae.apply({"params": params}, x, key, target, method="loss", **options)


def begin(
    hvae: HVAE, x: Any, key: jax.Array, optimizer: optax.GradientTransformation
) -> TrainState:
    """Initial parameters and optimiser state, from a batch that shows the shapes."""
    params = hvae.init(key, jnp.asarray(x)[:1], key)["params"]
    return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32))


def train_step(
    hvae: HVAE,
    optimizer: optax.GradientTransformation,
    loss_function: Callable = loss,
    loss_kwargs: Mapping[str, Any] | None = None,
) -> Callable[..., tuple[TrainState, jax.Array]]:
    """Build the jitted step (state, x, key, target=None) -> (state, loss).

    Args:
        hvae: The model.
        optimizer: An optax transformation.
        loss_function: Like `loss`.
        loss_kwargs: Its options.

    Warns:
        UserWarning: Stopped forces, with which gradients are wrong.
    """
    warn_if_stopped(hvae.grad_method, "HVAE.grad_method")
    options = dict(loss_kwargs or {})

    @jax.jit
    def step(state: TrainState, x: Any, key: jax.Array, target: Any = None) -> Any:
        value, gradient = jax.value_and_grad(
            lambda params: loss_function(hvae, params, x, key, target, **options)
        )(state.params)
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
        return TrainState(
            optax.apply_updates(state.params, updates), opt_state, state.step + 1
        ), value

    return step


def train(
    hvae: HVAE,
    state: TrainState,
    x: Any,
    key: jax.Array,
    optimizer: optax.GradientTransformation,
    target: Any = None,
    *,
    loss_function: Callable = loss,
    loss_kwargs: Mapping[str, Any] | None = None,
    loss_return: bool = False,
    verbose: bool = False,
) -> Any:
    """Take one optimiser step on one batch. Whole datasets: `VAETrainer`, or a recipe.

    Args:
        hvae: The model.
        state: From `begin`, or from the step before.
        x: Samples (B, columns).
        key: Key of the noise.
        optimizer: The one that `state` was begun with.
        target: Samples that log p(x|z) is about, if not `x`.
        loss_function: Like `loss`.
        loss_kwargs: Its options, all of them hashable: equal ones share a compilation.
        loss_return: Return (state, loss).
        verbose: Log the loss, logger `qdisc.vae`.

    Returns:
        The new state.

    Raises:
        TrainingError: The loss is not finite; `state` is still the last good one.
    """
    step = _step(hvae, optimizer, loss_function, _frozen(loss_kwargs or {}))  # type: ignore[arg-type]
    state, value = step(state, jnp.asarray(x), key, target)
    if not bool(jnp.isfinite(value)):
        raise TrainingError(
            "the loss is not finite", where=f"train, step {int(state.step)}", value=float(value),
            hint="a smaller step_size of the path, or a smaller learning rate",
        )  # fmt: skip
    if verbose:
        _log.info("step %d: loss %.4f", int(state.step), float(value))
    return (state, value) if loss_return else state


def _frozen(options: Mapping[str, Any]) -> tuple:
    return tuple(
        (name, _frozen(value) if isinstance(value, Mapping) else value, isinstance(value, Mapping))
        for name, value in sorted(options.items())
    )


def _thawed(options: tuple) -> dict[str, Any]:
    return {name: _thawed(value) if nested else value for name, value, nested in options}


@lru_cache(maxsize=8)
def _step(hvae: HVAE, optimizer: Any, loss_function: Callable, options: tuple) -> Callable:
    return train_step(hvae, optimizer, loss_function, _thawed(options))
