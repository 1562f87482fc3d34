"""The XXZ chain of spins 1/2 in a longitudinal field."""

from __future__ import annotations

from typing import Any

from qdisc.physics.family import Family, Parity
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum


def xxz_family(n: int, J: float = 1.0, pbc: bool = False) -> Family:
    """XXZ chain, theta = (Delta, h). See `xxz`."""
    lattice = Lattice((n,), (bool(pbc),))
    bonds = lattice.neighbours
    # With Marshall's sign the exchange has one sign wherever the bonds join two sublattices: in
    # every sector of the magnetisation the ground state is then unique and its amplitudes are
    # positive, hence invariant under the symmetries of the chain (Perron-Frobenius).
    one_sign = J < 0 or n % 2 == 0 or not pbc
    mirror = Parity(image=lattice.symmetries[0])
    return Family(
        name="xxz",
        theta_names=("Delta", "h"),
        theta_units=("1", "J") if J == 1 else ("1", "1"),
        parts=(
            0.25 * float(J) * PauliSum.of(n, ((p, b) for b in bonds for p in ("XX", "YY"))),
            0.25 * float(J) * PauliSum.of(n, (("ZZ", bond) for bond in bonds)),
            -0.5 * PauliSum.uniform(n, "Z"),
        ),
        lattice=lattice,
        symmetries=lattice.symmetries if one_sign else (),
        parities=() if one_sign else (mirror,),
        conserves_magnetisation=True,
        sublattice=tuple(range(0, n, 2)) if J > 0 and one_sign else (),
    )


def xxz(n: int, J: float = 1.0, Delta: float = 1.0, h: float = 0.0, pbc: bool = False) -> Any:
    """XXZ chain as a NetKet operator.

    H = J sum_i (S^x_i S^x_{i+1} + S^y_i S^y_{i+1} + Delta S^z_i S^z_{i+1}) - h sum_i S^z_i with
    S = sigma / 2. J > 0: Delta = 1 is the Heisenberg antiferromagnet, Delta = 0 free fermions,
    Delta <= -1 the ferromagnet. Without field the chain is critical for -1 < Delta <= 1.

    Args:
        n: Number of spins.
        J: Exchange in the plane.
        Delta: Anisotropy, a ratio.
        h: Field along z, in units of energy; positive fields favour code 1.
        pbc: Whether spin n - 1 couples to spin 0 (from n = 3 on).
    """
    return xxz_family(n, J, pbc).hamiltonian((Delta, h)).operator()
