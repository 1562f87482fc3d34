"""A product state with one odd site, from its Hamiltonian to the files and back: the same column.

The ground state of H = -sum_i w_i P_i with P = X, Y or Z and w_i = 1, but -1 at one site, is the
product of eigenstates +1 of P, with -1 at the odd site: code 1 everywhere, 0 there.
"""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.dataset.load import load
from qdisc.dataset.sampling import generator, sample_spin_configurations
from qdisc.physics import harmonic_chain
from qdisc.physics.falicov_kimball import FalicovKimball
from qdisc.physics.family import Family
from qdisc.physics.lattice import Lattice
from qdisc.physics.make.makers import GroundStates, HeavyAndLight
from qdisc.physics.operators import PauliSum

SHAPES = {"chain": ((5,), (False,)), "snake": ((2, 3), (False, False))}
SHOTS = 50


def field(letter, odd, lattice):
    n = lattice.n_sites
    odd_one = PauliSum.of(n, [(letter, (odd,))])
    rest = PauliSum.of(n, [(letter, (i,)) for i in range(n) if i != odd])
    return Family(
        name="field", theta_names=("h",), theta_units=("1",), parts=(-1.0 * rest, odd_one),
        lattice=lattice, weights=lambda theta: np.repeat(theta, 2, axis=1),
    )  # fmt: skip


def expected(n, odd):
    return (np.arange(n) != odd).astype(int)


@pytest.mark.parametrize("letter", ["X", "Y", "Z"])
@pytest.mark.parametrize("shape", SHAPES)
def test_from_the_hamiltonian_to_every_file(tmp_path, shape, letter):
    lattice = Lattice(*SHAPES[shape])
    n = lattice.n_sites
    for odd in (1, n - 1):
        family = field(letter, odd, lattice)
        rows = {}
        for measure in (letter, "shadow"):
            maker = GroundStates(family, measure)
            (drawn,) = maker.draw(np.array([[0.7]]), np.array([0]), SHOTS, 3)
            rows[measure] = np.repeat(drawn.rows, drawn.counts, axis=0)
        np.testing.assert_array_equal(rows[letter], np.tile(expected(n, odd), (SHOTS, 1)))
        basis, outcome = rows["shadow"][:, 0::2], rows["shadow"][:, 1::2]
        seen = basis == {"X": 2, "Y": 3, "Z": 4}[letter]
        assert seen.any(axis=0).all()
        assert (outcome == expected(n, odd))[seen].all()
        for measure, kind in ((letter, "discrete"), ("shadow", "shadow")):
            data = Dataset.from_samples(
                rows[measure], np.full(SHOTS, 0.7), data_type=kind, sites=lattice.positions
            )
            back = read_dataset(write_dataset(data, tmp_path / f"{odd}{measure}.h5"))
            np.savez(
                tmp_path / f"{odd}{measure}.npz", samples=data.samples, data_type=kind,
                theta=np.full(SHOTS, 0.7),
            )  # fmt: skip
            for again in (back, load(tmp_path / f"{odd}{measure}.npz")):
                np.testing.assert_array_equal(again.samples, data.samples)
            row, column = back.sites[odd] if n == 6 else (None, None)
            if row is not None:  # the odd column lies where the snake puts it
                assert lattice.numbering[int(row), int(column)] == odd


def test_counts_of_strings_and_the_published_sampler():
    psi = np.ones(1)
    for site in range(4):
        psi = np.kron(psi, [0, 1] if site == 2 else [1, 0])
    drawn = sample_spin_configurations(psi, 5, 4, 0)
    np.testing.assert_array_equal(drawn, np.tile([1, 1, 0, 1], (5, 1)))
    counted = Dataset.from_counts([{"1101": 5}], [0.0])
    np.testing.assert_array_equal(counted.samples, drawn)
    reverse = Dataset.from_counts([{"1011": 5}], [0.0], site_order="right_to_left")
    np.testing.assert_array_equal(reverse.samples, drawn)


def test_hundred_thousand_thermal_snapshots_against_enumeration():
    """Falicov-Kimball: <n_i>, <f_i f_j>, <f_i n_j> of every pair within 4 standard errors."""
    model, u, t, shots = FalicovKimball(heavy=8), 3.0, 0.2, 100_000
    ((p, densities),) = model.at(u, [t])
    p = model.arrangements(p)
    every = np.flatnonzero(p)
    exact = np.concatenate([model.codes(every), model.on_sites(every, densities)], axis=1)
    (drawn,) = HeavyAndLight(model).draw(np.array([[u, t]]), np.array([0]), shots, 5)
    assert drawn.counts.sum() == shots
    weight, share = p[every], drawn.counts / shots
    for a in range(16):
        products, seen = exact[:, [a]] * exact, drawn.rows[:, [a]] * drawn.rows
        mean = weight @ products
        error = np.sqrt(np.maximum(weight @ products**2 - mean**2, 0) / shots)
        assert np.all(np.abs(share @ seen - mean) <= 4 * error + 1e-6), a


def test_hundred_thousand_positions_against_the_covariance():
    """Oscillators: every entry of <x_i x_j> within 4 of its standard errors (Wick's theorem)."""
    theta, shots = np.array([0.1, 1.3]), 100_000
    x = harmonic_chain.snapshots(16, theta, shots, generator(9))
    sigma = harmonic_chain.covariance(16, theta)[0]
    error = np.sqrt((np.outer(np.diag(sigma), np.diag(sigma)) + sigma**2) / shots)
    assert np.all(np.abs(x.T @ x / shots - sigma) <= 4 * error)
    assert np.all(np.abs(x.mean(axis=0)) <= 4 * np.sqrt(np.diag(sigma) / shots))
