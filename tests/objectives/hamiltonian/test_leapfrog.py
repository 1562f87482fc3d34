"""The map itself: volume, reversibility, order, forces, shapes."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError, TrainingError
from qdisc.objectives.hamiltonian import (
    METHODS,
    grad_potential_energy,
    leapfrog_step,
    leapfrog_tempering_step,
    log_standard_normal,
    null_tempering,
    quadratic_tempering,
    schedule,
)

pytestmark = pytest.mark.usefixtures("x64")


def quartic(z):
    """log p = -sum z^4 - z_0 z_1, a force that is not linear; the energy of one row at a time."""
    return -(z**4).sum(1) - z[:, 0] * z[:, 1], z


@partial(jax.jit, static_argnames=("remat", "trajectory"))
def walk(z, rho, sizes, betas, **options):
    return leapfrog_tempering_step(quartic, z, rho, sizes, betas, **options)


def start(rows=6, latents=3, seed=1):
    keys = jax.random.split(jax.random.key(seed))
    return [0.5 * jax.random.normal(key, (rows, latents), jnp.float64) for key in keys]


@pytest.mark.parametrize("tempering", ["quadratic", "quadratic_temperature"])
@pytest.mark.parametrize("steps", [1, 3, 6])
def test_the_volume_changes_by_the_tempering_alone(steps, tempering):
    """log |det J| of the whole map, by automatic differentiation: (l/2) log beta0."""
    z, rho = start(rows=1)
    betas = schedule(tempering, 0.3, steps, jnp.float64)
    sizes = np.linspace(0.05, 0.2, 3 * steps).reshape(steps, 3)

    @jax.jit
    def flat(v):
        path = leapfrog_tempering_step(quartic, v[None, :3], v[None, 3:], sizes, betas)
        ends = path.phase_space
        return jnp.concatenate([ends.z_final[0], ends.rho_final[0]])

    jacobian = jax.jit(jax.jacfwd(flat))(jnp.concatenate([z[0], rho[0]]))
    sign, log_det = np.linalg.slogdet(np.asarray(jacobian))
    assert sign == 1
    assert log_det == pytest.approx(1.5 * np.log(0.3), abs=1e-12)  # -1.80596
    ends = walk(z, rho, sizes, betas).phase_space
    assert float(ends.log_det) == pytest.approx(1.5 * np.log(0.3), abs=1e-12)


def test_the_path_can_be_walked_back():
    """Flip the momentum at the end, and the same steps lead to the start."""
    z, rho = start()
    betas = schedule("null", 1.0, 7, jnp.float64)
    there = walk(z, rho, 0.1, betas).phase_space
    back = walk(there.z_final, -there.rho_final, 0.1, betas).phase_space
    assert np.abs(back.z_final - z).max() < 1e-12
    assert np.abs(back.rho_final + rho).max() < 1e-12
    assert np.abs(there.z_final - z).max() > 0.1


def test_the_energy_error_is_of_second_order():
    """At a fixed total time, half the step leaves a quarter of the error."""
    z, rho = start()

    def error(steps):
        path = walk(z, rho, 0.8 / steps, jnp.ones(steps + 1)).phase_space

        def energy(z, rho):
            z, rho = np.asarray(z), np.asarray(rho)
            return (z**4).sum(1) + z[:, 0] * z[:, 1] + 0.5 * (z**2 + rho**2).sum(1)

        return np.abs(energy(path.z_final, path.rho_final) - energy(z, rho)).max()

    errors = [error(steps) for steps in (20, 40, 80)]
    assert 3.9 < errors[0] / errors[1] < 4.1
    assert 3.9 < errors[1] / errors[2] < 4.1


def test_an_oscillator_turns_by_the_angle_of_the_map():
    """U = z^2/2: cos(angle) = 1 - eps^2/2 per step, exactly."""
    z, rho = start(latents=1)
    flat = lambda z: (0.0 * z[:, 0], z)  # noqa: E731
    steps, eps = 5, 0.3
    end = leapfrog_tempering_step(
        flat, z, rho, eps, schedule("null", 1.0, steps, jnp.float64)
    ).phase_space
    angle = steps * np.arccos(1 - eps**2 / 2)
    stretch = np.sqrt(1 - eps**2 / 4)
    expected = np.cos(angle) * z + np.sin(angle) / stretch * rho
    assert np.allclose(end.z_final, expected, atol=1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_all_forces_agree(gauss, method):
    """dU/dz = 4 z^3 + (z_1, z_0) + z, and for the Gaussian z - W'(x - W z - b)/0.4."""
    z = start()[0]
    exact = 4 * z**3 + z + jnp.stack([z[:, 1], z[:, 0], 0 * z[:, 0]], 1)
    tolerance = {"finite_central": 1e-9, "finite_forward": 1e-6}.get(method, 1e-13)
    force = jax.jit(lambda z: grad_potential_energy(quartic, z, method=method))(z)
    assert np.allclose(force.gradient, exact, rtol=tolerance, atol=tolerance)
    assert np.allclose(force.log_likelihood, quartic(z)[0], rtol=1e-14)
    assert np.array_equal(force.decoded, z)
    exact = z - (gauss.x - z @ gauss.W.T - gauss.b) @ gauss.W / gauss.variance
    force = jax.jit(lambda z: grad_potential_energy(gauss.likelihood, z, method=method))(z)
    assert np.allclose(force.gradient, exact, rtol=10 * tolerance, atol=10 * tolerance)


