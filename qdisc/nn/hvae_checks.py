"""What a Hamiltonian VAE may be asked to be."""

from __future__ import annotations

from typing import Any

import numpy as np

from qdisc._typing import DATA_TYPES
from qdisc.errors import ConfigError, nearest
from qdisc.nn.dynamics import SHARES
from qdisc.objectives.hamiltonian import METHODS, TEMPERINGS
from qdisc.objectives.hamiltonian.tempering import check_beta0, check_step_size, check_steps

MAPPED = ("z_final", "encoder_mean")


def check_arguments(hvae: Any) -> None:
    """Raise ConfigError for fields of `HVAE` that have no meaning, alone or together."""
    check_steps(hvae.steps)
    check_beta0(hvae.beta0)
    check_step_size(hvae.step_size)
    if not all(callable(getattr(hvae.vae, name, None)) for name in ("encode", "decode")):
        raise ConfigError(
            "a Hamiltonian VAE needs a model that encodes and decodes", where="HVAE.vae",
            value=type(hvae.vae).__name__, hint="methods encode(x) and decode(z, x)",
        )  # fmt: skip
    if not callable(hvae.tempering):
        _one_of("tempering", hvae.tempering, (*TEMPERINGS, "free"))
    _one_of("grad_method", hvae.grad_method, METHODS)
    _one_of("step_size_per", hvae.step_size_per, SHARES)
    _one_of("latent", hvae.latent, MAPPED)
    if hvae.data_type is not None:
        _one_of("data_type", hvae.data_type, DATA_TYPES)
    largest = float(np.max(hvae.step_size))
    if hvae.learn_step_size and not largest < hvae.max_step_size:
        raise ConfigError(
            "a learned step size starts below its bound", where="HVAE.step_size", value=largest,
            hint=f"max_step_size={2 * largest:g} (now {hvae.max_step_size:g}), or "
            "learn_step_size=False",
        )  # fmt: skip
    if hvae.tempering == "free" and hvae.beta0 == 1.0:
        raise ConfigError(
            "free tempering starts from a beta0 below 1", where="HVAE.beta0", value=hvae.beta0,
            hint='beta0=0.3, or tempering="null" for none',
        )  # fmt: skip


def kind_of(hvae: Any) -> str:
    """What the columns of a batch mean.

    Raises:
        ConfigError: Neither the field nor the decoder says it.
    """
    kind = hvae.data_type or getattr(getattr(hvae.vae, "decoder", None), "data_type", None)
    if kind is None:
        raise ConfigError(
            "the model does not say what its columns mean", where="HVAE.data_type", value=None,
            hint=f"data_type=..., one of {DATA_TYPES}",
        )  # fmt: skip
    return kind


def _one_of(field: str, value: Any, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ConfigError(
            f"unknown {field}", where=f"HVAE.{field}", value=value,
            hint=nearest(str(value), known),
        )  # fmt: skip
