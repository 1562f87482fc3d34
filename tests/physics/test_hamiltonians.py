"""Operators against matrices built from Kronecker products alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from qdisc.errors import ConfigError
from qdisc.physics.hamiltonians import (
    annni,
    annni_family,
    cluster_ising,
    cluster_ising_family,
    j1j2,
    j1j2_family,
    long_range_family,
    long_range_ising,
    rydberg,
    rydberg_family,
    tfim_family,
    transverse_field_ising,
    xxz,
    xxz_family,
)
from qdisc.physics.operators import PauliSum, matrix, pauli_matrix

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])
Y = np.array([[0, -1j], [1j, 0]])


def at(n, **letters):
    out = np.eye(1)
    for site in range(n):
        out = np.kron(out, letters.get(f"s{site}", np.eye(2)))
    return out


def zz(n, i, j):
    return at(n, **{f"s{i}": Z, f"s{j}": Z})


def x(n, i):
    return at(n, **{f"s{i}": X})


NN = [
    (0, 1),
    (1, 2),
    (5, 4),
    (4, 3),
    (6, 7),
    (7, 8),
    (0, 5),
    (1, 4),
    (2, 3),
    (5, 6),
    (4, 7),
    (3, 8),
]
NNN = [(0, 4), (1, 3), (5, 7), (4, 8), (1, 5), (2, 4), (4, 6), (3, 7)]


@pytest.mark.parametrize(("j1", "j2", "h"), [(1.0, 0.35, 0.7), (1.3, -0.2, 0.0), (0.0, 0.0, 1.0)])
def test_j1j2_on_the_published_lattice(j1, j2, h):
    expected = j1 * sum(zz(9, *b) for b in NN) + j2 * sum(zz(9, *b) for b in NNN)
    expected = expected + h * sum(x(9, i) for i in range(9))
    seen = matrix(j1j2(3, j1, j2, h))
    assert seen.dtype == np.float64
    np.testing.assert_allclose(seen.toarray(), expected, atol=1e-14)
    same = matrix(j1j2_family((3, 3), j1).hamiltonian((j2, h)))
    np.testing.assert_allclose(same.toarray(), expected, atol=1e-14)


@pytest.mark.parametrize("pbc", [False, True])
def test_the_ising_chain(pbc):
    bonds = [(0, 1), (1, 2), (2, 3)] + [(3, 0)] * pbc
    expected = -0.8 * sum(zz(4, *b) for b in bonds) - 0.3 * sum(x(4, i) for i in range(4))
    seen = matrix(transverse_field_ising(4, 0.8, 0.3, pbc))
    np.testing.assert_allclose(seen.toarray(), expected, atol=1e-14)


def test_the_zero_index_is_all_up_and_the_first_site_is_most_significant():
    diagonal = matrix(PauliSum.of(3, [("Z", (0,))])).diagonal()
    np.testing.assert_array_equal(diagonal, [1, 1, 1, 1, -1, -1, -1, -1])


def test_strings_with_y_are_complex_and_hermitian():
    y = matrix(PauliSum.of(1, [("Y", (0,))]))
    np.testing.assert_array_equal(y.toarray(), [[0, -1j], [1j, 0]])
    assert matrix(PauliSum.of(2, [("YY", (0, 1))])).dtype == np.float64


def test_an_empty_sum_is_zero():
    assert matrix(PauliSum.of(2, [])).nnz == 0 or not matrix(PauliSum.of(2, [])).toarray().any()


def spin(n, letter, i, j):
    return at(n, **{f"s{i}": letter, f"s{j}": letter})


def test_annni_and_long_range_chains():
    j, k, h = 0.7, 0.4, 1.3
    near, next_near = [(i, i + 1) for i in range(5)], [(i, i + 2) for i in range(4)]
    field = sum(x(6, i) for i in range(6))
    expected = -j * sum(zz(6, *b) for b in near) + j * k * sum(zz(6, *b) for b in next_near)
    np.testing.assert_allclose(
        matrix(annni(6, j, k, h)).toarray(), expected - h * field, atol=1e-14
    )
    pairs = [(i, m) for i in range(6) for m in range(i + 1, 6)]
    expected = -j * sum(zz(6, i, m) / (m - i) ** 1.7 for i, m in pairs) - h * field
    seen = matrix(long_range_ising(6, j, 1.7, h)).toarray()
    np.testing.assert_allclose(seen, expected, atol=1e-13)
    ring = matrix(annni_family(5, pbc=True).hamiltonian((0.3, 0.0))).diagonal()
    assert ring[0] == pytest.approx(-5 + 0.3 * 5)


@pytest.mark.parametrize("pbc", [False, True])
def test_the_xxz_chain(pbc):
    bonds = [(0, 1), (1, 2), (2, 3), (3, 4)] + [(4, 0)] * pbc
    expected = 0
    for b in bonds:
        expected = expected + spin(5, X, *b) + spin(5, Y, *b).real + 0.6 * spin(5, Z, *b)
    expected = 1.2 * expected / 4 - 0.5 * 0.9 * sum(at(5, **{f"s{i}": Z}) for i in range(5))
    seen = matrix(xxz(5, 1.2, 0.6, 0.9, pbc))
    assert seen.dtype == np.float64
    np.testing.assert_allclose(seen.toarray(), expected, atol=1e-14)


def test_the_cluster_ising_chain_and_its_edges():
    expected = -0.8 * (
        at(5, s0=X, s1=Z) + at(5, s0=Z, s1=X, s2=Z) + at(5, s1=Z, s2=X, s3=Z)
        + at(5, s2=Z, s3=X, s4=Z) + at(5, s3=Z, s4=X)
    )  # fmt: skip
    expected = expected - 0.3 * sum(x(5, i) for i in range(5))
    expected = expected + 0.4 * sum(spin(5, X, i, i + 1) for i in range(4))
    seen = matrix(cluster_ising(5, 0.8, 0.3, -0.4)).toarray()
    np.testing.assert_allclose(seen, expected, atol=1e-14)


@pytest.mark.parametrize("shape", [5, (2, 3)])
def test_rydberg_arrays_with_the_whole_tail(shape):
    where = np.arange(5)[:, None] if shape == 5 else np.array(
        [[0, 0], [0, 1], [0, 2], [1, 2], [1, 1], [1, 0]]
    )  # fmt: skip
    n = len(where)
    occupied = [at(n, **{f"s{i}": np.diag([1.0, 0.0])}) for i in range(n)]
    expected = 0.5 * 1.5 * sum(x(n, i) for i in range(n)) - 0.7 * sum(occupied)
    for i in range(n):
        for j in range(i):
            r = np.linalg.norm(where[i] - where[j])
            expected = expected + 1.5 * 1.4**6 / r**6 * occupied[i] @ occupied[j]
    seen = matrix(rydberg(shape, 1.5, 0.7, 1.4)).toarray()
    np.testing.assert_allclose(seen, expected, atol=1e-12)
    assert seen[0, 0] > 0  # index 0 is all up: all atoms excited, which costs interaction


@pytest.mark.parametrize(
    ("family", "theta"),
    [(j1j2_family(3), (0.4, 0.7)), (tfim_family(4), (0.3,)), (annni_family(5), (0.4, 0.3)),
     (long_range_family(4), (2.0, 0.5)), (xxz_family(4), (0.5, 0.2)),
     (cluster_ising_family(5), (0.4, -0.3)), (rydberg_family((2, 2)), (1.2, 0.8))],
)  # fmt: skip
def test_netket_has_the_same_matrix(family, theta):
    hamiltonian = family.hamiltonian(theta)
    theirs = matrix(hamiltonian.operator())
    np.testing.assert_allclose(theirs.toarray(), pauli_matrix(hamiltonian).toarray(), atol=1e-13)


def test_random_strings_against_kronecker_products():
    rng = np.random.default_rng(2)
    letters = {"I": np.eye(2), "X": X, "Y": Y, "Z": Z}
    strings = ["".join(rng.choice(list("IXYZ"), 4)) for _ in range(12)]
    weights = rng.normal(size=12)
    expected = sum(
        w * at(4, **{f"s{i}": letters[c] for i, c in enumerate(s)})
        for s, w in zip(strings, weights, strict=True)
    )
    seen = pauli_matrix(PauliSum(4, tuple(strings), tuple(weights)))
    assert seen.dtype == np.complex128
    np.testing.assert_allclose(seen.toarray(), expected, atol=1e-14)
    with pytest.raises(ConfigError, match="one letter I, X, Y or Z per site"):
        pauli_matrix(PauliSum(2, ("XA",), (1.0,)))


def test_families_name_their_couplings():
    family = j1j2_family((2, 3))
    assert family.theta_names == ("J2", "h")
    assert family.theta_units == ("J1", "J1")
    assert family.n_sites == 6
    with pytest.raises(ConfigError, match="j1j2 has the couplings J2, h"):
        family.hamiltonian((1.0,))
    assert tfim_family(5).theta_names == ("h",)


def test_models_that_do_not_exist_are_refused():
    with pytest.raises(ConfigError, match="the long-range chain is open"):
        long_range_family(5, pbc=True)
    with pytest.raises(ConfigError, match="open and has three sites or more"):
        cluster_ising_family(2)
    with pytest.raises(ConfigError, match=r"not negative\n.*R_b"):
        rydberg_family(3).hamiltonian((-1.0, 0.0))
    with pytest.raises(ConfigError, match="Rabi frequency is positive"):
        rydberg_family(3, omega=0.0)
    with pytest.raises(ConfigError, match="energies overflow"):
        rydberg_family(3).hamiltonian((1e80, 0.0))


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("H", "not a Hamiltonian"),
        (np.ones((2, 3)), "square"),
        (np.array([[0.0, 1.0], [0.0, 0.0]]), "Hermitian"),
        (np.array([[np.nan, 0.0], [0.0, 0.0]]), "Hermitian"),
    ],
)
def test_what_is_no_hamiltonian_is_refused(bad, message):
    with pytest.raises(ConfigError, match=message):
        matrix(bad)


def test_matrices_pass_through():
    np.testing.assert_array_equal(matrix(sp.csr_matrix(Z)).toarray(), Z)
    np.testing.assert_array_equal(matrix(Z).toarray(), Z)
