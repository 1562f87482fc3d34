"""A leapfrog that others use in training, held against the same proofs: each of them sees it.

Its position moves with the momentum of before the half step, and its tempering is lost.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.objectives.hamiltonian import (
    gaussian_start,
    grad_potential_energy,
    log_p_bar,
    log_q_bar,
    schedule,
)

pytestmark = pytest.mark.usefixtures("x64")
ROWS = 100_000


def quartic(z):
    """log p = -sum z^4 - z_0 z_1."""
    return -(z**4).sum(1) - z[:, 0] * z[:, 1], z


def wrong(likelihood, z, rho, eps, steps):
    for _ in range(steps):
        half = rho - 0.5 * eps * grad_potential_energy(likelihood, z).gradient
        z = z + eps * rho
        rho = half - 0.5 * eps * grad_potential_energy(likelihood, z).gradient
    return z, rho


def start(rows=6):
    return [0.5 * jax.random.normal(key, (rows, 3), jnp.float64)
            for key in jax.random.split(jax.random.key(1))]  # fmt: skip


@pytest.mark.parametrize(("beta0", "eps"), [(0.3, 0.15), (0.8, 0.15), (1.0, 0.3)])
def test_the_evidence_is_biased(gauss, beta0, eps):
    """E[w] / p(x) with the right densities: far from one, where the right map gives one."""

    @jax.jit
    def log_weights():
        noise = gauss.noise(ROWS)
        z, log_q = gaussian_start(*gauss.proposal(ROWS), noise.z)
        z, rho = wrong(gauss.likelihood, z, noise.rho / jnp.sqrt(beta0), eps, 3)
        betas = schedule("quadratic", beta0, 3, jnp.float64)
        end = log_p_bar(gauss.likelihood(z)[0], z, rho)
        return end - log_q_bar(log_q, noise.rho, betas)

    weights = np.exp(np.asarray(log_weights()) - gauss.log_evidence)
    assert abs(weights.mean() - 1) > 20 * weights.std() / np.sqrt(ROWS)


def test_the_volume_is_another():
    """The right map has (l/2) log beta0 = -1.806; this one contracts nothing and expands."""
    z, rho = start(rows=1)

    def flat(v):
        return jnp.concatenate(wrong(quartic, v[None, :3], v[None, 3:], 0.1, 3), axis=1)[0]

    jacobian = jax.jit(jax.jacfwd(flat))(jnp.concatenate([z[0], rho[0]]))
    assert np.linalg.slogdet(np.asarray(jacobian))[1] > 0.01


def test_it_cannot_be_walked_back():
    z, rho = start()
    there = wrong(quartic, z, rho, 0.1, 7)
    back = wrong(quartic, there[0], -there[1], 0.1, 7)
    assert np.abs(back[0] - z).max() > 1e-3


def test_its_energy_error_is_of_first_order():
    """Half the step halves the error; the right map quarters it."""
    z, rho = start()

    def energy(z, rho):
        return (z**4).sum(1) + z[:, 0] * z[:, 1] + 0.5 * (z**2 + rho**2).sum(1)

    @jax.jit
    def path(z, rho, eps, steps):
        move = lambda _, at: wrong(quartic, *at, eps, 1)  # noqa: E731
        return jax.lax.fori_loop(0, steps, move, (z, rho))

    errors = [np.abs(energy(*path(z, rho, 0.8 / n, n)) - energy(z, rho)).max() for n in (80, 160)]
    assert 1.8 < errors[0] / errors[1] < 2.2
