"""Operators against matrices built from Kronecker products alone."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from qdisc.errors import ConfigError
from qdisc.physics.hamiltonians import (
    j1j2,
    j1j2_family,
    tfim_family,
    transverse_field_ising,
)
from qdisc.physics.operators import PauliSum, matrix

X, Z = np.array([[0.0, 1.0], [1.0, 0.0]]), np.diag([1.0, -1.0])


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
    np.testing.assert_array_equal(
        matrix(j1j2((3, 3), j1, j2, h)).toarray(),
        matrix(j1j2_family(3, j1).hamiltonian((j2, h))).toarray(),
    )


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


def test_families_name_their_couplings():
    family = j1j2_family((2, 3))
    assert family.theta_names == ("J2", "h")
    assert family.theta_units == ("J1", "J1")
    assert family.n_sites == 6
    with pytest.raises(ConfigError, match="j1j2 has the couplings J2, h"):
        family.hamiltonian((1.0,))
    assert tfim_family(5).theta_names == ("h",)


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
