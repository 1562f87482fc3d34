"""Leapfrog steps with tempering: a path in phase space whose change of volume is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import Tracer
from jaxtyping import Array, Float

from qdisc.errors import ConfigError, TrainingError
from qdisc.objectives.hamiltonian.force import (
    Force,
    Likelihood,
    LogPrior,
    grad_potential_energy,
    log_standard_normal,
)
from qdisc.objectives.hamiltonian.tempering import check_step_size

UNROLLED = 4  # steps up to which the path is written out; longer ones are a loop, compiled once


class PhaseSpace(NamedTuple):
    """Both ends of a path.

    Attributes:
        z_init: Position at the start (rows, latents).
        rho_init: Momentum at the start (rows, latents).
        z_final: Position at the end.
        rho_final: Momentum at the end.
        log_det: log |det d(z_final, rho_final) / d(z_init, rho_init)| of a row, a scalar.
    """

    z_init: Float[Array, "rows latents"]
    rho_init: Float[Array, "rows latents"]
    z_final: Float[Array, "rows latents"]
    rho_final: Float[Array, "rows latents"]
    log_det: Float[Array, ""]


class Path(NamedTuple):
    """A path and what its last visit of the decoder said.

    Attributes:
        phase_space: Both ends.
        log_likelihood: log p(x|z_final) (rows,).
        decoded: The decoder's output at z_final.
        z: Positions after each step (steps + 1, rows, latents), where they were asked for.
        rho: Momenta likewise.
    """

    phase_space: PhaseSpace
    log_likelihood: Float[Array, " rows"]
    decoded: Any
    z: Float[Array, "stages rows latents"] | None = None
    rho: Float[Array, "stages rows latents"] | None = None


def leapfrog_step(
    likelihood: Likelihood,
    z: Float[Array, "rows latents"],
    rho: Float[Array, "rows latents"],
    step_size: Any,
    gradient: Float[Array, "rows latents"] | None = None,
    log_prior: LogPrior = log_standard_normal,
    method: str = "autodiff",
) -> tuple[Float[Array, "rows latents"], Float[Array, "rows latents"], Force]:
    """One leapfrog step of Hamilton's equations, unit masses.

        r = rho - eps/2 dU(z),   z' = z + eps r,   rho' = r - eps/2 dU(z')

    Args:
        likelihood: z -> (log p(x|z), decoder output).
        z: Position.
        rho: Momentum.
        step_size: eps, a scalar or one per latent.
        gradient: dU(z), if known from the step before.
        log_prior: z -> log p(z).
        method: How the force is computed.

    Returns:
        z', rho', and the force at z' (with the decoder's output there).
    """
    if gradient is None:
        gradient = grad_potential_energy(likelihood, z, log_prior, method).gradient
    half = rho - 0.5 * step_size * gradient
    z = z + step_size * half
    force = grad_potential_energy(likelihood, z, log_prior, method)
    return z, half - 0.5 * step_size * force.gradient, force


def leapfrog_tempering_step(
    likelihood: Likelihood,
    z: Float[Array, "rows latents"],
    rho: Float[Array, "rows latents"],
    step_size: Any,
    betas: Float[Array, " stages"],
    log_prior: LogPrior = log_standard_normal,
    method: str = "autodiff",
    *,
    remat: bool = False,
    trajectory: bool = False,
) -> Path:
    """K leapfrog steps, the momentum multiplied by sqrt(beta_{k-1} / beta_k) after step k.

    The force at the end of a step is that at the start of the next: K + 1 gradients in all, and
    the last visit of the decoder gives log p(x|z_K).

    Args:
        likelihood: z -> (log p(x|z), decoder output).
        z: Position at the start.
        rho: Momentum at the start.
        step_size: A scalar, one per latent (latents,), one per step (K, 1), or (K, latents).
        betas: Inverse temperatures (K + 1,).
        log_prior: z -> log p(z).
        method: How the force is computed.
        remat: Recompute the steps when going backwards: less memory, more time.
        trajectory: Keep every position and momentum.

    Returns:
        The path.

    Raises:
        ConfigError: Step sizes of another shape, negative or not finite.
        TrainingError: The energy at the end is not finite (where values can be looked at).

    Source: Caterini, Doucet & Sejdinovic, arXiv:1805.11328, algorithm 1.
    """
    steps, latents = betas.shape[0] - 1, z.shape[1]
    sizes = step_sizes(step_size, steps, latents, z.dtype)
    factors = jnp.sqrt(betas[:-1] / betas[1:]).astype(z.dtype)
    log_det = latents * jnp.sum(jnp.log(factors))
    if steps == 0:
        ends = PhaseSpace(z, rho, z, rho, log_det)
        log_likelihood, decoded = likelihood(z)
        visited = (z[None], rho[None]) if trajectory else (None, None)
        return _checked(Path(ends, log_likelihood, decoded, *visited), log_prior)

    def advance(z: Any, rho: Any, gradient: Any, size: Any, factor: Any) -> Any:
        z, rho, force = leapfrog_step(likelihood, z, rho, size, gradient, log_prior, method)
        return z, factor * rho, force

    def inner(carry: Any, now: Any) -> Any:  # what only the last step needs is not computed
        z, rho, force = advance(*carry, *now)
        return (z, rho, force.gradient), ((z, rho) if trajectory else None)

    wrap: Callable = jax.checkpoint if remat else lambda function: function
    start = grad_potential_energy(likelihood, z, log_prior, method).gradient
    carry, visited = _repeated(wrap(inner), (z, rho, start), (sizes[:-1], factors[:-1]))
    z_final, rho_final, force = wrap(advance)(*carry, sizes[-1], factors[-1])
    ends = PhaseSpace(z, rho, z_final, rho_final, log_det)
    path = Path(ends, force.log_likelihood, force.decoded)
    if trajectory:
        whole = [
            jnp.concatenate([first[None], among, last[None]])
            for first, among, last in zip((z, rho), visited, (z_final, rho_final), strict=True)
        ]
        path = path._replace(z=whole[0], rho=whole[1])
    return _checked(path, log_prior)


def step_sizes(step_size: Any, steps: int, latents: int, dtype: Any) -> Float[Array, "steps l"]:
    """Step sizes as an array (K, latents).

    Raises:
        ConfigError: Not a scalar, (latents,), (K, 1) or (K, latents); negative; not finite.
    """
    if steps == 0:
        return jnp.zeros((0, latents), dtype)
    check_step_size(step_size)
    sizes = jnp.asarray(step_size, dtype)
    allowed = [(), (latents,), (1,), (steps, 1), (steps, latents), (1, 1), (1, latents)]
    if sizes.shape not in allowed:
        raise ConfigError(
            "step sizes fit neither the latents nor the steps", where="step_size",
            value=f"shape {sizes.shape} for {steps} steps of {latents} latents",
            hint=f"a number, ({latents},) per latent, ({steps}, 1) per step, ({steps}, {latents})",
        )  # fmt: skip
    return jnp.broadcast_to(sizes, (steps, latents))


def _repeated(function: Any, carry: Any, xs: tuple[Any, Any]) -> tuple[Any, Any]:
    """`jax.lax.scan`, written out where it is short: compilers do better, and so do caches."""
    count = xs[0].shape[0]
    if count >= UNROLLED:
        return jax.lax.scan(function, carry, xs)
    visited = []
    for k in range(count):
        carry, out = function(carry, (xs[0][k], xs[1][k]))
        visited.append(out)
    if not visited:
        empty = jnp.zeros((0, *carry[0].shape), carry[0].dtype)
        return carry, (empty, empty)
    return carry, jax.tree.map(lambda *arrays: jnp.stack(arrays), *visited)


def _checked(path: Path, log_prior: LogPrior) -> Path:
    energy = path.log_likelihood + log_prior(path.phase_space.z_final)
    if not isinstance(energy, Tracer) and not bool(jnp.isfinite(energy).all()):
        bad = int(jnp.argmin(jnp.isfinite(energy)))
        raise TrainingError(
            "the energy at the end of the path is not finite", where=f"row {bad}",
            value=float(-energy[bad]),
            hint="a smaller step_size, or fewer steps; data and parameters must be finite",
        )  # fmt: skip
    return path
