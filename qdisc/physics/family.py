"""A family of Hamiltonians, H(theta) = sum_p c_p(theta) H_p, and what is known of its symmetry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import ConfigError
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum

Couplings = Callable[[FloatArray], FloatArray]


def one_and_theta(theta: FloatArray) -> FloatArray:
    """Weights of H_0 + sum_k theta_k H_k: a one, then the couplings themselves."""
    return np.concatenate([np.ones((len(theta), 1)), theta], axis=1)


@dataclass(frozen=True)
class Parity:
    """An operation of order two: sites are exchanged, then some spins flipped.

    Attributes:
        image: Image of each site; () leaves all in place.
        flipped: Sites whose sigma^z changes sign.
    """

    image: tuple[int, ...] = ()
    flipped: tuple[int, ...] = ()


@dataclass(frozen=True)
class Family:
    """Hamiltonians that differ in a few couplings: H(theta) = sum_p weights(theta)_p parts[p].

    Attributes:
        name: Name of the model.
        theta_names: Names of the couplings that are swept.
        theta_units: Their units.
        parts: Hermitian operators H_p.
        lattice: Sites and their neighbours.
        weights: (points, k) couplings -> (points, parts) weights. A function of a module, so
            that a family can be sent to another process.
        symmetries: Permutations of the sites (image of each site) that commute with every part
            and under which the ground state of each sector is invariant, once the amplitudes
            are multiplied with the signs of `sublattice`; () makes no such claim.
        parities: Operations that commute with every part, with the symmetries and among
            themselves; ground states are sought for both values of each.
        conserves_magnetisation: Whether sum_i Z_i commutes with every part.
        sublattice: Sites A of the sign (-1)^(spins up on A) of each amplitude (Marshall's rule).
        local_states: Physical value of code 0 and code 1: (-1, 1) for spins, (0, 1) for atoms.
    """

    name: str
    theta_names: tuple[str, ...]
    theta_units: tuple[str, ...]
    parts: tuple[PauliSum, ...]
    lattice: Lattice
    weights: Couplings = one_and_theta
    symmetries: tuple[tuple[int, ...], ...] = ()
    parities: tuple[Parity, ...] = ()
    conserves_magnetisation: bool = False
    sublattice: tuple[int, ...] = ()
    local_states: tuple[float, float] = (-1.0, 1.0)

    @property
    def n_sites(self) -> int:
        """Number of spins N."""
        return self.lattice.n_sites

    def hamiltonian(self, theta: Sequence[float]) -> PauliSum:
        """H(theta) as a sum of Pauli strings, each string once.

        Raises:
            ConfigError: Not one finite number per coupling.
        """
        row = self.coefficients(np.asarray(theta, dtype=np.float64)[None])[0]
        total = PauliSum(self.n_sites, (), ())
        for value, part in zip(row, self.parts, strict=True):
            total = total + float(value) * part
        return total.merged()

    def coefficients(self, theta: ArrayLike) -> FloatArray:
        """Weight of every part at every setting, (points, parts).

        Args:
            theta: Couplings, (points, k); (points,) where there is one coupling.

        Raises:
            ConfigError: Another shape, or a coupling that is not finite.
        """
        points = np.asarray(theta, dtype=np.float64)
        if points.ndim == 1:
            points = points[:, None]
        if points.ndim != 2 or points.shape[1] != len(self.theta_names) or not len(points):
            raise ConfigError(
                f"{self.name} has the couplings {', '.join(self.theta_names)}",
                where="theta",
                value=points.shape,
                hint="one row per setting with one number per coupling",
            )
        bad = np.argwhere(~np.isfinite(points))
        if len(bad):
            raise ConfigError(
                "a coupling is not finite",
                where=f"theta[{bad[0][0]}], {self.theta_names[bad[0][1]]}",
                value=float(points[tuple(bad[0])]),
            )
        weights = np.asarray(self.weights(points), dtype=np.float64)
        bad = np.argwhere(~np.isfinite(weights))
        if len(bad):
            raise ConfigError(
                f"{self.name} has no Hamiltonian at this setting",
                where=f"theta[{bad[0][0]}]",
                value=points[bad[0][0]].tolist(),
                hint="its energies overflow",
            )
        return weights
