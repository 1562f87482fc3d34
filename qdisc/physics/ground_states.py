"""Exact ground states, of one Hamiltonian or along a sweep.

Degenerate ground states are never left to chance. Along a sweep the lowest state is sought in
every symmetry sector separately (see `qdisc.physics.symmetry`); states of several sectors (or
accidental degeneracies, as at the crossing J2 = 0.75, h = 0 of the 3 x 3 lattice) within 1e-10 of
the lowest energy, in units of the norm of H, count as one ground space. Where H is diagonal, all
classical ground states do. The snapshot distribution is the mean of |psi(x)|^2 over an orthonormal
basis of that space, which does not depend on the basis.

A sweep is fast because neighbouring settings have similar ground states: each Lanczos run starts
from the state of a neighbour, for one eigenvector instead of a whole ground space, and a cheap
second run looks whether there is a gap above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.dataset.bases import probabilities_in
from qdisc.physics.eigen import DEGENERACY, classical, lowest, norm_bound
from qdisc.physics.family import Family
from qdisc.physics.operators import matrix
from qdisc.physics.sector_solver import DENSE_STATES, prepared


@dataclass(frozen=True)
class GroundSpace:
    """The ground states of one Hamiltonian.

    Attributes:
        energy: Ground-state energy, in the units of the Hamiltonian.
        states: Orthonormal ground states, (2**N, degeneracy); one column unless degenerate.
    """

    energy: float
    states: np.ndarray

    @property
    def degeneracy(self) -> int:
        """Number of ground states found."""
        return self.states.shape[1]

    @property
    def probabilities(self) -> FloatArray:
        """p(x) of a Z-basis snapshot, averaged over the ground space, (2**N,), sum 1."""
        p = np.mean(np.abs(self.states) ** 2, axis=1)
        return p / p.sum()

    def probabilities_in(self, bases: str) -> FloatArray:
        """p(x) of a snapshot in any Pauli basis, averaged over the ground space.

        Args:
            bases: X, Y or Z for all sites, or one letter per site.

        Returns:
            (2**N,), sum 1; index bit 0 is the eigenvalue +1 of the site's letter.
        """
        return probabilities_in(self.states, bases)


def ground_state(hamiltonian: Any) -> GroundSpace:
    """Diagonalise one Hamiltonian: a NetKet operator, or a dense or sparse matrix.

    Without knowledge of its symmetries, the whole (near-)degenerate ground space is returned.
    Full diagonalisation up to 2^N = 1024, Lanczos above.

    Raises:
        ConfigError: Not a Hermitian operator.
    """
    h = matrix(hamiltonian)
    scale = norm_bound(h)
    pairs = np.linalg.eigh(h.toarray()) if h.shape[0] <= DENSE_STATES else lowest(h, scale)
    return _ground_space(*pairs, scale=scale)


def sweep(family: Family, theta: ArrayLike) -> Iterator[GroundSpace]:
    """Yield the symmetric ground states of every setting, one at a time (long sweeps, many spins).

    Settings are best given line by line of their grid: each starts from the one before it, or
    from the start of the line.

    Args:
        family: The model.
        theta: Couplings, (points, len(family.theta_names)).

    Raises:
        ConfigError: The couplings do not belong to the family, or are not finite.
    """
    weights = family.coefficients(theta)
    solver = prepared(family)
    scales = np.abs(weights) @ solver.norms
    quantum = np.any(weights[:, solver.mixing], axis=1)
    solved = solver.solve(weights[quantum], scales[quantum])
    for row, scale, mixes in zip(weights, scales, quantum, strict=True):
        if not mixes:  # no symmetry chooses among classical ground states
            energy, states = classical(row @ solver.diagonals, scale)
            yield GroundSpace(float(energy[0]), states)
            continue
        pairs = next(solved)
        values = np.concatenate([values for values, _ in pairs])
        near = [v - values.min() <= DEGENERACY * scale for v, _ in pairs]
        columns = [
            basis @ vectors[:, kept]
            for basis, (_, vectors), kept in zip(solver.bases, pairs, near, strict=True)
            if kept.any()
        ]
        yield GroundSpace(float(values.min()), np.concatenate(columns, axis=1))


def ground_states(family: Family, theta: ArrayLike) -> tuple[GroundSpace, ...]:
    """Symmetric ground states at every setting.

    Args:
        family: The model.
        theta: Couplings, (points, len(family.theta_names)).
    """
    return tuple(sweep(family, theta))


def energies(family: Family, theta: ArrayLike) -> FloatArray:
    """Ground-state energy at every setting, (points,)."""
    return np.array([space.energy for space in sweep(family, theta)])


def snapshot_distribution(family: Family, theta: ArrayLike, bases: str = "Z") -> FloatArray:
    """p(x | theta) of snapshots in a Pauli basis at every setting, (points, 2**N), rows sum to 1.

    Args:
        family: The model.
        theta: Couplings, (points, len(family.theta_names)).
        bases: X, Y or Z for all sites, or one letter per site.
    """
    return np.stack([space.probabilities_in(bases) for space in sweep(family, theta)])


def grid(axes: Sequence[ArrayLike]) -> FloatArray:
    """All combinations of the values of some axes in C order, (points, axes)."""
    mesh = np.meshgrid(*[np.asarray(axis, dtype=np.float64) for axis in axes], indexing="ij")
    return np.stack([axis.ravel() for axis in mesh], axis=-1)


def _ground_space(values: FloatArray, vectors: np.ndarray, *, scale: float) -> GroundSpace:
    ground = values.min()
    near = np.flatnonzero(values - ground <= DEGENERACY * scale)
    return GroundSpace(float(ground), vectors[:, near])
