"""The cluster-Ising chain with fixed edges: a symmetry-protected phase and two neighbours."""

from __future__ import annotations

from typing import Any

from qdisc.errors import ConfigError
from qdisc.physics.family import Family, Parity
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum


def cluster_ising_family(n: int, K: float = 1.0, pbc: bool = False) -> Family:
    """Cluster-Ising chain, theta = (h1, h2). See `cluster_ising`."""
    if pbc or n < 3:
        raise ConfigError(
            "the cluster-Ising chain is open and has three sites or more",
            where="n, pbc",
            value=(n, pbc),
        )
    lattice = Lattice((n,), (False,))
    stabilisers = [("ZXZ", (i - 1, i, i + 1)) for i in range(1, n - 1)]
    stabilisers += [("XZ", (0, 1)), ("ZX", (n - 2, n - 1))]
    mirror = Parity(image=lattice.symmetries[0])
    # the product of X over every second site commutes with the edges when it holds both of them
    sublattice = Parity(flipped=tuple(range(0, n, 2)))
    return Family(
        name="cluster_ising",
        theta_names=("h1", "h2"),
        theta_units=("K", "K") if K == 1 else ("1", "1"),
        parts=(
            -float(K) * PauliSum.of(n, stabilisers),
            -1.0 * PauliSum.uniform(n, "X"),
            -1.0 * PauliSum.of(n, (("XX", bond) for bond in lattice.neighbours)),
        ),
        lattice=lattice,
        # off-diagonal elements have both signs, so the ground state may have either value of both
        parities=(mirror, sublattice) if n % 2 else (mirror,),
    )


def cluster_ising(n: int, K: float = 1.0, h1: float = 0.0, h2: float = 0.0) -> Any:
    """Cluster-Ising chain as a NetKet operator.

    H = -K sum_{i=1..n} Z_{i-1} X_i Z_{i+1} - h1 sum_i X_i - h2 sum_i X_i X_{i+1} with
    Z_0 = Z_{n+1} = 1, that is, edge terms X_1 Z_2 and Z_{n-1} X_n: at h1 = h2 = 0 the ground
    state is the cluster state, unique, with energy -n K. Large h1 or h2 > 0 polarise the spins
    along x, h2 < 0 orders them antiferromagnetically along x.
    Source: Sadoune et al., arXiv:2208.08850, and arXiv:2604.16015.

    Args:
        n: Number of spins.
        K: Cluster coupling, the unit of energy when 1.
        h1: Field along x.
        h2: Ising coupling along x; positive is ferromagnetic.
    """
    return cluster_ising_family(n, K).hamiltonian((h1, h2)).operator()
