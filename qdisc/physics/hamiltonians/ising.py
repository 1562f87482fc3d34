"""Ising chains in a transverse field: nearest neighbours, ANNNI, power-law interactions."""

from __future__ import annotations

from typing import Any

import numpy as np

from qdisc._typing import FloatArray
from qdisc.errors import ConfigError
from qdisc.physics.family import Family
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum
from qdisc.physics.symmetry import all_flipped

# In all three ZZ is diagonal and X has one sign, so by Perron-Frobenius the ground state is
# invariant under every permutation of the sites that leaves the Hamiltonian alone.


def tfim_family(n: int, J: float = 1.0, pbc: bool = False) -> Family:
    """Transverse-field Ising chain, theta = (h,). See `transverse_field_ising`."""
    lattice = Lattice((n,), (bool(pbc),))
    return Family(
        name="tfim",
        theta_names=("h",),
        theta_units=("J",) if J == 1 else ("1",),
        parts=(
            -float(J) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.neighbours)),
            -1.0 * PauliSum.uniform(n, "X"),
        ),
        lattice=lattice,
        symmetries=lattice.symmetries,
        parities=(all_flipped(n),),
    )


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


def annni_family(n: int, J: float = 1.0, pbc: bool = False) -> Family:
    """Axial next-nearest-neighbour Ising chain, theta = (kappa, h). See `annni`."""
    lattice = Lattice((n,), (bool(pbc),))
    return Family(
        name="annni",
        theta_names=("kappa", "h"),
        theta_units=("1", "J") if J == 1 else ("1", "1"),
        parts=(
            -float(J) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.neighbours)),
            float(J) * PauliSum.of(n, (("ZZ", bond) for bond in lattice.bonds((2,)))),
            -1.0 * PauliSum.uniform(n, "X"),
        ),
        lattice=lattice,
        symmetries=lattice.symmetries,
        parities=(all_flipped(n),),
    )


def annni(n: int, J: float = 1.0, kappa: float = 0.0, h: float = 1.0, pbc: bool = False) -> Any:
    """Axial next-nearest-neighbour Ising chain as a NetKet operator.

    H = -J [sum_i Z_i Z_{i+1} - kappa sum_i Z_i Z_{i+2}] - h sum_i X_i: ferromagnetic nearest
    neighbours (J > 0), antiferromagnetic next-nearest neighbours (kappa > 0), which favour
    the antiphase (up, up, down, down, ...) from kappa = 1/2 on. kappa = 0 is the
    transverse-field Ising chain. Source: Selke, Physics Reports 170, 213 (1988).

    Args:
        n: Number of spins.
        J: Ising coupling.
        kappa: Frustration, a ratio.
        h: Transverse field.
        pbc: Whether the chain is a ring (each bond counts once, so from n = 5 on).
    """
    return annni_family(n, J, pbc).hamiltonian((kappa, h)).operator()


def long_range_family(n: int, J: float = 1.0, pbc: bool = False) -> Family:
    """Ising chain with power-law interactions, theta = (alpha, h). See `long_range_ising`."""
    if pbc:
        raise ConfigError(
            "the long-range chain is open: around a ring a distance has no unique power law",
            where="pbc",
            value=pbc,
        )
    lattice = Lattice((n,), (False,))
    pairs = [lattice.bonds((r,)) for r in range(1, n)]
    return Family(
        name="long_range_ising",
        theta_names=("alpha", "h"),
        theta_units=("1", "J") if J == 1 else ("1", "1"),
        parts=(
            *(-float(J) * PauliSum.of(n, (("ZZ", bond) for bond in bonds)) for bonds in pairs),
            -1.0 * PauliSum.uniform(n, "X"),
        ),
        weights=PowerLaw(n),
        lattice=lattice,
        symmetries=lattice.symmetries,
        parities=(all_flipped(n),),
    )


class PowerLaw:
    """Weights r^-alpha of the bonds of length r = 1 .. n - 1, then h."""

    def __init__(self, n: int) -> None:
        self.n = n

    def __call__(self, theta: FloatArray) -> FloatArray:
        """(points, 2) couplings (alpha, h) -> (points, n) weights."""
        distance = np.arange(1, self.n, dtype=np.float64)
        with np.errstate(over="ignore"):
            return np.concatenate([distance ** -theta[:, :1], theta[:, 1:]], axis=1)


def long_range_ising(n: int, J: float = 1.0, alpha: float = 3.0, h: float = 1.0) -> Any:
    """Open Ising chain with power-law interactions as a NetKet operator.

    H = -J sum_{i<j} Z_i Z_j / |i - j|^alpha - h sum_i X_i, every pair once and no rescaling by
    Kac: J > 0 is ferromagnetic, J < 0 is the antiferromagnet of trapped ions. alpha = 0 couples
    all pairs equally, alpha -> infinity only neighbours.

    Args:
        n: Number of spins.
        J: Coupling of neighbours.
        alpha: Exponent of the decay, a pure number.
        h: Transverse field.
    """
    return long_range_family(n, J).hamiltonian((alpha, h)).operator()
