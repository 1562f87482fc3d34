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
import scipy.sparse as sp

from qdisc._typing import ArrayLike, FloatArray
from qdisc.dataset.bases import probabilities_in
from qdisc.physics.eigen import DEGENERACY, Blend, classical, lowest, norm_bound, one_thread
from qdisc.physics.family import Family
from qdisc.physics.operators import matrix
from qdisc.physics.symmetry import sectors

DENSE_STATES = 1024  # up to this many basis states of the spins, blocks are solved in full
_BATCH_BYTES = 1 << 26


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
    parts = [matrix(part) for part in family.parts]
    scales = np.abs(weights) @ [norm_bound(part) for part in parts]
    diagonals = np.stack([part.diagonal() for part in parts]).real
    mixing = np.array([norm_bound(part - sp.diags_array(part.diagonal())) > 0 for part in parts])
    bases = sectors(family)
    blends = [Blend([b.T @ part @ b for part in parts]) for b in bases]
    quantum = np.any(weights[:, mixing], axis=1)
    solved = _solve(blends, weights[quantum], scales[quantum])
    for row, scale, mixes in zip(weights, scales, quantum, strict=True):
        if not mixes:  # no symmetry chooses among classical ground states
            energy, states = classical(row @ diagonals, scale)
            yield GroundSpace(float(energy[0]), states)
            continue
        pairs = next(solved)
        values = np.concatenate([values for values, _ in pairs])
        near = [v - values.min() <= DEGENERACY * scale for v, _ in pairs]
        columns = [
            basis @ vectors[:, kept]
            for basis, (_, vectors), kept in zip(bases, pairs, near, strict=True)
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


Pairs = tuple[FloatArray, np.ndarray]


def _solve(blends: list[Blend], weights: FloatArray, scales: FloatArray) -> Iterator[list[Pairs]]:
    """Lowest eigenpairs in every sector, setting after setting."""
    solvers: list[_Sector] = []
    for blend in blends:
        twin = next((s for s in solvers if s.serves(blend)), None)
        solvers.append(_Sector(blend, twin))
    total = sum(blend.size for blend in blends)
    if total <= DENSE_STATES:
        yield from _dense(solvers, weights)
        return
    for row, scale in zip(weights, scales, strict=True):
        yield [solver.at(row, scale) for solver in solvers]


class _Sector:
    """One sector along a sweep.

    Parts that are multiples of the identity (a field along a conserved magnetisation) only shift
    the energies, so a setting that differs in nothing else is not solved again; neither is a
    sector whose matrices another one, its twin, has already.
    """

    def __init__(self, blend: Blend, twin: _Sector | None) -> None:
        self.blend, self.twin = blend, twin
        shifts = [blend.scalar(part) for part in range(len(blend.data))]
        self.shifts = np.array([shift or 0.0 for shift in shifts])
        self.moving = [part for part, shift in enumerate(shifts) if shift is None]
        self.known: dict[bytes, Pairs] = {}
        self.line: list[tuple[FloatArray, np.ndarray]] = []

    def serves(self, blend: Blend) -> bool:
        """Whether the solutions of another sector are those of this one, up to a shift."""
        shifts = [blend.scalar(part) for part in range(len(blend.data))]
        moving = [part for part, shift in enumerate(shifts) if shift is None]
        return self.twin is None and moving == self.moving and self.blend.same(blend, moving)

    def at(self, row: FloatArray, scale: float) -> Pairs:
        """Lowest eigenpairs for one row of weights."""
        values, vectors = (self.twin or self)._moving_part(row, scale)
        return values + row @ self.shifts, vectors

    def _moving_part(self, row: FloatArray, scale: float) -> Pairs:
        weights = np.zeros_like(row)
        weights[self.moving] = row[self.moving]
        key = weights.tobytes()
        if key not in self.known:
            with one_thread():
                found = lowest(self.blend.sum(weights), scale, self._start(weights))
            if len(self.moving) == len(row):  # every setting is new: only the last is of use
                self.known.clear()
            self.known[key] = found
            self._remember(weights, found[1][:, 0])
        return self.known[key]

    def _start(self, weights: FloatArray) -> np.ndarray | None:
        """The state of the nearest setting among the last one and the first of its line."""
        if not self.line:
            return None
        return min(self.line, key=lambda entry: float(np.abs(entry[0] - weights).sum()))[1]

    def _remember(self, weights: FloatArray, state: np.ndarray) -> None:
        if len(self.line) < 2:
            self.line.append((weights, state))
            return
        first, last = self.line
        # nearer to the start of the line than to its end: a new line begins here
        away = [float(np.abs(entry[0] - weights).sum()) for entry in (first, last)]
        self.line = [(weights, state)] if away[0] < away[1] else [first, (weights, state)]


def _dense(solvers: list[_Sector], weights: FloatArray) -> Iterator[list[Pairs]]:
    """All eigenpairs of small sectors, many settings at once."""
    parts = [solver.blend.dense() for solver in solvers if solver.twin is None]
    batch = max(1, _BATCH_BYTES // (8 * sum(dense[0].size for dense in parts)))
    for start in range(0, len(weights), batch):
        rows = weights[start : start + batch]
        with one_thread():
            own = iter([np.linalg.eigh(np.tensordot(rows, dense, axes=1)) for dense in parts])
        found: dict[int, Any] = {id(s): next(own) for s in solvers if s.twin is None}
        for i, row in enumerate(rows):
            out = []
            for solver in solvers:
                source = solver.twin or solver
                values, vectors = (array[i] for array in found[id(source)])
                out.append((values + row @ (solver.shifts - source.shifts), vectors))
            yield out


def _ground_space(values: FloatArray, vectors: np.ndarray, *, scale: float) -> GroundSpace:
    ground = values.min()
    near = np.flatnonzero(values - ground <= DEGENERACY * scale)
    return GroundSpace(float(ground), vectors[:, near])
