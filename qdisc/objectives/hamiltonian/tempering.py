"""Inverse temperatures of the momentum: beta_0 at the start, beta_K at the end of the path.

After step k the momentum is multiplied by alpha_k = sqrt(beta_{k-1} / beta_k), so the path of an
l-dimensional latent contracts volume by prod_k alpha_k^l = (beta_0 / beta_K)^(l/2).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer
from jaxtyping import Array, Float

from qdisc.errors import ConfigError, nearest

Tempering: TypeAlias = Callable[[Any, Any, int], Any]
"""(beta0, k, n_steps) -> beta_k; k is the array 0..K."""


def quadratic_tempering(beta0: Any, k: Any, n_steps: int) -> Any:
    """The paper's fixed schedule, quadratic in 1 / sqrt(beta).

        1 / sqrt(beta_k) = 1 + (1 / sqrt(beta0) - 1) (1 - k^2 / K^2)

    Args:
        beta0: Inverse temperature at the start, in (0, 1].
        k: Number of the step, 0..K, or an array of them.
        n_steps: Number of steps K >= 1.

    Returns:
        beta_k; exactly 1 at k = K.

    Source: Caterini, Doucet & Sejdinovic, arXiv:1805.11328, section 3.3.
    """
    return (1.0 + (1.0 / jnp.sqrt(beta0) - 1.0) * _left(beta0, k, n_steps)) ** -2


def quadratic_temperature_tempering(beta0: Any, k: Any, n_steps: int) -> Any:
    """The schedule behind the paper's MNIST tables, quadratic in the temperature 1 / beta.

        1 / beta_k = 1 + (1 / beta0 - 1) (1 - k^2 / K^2)

    Args:
        beta0: Inverse temperature at the start, in (0, 1].
        k: Number of the step, 0..K, or an array of them.
        n_steps: Number of steps K >= 1.

    Returns:
        beta_k; exactly 1 at k = K.
    """
    return 1.0 / (1.0 + (1.0 / jnp.asarray(beta0) - 1.0) * _left(beta0, k, n_steps))


def null_tempering(beta0: Any, k: Any, n_steps: int) -> Any:
    """No tempering: beta0 at every step, and a path that keeps volume.

    The momentum still starts as N(0, 1 / beta0); the bound holds for any beta0 and is that of
    plain Hamiltonian dynamics at beta0 = 1.

    Args:
        beta0: Inverse temperature, in (0, 1].
        k: Number of the step, 0..K, or an array of them.
        n_steps: Number of steps K.

    Returns:
        beta0, in the shape of k.
    """
    return beta0 + 0.0 * jnp.asarray(k, jnp.asarray(beta0).dtype)


def free_tempering(alphas: Float[Array, " steps"]) -> Float[Array, " stages"]:
    """Inverse temperatures of a path whose factors alpha_k are free.

        beta_k = prod_{j > k} alpha_j^2,   beta_K = 1

    Args:
        alphas: (K,) factors of the momentum, each in (0, 1].

    Returns:
        (K + 1,) beta_0..beta_K.
    """
    after = jnp.cumprod(jnp.square(alphas)[::-1])[::-1]
    return jnp.concatenate([after, jnp.ones(1, after.dtype)])


TEMPERINGS: dict[str, Tempering] = {
    "quadratic": quadratic_tempering,
    "quadratic_temperature": quadratic_temperature_tempering,
    "null": null_tempering,
}


def schedule(
    tempering: str | Tempering, beta0: Any, n_steps: int, dtype: Any = None
) -> Float[Array, " stages"]:
    """All inverse temperatures of a path.

    Args:
        tempering: quadratic, quadratic_temperature, null, or a function (beta0, k, n_steps) with
            k = 0..K.
        beta0: Inverse temperature at the start, in (0, 1].
        n_steps: Number of steps K; with K = 0 nothing is tempered and beta_0 = 1.
        dtype: dtype of the result.

    Returns:
        (K + 1,) beta_0..beta_K.

    Raises:
        ConfigError: Unknown name, beta0 outside (0, 1], K < 0, or a function that returns
            something else than K + 1 positive numbers.
    """
    check_steps(n_steps)
    check_beta0(beta0)
    function = TEMPERINGS.get(tempering) if isinstance(tempering, str) else tempering
    if not callable(function):
        raise ConfigError(
            "unknown tempering", where="tempering", value=tempering,
            hint=nearest(str(tempering), (*TEMPERINGS, "free")),
        )  # fmt: skip
    dtype = dtype or jnp.result_type(float)
    if n_steps == 0:
        return jnp.ones(1, dtype)
    with jax.ensure_compile_time_eval():
        stages = jnp.arange(n_steps + 1).astype(dtype)
    betas = jnp.asarray(function(jnp.asarray(beta0, dtype), stages, n_steps), dtype)
    known = not isinstance(betas, Tracer)
    if betas.shape != stages.shape or (known and not (np.asarray(betas) > 0).all()):
        raise ConfigError(
            "a tempering gives one positive number per stage 0..K", where="tempering",
            value=betas if known else f"shape {betas.shape}",
            hint=f"(beta0, k, n_steps) -> beta_k with k of shape {stages.shape}",
        )  # fmt: skip
    return betas


def check_beta0(beta0: Any) -> None:
    """Raise ConfigError unless beta0 is in (0, 1]; a traced value is not checked."""
    if not isinstance(beta0, Tracer) and not 0.0 < float(beta0) <= 1.0:
        raise ConfigError(
            "beta0 is the inverse temperature of the first momentum, in (0, 1]", where="beta0",
            value=beta0, hint="beta0=0.3; 1 for no tempering",
        )  # fmt: skip


def check_steps(n_steps: Any) -> None:
    """Raise ConfigError unless the number of leapfrog steps is a whole number >= 0."""
    if isinstance(n_steps, bool) or not isinstance(n_steps, int) or n_steps < 0:
        raise ConfigError(
            "the number of leapfrog steps is a whole number >= 0", where="steps", value=n_steps,
            hint="steps=3; 0 is the plain variational autoencoder",
        )  # fmt: skip


def check_step_size(step_size: Any) -> None:
    """Raise ConfigError unless all step sizes are finite and >= 0; traced ones are not checked."""
    if isinstance(step_size, Tracer):
        return
    try:
        sizes = np.asarray(step_size, np.float64).ravel()
    except (TypeError, ValueError):  # ragged, or no numbers
        sizes = np.array([np.nan])
    if not sizes.size or not np.all((sizes >= 0) & (sizes < np.inf)):
        raise ConfigError(
            "a leapfrog step has a finite size >= 0", where="step_size", value=step_size,
            hint="step_size=0.05",
        )  # fmt: skip


def _left(beta0: Any, k: Any, n_steps: int) -> Any:
    """Share 1 - k^2 / K^2 that is still to be cooled."""
    k = jnp.asarray(k, jnp.asarray(beta0).dtype)
    return 1.0 - jnp.square(k / n_steps)
