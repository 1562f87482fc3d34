"""Geometry from positions: distances, shells, the shorter way around, rectangles."""

from __future__ import annotations

import numpy as np

from qdisc.plugin import DataSpec


def _spec(sites=None, periodic=None, n=None):
    return DataSpec(
        data_type="discrete", n_sites=n or len(sites), n_columns=n or len(sites),
        local_dimension=2, periodic=periodic,
        sites=None if sites is None else tuple(map(tuple, sites)),
    )  # fmt: skip


def _pairs(spec, shell=1):
    return {tuple(pair) for pair in spec.pairs(shell).tolist()}


SQUARE = [(y, x) for y in range(3) for x in range(4)]


def test_a_chain_without_positions():
    spec = _spec(n=4)
    assert spec.positions.tolist() == [[0], [1], [2], [3]]
    assert _pairs(spec) == {(0, 1), (1, 2), (2, 3)} and _pairs(spec, 2) == {(0, 2), (1, 3)}
    assert spec.pairs(9).shape == (0, 2) and spec.pairs(0).shape == (0, 2)


def test_a_ring_closes():
    ring = _spec([(i,) for i in range(5)], (True,))
    assert _pairs(ring) == {(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)}
    assert ring.distances()[0].tolist() == [0, 1, 2, 2, 1]


def test_a_ring_with_another_lattice_constant():
    ring = _spec([(2.5 * i,) for i in range(4)], (True,))
    assert ring.distances()[0].tolist() == [0, 2.5, 5, 2.5]


def test_open_and_periodic_rectangles():
    assert len(_pairs(_spec(SQUARE))) == 3 * 3 + 2 * 4
    assert len(_pairs(_spec(SQUARE, (True, True)))) == 2 * 12
    assert len(_pairs(_spec(SQUARE, (False, True)))) == 12 + 2 * 4
    assert len(_pairs(_spec(SQUARE), 2)) == 2 * 2 * 3  # diagonals


def test_diagonals_are_the_second_shell():
    spec = _spec([(0, 0), (0, 1), (1, 0), (1, 1)])
    assert _pairs(spec, 2) == {(0, 3), (1, 2)}


def test_lattice_of_a_rectangle_in_any_order():
    order = np.random.default_rng(0).permutation(12)
    spec = _spec([SQUARE[i] for i in order])
    lattice = spec.lattice
    assert lattice.shape == (3, 4)
    for y in range(3):
        for x in range(4):
            assert spec.sites[lattice[y, x]] == (y, x)


def test_no_lattice():
    assert _spec(n=4).lattice is None  # one dimension
    assert _spec(SQUARE[:-1]).lattice is None  # a missing corner
    assert _spec([(0, 0), (0, 1), (0, 2)]).lattice is None  # a line
    assert _spec([(0, 0), (1, 1), (2, 0), (0, 2)]).lattice is None
