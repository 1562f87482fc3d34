"""A linear-Gaussian model, whose evidence and posterior are known in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.hamiltonian import Noise, hamiltonian_sample, schedule


@dataclass(frozen=True)
class LinearGaussian:
    """z ~ N(0, I_3), x|z ~ N(W z + b, 0.4 I_5), float64, one snapshot x."""

    W: np.ndarray
    b: np.ndarray
    x: np.ndarray
    variance: float = 0.4

    def likelihood(self, z, W=None):
        """log p(x|z) of every row of z; the mean is what the decoder says."""
        mean = z @ jnp.asarray(self.W if W is None else W).T + self.b
        scaled = (self.x - mean) ** 2 / self.variance
        log_p = -0.5 * (scaled + np.log(2 * np.pi * self.variance)).sum(-1)
        return log_p, mean

    @property
    def log_evidence(self):
        """log N(x | b, W W' + 0.4 I)."""
        covariance = self.W @ self.W.T + self.variance * np.eye(5)
        off = self.x - self.b
        _, log_det = np.linalg.slogdet(2 * np.pi * covariance)
        return -0.5 * (off @ np.linalg.solve(covariance, off) + log_det)

    @property
    def posterior(self):
        """Mean and covariance of p(z|x)."""
        precision = np.eye(3) + self.W.T @ self.W / self.variance
        covariance = np.linalg.inv(precision)
        return covariance @ self.W.T @ (self.x - self.b) / self.variance, covariance

    def proposal(self, rows):
        """A proposal that is not the posterior: mean and log variance (rows, 3)."""
        mean = self.posterior[0] + np.array([0.1, -0.2, 0.15])
        logvar = np.log(np.array([0.5, 0.3, 0.4]))
        return (jnp.broadcast_to(jnp.asarray(a), (rows, 3)) for a in (mean, logvar))

    def noise(self, rows, seed=0):
        """Base noise of both halves."""
        keys = jax.random.split(jax.random.key(seed))
        return Noise(*(jax.random.normal(key, (rows, 3), jnp.float64) for key in keys))

    def sample(self, rows, steps, beta0, step_size, tempering="quadratic", posterior=None):
        """One sample of the bound in each of `rows` independent rows."""

        @jax.jit
        def draw():
            mean, logvar = posterior or self.proposal(rows)
            betas = schedule(tempering, beta0, steps, jnp.float64)
            noise = self.noise(rows)
            return hamiltonian_sample(self.likelihood, mean, logvar, noise, step_size, betas)

        return draw()


@pytest.fixture(scope="session")
def gauss():
    rng = np.random.default_rng(3)
    W, b = 0.7 * rng.standard_normal((5, 3)), rng.standard_normal(5)
    x = W @ rng.standard_normal(3) + b + np.sqrt(0.4) * rng.standard_normal(5)
    return LinearGaussian(W, b, x)
