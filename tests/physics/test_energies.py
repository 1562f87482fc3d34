"""Ground-state energies of every model against closed forms and published numbers, to 1e-8."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import fsolve

from qdisc.physics.free_fermions import cluster_energy, tfim_energy, xx_energy
from qdisc.physics.ground_states import energies
from qdisc.physics.hamiltonians import (
    annni_family,
    cluster_ising_family,
    long_range_family,
    rydberg_family,
    xxz_family,
)

TIGHT = 1e-8


def energy(family, *theta):
    return energies(family, [theta])[0]


@pytest.mark.parametrize("h", [0.0, 0.4, 1.0, 1.7])
def test_annni_without_frustration_is_the_ising_chain(h):
    seen = energy(annni_family(12), 0.0, h)
    assert seen == pytest.approx(tfim_energy(12, 1.0, h), abs=TIGHT)


@pytest.mark.parametrize(("n", "kappa"), [(8, 0.3), (9, 0.45), (12, 0.25)])
def test_annni_on_the_disorder_line(n, kappa):
    """On h = 1 / (4 kappa) - kappa the ring has E = -n / (4 kappa) (Peschel and Emery 1981)."""
    h = 1 / (4 * kappa) - kappa
    assert energy(annni_family(n, pbc=True), kappa, h) == pytest.approx(-n / (4 * kappa), abs=TIGHT)


@pytest.mark.parametrize("h", [0.3, 2.0, 6.0])
def test_all_to_all_interactions_are_one_large_spin(h):
    """alpha = 0: H = -(J / 2) (4 S_z^2 - n) - 2 h S_x, lowest for the largest spin n / 2."""
    n, m = 10, np.arange(5.0, -6.0, -1)
    raising = np.sqrt(5 * 6 - m[1:] * (m[1:] + 1))
    big = np.diag(-0.5 * (4 * m**2 - n)) - h * (np.diag(raising, 1) + np.diag(raising, -1))
    expected = np.linalg.eigvalsh(big)[0]
    assert energy(long_range_family(n), 0.0, h) == pytest.approx(expected, abs=TIGHT)


def test_a_fast_decay_leaves_neighbours_only():
    seen = energy(long_range_family(11), 60.0, 0.8)
    assert seen == pytest.approx(tfim_energy(11, 1.0, 0.8), abs=TIGHT)


@pytest.mark.parametrize("h", [0.0, 0.35, 1.5])
@pytest.mark.parametrize("n", [5, 12])
def test_the_xx_chain_is_free(n, h):
    assert energy(xxz_family(n), 0.0, h) == pytest.approx(xx_energy(n, 1.0, h), abs=TIGHT)


def test_the_heisenberg_ring_has_its_bethe_energy():
    """2 N atan(2 l_j) = 2 pi I_j + 2 sum_k atan(l_j - l_k), E = N / 4 - sum 2 / (4 l^2 + 1)."""
    n = 12
    quantum = np.arange(n // 2) - (n // 2 - 1) / 2

    def equations(rapidity):
        scattering = np.arctan(rapidity[:, None] - rapidity[None]).sum(axis=1)
        return n * np.arctan(2 * rapidity) - np.pi * quantum - scattering

    rapidity = fsolve(equations, np.tan(np.pi * quantum / n) / 2, xtol=1e-13)
    bethe = n / 4 - 2 * np.sum(1 / (4 * rapidity**2 + 1))
    assert bethe / n == pytest.approx(-0.4489492431, abs=1e-9)
    assert energy(xxz_family(n, pbc=True), 1.0, 0.0) == pytest.approx(bethe, abs=TIGHT)


def test_the_open_heisenberg_chain_of_four():
    assert energy(xxz_family(4), 1.0, 0.0) == pytest.approx(-(3 + 2 * np.sqrt(3)) / 4, abs=TIGHT)


def test_a_saturated_chain_is_a_product_state():
    """All spins up: E = (n - 1) J Delta / 4 - n h / 2."""
    assert energy(xxz_family(12), 0.5, 2.0) == pytest.approx(11 * 0.5 / 4 - 12, abs=TIGHT)
    assert energy(xxz_family(9), -1.5, 0.0) == pytest.approx(-8 * 1.5 / 4, abs=TIGHT)


@pytest.mark.parametrize("h1", [0.0, 0.3, 1.0, 2.0])
@pytest.mark.parametrize("n", [6, 11, 13])
def test_the_cluster_chain_in_a_field_is_free(n, h1):
    seen = energy(cluster_ising_family(n), h1, 0.0)
    assert seen == pytest.approx(cluster_energy(n, 1.0, h1), abs=TIGHT)
    if h1 == 0:
        assert seen == pytest.approx(-n, abs=TIGHT)


@pytest.mark.parametrize("delta", [-1.0, 0.0, 2.5])
def test_far_atoms_are_independent(delta):
    """R_b = 0: each atom has -(Delta + sqrt(Delta^2 + Omega^2)) / 2."""
    one = -(delta + np.sqrt(delta**2 + 1)) / 2
    assert energy(rydberg_family(12), 0.0, delta) == pytest.approx(12 * one, abs=TIGHT)
    assert energy(rydberg_family((3, 3)), 0.0, delta) == pytest.approx(9 * one, abs=TIGHT)


def test_two_atoms_by_hand():
    """|gg>, (|gr> + |rg>) / sqrt 2, |rr>: a matrix of three."""
    r_b, delta = 1.1, 0.7
    w = 1 / np.sqrt(2)
    h = np.array([[0, w, 0], [w, -delta, w], [0, w, -2 * delta + r_b**6]])
    expected = np.linalg.eigvalsh(h)[0]
    assert energy(rydberg_family(2), r_b, delta) == pytest.approx(expected, abs=TIGHT)


def test_neighbours_that_block_each_other_share_one_excitation():
    """All four atoms of a plaquette within R_b: Omega is enhanced by sqrt 4 (Bernien 2017)."""
    expected = np.linalg.eigvalsh([[0, 1.0], [1.0, -0.5]])[0]  # Omega sqrt(4) / 2 = 1
    seen = energy(rydberg_family((2, 2)), 8.0, 0.5)
    assert seen == pytest.approx(expected, abs=1e-4)  # admixture of pairs: ~ 1 / (8^6 / 8)
