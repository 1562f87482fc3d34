"""What a Hamiltonian VAE learns beside its networks: step sizes and inverse temperatures."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from qdisc.objectives.hamiltonian import free_tempering, schedule, step_sizes

SHARES = ("all", "latent", "step", "both")


class Dynamics(nn.Module):
    """Step sizes (K, L) and inverse temperatures (K + 1,), learned or fixed.

    What is learned is kept within its bounds by a sigmoid: a step size in (0, max_step_size),
    beta0 and the free factors alpha_k in (0, 1). Values at a bound (a step of no length, beta0 = 1)
    cannot be left again and stay fixed.

    Attributes:
        steps: Number of steps K.
        step_size: First value: a number, (L,), (K, 1) or (K, L).
        beta0: First value, in (0, 1].
        tempering: quadratic, quadratic_temperature, null, free, or a function of
            (beta0, k, n_steps).
        learn_step_size: Train the step sizes.
        learn_beta0: Train beta0, or the factors of free tempering.
        max_step_size: Upper bound of a learned step size.
        per: What has a step size of its own: all (one for all), latent, step, both.
    """

    steps: int
    step_size: Any
    beta0: float
    tempering: Any
    _: KW_ONLY
    learn_step_size: bool
    learn_beta0: bool
    max_step_size: float
    per: str

    @nn.compact
    def __call__(self, latents: int, dtype: Any) -> tuple[jax.Array, jax.Array]:
        """Return step sizes (K, L) and inverse temperatures (K + 1,).

        Args:
            latents: Number of latents L.
            dtype: Their dtype.

        Raises:
            ConfigError: Step sizes fit neither the latents nor the steps.
        """
        start = step_sizes(self.step_size, self.steps, latents, dtype)  # also checks the shape
        if self.steps == 0:
            return start, jnp.ones(1, dtype)
        sizes = start
        if self.learn_step_size and np.all(np.asarray(self.step_size) > 0):
            own = self._own(latents)
            first = np.broadcast_to(np.asarray(self.step_size, np.float64), own)
            raw = self._raw("step_size", first / self.max_step_size, dtype)
            sizes = jnp.broadcast_to(self.max_step_size * nn.sigmoid(raw), start.shape)
        return sizes, self._betas(dtype)

    def _own(self, latents: int) -> tuple[int, ...]:
        """Shape of the step sizes that are learned: that of the first values, or wider."""
        wide = {
            "all": (), "latent": (latents,), "step": (self.steps, 1), "both": (self.steps, latents),
        }  # fmt: skip
        return np.broadcast_shapes(np.shape(self.step_size), wide[self.per])

    def _betas(self, dtype: Any) -> jax.Array:
        if self.tempering == "free":
            betas = np.asarray(_quadratic(self.beta0, self.steps))
            alphas = np.sqrt(betas[:-1] / betas[1:])
            if self.learn_beta0:
                return free_tempering(nn.sigmoid(self._raw("alpha", alphas, dtype)))
            return free_tempering(jnp.asarray(alphas, dtype))
        beta0: Any = self.beta0
        if self.learn_beta0 and self.beta0 < 1.0:
            beta0 = nn.sigmoid(self._raw("beta0", np.asarray(self.beta0, np.float64), dtype))
        return schedule(self.tempering, beta0, self.steps, dtype)

    def _raw(self, name: str, share: np.ndarray, dtype: Any) -> jax.Array:
        """Parameter whose sigmoid is `share` at the start."""
        start = np.log(share) - np.log1p(-share)
        return self.param(name, lambda _: jnp.asarray(start, dtype))


def _quadratic(beta0: float, steps: int) -> np.ndarray:
    """The paper's schedule in double precision, where free tempering starts."""
    share = (np.arange(steps + 1) / steps) ** 2
    return (1.0 + (1.0 / np.sqrt(beta0) - 1.0) * (1.0 - share)) ** -2
