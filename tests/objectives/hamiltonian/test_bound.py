"""The evidence is unbiased for every schedule and length, and the tests would see it if not."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.objectives.evidence import importance_evidence
from qdisc.objectives.hamiltonian import (
    LogPWeights,
    LogQWeights,
    Noise,
    free_tempering,
    hamiltonian_elbo,
    hamiltonian_sample,
    log_p_bar,
    log_q_bar,
    schedule,
)

ROWS = 400_000
pytestmark = pytest.mark.usefixtures("x64")


def ratio(gauss, sample, correction=0.0):
    """E[exp(log pbar - log qbar)] / p(x) and its standard error."""
    weights = np.exp(np.asarray(hamiltonian_elbo(sample, reduce=False)) - gauss.log_evidence)
    weights = weights * np.exp(correction)
    return weights.mean(), weights.std() / np.sqrt(weights.size)


@pytest.mark.parametrize(
    ("steps", "beta0", "step_size", "tempering"),
    [
        (0, 0.3, 0.15, "quadratic"),
        (1, 0.5, 0.15, "quadratic"),
        (3, 0.5, 0.15, "quadratic"),
        (3, 0.3, 0.15, "quadratic_temperature"),
        (3, 1.0, 0.3, "quadratic"),
        (3, 0.5, 0.15, "null"),
        (6, 0.5, 0.1, "quadratic"),
        (3, 0.5, ((0.05, 0.15, 0.2), (0.1, 0.1, 0.1), (0.2, 0.05, 0.15)), "quadratic"),
        (2, 0.6, 0.15, lambda beta0, k, n: beta0 + (0.9 - beta0) * k / n),  # ends below one
    ],
)
def test_the_evidence_is_unbiased(gauss, steps, beta0, step_size, tempering):
    """E[exp(log pbar - log qbar)] = p(x) = N(x | b, W W' + 0.4 I), 3 standard errors."""
    mean, error = ratio(gauss, gauss.sample(ROWS, steps, beta0, step_size, tempering=tempering))
    assert error < 0.02
    assert abs(mean - 1) < 3 * error


def test_a_wrong_momentum_density_would_be_seen(gauss):
    """Other packages score rho_0 with N(0, I): + |gamma|^2/2 (1/beta0 - 1) + (l/2) log beta0."""
    sample, gamma = gauss.sample(ROWS, 3, 0.6, 0.15), gauss.noise(ROWS).rho
    wrong = 0.5 * (np.asarray(gamma) ** 2).sum(1) * (1 / 0.6 - 1) + 1.5 * np.log(0.6)
    mean, error = ratio(gauss, sample, wrong)
    assert abs(mean - 1) > 5 * error


def test_a_forgotten_volume_would_be_seen(gauss):
    mean, error = ratio(gauss, gauss.sample(ROWS, 3, 0.5, 0.15), 1.5 * np.log(0.5))
    assert abs(mean - 1) > 20 * error


def test_the_bound_is_below_the_evidence(gauss):
    """Jensen: E[log w] < log p(x), and dynamics tighten the bound of this proposal."""
    plain = hamiltonian_elbo(gauss.sample(ROWS, 0, 1.0, 0.1))
    moved = hamiltonian_elbo(gauss.sample(ROWS, 3, 0.6, 0.2))
    assert float(plain) < float(moved) < gauss.log_evidence


def test_the_exact_posterior_has_no_variance(gauss):
    """q = p(z|x) and K = 0: every single sample is log p(x)."""
    mean, covariance = gauss.posterior
    rotation = np.linalg.eigh(covariance)  # a diagonal q: latents along the axes of the posterior
    turned = type(gauss)(gauss.W @ rotation.eigenvectors, gauss.b, gauss.x)
    mean = jnp.broadcast_to(jnp.asarray(rotation.eigenvectors.T @ mean), (1000, 3))
    logvar = jnp.broadcast_to(jnp.log(rotation.eigenvalues), (1000, 3))
    sample = turned.sample(1000, 0, 0.3, 0.1, posterior=(mean, logvar))
    values = np.asarray(hamiltonian_elbo(sample, reduce=False))
    assert np.abs(values - gauss.log_evidence).max() < 1e-12
    evidence = importance_evidence(jnp.asarray(values)[None])
    assert float(evidence.ess[0]) == pytest.approx(1000)


def test_no_step_is_the_plain_bound(gauss):
    """The trap: with beta0 kept, K = 0 would be off by beta0^(l/2) = 0.354 at beta0 = 0.5."""
    sample = gauss.sample(1000, 0, 0.5, 0.15)
    z = sample.path.phase_space.z_init
    mean, logvar = gauss.proposal(1000)
    log_q = -0.5 * (np.log(2 * np.pi) + logvar + (z - mean) ** 2 / jnp.exp(logvar)).sum(1)
    log_prior = -0.5 * (np.log(2 * np.pi) + z**2).sum(1)
    plain = gauss.likelihood(z)[0] + log_prior - log_q
    assert np.allclose(hamiltonian_elbo(sample, reduce=False), plain, rtol=0, atol=1e-12)
    assert float(sample.path.phase_space.log_det) == 0.0


def test_steps_of_no_length_are_the_plain_bound(gauss):
    """beta0 = 1, eps -> 0: z_K = z_0, rho_K = gamma, and the momentum cancels."""
    moved, plain = gauss.sample(1000, 5, 1.0, 1e-9), gauss.sample(1000, 0, 1.0, 1.0)
    values = [hamiltonian_elbo(s, reduce=False) for s in (moved, plain)]
    assert np.allclose(*values, rtol=0, atol=1e-6)


def test_free_tempering_is_the_schedule_it_is_set_to(gauss):
    """alpha_k = sqrt(beta_{k-1} / beta_k): the same bound for every draw of the noise."""
    fixed = schedule("quadratic", 0.3, 4, jnp.float64)
    free = free_tempering(jnp.sqrt(fixed[:-1] / fixed[1:]))
    assert np.allclose(free, fixed, rtol=1e-14)
    bounds = [
        hamiltonian_elbo(
            gauss.sample(500, 4, 0.3, 0.1, lambda *_, betas=betas: betas), reduce=False
        )
        for betas in (fixed, free)
    ]
    assert np.allclose(*bounds, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("steps", "tempering"), [(1, "quadratic"), (3, "quadratic_temperature"), (6, "null")]
)
def test_the_gradient_is_that_of_the_bound(gauss, steps, tempering):
    """Against central differences with the same noise: W, mean, logvar, step size and beta0."""
    noise = gauss.noise(40)

    def bound(v):
        W, mean, logvar = v[:15].reshape(5, 3), v[15:18], v[18:21]
        start = [jnp.broadcast_to(a, (40, 3)) for a in (mean, logvar)]
        betas = schedule(tempering, v[24], steps, jnp.float64)
        sample = hamiltonian_sample(
            lambda z: gauss.likelihood(z, W), *start, noise, v[21:24], betas, remat=steps == 3
        )
        return hamiltonian_elbo(sample)

    mean, logvar = (np.asarray(a)[0] for a in gauss.proposal(1))
    at = np.concatenate([gauss.W.ravel(), mean, logvar, [0.1, 0.15, 0.2], [0.4]])
    exact = np.asarray(jax.jit(jax.grad(bound))(jnp.asarray(at)))
    shift = 1e-5 * jnp.eye(at.size)
    both = jax.jit(lambda: [jax.lax.map(bound, at + sign * shift) for sign in (1, -1)])()
    found = (both[0] - both[1]) / 2e-5
    assert np.abs(exact).min() > 1e-4
    assert np.allclose(exact, found, rtol=1e-6, atol=1e-7)


def test_single_precision_is_close(gauss):
    sample = gauss.sample(200, 4, 0.3, 0.15)
    model = type(gauss)(*(np.float32(a) for a in (gauss.W, gauss.b, gauss.x)))

    def likelihood(z):
        log_p, mean = model.likelihood(z)
        return log_p.astype(jnp.float32), mean

    @jax.jit
    def single():
        mean, logvar = (a.astype(jnp.float32) for a in gauss.proposal(200))
        noise = Noise(*(a.astype(jnp.float32) for a in gauss.noise(200)))
        betas = schedule("quadratic", 0.3, 4, jnp.float32)
        return hamiltonian_sample(likelihood, mean, logvar, noise, 0.15, betas)

    assert single().log_p.dtype == jnp.float32
    values = [hamiltonian_elbo(s, reduce=False) for s in (single(), sample)]
    assert np.allclose(*values, rtol=1e-5, atol=2e-5)


def test_weights_have_names(gauss):
    """Every term on its own, against its formula; all one is the bound."""
    betas = schedule("quadratic", 0.3, 3, jnp.float64)
    sample, noise = gauss.sample(10, 3, 0.3, 0.1), gauss.noise(10)
    ends = sample.path.phase_space
    args = (sample.path.log_likelihood, ends.z_final, ends.rho_final)

    def normal(v):
        return -0.5 * (np.log(2 * np.pi) + np.asarray(v) ** 2).sum(1)

    terms = {"likelihood": args[0], "z": normal(ends.z_final), "rho": normal(ends.rho_final)}
    for name, value in terms.items():
        weights = LogPWeights(0.0, 0.0, 0.0)._replace(**{name: 2.0})
        assert np.allclose(log_p_bar(*args, weights=weights), 2.0 * value)
    assert np.allclose(log_p_bar(*args), sum(terms.values()))

    log_q = jnp.arange(10.0)
    rho_0 = normal(ends.rho_init * np.sqrt(0.3)) + 1.5 * np.log(0.3)  # N(rho_0 | 0, I/beta0)
    terms = {"z": log_q, "rho": rho_0, "jacobian": -1.5 * np.log(0.3)}
    for name, value in terms.items():
        weights = LogQWeights(0.0, 0.0, 0.0)._replace(**{name: 2.0})
        assert np.allclose(log_q_bar(log_q, noise.rho, betas, weights), 2.0 * value)
    assert np.allclose(log_q_bar(log_q, noise.rho, betas, [1, 1, 1]), sum(terms.values()))
    with pytest.raises(ConfigError, match="likelihood, z, rho"):
        log_p_bar(*args, weights=(1.0, 1.0))
    with pytest.raises(ConfigError, match="z, rho, jacobian"):
        log_q_bar(log_q, noise.rho, betas, (1.0,) * 4)
