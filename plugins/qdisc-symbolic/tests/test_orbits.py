"""Pooled correlators: counts of clusters, translations, values by hand."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, DataError

from qdisc_symbolic.orbits import orbit_formula, orbits, pooled_products

RNG = np.random.default_rng(0)


def lattice(shape, periodic=None, kind="discrete"):
    sites = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    sites = sites.reshape(-1, len(shape))
    codes = RNG.integers(0, 2, (2, 20, len(sites)))
    if kind == "hybrid":
        codes = np.concatenate([codes, RNG.random(codes.shape)], axis=-1)
    return Dataset(codes, [[0.0, 1.0]], kind, sites=sites, periodic=periodic)


def test_every_cluster_is_in_one_orbit():
    found = orbits(lattice((3, 3)))
    clusters = [cluster for orbit in found for cluster in orbit.clusters]
    assert len(clusters) == len(set(clusters)) == sum(comb(9, k) for k in (1, 2, 3, 4))
    assert len({orbit.label for orbit in found}) == len(found)
    by_label = {orbit.label: orbit for orbit in found}
    assert len(by_label["()"].clusters) == 9 and len(by_label["(0,1)"].clusters) == 6
    assert len(by_label["(1,1)"].clusters) == len(by_label["(1,-1)"].clusters) == 4
    assert len(by_label["(0,1)(1,0)(1,1)"].clusters) == 4  # the plaquettes


@pytest.mark.parametrize("n", [5, 6, 8])
def test_orbits_of_a_ring_are_necklaces(n):
    """Necklaces of n beads, k of them black: C(n/c, k/c) for each shift of cycle length c, / n."""
    found = orbits(lattice((n,), (True,)))
    for k in (1, 2, 3, 4):
        fixed = 0
        for shift in range(n):
            cycle = n // np.gcd(n, shift)
            fixed += comb(n // cycle, k // cycle) if k % cycle == 0 else 0
        mine = [orbit for orbit in found if orbit.bodies == k]
        assert len(mine) == fixed // n
        assert sum(len(orbit.clusters) for orbit in mine) == comb(n, k)


def test_values_by_hand_do_not_change_under_translations():
    data = lattice((4, 4), (True, True))
    found = orbits(data, reach=1.5)
    assert max(orbit.bodies for orbit in found) == 4
    x = 2.0 * data.configurations - 1
    values = pooled_products(found, x)
    moved = x.reshape(-1, 4, 4)
    for shift in ((1, 0), (0, 3), (2, 1)):
        rolled = np.roll(moved, shift, axis=(1, 2)).reshape(-1, 16)
        np.testing.assert_allclose(pooled_products(found, rolled), values, atol=1e-12)
    plaquette = [k for k, orbit in enumerate(found) if orbit.bodies == 4]
    assert len(plaquette) == 1  # within reach 1.5 four sites are a plaquette
    by_hand = moved.copy()
    for axis in (1, 2):
        by_hand = by_hand * np.roll(by_hand, 1, axis)
    np.testing.assert_allclose(values[:, plaquette[0]], by_hand.mean(axis=(1, 2)), atol=1e-12)


def test_reach_bounds_every_distance_in_a_cluster():
    data = lattice((3, 3))
    position = data.spec.positions
    for orbit in orbits(data, reach=1.5):
        for cluster in orbit.clusters:
            at = position[list(cluster)]
            assert np.linalg.norm(at[:, None] - at[None], axis=-1).max() <= 1.5


def test_large_lattices_are_cut_to_what_can_be_looked_through():
    data = lattice((10, 10), (True, True))
    found = orbits(data)
    assert 2000 < sum(len(orbit.clusters) for orbit in found) <= 20_000
    assert {orbit.bodies for orbit in found} == {1, 2, 3, 4}
    with pytest.raises(ConfigError, match=r"too many clusters(.|\n)*smaller reach"):
        orbits(data, reach=5.0)


def test_hybrid_columns_keep_their_kind():
    data = lattice((3,), kind="hybrid")
    found = {orbit.label: orbit for orbit in orbits(data, bodies=2)}
    assert found["f(0)"].clusters == ((0,), (1,), (2,)) and found["d(0)"].clusters[0] == (3,)
    on_site = [o for o in found.values() if o.clusters[0] == (0, 3)]
    assert len(on_site) == 1 and on_site[0].clusters == ((0, 3), (1, 4), (2, 5))
    assert len(found) == 2 + 2 + 2 + 5  # singles; ff and dd at 1 and 2; fd at -2..2


def test_the_formula_is_the_sum():
    data = lattice((3, 3))
    found = orbits(data)
    coefficients = RNG.normal(size=len(found)) * (RNG.random(len(found)) < 0.1)
    x = 2.0 * data.configurations - 1
    formula = orbit_formula(data, found, coefficients, 0.5)
    expected = pooled_products(found, x) @ coefficients + 0.5
    np.testing.assert_allclose(formula(x), expected, atol=1e-12)
    one = np.array([orbit.label == "(0,1)(1,0)(1,1)" for orbit in found]) * 4.0
    latex = orbit_formula(data, found, one).latex()
    assert latex == r"1\,\sum_r s_r s_{r+(0,1)} s_{r+(1,0)} s_{r+(1,1)}"
    assert len(orbit_formula(data, found, one).sympy().args) == 4


def test_refusals():
    with pytest.raises(ConfigError, match="one to four bodies"):
        orbits(lattice((3,)), bodies=5)
    shadow = Dataset(RNG.choice([2, 3, 4], (2, 5, 4)) * [1, 0, 1, 0], [[0.0, 1.0]], "shadow")
    with pytest.raises(DataError, match="basis codes are not spins"):
        orbits(shadow)
