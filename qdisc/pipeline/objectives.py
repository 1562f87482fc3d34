"""What `model.objective` names: how the chosen model is wrapped for a bound, and what it learns.

An objective other than the plain bound is a module around the model with a method `row_bound`
(`qdisc.train.objective`), and a table of its own in the recipe, `[model.<objective>]`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np

from qdisc.config import Config, convert
from qdisc.errors import ConfigError, ResultError, nearest
from qdisc.objectives.hamiltonian import warn_if_stopped
from qdisc.plugin import DataSpec, Variable


class HvaeConfig(Config):
    """Options of the Hamiltonian VAE, recipe table `[model.hvae]`; see `qdisc.vae.HVAE`.

    Attributes:
        steps: Leapfrog steps of the path; 0 is the plain model.
        step_size: Of a step at the start: a number, one per latent, [[...]] with one row per step.
        step_size_per: What learns a step size of its own: all, latent, step, both.
        learn_step_size: Train the step sizes, within (0, max_step_size).
        max_step_size: Their bound.
        beta0: Inverse temperature of the first momentum at the start, in (0, 1].
        learn_beta0: Train it, or the factors of free tempering.
        tempering: quadratic, quadratic_temperature, free or null.
        latent: What maps show: z_final, the end of the path, or encoder_mean, its start.
        grad_method: autodiff; autodiff_stop is twice as fast, with wrong gradients.
        remat: Recompute the path backwards: less memory, more time.
    """

    steps: int = 3
    step_size: float | tuple[float | tuple[float, ...], ...] = 0.05
    step_size_per: Literal["all", "latent", "step", "both"] = "all"
    learn_step_size: bool = True
    max_step_size: float = 0.5
    beta0: float = 0.3
    learn_beta0: bool = True
    tempering: Literal["quadratic", "quadratic_temperature", "free", "null"] = "quadratic"
    latent: Literal["z_final", "encoder_mean"] = "z_final"
    grad_method: Literal["autodiff", "autodiff_stop", "jvp", "finite_central", "finite_forward"] = (
        "autodiff"
    )
    remat: bool = False


@dataclass(frozen=True)
class Objective:
    """One objective.

    Attributes:
        Config: Struct of its options, None where it has none.
        wrap: (module, config, data_spec, alpha) -> the module that is trained.
        cost: config -> time of a step over that of the plain bound, roughly.
        learned: (module, variables, order of the latents) -> attributes and variables of
            `/model/objective` in the result file.
        held_out: Share of the snapshots kept out of training if the recipe does not say: the
            evidence is measured on them.
    """

    Config: type | None
    wrap: Callable[[Any, Any, DataSpec, float | None], Any]
    cost: Callable[[Any], float]
    learned: Callable[[Any, Any, np.ndarray], tuple[dict[str, Any], dict[str, Variable]]]
    held_out: float = 0.0


def _hvae(module: Any, config: HvaeConfig, data_spec: DataSpec, alpha: float | None) -> Any:
    from qdisc.nn.hvae import HVAE

    fields = {name: getattr(config, name) for name in config.__struct_fields__}
    return HVAE(module, **fields, data_type=data_spec.data_type, alpha=alpha)


def _hvae_learned(
    module: Any, variables: Any, order: np.ndarray
) -> tuple[dict[str, Any], dict[str, Variable]]:
    sizes, betas = module.apply(variables, len(order), jnp.float32, method="learned")
    sizes, betas = np.asarray(sizes)[:, order], np.asarray(betas)
    return {"beta0": float(betas[0])}, {
        "step_size": Variable(
            sizes, ("path_step", "latent"), long_name="size of the leapfrog steps"
        ),
        "beta": Variable(
            betas, ("path_stage",), long_name="inverse temperature of the momentum, start to end"
        ),
    }


OBJECTIVES: dict[str, Objective] = {
    "elbo": Objective(None, lambda module, *_: module, lambda _: 1.0, lambda *_: ({}, {})),
    # a step visits the decoder K + 1 times, each time differentiating twice: 27/6 at K = 3
    "hvae": Objective(
        HvaeConfig, _hvae, lambda config: 0.5 + (config.steps + 1.0), _hvae_learned, 0.1
    ),
}


def known(name: str) -> Objective:
    """The objective of a result file.

    Raises:
        ResultError: This version does not know it.
    """
    if name not in OBJECTIVES:
        raise ResultError(
            "the file's model was trained with an unknown objective", where="/model/objective",
            value=name, hint="a newer version of qdisc may know it",
        )  # fmt: skip
    return OBJECTIVES[name]


def take(options: dict[str, Any]) -> tuple[str, Any]:
    """Take the objective and its table out of the options of `[model]`.

    Args:
        options: Keys of `[model]`; those that belong to objectives are removed.

    Returns:
        The objective's name and its Config (None where it has none).

    Raises:
        ConfigError: An unknown objective, or a table of one that nobody chose.
    """
    chosen = "objective" in options
    name = options.pop("objective", "elbo")
    if not isinstance(name, str) or name not in OBJECTIVES:
        raise ConfigError(
            f"unknown objective {name!r}", where="model.objective", value=name,
            hint=nearest(str(name), OBJECTIVES),
        )  # fmt: skip
    tables = {key: options.pop(key) for key in OBJECTIVES if key in options}
    for key, table in tables.items():
        if not isinstance(table, Mapping):
            raise ConfigError(f"[model.{key}] is a table", where=f"model.{key}", value=table)
        if key != name and not chosen:
            raise ConfigError(
                "options of an objective that is not chosen", where=f"model.{key}",
                value=dict(table), hint=f'model.objective = "{key}"',
            )  # fmt: skip
    Config = OBJECTIVES[name].Config
    if Config is None:
        return name, None
    own = convert(tables.get(name, {}), Config, f"model.{name}")
    warn_if_stopped(getattr(own, "grad_method", ""), f"model.{name}.grad_method")
    return name, own
