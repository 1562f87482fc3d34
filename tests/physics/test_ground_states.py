"""Exact ground states: energies, degeneracies, symmetry, and the two solvers against each other."""

from __future__ import annotations

from dataclasses import replace

import jax
import numpy as np
import pytest
import scipy.sparse as sp

from qdisc.dataset.sampling import codes_to_index, index_to_codes
from qdisc.errors import ConfigError
from qdisc.physics import eigen
from qdisc.physics import sector_solver as module
from qdisc.physics.free_fermions import (
    open_modes,
    tfim_energy,
    tfim_energy_density,
)
from qdisc.physics.ground_states import (
    energies,
    grid,
    ground_state,
    ground_states,
    snapshot_distribution,
)
from qdisc.physics.hamiltonians import (
    annni_family,
    cluster_ising_family,
    j1j2,
    j1j2_family,
    long_range_family,
    rydberg_family,
    tfim_family,
    transverse_field_ising,
    xxz_family,
)
from qdisc.physics.netket import double_precision
from qdisc.physics.operators import matrix
from qdisc.physics.symmetry import group_of, sectors

SQUARE = j1j2_family(3)


@pytest.mark.parametrize("j2", [0.0, 0.3, 0.7, 0.8, 1.5])
def test_classical_energies_of_the_square(j2):
    """At h = 0: E_Neel = -12 + 8 J2, E_striped = -8 J2, exchanging at J2 = 3/4."""
    expected = min(-12 + 8 * j2, -8 * j2)
    assert energies(SQUARE, [[j2, 0.0]])[0] == pytest.approx(expected, abs=1e-12)


def test_classical_ground_spaces_are_the_uniform_mixture_of_their_configurations():
    codes = index_to_codes(np.arange(512), 9)
    numbering = np.array([[0, 1, 2], [5, 4, 3], [6, 7, 8]]).ravel()
    board = np.add.outer(np.arange(3), np.arange(3)).ravel() % 2
    rows = np.repeat([0, 1, 0], 3)
    for j2, pictures in ((0.2, [board]), (1.1, [rows, np.tile([0, 1, 0], 3)])):
        expected = np.zeros(512)
        for picture in pictures:
            for flip in (0, 1):
                sites = np.empty(9, int)
                sites[numbering] = picture ^ flip
                expected[codes_to_index(sites)] = 1 / (2 * len(pictures))
        p = snapshot_distribution(SQUARE, [[j2, 0.0]])[0]
        np.testing.assert_allclose(p, expected, atol=1e-12)
        space = ground_state(j1j2(3, 1.0, j2, 0.0))  # knows nothing about symmetry
        assert space.degeneracy == 2 * len(pictures)
        np.testing.assert_allclose(space.probabilities, expected, atol=1e-12)
        magnetisation = p @ np.abs((2 * codes - 1).mean(axis=1))
        assert magnetisation == pytest.approx(1 / 9 if j2 < 0.75 else 1 / 3)


@pytest.mark.parametrize("theta", [(0.0, 0.1), (0.75, 0.2), (1.5, 0.9), (0.4, 2.0), (0.6, -0.8)])
def test_the_symmetric_sector_holds_the_ground_state(theta):
    """Against full diagonalisation, which knows nothing about symmetry."""
    values = np.linalg.eigvalsh(matrix(SQUARE.hamiltonian(theta)).toarray())
    assert energies(SQUARE, [theta])[0] == pytest.approx(values[0], abs=1e-10)


def test_netket_finds_the_same_energy():
    with double_precision() as nk:
        theirs = nk.exact.lanczos_ed(j1j2(3, 1.0, 0.6, 0.5))[0]
    assert energies(SQUARE, [[0.6, 0.5]])[0] == pytest.approx(float(theirs), abs=1e-8)


def test_snapshots_respect_every_symmetry_even_next_to_degeneracy():
    """At h = 0.1 the two Neel states are split by 1e-7 or less: nothing is left to rounding."""
    theta = grid([[0.0, 0.7, 1.5], [0.0, 1e-3, 0.1, 1.0]])
    p = snapshot_distribution(SQUARE, theta)
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-14)
    np.testing.assert_allclose(p, p[:, ::-1], atol=1e-12)
    codes = index_to_codes(np.arange(512), 9)
    for g in group_of(SQUARE.symmetries, 9):
        np.testing.assert_allclose(p, p[:, codes_to_index(codes[:, g])], atol=1e-12)


