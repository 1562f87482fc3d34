"""The J1-J2 Ising model in a transverse field on a rectangle."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qdisc.physics.family import Family
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum
from qdisc.physics.symmetry import all_flipped


def j1j2_family(shape: int | Sequence[int] = 3, j1: float = 1.0, pbc: bool = False) -> Family:
    """J1-J2 Ising model in a transverse field, theta = (J2, h). See `j1j2`."""
    rows, columns = (shape, shape) if isinstance(shape, int) else shape
    lattice = Lattice((rows, columns), (bool(pbc),) * 2)
    n = lattice.n_sites
    # ZZ is diagonal and X has one sign (one sign change of basis for h > 0), so by
    # Perron-Frobenius the ground state is invariant under every symmetry of the lattice.
    return Family(
        name="j1j2",
        theta_names=("J2", "h"),
        theta_units=("J1", "J1") if j1 == 1 else ("1", "1"),
        parts=(
            float(j1) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.neighbours)),
            PauliSum.of(n, (("ZZ", bond) for bond in lattice.diagonals)),
            PauliSum.uniform(n, "X"),
        ),
        lattice=lattice,
        symmetries=lattice.symmetries,
        parities=(all_flipped(n),),
    )


def j1j2(
    shape: int | Sequence[int] = 3,
    j1: float = 1.0,
    j2: float = 0.0,
    h: float = 0.0,
    pbc: bool = False,
) -> Any:
    """J1-J2 Ising model in a transverse field as a NetKet operator.

    H = J1 sum_NN Z_i Z_j + J2 sum_NNN Z_i Z_j + h sum_i X_i, every bond once; J1, J2 > 0 are
    antiferromagnetic. The open 3 x 3 lattice has 12 nearest-neighbour and 8 diagonal bonds; at
    h = 0 its Neel states have energy -12 J1 + 8 J2, its striped states -8 J2.

    Args:
        shape: L for L x L, or (rows, columns); sites are numbered like a snake.
        j1: Nearest-neighbour coupling, the unit of energy when 1.
        j2: Coupling along both diagonals.
        h: Transverse field.
        pbc: Whether both directions are periodic.
    """
    return j1j2_family(shape, j1, pbc).hamiltonian((j2, h)).operator()
