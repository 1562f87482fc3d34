"""The spin models of the catalogue, as families H(theta) = H_0 + sum_k theta_k H_k.

s = sigma^z = +-1; sites, states and codes follow the conventions of `qdisc.dataset.sampling`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from qdisc.errors import ConfigError
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum


@dataclass(frozen=True)
class Family:
    """Hamiltonians that differ in a few couplings: H(theta) = fixed + sum_k theta_k parts[k].

    Attributes:
        name: Name of the model.
        theta_names: Names of the couplings that are swept.
        theta_units: Their units.
        fixed: H_0.
        parts: H_k, one per coupling.
        lattice: Sites and their neighbours.
        symmetries: Permutations of the sites (image of each site) that commute with every part
            and leave the ground state invariant; () makes no such claim.
        spin_flip: Whether flipping all spins commutes with every part.
    """

    name: str
    theta_names: tuple[str, ...]
    theta_units: tuple[str, ...]
    fixed: PauliSum
    parts: tuple[PauliSum, ...]
    lattice: Lattice
    symmetries: tuple[tuple[int, ...], ...] = ()
    spin_flip: bool = False

    @property
    def n_sites(self) -> int:
        """Number of spins N."""
        return self.lattice.n_sites

    def hamiltonian(self, theta: Sequence[float]) -> PauliSum:
        """H(theta) as a sum of Pauli strings."""
        if len(theta) != len(self.parts):
            raise ConfigError(
                f"{self.name} has the couplings {', '.join(self.theta_names)}",
                where="theta",
                value=tuple(theta),
            )
        total = self.fixed
        for value, part in zip(theta, self.parts, strict=True):
            total = total + float(value) * part
        return total


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
        fixed=float(j1) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.neighbours)),
        parts=(
            PauliSum.of(n, (("ZZ", bond) for bond in lattice.diagonals)),
            PauliSum.of(n, (("X", (site,)) for site in range(n))),
        ),
        lattice=lattice,
        symmetries=lattice.symmetries,
        spin_flip=True,
    )


def tfim_family(n: int, J: float = 1.0, pbc: bool = False) -> Family:
    """Transverse-field Ising chain, theta = (h,). See `transverse_field_ising`."""
    lattice = Lattice((n,), (bool(pbc),))
    return Family(
        name="tfim",
        theta_names=("h",),
        theta_units=("J",) if J == 1 else ("1",),
        fixed=-float(J) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.neighbours)),
        parts=(-1.0 * PauliSum.of(n, (("X", (site,)) for site in range(n))),),
        lattice=lattice,
        symmetries=lattice.symmetries,
        spin_flip=True,
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


def transverse_field_ising(n: int, J: float = 1.0, h: float = 1.0, pbc: bool = False) -> Any:
    """Transverse-field Ising chain as a NetKet operator.

    H = -J sum_i Z_i Z_{i+1} - h sum_i X_i: J > 0 is ferromagnetic and the infinite chain is
    critical at h = J. States: index bit 0 = sigma^z +1, code 1 = sigma^z +1.

    Args:
        n: Number of spins.
        J: Ising coupling.
        h: Transverse field.
        pbc: Whether spin n - 1 couples to spin 0 (from n = 3 on; each bond counts once).
    """
    return tfim_family(n, J, pbc).hamiltonian((h,)).operator()