def test_snapshots_change_continuously_when_the_degeneracy_is_lifted():
    p = snapshot_distribution(SQUARE, [[0.2, 0.0], [0.2, 1e-4]])
    assert np.abs(p[0] - p[1]).max() < 1e-6


def test_states_are_normalised_eigenvectors():
    theta = grid([[0.2, 1.2], [0.4, 1.5]])
    for row, space in zip(theta, ground_states(SQUARE, theta), strict=True):
        h = matrix(SQUARE.hamiltonian(row))
        assert space.degeneracy == 1
        np.testing.assert_allclose(h @ space.states, space.energy * space.states, atol=1e-10)
        assert np.linalg.norm(space.states) == pytest.approx(1)


@pytest.mark.parametrize("n", [2, 3, 6, 9])
@pytest.mark.parametrize("h", [0.0, 0.3, 1.0, 1.7])
def test_the_open_chain_has_its_free_fermion_energy(n, h):
    assert energies(tfim_family(n), [[h]])[0] == pytest.approx(tfim_energy(n, 1.0, h), abs=1e-8)


@pytest.mark.parametrize("n", [3, 6, 7])
@pytest.mark.parametrize("h", [0.0, 0.4, 1.0, 2.0])
def test_the_ring_has_its_free_fermion_energy(n, h):
    seen = energies(tfim_family(n, 1.0, True), [[h]])[0]
    assert seen == pytest.approx(tfim_energy(n, 1.0, h, pbc=True), abs=1e-8)


def test_lanczos_above_1024_states_finds_the_same():
    family = tfim_family(12)
    fields = np.array([0.05, 0.5, 1.0, 1.6])
    seen = energies(family, fields)
    np.testing.assert_allclose(seen, [tfim_energy(12, 1.0, h) for h in fields], atol=1e-8)
    plain = ground_state(transverse_field_ising(11, 1.0, 0.9))
    assert plain.energy == pytest.approx(tfim_energy(11, 1.0, 0.9), abs=1e-8)
    assert plain.degeneracy == 1


def test_lanczos_and_dense_blocks_agree_on_the_distribution(monkeypatch):
    theta = grid([[0.1, 0.75], [0.2, 0.8]])
    dense = snapshot_distribution(SQUARE, theta)
    monkeypatch.setattr(module, "DENSE_STATES", 1)
    monkeypatch.setattr(eigen, "DENSE_BLOCK", 8)
    np.testing.assert_allclose(snapshot_distribution(SQUARE, theta), dense, atol=1e-9)


def test_lanczos_finds_both_states_of_a_degenerate_ground_space():
    space = ground_state(transverse_field_ising(11, 1.0, 0.0))
    assert space.energy == pytest.approx(-10)
    assert space.degeneracy == 2
    assert space.probabilities[[0, -1]] == pytest.approx([0.5, 0.5])


def test_the_gap_of_the_open_chain_is_its_lowest_mode():
    values = np.linalg.eigvalsh(matrix(transverse_field_ising(6, 1.0, 0.7)).toarray())
    assert values[1] - values[0] == pytest.approx(open_modes(6, 1.0, 0.7)[0], abs=1e-10)


def test_the_infinite_chain_at_the_critical_point():
    assert tfim_energy_density(1.0, 1.0) == pytest.approx(-4 / np.pi)
    assert tfim_energy(4000, 1.0, 0.6, pbc=True) / 4000 == pytest.approx(
        tfim_energy_density(1.0, 0.6), abs=1e-12
    )


@pytest.mark.parametrize(
    ("family", "dimension"),
    [
        (SQUARE, 102),  # orbits of 3 x 3 boards under the square's group
        (replace(SQUARE, symmetries=(), parities=()), 512),
        (cluster_ising_family(5), 32),
        (xxz_family(5), 20),  # orbits under the mirror
        (rydberg_family(4), 10),
    ],
)
def test_sectors_are_orthonormal_and_split_the_space(family, dimension):
    basis = sp.hstack(sectors(family))
    assert basis.shape == (1 << family.n_sites, dimension)
    np.testing.assert_allclose((basis.T @ basis).toarray(), np.eye(dimension), atol=1e-14)


