"""Classical shadows: bases, outcomes, distributions, estimators, refusals."""

from __future__ import annotations

from itertools import product as all_of

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset import shadows
from qdisc.dataset.shadows import BASES, get_classical_shadow
from qdisc.errors import ConfigError, DataError

PAULI = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.diag([1, -1]),
}
CODE = {"X": 2, "Y": 3, "Z": 4}
R = np.sqrt(0.5)
STATES = {
    "+": np.array([R, R]),
    "+i": np.array([R, 1j * R]),
    "0": np.array([1, 0]),
    "Bell": np.array([R, 0, 0, R]),
    "GHZ with phase i": np.array([R, 0, 0, 0, 0, 0, 0, 1j * R]),
}


def expectation(psi, letters):
    operator = np.eye(1)
    for letter in letters:
        operator = np.kron(operator, PAULI[letter])
    return float(np.real(np.conj(psi) @ operator @ psi))


def sites(psi):
    return int(np.log2(psi.size))


@pytest.mark.parametrize("bases", BASES)
@pytest.mark.parametrize("name", STATES)
def test_every_joint_distribution_of_bases_and_outcomes(name, bases):
    """P(o | b) from projectors built out of Pauli matrices, for every basis string."""
    psi = STATES[name].astype(complex)
    n, shots = sites(psi), 20_000
    shadow = get_classical_shadow(psi, shots, n, 11, bases)
    assert shadow.shape == (shots, 2 * n)
    for letters in all_of(bases, repeat=n):
        rows = np.all(shadow[:, 0::2] == [CODE[letter] for letter in letters], axis=1)
        chosen = len(bases) ** -n
        assert abs(rows.sum() - shots * chosen) <= 4 * np.sqrt(shots * chosen * (1 - chosen))
        for outcome in all_of((0, 1), repeat=n):
            projector = np.eye(1)
            for letter, o in zip(letters, outcome, strict=True):
                projector = np.kron(projector, (np.eye(2) + (2 * o - 1) * PAULI[letter]) / 2)
            p = float(np.real(np.conj(psi) @ projector @ psi))
            seen = np.all(shadow[rows][:, 1::2] == outcome, axis=1).sum()
            m = rows.sum()
            assert abs(seen - m * p) <= 4.5 * np.sqrt(m * max(p * (1 - p), 0)) + 1e-6


def test_eigenstates_give_their_eigenvalue_every_time():
    for name, basis in (("+", "X"), ("+i", "Y"), ("0", "Z")):
        shadow = get_classical_shadow(STATES[name], 200, 1, 0, basis)
        assert np.all(shadow[:, 0] == CODE[basis])
        assert np.all(shadow[:, 1] == 1), name
    for name, basis in (("+", "Y"), ("+", "Z"), ("+i", "X"), ("+i", "Z"), ("0", "X"), ("0", "Y")):
        ones = get_classical_shadow(STATES[name], 4000, 1, 0, basis)[:, 1].mean()
        assert abs(ones - 0.5) < 4 * 0.5 / np.sqrt(4000), (name, basis)


@pytest.mark.parametrize("site", range(4))
def test_one_odd_site_shows_up_in_its_own_columns(site):
    psi = np.zeros(16)
    psi[1 << (3 - site)] = 1.0
    shadow = get_classical_shadow(psi, 50, 4, 2, "Z")
    expected = np.ones(4, int)
    expected[site] = 0
    np.testing.assert_array_equal(shadow[:, 1::2], np.tile(expected, (50, 1)))
    np.testing.assert_array_equal(shadow[:, 0::2], 4)


def test_the_unbiased_estimator_finds_x_y_and_z_strings():
    """<P> = 3^w mean over the shots measured in P's bases, within 4 sigma of the exact value."""
    rng = np.random.default_rng(0)
    state = rng.normal(size=16) + 1j * rng.normal(size=16)
    states = [
        state / np.linalg.norm(state),
        np.kron(STATES["+i"], np.kron(STATES["GHZ with phase i"], [1])),
        np.kron(STATES["+i"], np.kron(STATES["+i"], np.kron(STATES["+i"], STATES["+i"]))),
    ]
    shots = 60_000
    for k, psi in enumerate(states):
        shadow = get_classical_shadow(psi, shots, 4, k, "XYZ")
        basis, spin = shadow[:, 0::2], 2.0 * shadow[:, 1::2] - 1
        for letters in all_of("IXYZ", repeat=4):
            weight = 4 - letters.count("I")
            if not 1 <= weight <= 3:
                continue
            at = [i for i, letter in enumerate(letters) if letter != "I"]
            hit = np.all(basis[:, at] == [CODE[letters[i]] for i in at], axis=1)
            values = 3.0**weight * hit * np.prod(spin[:, at], axis=1)
            error = values.std() / np.sqrt(shots)
            assert abs(values.mean() - expectation(psi, letters)) < 4.5 * error, (k, letters)


def test_ghz_with_phase_i_has_its_known_correlators():
    """(|000> + i|111>)/sqrt 2: <XXY> = <YXX> = 1, <YYY> = -1, <XXX> = 0."""
    psi = STATES["GHZ with phase i"]
    assert expectation(psi, "XXY") == pytest.approx(1)
    shadow = get_classical_shadow(psi, 30_000, 3, 5, "XY")
    parity = np.prod(2 * shadow[:, 1::2] - 1, axis=1)
    for letters, value in (("XXY", 1), ("YXX", 1), ("YYY", -1)):
        rows = np.all(shadow[:, 0::2] == [CODE[letter] for letter in letters], axis=1)
        assert np.all(parity[rows] == value)
    rows = np.all(shadow[:, 0::2] == 2, axis=1)
    assert abs(parity[rows].mean()) < 4 / np.sqrt(rows.sum())


def test_splitting_wide_work_changes_nothing(monkeypatch):
    rng = np.random.default_rng(3)
    psi = rng.normal(size=64) + 1j * rng.normal(size=64)
    whole = get_classical_shadow(psi, 500, 6, 1)
    monkeypatch.setattr(shadows, "_MAX_AMPLITUDES", 64)
    np.testing.assert_array_equal(get_classical_shadow(psi, 500, 6, 1), whole)


def test_jax_vectors_every_key_and_many_sites():
    psi = jnp.ones(2**12, dtype=jnp.float32)
    a = get_classical_shadow(psi, 1000, 12, jax.random.key(0))
    b = get_classical_shadow(np.asarray(psi), 1000, 12, jax.random.PRNGKey(0))
    np.testing.assert_array_equal(a, b)
    assert np.all(a[:, 1::2][a[:, 0::2] == 2] == 1)  # |+>^12: X is always +1
    assert get_classical_shadow(psi, 0, 12, 0).shape == (0, 24)


@pytest.mark.parametrize("bases", ["", "W", "ZYX", "xyz", "XX", "XYZZ", None, 3])
def test_unknown_bases_list_the_known_ones(bases):
    with pytest.raises(ConfigError, match="one of X, Y, Z, XY, XZ, YZ, XYZ"):
        get_classical_shadow(np.ones(4), 10, 2, 0, bases)


def test_bad_states_are_refused():
    with pytest.raises(DataError, match=r"2\*\*3 = 8 amplitudes"):
        get_classical_shadow(np.ones(4), 10, 3, 0)
    with pytest.raises(DataError, match="not finite"):
        get_classical_shadow(np.full(4, np.nan), 10, 2, 0)
