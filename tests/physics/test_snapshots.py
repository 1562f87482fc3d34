"""10^5 snapshots of every model in every basis against exact expectation values."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from qdisc.dataset.bases import sample_pauli_basis
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.pauli_values import BASIS_CODES, estimate, pauli_values
from qdisc.dataset.sampling import generator
from qdisc.dataset.shadows import get_classical_shadow, shadow_of_states
from qdisc.errors import ConfigError, DataError
from qdisc.physics.expectations import energy, expectations, fidelity_susceptibility
from qdisc.physics.ground_states import ground_states
from qdisc.physics.hamiltonians import (
    annni_family,
    cluster_ising_family,
    j1j2_family,
    long_range_family,
    rydberg_family,
    tfim_family,
    xxz_family,
)
from qdisc.physics.shadow_estimators import (
    hamiltonian_values,
    shadow_energy,
    shadow_expectation,
)

SHOTS = 100_000
MODELS = [
    (tfim_family(6), (0.8,)),
    (annni_family(6), (0.6, 0.3)),
    (long_range_family(6, J=-1.0), (1.5, 0.7)),
    (j1j2_family((2, 3)), (0.4, 0.6)),
    (xxz_family(6), (0.7, 0.6)),
    (xxz_family(5), (-1.5, 0.0)),  # degenerate: all up, all down
    (cluster_ising_family(5), (0.4, -0.3)),
    (rydberg_family((2, 3)), (1.3, 1.0)),
]
PLUS_I = np.array([1, 1j]) / np.sqrt(2)
GHZ_I = np.zeros(8, complex)
GHZ_I[[0, 7]] = np.array([1, 1j]) / np.sqrt(2)
BY_HAND = {
    "+i everywhere": np.kron(PLUS_I, np.kron(PLUS_I, PLUS_I)),
    "GHZ with phase i": GHZ_I,
    "random": (lambda r: r.normal(size=8) + 1j * r.normal(size=8))(np.random.default_rng(1)),
}


def strings_of(letters):
    """All strings of one and two letters that a measurement in these bases holds."""
    n = len(letters)
    for sites in itertools.chain(*(itertools.combinations(range(n), w) for w in (1, 2))):
        yield sites, "".join(letters[i] if i in sites else "I" for i in range(n))


def compare(states, bases, key):
    n = int(states.shape[0]).bit_length() - 1
    letters = bases if len(bases) == n else bases * n
    s = 2.0 * sample_pauli_basis(states, SHOTS, n, key, bases) - 1
    for sites, string in strings_of(letters):
        exact = expectations(states, [string])[0]
        error = np.sqrt(max(1 - exact**2, 0) / SHOTS)
        seen = np.prod(s[:, list(sites)], axis=1).mean()
        assert abs(seen - exact) <= 4 * error + 1e-9, (string, seen, exact)


@pytest.mark.parametrize(("family", "theta"), MODELS, ids=lambda v: getattr(v, "name", str(v)))
def test_one_and_two_body_averages_of_every_model_in_x_y_and_z(family, theta):
    (space,) = ground_states(family, [theta])
    mixed = "".join("XYZ"[i % 3] for i in range(family.n_sites))
    for key, bases in enumerate(("X", "Y", "Z", mixed)):
        compare(space.states, bases, key)


@pytest.mark.parametrize("name", BY_HAND)
def test_states_with_nonzero_y(name):
    psi = BY_HAND[name] / np.linalg.norm(BY_HAND[name])
    for key, bases in enumerate(("X", "Y", "Z", "YXZ", "ZYY")):
        compare(psi[:, None], bases, 10 + key)


def test_the_signs_of_y_by_hand():
    assert expectations(BY_HAND["+i everywhere"], ["YII", "IYI", "YYY"]) == pytest.approx([1, 1, 1])
    assert expectations(GHZ_I, ["XXY", "YXX", "YYY", "XXX"]) == pytest.approx([1, 1, -1, 0])
    assert np.all(sample_pauli_basis(BY_HAND["+i everywhere"], 50, 3, 0, "Y") == 1)
    assert np.all(sample_pauli_basis(BY_HAND["+i everywhere"].conj(), 50, 3, 0, "Y") == 0)


@pytest.mark.parametrize(("family", "theta"), MODELS, ids=lambda v: getattr(v, "name", str(v)))
def test_energies_and_strings_from_shadows_of_every_model(family, theta):
    (space,) = ground_states(family, [theta])
    n, hamiltonian = family.n_sites, family.hamiltonian(theta)
    assert energy(space.states, hamiltonian) == pytest.approx(space.energy, abs=1e-9)
    shadow = shadow_of_states(space.states, SHOTS, generator(3))
    e = estimate(hamiltonian_values(shadow, hamiltonian))
    assert abs(e.mean - space.energy) < 4 * e.std_error
    assert abs(e.median_of_means - space.energy) < 4 * e.median_error
    for string in ("XX", "YY", "ZZ", "ZXZ", "Y", "XZ"):
        string = string + "I" * (n - len(string))
        e = estimate(pauli_values(shadow, string))
        assert abs(e.mean - expectations(space.states, [string])[0]) < 4 * e.std_error, string


@pytest.mark.parametrize("name", BY_HAND)
def test_shadows_of_states_with_nonzero_y(name):
    psi = BY_HAND[name] / np.linalg.norm(BY_HAND[name])
    shadow = get_classical_shadow(psi, SHOTS, 3, 8)
    for string in map("".join, itertools.product("IXYZ", repeat=3)):
        if string != "III":
            e = estimate(pauli_values(shadow, string))
            assert abs(e.mean - expectations(psi, [string])[0]) < 4 * e.std_error, string


@pytest.mark.parametrize("site", range(4))
@pytest.mark.parametrize("bases", ["X", "Y", "Z", "ZXYX"])
def test_one_odd_site_is_found_in_every_basis(site, bases):
    """A product of eigenstates +1, except for one site: exactly that column is 0."""
    up = {"X": [1, 1], "Y": [1, 1j], "Z": [1, 0]}
    down = {"X": [1, -1], "Y": [1, -1j], "Z": [0, 1]}
    psi = np.ones(1)
    for i, letter in enumerate(bases if len(bases) == 4 else bases * 4):
        psi = np.kron(psi, np.array((down if i == site else up)[letter]))
    expected = (np.arange(4) != site).astype(int)
    drawn = sample_pauli_basis(psi, 20, 4, 0, bases)
    np.testing.assert_array_equal(drawn, np.tile(expected, (20, 1)))
    if len(bases) == 1:
        shadow = get_classical_shadow(psi, 20, 4, 0, bases)
        np.testing.assert_array_equal(shadow[:, 0::2], BASIS_CODES[bases])
        np.testing.assert_array_equal(shadow[:, 1::2], drawn)


def test_maps_of_strings_and_energies_over_a_sweep():
    family = cluster_ising_family(5)
    theta = np.array([[0.1, 0.2], [0.9, -0.4], [0.3, 0.3]])
    shots = [4000, 1000, 2000]
    spaces = ground_states(family, theta)
    rows = [shadow_of_states(s.states, n, generator(1, i))
            for i, (s, n) in enumerate(zip(spaces, shots, strict=True))]  # fmt: skip
    swapped = np.repeat(theta[:, ::-1], shots, axis=0)  # axes in another order than the couplings
    dataset = Dataset.from_samples(
        np.concatenate(rows), swapped, data_type="shadow", theta_names=("h2", "h1")
    )
    seen = shadow_energy(dataset, family)
    order = [int(np.flatnonzero((theta[:, ::-1] == t).all(1))[0]) for t in dataset.theta]
    for k, point in enumerate(order):
        e = estimate(hamiltonian_values(rows[point], family.hamiltonian(theta[point])))
        assert seen.mean[k] == pytest.approx(e.mean)
        assert seen.std_error[k] == pytest.approx(e.std_error)
        assert abs(e.mean - spaces[point].energy) < 4 * e.std_error
    string = shadow_expectation(dataset, "ZXZII")
    e = estimate(pauli_values(rows[order[0]], "ZXZII"))
    assert (string.mean[0], string.std_error[0]) == pytest.approx((e.mean, e.std_error))
    with pytest.raises(DataError, match="not the couplings of tfim"):
        shadow_energy(dataset, tfim_family(5))
    spins = Dataset.from_samples(np.ones((3, 2), int), np.zeros(3), data_type="discrete")
    with pytest.raises(DataError, match="need shadow data"):
        shadow_expectation(spins, "ZZ")


def test_a_fidelity_by_hand():
    """One spin in a field at angle a: |<a|b>| = |cos((a - b) / 2)|."""
    angles = np.array([0.0, 0.1, 0.4])
    from qdisc.physics.ground_states import GroundSpace

    spaces = [GroundSpace(0.0, np.array([[np.cos(a / 2)], [np.sin(a / 2)]])) for a in angles]
    middle, chi = fidelity_susceptibility(spaces, angles)
    np.testing.assert_allclose(middle, [0.05, 0.25])
    step = np.diff(angles)
    np.testing.assert_allclose(chi, 2 * (1 - np.cos(step / 2)) / step**2, rtol=1e-9)
    with pytest.raises(DataError, match="strictly monotonic"):
        fidelity_susceptibility(spaces, [0.0, 0.1, 0.1])


def test_bases_and_strings_that_do_not_fit_are_refused():
    with pytest.raises(ConfigError, match="letters X, Y, Z"):
        sample_pauli_basis(np.ones(4), 5, 2, 0, "XA")
    with pytest.raises(ConfigError, match="one basis for all sites, or one per site"):
        sample_pauli_basis(np.ones(8), 5, 3, 0, "XY")
    with pytest.raises(DataError, match=r"a string for 3 sites(.|\n)*strings\[0\]"):
        expectations(np.ones(4) / 2, ["XYZ"])
