"""The Falicov-Kimball model: exact limits, symmetry of the densities, the published ridge."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.physics.critical_lines import falicov_kimball_strong_coupling
from qdisc.physics.falicov_kimball import FalicovKimball
from qdisc.physics.oracles import ridge

HALF = FalicovKimball(heavy=8)
SMALL = FalicovKimball((2, 4))


def by_hand(model, U, T):
    """Every arrangement on its own: weights and densities."""
    n = model.lattice.n_sites
    a = np.zeros((n, n))
    for i, j in model.lattice.neighbours:
        a[i, j] = a[j, i] = 1
    codes = model.codes(np.arange(1 << n)).astype(float)
    weights, densities = [], []
    for f in codes:
        levels, orbitals = np.linalg.eigh(-model.t * a + np.diag(U * (f - 0.5)))
        bath = np.prod(1 + np.exp(-levels / T))
        weights.append(np.exp(U * (f.sum() - n / 2) / (2 * T)) * bath)
        densities.append((orbitals**2) @ (1 / (np.exp(levels / T) + 1)))
    return np.array(weights) / np.sum(weights), np.array(densities)


@pytest.mark.parametrize(("U", "T"), [(2.0, 0.4), (0.0, 0.3), (7.0, 0.9)])
def test_orbits_give_every_arrangement_its_weight_and_densities(U, T):
    weights, densities = by_hand(SMALL, U, T)
    ((p, n),) = SMALL.at(U, [T])
    np.testing.assert_allclose(SMALL.arrangements(p), weights, rtol=1e-9)
    np.testing.assert_allclose(SMALL.on_sites(np.arange(256), n), densities, atol=1e-10)
    np.testing.assert_allclose(SMALL.distribution(U, [T])[0], p)
    np.testing.assert_allclose(SMALL.densities(U, T), n)
    entropy = -(weights * np.log(weights)).sum()
    assert SMALL.entropy(p) == pytest.approx(entropy, abs=1e-9)


def test_orbits_of_half_filling():
    assert HALF.sizes.sum() == 12870
    assert len(HALF.sizes) < 200
    assert FalicovKimball().sizes.sum() == 65536
    assert (HALF.representatives.sum(axis=1) == 8).all()


def test_without_interaction_all_arrangements_are_equal():
    ((p, n),) = HALF.at(0.0, [0.1])
    assert HALF.entropy(p) == pytest.approx(np.log(12870))
    np.testing.assert_allclose(n, 0.5, atol=1e-12)  # half filling, every site alike


@pytest.mark.parametrize("U", [0.5, 3.0, 9.0])
def test_the_checkerboard_has_its_closed_form(U):
    """Levels +-sqrt(eps_k^2 + U^2 / 4); at T -> 0 it is the ground state, in two copies."""
    board = np.add.outer(np.arange(4), np.arange(4)) % 2
    sites = np.empty(16, dtype=np.uint8)
    sites[HALF.lattice.numbering.ravel()] = board.ravel()
    index = int("".join(map(str, sites)), 2)
    orbit = HALF.orbit_of[index]
    k = 2 * np.pi * np.arange(4) / 4
    eps = -2 * np.add.outer(np.cos(k), np.cos(k)).ravel()
    expected = np.sort(np.sign(np.arange(16) - 7.5) * np.sort(np.sqrt(eps**2 + U**2 / 4)))
    split = np.sqrt(np.sort(eps**2) + U**2 / 4)[::2]
    levels, _ = HALF.spectra(U)
    np.testing.assert_allclose(levels[orbit], np.sort(np.concatenate([split, -split])), atol=1e-10)
    assert expected.shape == (16,)
    ((p, n),) = HALF.at(U, [0.004])
    assert p[orbit] == pytest.approx(1, abs=1e-6)
    assert HALF.sizes[orbit] == 2
    # the light particles avoid the heavy ones: n = (1 -+ (1/N) sum U / (2 E)) / 2
    gap = np.mean(U / 2 / np.sqrt(eps**2 + U**2 / 4))
    density = HALF.on_sites([index], n)[0]
    np.testing.assert_allclose(density, np.where(sites == 1, 1 - gap, 1 + gap) / 2, atol=1e-6)


def test_the_published_ridge_of_the_fisher_information():
    """Peak of F(T) for N_f = 8 and, in the second row, for fluctuating N_f (step 0.01 in T)."""
    T = np.round(np.arange(0.01, 0.2001, 0.01), 10)
    expected = {1: (0.065, 0.045), 2: (0.115, 0.095), 4: (0.155, 0.135), 6: (0.135, 0.125),
                8: (0.115, 0.105), 12: (0.085, 0.075)}  # fmt: skip
    both = (HALF, FalicovKimball())
    for U, peaks in expected.items():
        seen = [float(ridge(model.distribution(U, T), T)) for model in both]
        assert seen == pytest.approx(peaks, abs=1e-9), U
    assert falicov_kimball_strong_coupling(12.0) == pytest.approx(0.0946, abs=1e-4)


def test_particle_hole_symmetry_of_the_light_particles():
    """Turning f into 1 - f and d into 1 - d leaves the weights alone."""
    ((p, n),) = SMALL.at(3.0, [0.5])
    whole = SMALL.arrangements(p)
    np.testing.assert_allclose(whole, whole[::-1], rtol=1e-9)
    densities = SMALL.on_sites(np.arange(256), n)
    np.testing.assert_allclose(densities, 1 - densities[::-1], atol=1e-10)


def test_what_cannot_be_enumerated_is_refused():
    with pytest.raises(ConfigError, match="at most 20 sites"):
        FalicovKimball((5, 5))
    with pytest.raises(ConfigError, match="no more heavy particles than sites"):
        FalicovKimball(heavy=17)
    with pytest.raises(ConfigError, match="temperature is positive"):
        HALF.distribution(1.0, [0.1, 0.0])