@pytest.mark.parametrize(
    ("family", "theta"),
    [
        (annni_family(7), (0.7, 0.4)), (annni_family(8, pbc=True), (0.3, 0.9)),
        (long_range_family(7, J=-1.0), (1.5, 0.6)), (long_range_family(8), (0.5, 2.0)),
        (xxz_family(7), (0.6, 0.9)), (xxz_family(8), (-0.5, 0.3)), (xxz_family(8, -1.0), (0.5, 0)),
        (xxz_family(6, pbc=True), (1.7, 0.8)), (xxz_family(7, pbc=True), (0.4, 0.5)),
        (cluster_ising_family(7), (0.4, 0.3)), (cluster_ising_family(7), (0.3, -1.4)),
        (cluster_ising_family(6), (0.2, -0.7)), (rydberg_family(7), (1.6, 1.1)),
        (rydberg_family((3, 3)), (1.2, 1.5)), (rydberg_family((2, 3), 2.0), (1.4, 0.5)),
    ],
)  # fmt: skip
def test_sectors_hold_the_whole_ground_space(family, theta):
    """Against full diagonalisation of the matrix, which knows nothing about symmetry."""
    h = matrix(family.hamiltonian(theta)).toarray()
    values, vectors = np.linalg.eigh(h)
    ground = vectors[:, values - values[0] < 1e-9]
    (space,) = ground_states(family, [theta])
    assert space.energy == pytest.approx(values[0], abs=1e-10)
    np.testing.assert_allclose(
        space.states @ space.states.T, ground @ ground.T, atol=1e-8
    )  # projectors: all degenerate states, and nothing else


@pytest.mark.parametrize(
    ("family", "axes"),
    [
        (cluster_ising_family(9), [[0.1, 0.7], np.linspace(-1.4, 1.2, 7)]),
        (xxz_family(9), [np.linspace(-1.4, 1.6, 5), [0.0, 0.35, 1.2]]),
        (rydberg_family(9), [[1.2, 1.9], np.linspace(-1, 3, 5)]),
        (annni_family(9), [[0.0, 0.5, 0.8], [0.3, 1.1]]),
    ],
)
def test_warm_starts_and_shared_work_change_nothing(family, axes, monkeypatch):
    """A whole sweep by Lanczos against one setting at a time, solved cold and in full."""
    monkeypatch.setattr(eigen, "DENSE_BLOCK", 8)
    theta = grid(axes)
    monkeypatch.setattr(module, "DENSE_STATES", 1)
    fast = ground_states(family, theta)
    for row, space in zip(theta, fast, strict=True):
        h = matrix(family.hamiltonian(row))
        residual = h @ space.states - space.energy * space.states
        assert np.abs(residual).max() < 1e-9
        values, _ = eigen.lowest(h, eigen.norm_bound(h))
        assert space.energy == pytest.approx(values.min(), abs=1e-9)
        assert space.degeneracy == (values - values.min() < 1e-8).sum()


def test_a_degeneracy_that_no_sector_resolves_is_seen(monkeypatch):
    """Three decoupled copies of the lowest level, in a basis without symmetry."""
    monkeypatch.setattr(eigen, "DENSE_BLOCK", 8)
    rng = np.random.default_rng(0)
    q, _ = np.linalg.qr(rng.normal(size=(300, 300)))
    levels = np.concatenate([np.full(3, -2.0), np.linspace(-1.9, 2, 297)])
    h = sp.csr_array(q @ np.diag(levels) @ q.T)
    values, vectors = eigen.lowest(h, eigen.norm_bound(h), start=q[:, 0])
    ground = vectors[:, values < -2 + 1e-8]
    assert ground.shape[1] == 3
    np.testing.assert_allclose(np.linalg.norm(q[:, :3].T @ ground, axis=0), 1, atol=1e-8)


def test_classical_settings_are_solved_exactly():
    """The ANNNI chain at kappa = 1/2 without field: as many ground states as Fibonacci says."""
    (space,) = ground_states(annni_family(12), [[0.5, 0.0]])
    assert space.energy == pytest.approx(-(11 - 5))
    assert space.degeneracy == 2 * 89  # compositions of 12 into domains of two sites or more
    filled = space.probabilities[space.probabilities > 0]
    np.testing.assert_allclose(filled, 1 / 178)


def test_a_sweep_leaves_the_precision_of_jax_alone():
    before = jax.config.jax_enable_x64
    energies(SQUARE, [[0.1, 0.2]])
    assert jax.config.jax_enable_x64 == before


def test_bad_settings_are_refused():
    with pytest.raises(ConfigError, match=r"has the couplings J2, h\n.*\n.*\(3, 1\)"):
        energies(SQUARE, [0.1, 0.2, 0.3])
    with pytest.raises(ConfigError, match=r"not finite\n.*theta\[1\], h\n.*nan"):
        energies(SQUARE, [[0.1, 0.2], [0.1, np.nan]])
    with pytest.raises(ConfigError, match="a chain has two sites"):
        tfim_energy(1)
