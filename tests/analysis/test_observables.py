from __future__ import annotations

import itertools

import numpy as np
import pytest

from qdisc.analysis.observables.correlators import (
    nearest_neighbour,
    next_nearest_neighbour,
    two_point,
)
from qdisc.analysis.observables.magnetisation import abs_magnetisation, magnetisation
from qdisc.analysis.observables.structure_factor import momenta, structure_factor
from qdisc.dataset.dataset import Dataset
from qdisc.plugin import DataSpec

SQUARE = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))


def spec(sites=None, n=4, kind="discrete", **options):
    columns = 2 * n if kind == "hybrid" else n
    return DataSpec(data_type=kind, n_sites=n, n_columns=columns, local_dimension=2,
                    sites=sites, **options)  # fmt: skip


def all_states():
    return np.array(list(itertools.product([-1.0, 1.0], repeat=4)))


def test_every_state_of_four_spins_on_a_square():
    s, where = all_states(), spec(SQUARE)
    loops = {name: np.zeros(16) for name in ("m", "abs", "nn", "nnn")}
    for index, state in enumerate(s):
        loops["m"][index] = sum(state) / 4
        loops["abs"][index] = abs(sum(state)) / 4
        near, far = [], []
        for i, j in itertools.combinations(range(4), 2):
            distance = sum(abs(a - b) for a, b in zip(SQUARE[i], SQUARE[j], strict=True))
            (near if distance == 1 else far).append(state[i] * state[j])
        loops["nn"][index], loops["nnn"][index] = np.mean(near), np.mean(far)
        assert len(near) == 4 and len(far) == 2
    np.testing.assert_allclose(magnetisation(s, where), loops["m"])
    np.testing.assert_allclose(abs_magnetisation(s, where), loops["abs"])
    np.testing.assert_allclose(nearest_neighbour(s, where), loops["nn"])
    np.testing.assert_allclose(next_nearest_neighbour(s, where), loops["nnn"])
    # averages over all states: independent spins
    assert abs(magnetisation(s, where).mean()) < 1e-15
    assert abs_magnetisation(s, where).mean() == pytest.approx(3 / 8)  # (2*1 + 8*1/2) / 16


def test_two_point_lists_pairs_row_after_row():
    s = all_states()
    values = two_point(s, spec())
    assert values.shape == (16, 6)
    for column, (i, j) in enumerate(itertools.combinations(range(4), 2)):
        np.testing.assert_array_equal(values[:, column], s[:, i] * s[:, j])


def test_neel_and_stripes_sit_at_their_momenta():
    side = 4
    sites = tuple((float(x), float(y)) for x in range(side) for y in range(side))
    x, y = np.array(sites).T
    where = spec(sites, 16)
    patterns = {
        (1.0, 1.0): (-1) ** (x + y), (1.0, 0.0): (-1) ** x,
        (0.0, 1.0): (-1) ** y, (0.0, 0.0): np.ones(16),
    }  # fmt: skip
    k = momenta(2)
    for momentum, pattern in patterns.items():
        value = structure_factor(np.asarray(pattern, float)[None], where)[0]
        expected = (k == np.array(momentum)).all(axis=1).astype(float)
        np.testing.assert_allclose(value, expected, atol=1e-14)
    period_four = np.sqrt(2) * np.cos(np.pi / 2 * x + np.pi / 4)
    value = structure_factor(period_four[None], where)[0]
    assert value[(k == (0.5, 0.0)).all(axis=1)] == pytest.approx(0.5)


def test_places_along_extra_axes_can_be_read():
    coordinates = structure_factor.coordinates(spec(SQUARE))
    names = coordinates["momentum"].attrs["flag_meanings"].split(" ")
    assert names[0] == "(0,0)" and names[5] == "(pi/2,pi)" and names[-1] == "(pi,pi)"
    np.testing.assert_array_equal(coordinates["momenta"].data[5], [0.5, 1.0])
    assert coordinates["momenta"].dims == ("momentum", "direction")
    assert structure_factor(all_states(), spec()).shape == (16, 3)  # a chain
    pairs = two_point.coordinates(spec())["pair_sites"].data
    assert pairs.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [1, 3], [2, 3]]


def test_asymmetric_state_fixes_the_site_order():
    s = np.array([[1.0, -1.0, -1.0, -1.0]])  # site 0 is the odd one
    np.testing.assert_array_equal(two_point(s, spec()), [[-1, -1, -1, 1, 1, 1]])
    assert nearest_neighbour(s, spec()) == pytest.approx(1 / 3)


def test_hybrid_data_use_the_discrete_half():
    x = np.array([[0, 1, 1, 1, 0.3, 0.4, 0.5, 0.6]], np.float32)
    ds = Dataset.from_samples(x, [0.0], data_type="hybrid")
    assert magnetisation(ds.physical(x), ds.spec) == pytest.approx(0.75)
    assert two_point(ds.physical(x), ds.spec).tolist() == [[0, 0, 0, 1, 1, 1]]


def test_what_the_data_do_not_have_is_said():
    assert nearest_neighbour.applies(spec()) == ""
    assert "no pairs in shell 2" in next_nearest_neighbour.applies(spec(n=2))
    assert "single site" in two_point.applies(spec(n=1))
    assert "too many" in two_point.applies(spec(n=169, n_points=403))
    assert two_point.applies(spec(n=9, n_points=420)) == ""
    assert "shadow" not in magnetisation.spec.data_kinds