def test_another_prior_moves_the_latents_and_not_the_momentum():
    """p(z) = N(0, 4): the force of a flat likelihood is z/4; the momentum stays N(0, 1)."""
    z, rho = start()
    flat = lambda z: (0.0 * z[:, 0], z)  # noqa: E731
    prior = lambda z: log_standard_normal(z / 2) - 3 * jnp.log(2.0)  # noqa: E731
    assert np.allclose(grad_potential_energy(flat, z, prior).gradient, z / 4)
    new, _, force = leapfrog_step(flat, z, rho, 0.1, log_prior=prior)
    assert np.allclose(new, z + 0.1 * (rho - 0.05 * z / 4))
    assert np.allclose(force.gradient, new / 4)


def count_calls(steps, **options):
    """Visits of the decoder, counted when the computation is run."""
    calls = []

    def likelihood(z):
        jax.debug.callback(lambda: calls.append(1))
        return quartic(z)

    z, rho = start()
    betas = schedule("quadratic", 0.3, steps, jnp.float64)
    path = jax.jit(lambda: leapfrog_tempering_step(likelihood, z, rho, 0.1, betas, **options))()
    jax.block_until_ready(path)
    jax.effects_barrier()
    return len(calls)


@pytest.mark.parametrize("steps", [0, 1, 3, 9])
def test_k_steps_need_k_plus_one_visits_of_the_decoder(steps):
    assert count_calls(steps) == steps + 1


@pytest.mark.parametrize("steps", [3, 9])
def test_variants_give_the_same_path(steps):
    """Written out or a loop, recomputed or not, jitted or not, row by row: the same numbers."""
    z, rho = start()
    betas = schedule("quadratic", 0.3, steps, jnp.float64)

    def alone(z, rho):
        return walk(z[None], rho[None], 0.1, betas).phase_space.z_final[0]

    plain = leapfrog_tempering_step(quartic, z, rho, 0.1, betas)
    kept = walk(z, rho, 0.1, betas, trajectory=True)
    rows = jax.jit(jax.vmap(alone))(z, rho)
    for other in (walk(z, rho, 0.1, betas), walk(z, rho, 0.1, betas, remat=True), kept):
        assert np.allclose(other.phase_space.z_final, plain.phase_space.z_final, atol=1e-14)
        assert np.allclose(other.log_likelihood, plain.log_likelihood, atol=1e-13)
    assert np.allclose(rows, plain.phase_space.z_final, atol=1e-14)
    assert kept.z.shape == kept.rho.shape == (steps + 1, *z.shape)
    assert np.array_equal(kept.z[0], z)
    assert np.array_equal(kept.z[-1], kept.phase_space.z_final)
    assert np.array_equal(kept.rho[-1], kept.phase_space.rho_final)
    single = jax.jit(lambda *a: leapfrog_step(quartic, *a, 0.1))(z, rho)
    assert np.allclose(kept.z[1], single[0], atol=1e-14)
    assert np.allclose(kept.rho[1], single[1] * np.sqrt(betas[0] / betas[1]), atol=1e-14)


def test_schedules_by_their_formulas():
    k = np.arange(5)
    inverse_root = (1 - 1 / np.sqrt(0.3)) * k**2 / 16 + 1 / np.sqrt(0.3)
    assert np.allclose(schedule("quadratic", 0.3, 4, jnp.float64), inverse_root**-2)
    inverse = (1 - 1 / 0.3) * k**2 / 16 + 1 / 0.3
    assert np.allclose(schedule("quadratic_temperature", 0.3, 4, jnp.float64), 1 / inverse)
    assert np.allclose(schedule("null", 0.3, 4), np.full(5, 0.3))
    assert float(quadratic_tempering(0.3, 4, 4)) == 1.0
    assert float(null_tempering(0.5, 1, 3)) == 0.5
    assert np.array_equal(schedule("quadratic", 0.3, 0), [1.0])
    for name in ("quadratic", "quadratic_temperature"):
        betas = np.asarray(schedule(name, 0.3, 4))
        assert betas[-1] == 1.0 and (np.diff(betas) > 0).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("quadratic", 0.0, 3), "beta0"),
        (("quadratic", 1.5, 3), "beta0"),
        (("quadratic", float("nan"), 3), "beta0"),
        (("quadratic", 0.3, -1), "whole number >= 0"),
        (("quadratc", 0.3, 3), "did you mean 'quadratic'"),
        ((lambda beta0, k, n: -k, 0.3, 3), "one positive number per stage"),
        ((lambda beta0, k, n: beta0, 0.3, 3), "one positive number per stage"),
    ],
)
def test_bad_schedules_are_named(arguments, message):
    with pytest.raises(ConfigError, match=message):
        schedule(*arguments)


@pytest.mark.parametrize(
    ("step_size", "message"),
    [
        ((0.1, 0.1), r"shape \(2,\) for 4 steps of 3 latents"),
        (np.full((3, 3), 0.1), r"shape \(3, 3\) for 4 steps"),
        (-0.1, "finite size >= 0"),
        (float("inf"), "finite size >= 0"),
        (((0.1,), (0.1, 0.2)), "finite size >= 0"),
    ],
)
def test_bad_step_sizes_are_named(step_size, message):
    z, rho = start()
    with pytest.raises(ConfigError, match=message):
        leapfrog_tempering_step(quartic, z, rho, step_size, schedule("quadratic", 0.3, 4))


def test_an_energy_that_is_not_finite_is_an_error():
    z, rho = start()
    betas = schedule("null", 1.0, 12)
    with pytest.raises(TrainingError, match=r"not finite\n.*row 0(.|\n)*smaller step_size"):
        leapfrog_tempering_step(quartic, z, rho, 5.0, betas)
    with pytest.raises(ConfigError, match="did you mean 'finite_central'"):
        grad_potential_energy(quartic, z, method="finite_centra")
