"""The potential energy U(z) = -log p(x|z) - log p(z) of each row, and its gradient.

Rows must not depend on each other: the gradient of the sum over rows is taken once for all.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from qdisc.errors import ConfigError, nearest
from qdisc.objectives.kl import LOG_2PI

Likelihood: TypeAlias = Callable[[Any], tuple[Any, Any]]
"""z (rows, latents) -> log p(x|z) (rows,), and what the decoder said."""
LogPrior: TypeAlias = Callable[[Any], Any]
"""z (rows, latents) -> log p(z) (rows,)."""

METHODS = ("autodiff", "autodiff_stop", "jvp", "finite_central", "finite_forward")


class Force(NamedTuple):
    """What one visit of a point z gives: the decoder runs once for all three.

    Attributes:
        gradient: dU / dz (rows, latents).
        log_likelihood: log p(x|z) (rows,).
        decoded: The decoder's output at z.
    """

    gradient: Float[Array, "rows latents"]
    log_likelihood: Float[Array, " rows"]
    decoded: Any


def warn_if_stopped(method: str, where: str) -> None:
    """Warn who is about to train with a force taken for a constant; the table is below.

    Args:
        method: How the force is computed.
        where: The setting that chose it, for the message.
    """
    if method == "autodiff_stop":
        warnings.warn(
            f"{where} = 'autodiff_stop' trains with wrong gradients: on a small model the "
            "decoder's was off by 7 % at steps of 0.05 and by 66 % at 0.15, and that of the step "
            "size had the wrong sign at 0.25 (qdisc.vae.hvae.grad_potential_energy)",
            UserWarning,
            stacklevel=3,
        )


def log_standard_normal(z: Float[Array, "rows latents"]) -> Float[Array, " rows"]:
    """Log density log N(z | 0, I) of each row, in nats."""
    return -0.5 * (z.shape[1] * LOG_2PI + jnp.sum(z * z, axis=1))


def potential_energy(
    likelihood: Likelihood,
    z: Float[Array, "rows latents"],
    log_prior: LogPrior = log_standard_normal,
) -> Float[Array, " rows"]:
    """U(z) = -log p(x|z) - log p(z) of each row, in nats.

    Args:
        likelihood: z -> (log p(x|z), decoder output).
        z: Latent vectors; rows come first.
        log_prior: z -> log p(z).

    Returns:
        One energy per row.
    """
    return -(likelihood(z)[0] + log_prior(z))


def grad_potential_energy(
    likelihood: Likelihood,
    z: Float[Array, "rows latents"],
    log_prior: LogPrior = log_standard_normal,
    method: str = "autodiff",
) -> Force:
    """Gradient of the potential energy of each row.

    * autodiff: reverse mode; differentiated again it stays exact. The one to train with.
    * jvp: forward mode, one column per latent; an independent check, exact as well.
    * finite_central, finite_forward: differences of the energy, the decoder run again at every
      displaced z; checks only.
    * autodiff_stop: the same numbers as autodiff, but taken for constants when the bound is
      differentiated.

    Warning:
        `autodiff_stop` drops the second derivatives of U from the gradient of the bound, and that
        is no small thing. Its gradients beside the exact ones, on a linear-Gaussian model (one
        snapshot of 5 columns, 3 latents, K = 3, beta0 = 0.5, 50 000 draws; measured again by
        `tests/objectives/hamiltonian/test_stopped.py`):

            step size   decoder weights: bias, cosine   stopped / exact: step size, beta0
            0.001             0.01 %     1.000                   0.83       0.82
            0.05              7    %     0.999                   0.49       0.80
            0.15             66    %     0.75                    7.4        0.67
            0.25            110    %     0.40                   -3.7       18

        Whoever trains with it is warned. It halves the time of a step, and is fair only where the
        path is so short that the Hamiltonian model is hardly more than the plain one.

    Args:
        likelihood: z -> (log p(x|z), decoder output).
        z: Latent vectors.
        log_prior: z -> log p(z).
        method: One of the above.

    Returns:
        The gradient, with log p(x|z) and the decoder's output at z.

    Raises:
        ConfigError: Unknown method.
    """
    if method not in METHODS:
        raise ConfigError(
            "unknown way to compute the force", where="grad_method", value=method,
            hint=nearest(str(method), METHODS),
        )  # fmt: skip

    def energy(z: Any) -> Any:
        return potential_energy(likelihood, z, log_prior)

    if method.startswith("autodiff"):

        def total(z: Any) -> Any:
            log_likelihood, decoded = likelihood(z)
            return -jnp.sum(log_likelihood + log_prior(z)), (log_likelihood, decoded)

        gradient, at_z = jax.grad(total, has_aux=True)(z)
        if method == "autodiff_stop":
            gradient = jax.lax.stop_gradient(gradient)
        return Force(gradient, *at_z)
    columns = _forward_mode(energy, z) if method == "jvp" else _differences(energy, z, method)
    return Force(columns, *likelihood(z))


def _forward_mode(energy: Any, z: Any) -> Any:
    """Gradient column by column: rows are independent, so all of them move at once."""
    directions = jnp.broadcast_to(
        jnp.eye(z.shape[1], dtype=z.dtype)[:, None], (z.shape[1], *z.shape)
    )
    return jax.vmap(lambda v: jax.jvp(energy, (z,), (v,))[1], out_axes=1)(directions)


def _differences(energy: Any, z: Any, method: str) -> Any:
    """Finite differences with steps that balance truncation and rounding."""
    precision = jnp.finfo(z.dtype).eps
    central = method == "finite_central"
    relative = precision ** (1 / 3) if central else precision**0.5
    step = jax.lax.stop_gradient(relative * jnp.maximum(1.0, jnp.abs(z)))
    here = None if central else energy(z)

    def column(unit: Any) -> Any:
        above, below = z + step * unit, z - step * unit
        if central:
            return (energy(above) - energy(below)) / jnp.sum(above - below, axis=1)
        return (energy(above) - here) / jnp.sum(above - z, axis=1)

    return jax.vmap(column, out_axes=1)(jnp.eye(z.shape[1], dtype=z.dtype))
