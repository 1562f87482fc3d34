"""Exact ground states, of one Hamiltonian or along a sweep.

Degenerate ground states are never left to chance. Along a sweep, the lowest state is sought among
those invariant under the symmetries of the lattice, separately for both parities under flipping
all spins; states of the two parities (or accidental degeneracies, as at the crossing J2 = 0.75,
h = 0 of the 3 x 3 lattice) within 1e-10 of the lowest energy, in units of the norm of H, count as
one ground space. The snapshot distribution is the mean of |psi(x)|^2 over an orthonormal basis of
that space, which does not depend on the basis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.sparse.linalg import eigsh

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import ConfigError
from qdisc.physics.hamiltonians import Family
from qdisc.physics.operators import matrix
from qdisc.physics.symmetry import symmetric_sectors

DENSE_STATES = 1024  # up to this many basis states of the spins, matrices are solved in full
DENSE_BLOCK = 256  # above, a symmetric block larger than this is cheaper by Lanczos
DEGENERACY = 1e-10  # energies this close, relative to the norm of H, count as one
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


def ground_state(hamiltonian: Any) -> GroundSpace:
    """Diagonalise one Hamiltonian: a NetKet operator, or a dense or sparse matrix.

    Without knowledge of its symmetries, the whole (near-)degenerate ground space is returned.
    Full diagonalisation up to 2^N = 1024, Lanczos above.

    Raises:
        ConfigError: Not a Hermitian operator.
    """
    h = matrix(hamiltonian)
    return _lowest(*_eigenpairs(h, DENSE_STATES), scale=_norm(h))


def sweep(family: Family, theta: ArrayLike) -> Iterator[GroundSpace]:
    """Yield the symmetric ground states of every setting, one at a time (long sweeps, many spins).

    Args:
        family: The model.
        theta: Couplings, (points, len(family.theta_names)).
    """
    points = _points(family, theta)
    parts = [matrix(part) for part in (family.fixed, *family.parts)]
    couplings = np.concatenate([np.ones((len(points), 1)), points], axis=1)
    scales = np.abs(couplings) @ [_norm(part) for part in parts]
    sectors = symmetric_sectors(family.symmetries, family.spin_flip, family.n_sites)
    solved = [
        _blocks([basis.T @ part @ basis for part in parts], couplings, 1 << family.n_sites)
        for basis in sectors
    ]
    for scale, *pairs in zip(scales, *solved, strict=True):
        values = np.concatenate([value for value, _ in pairs])
        vectors = [basis @ vector for basis, (_, vector) in zip(sectors, pairs, strict=True)]
        yield _lowest(values, np.concatenate(vectors, axis=1), scale=scale)


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


def snapshot_distribution(family: Family, theta: ArrayLike) -> FloatArray:
    """p(x | theta) of Z-basis snapshots at every setting, (points, 2**N), rows summing to 1."""
    return np.stack([space.probabilities for space in sweep(family, theta)])


def grid(axes: Sequence[ArrayLike]) -> FloatArray:
    """All combinations of the values of some axes in C order, (points, axes)."""
    mesh = np.meshgrid(*[np.asarray(axis, dtype=np.float64) for axis in axes], indexing="ij")
    return np.stack([axis.ravel() for axis in mesh], axis=-1)


def _blocks(
    parts: list[Any], couplings: FloatArray, n_states: int
) -> Iterator[tuple[FloatArray, np.ndarray]]:
    """Lowest eigenpairs of sum_k couplings[p, k] parts[k] for every point p."""
    if n_states > DENSE_STATES:
        for row in couplings:
            h = parts[0] * row[0]
            for value, part in zip(row[1:], parts[1:], strict=True):
                h = h + value * part
            yield _eigenpairs(h, DENSE_BLOCK)
        return
    dense = np.stack([part.toarray() for part in parts])
    batch = max(1, _BATCH_BYTES // (8 * dense[0].size))
    for start in range(0, len(couplings), batch):
        rows = couplings[start : start + batch]
        values, vectors = np.linalg.eigh(np.tensordot(rows, dense, axes=1))
        yield from zip(values, vectors, strict=True)


def _eigenpairs(h: Any, dense: int) -> tuple[FloatArray, np.ndarray]:
    """All eigenpairs up to size `dense`; else the lowest, enough to see a gap above them."""
    size = h.shape[0]
    if size <= dense:
        return np.linalg.eigh(h.toarray())
    # a fixed start makes the result repeatable; random entries overlap with every symmetry sector
    start = np.random.Generator(np.random.Philox(0)).random(size) - 0.5
    wanted = 2
    while True:
        values, vectors = eigsh(h, k=wanted, which="SA", v0=start)
        order = np.argsort(values)
        values, vectors = values[order], vectors[:, order]
        if values[-1] - values[0] > DEGENERACY * _norm(h) or wanted >= 32:
            return values, vectors
        wanted *= 2


def _lowest(values: FloatArray, vectors: np.ndarray, *, scale: float) -> GroundSpace:
    ground = values.min()
    near = np.flatnonzero(values - ground <= DEGENERACY * scale)
    return GroundSpace(float(ground), vectors[:, near])


def _norm(h: Any) -> float:
    """Upper bound of the largest |eigenvalue|: the largest absolute row sum."""
    return float(abs(h).sum(axis=1).max()) if h.nnz else 0.0


def _points(family: Family, theta: ArrayLike) -> FloatArray:
    points = np.asarray(theta, dtype=np.float64)
    if points.ndim == 1:
        points = points[:, None]
    if points.ndim != 2 or points.shape[1] != len(family.theta_names) or not len(points):
        raise ConfigError(
            f"one row per setting, with the couplings {', '.join(family.theta_names)}",
            where="theta",
            value=points.shape,
        )
    bad = np.argwhere(~np.isfinite(points))
    if len(bad):
        raise ConfigError(
            "a coupling is not finite",
            where=f"theta[{bad[0][0]}], {family.theta_names[bad[0][1]]}",
            value=float(points[tuple(bad[0])]),
        )
    return points
