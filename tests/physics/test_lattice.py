"""Numbering, bonds and symmetries of rectangles and chains."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.physics.lattice import Lattice
from qdisc.physics.symmetry import group_of

OPEN = (False, False)


def test_the_published_snake():
    lattice = Lattice((3, 3), OPEN)
    np.testing.assert_array_equal(lattice.numbering, [[0, 1, 2], [5, 4, 3], [6, 7, 8]])
    np.testing.assert_array_equal(lattice.positions[[2, 3, 5, 6]], [[0, 2], [1, 2], [1, 0], [2, 0]])


def test_bonds_of_the_open_square_each_once():
    lattice = Lattice((3, 3), OPEN)
    assert lattice.neighbours == (
        (0, 1), (0, 5), (1, 2), (1, 4), (2, 3), (3, 4), (3, 8), (4, 5), (4, 7), (5, 6), (6, 7),
        (7, 8),
    )  # fmt: skip
    assert lattice.diagonals == (
        (0, 4), (1, 3), (1, 5), (2, 4), (3, 7), (4, 6), (4, 8), (5, 7)
    )  # fmt: skip


@pytest.mark.parametrize("shape", [(2, 3), (3, 2), (4, 5)])
def test_bonds_join_sites_at_distance_one_and_root_two(shape):
    lattice = Lattice(shape, OPEN)
    rows, columns = shape
    assert len(lattice.neighbours) == rows * (columns - 1) + columns * (rows - 1)
    assert len(lattice.diagonals) == 2 * (rows - 1) * (columns - 1)
    for bonds, distance in ((lattice.neighbours, 1), (lattice.diagonals, 2)):
        i, j = np.array(bonds).T
        apart = ((lattice.positions[i] - lattice.positions[j]) ** 2).sum(axis=1)
        assert set(apart) == {distance}


def test_periodic_bonds_count_once_even_when_both_ways_round_meet():
    assert len(Lattice((4, 4), (True, True)).neighbours) == 32
    assert len(Lattice((4, 4), (True, True)).diagonals) == 32
    assert Lattice((2,), (True,)).neighbours == ((0, 1),)
    assert len(Lattice((3, 3), (True, True)).neighbours) == 18
    assert Lattice((4,), (True,)).neighbours == ((0, 1), (0, 3), (1, 2), (2, 3))


@pytest.mark.parametrize(
    ("shape", "periodic", "order"),
    [((3, 3), OPEN, 8), ((2, 3), OPEN, 4), ((12,), (False,), 2), ((6,), (True,), 12),
     ((3, 3), (True, True), 72), ((3, 3), (True, False), 12)],
)  # fmt: skip
def test_symmetries_have_the_right_number_and_keep_the_bonds(shape, periodic, order):
    lattice = Lattice(shape, periodic)
    group = group_of(lattice.symmetries, lattice.n_sites)
    assert len(group) == len(set(group)) == order
    bonds = {frozenset(b) for b in lattice.neighbours}
    for g in group:
        assert {frozenset((g[i], g[j])) for i, j in lattice.neighbours} == bonds
        if len(shape) == 2:
            images = {frozenset((g[i], g[j])) for i, j in lattice.diagonals}
            assert images == {frozenset(b) for b in lattice.diagonals}


@pytest.mark.parametrize("shape", [(), (2, 2, 2), (0,), (2.0, 3), (True,)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ConfigError, match=r"a chain .sites,. or a rectangle"):
        Lattice(shape, (False,) * len(shape))
