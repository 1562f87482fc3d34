"""The Falicov-Kimball model in thermal equilibrium, by full enumeration of the heavy particles.

    H = -t sum_<ij> (d+_i d_j + h.c.) + U sum_i (f_i - 1/2) (d+_i d_i - 1/2)

on a periodic rectangle, both species at half filling. Heavy particles f_i = 0, 1 do not move: for
each of their 2^N arrangements the light particles d are free, so

    w(f) = exp(U (N_f - N/2) / 2T) prod_k (1 + exp(-eps_k / T)),
    n_i(f) = sum_k |psi_k(i)|^2 / (exp(eps_k / T) + 1),

with eps_k, psi_k the eigenpairs of h_ij = -t A_ij + U (f_i - 1/2) delta_ij. No Monte Carlo is
needed for 4 x 4 sites, and the densities n carry no randomness beyond f. Energies and
temperatures are in the same unit (k_B = 1).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qdisc._typing import ArrayLike, FloatArray, IntArray
from qdisc.errors import ConfigError
from qdisc.physics.lattice import Lattice
from qdisc.physics.symmetry import group_of, moved

MOST_SITES = 20  # 2^20 arrangements; beyond, enumeration is no longer cheap


@dataclass(frozen=True)
class FalicovKimball:
    """Exact thermal distribution of the heavy particles.

    Arrangements that a translation, rotation or reflection takes into each other are as likely,
    so only one of each orbit is diagonalised: about a hundred for half filling on 4 x 4 sites.
    An arrangement is numbered by its codes read as a binary number, first site most significant.

    Attributes:
        shape: (rows, columns), periodic; sites are numbered like a snake.
        t: Hopping amplitude.
        heavy: Number of heavy particles N_f; None lets it fluctuate around half filling (grand
            canonical, chemical potential 0 by symmetry).
    """

    shape: tuple[int, int] = (4, 4)
    t: float = 1.0
    heavy: int | None = None

    def __post_init__(self) -> None:
        """Refuse lattices that cannot be enumerated."""
        n = self.lattice.n_sites
        if n > MOST_SITES or (self.heavy is not None and not 0 <= self.heavy <= n):
            raise ConfigError(
                f"at most {MOST_SITES} sites, and no more heavy particles than sites",
                where="shape, heavy",
                value=(self.shape, self.heavy),
            )

    @cached_property
    def lattice(self) -> Lattice:
        """The sites."""
        return Lattice(tuple(self.shape), (True, True))

    @cached_property
    def orbit_of(self) -> IntArray:
        """Orbit of every arrangement (2**N,); -1 for another number of heavy particles."""
        return self._orbits[0]

    @cached_property
    def sizes(self) -> IntArray:
        """Number of arrangements in each orbit, (orbits,)."""
        return np.bincount(self.orbit_of[self.orbit_of >= 0])

    @cached_property
    def representatives(self) -> np.ndarray:
        """One arrangement of each orbit, codes (orbits, N)."""
        return self.codes(self._orbits[1])

    @cached_property
    def _group(self) -> tuple[tuple[int, ...], ...]:
        return group_of(self.lattice.symmetries, self.lattice.n_sites)

    @cached_property
    def _orbits(self) -> tuple[IntArray, IntArray]:
        n = self.lattice.n_sites
        index = np.arange(1 << n, dtype=np.int64)
        if self.heavy is not None:
            index = index[np.bitwise_count(index) == self.heavy]
        smallest = index.copy()
        for image in self._group:
            np.minimum(smallest, moved(image, index, n), out=smallest)
        first, orbit = np.unique(smallest, return_inverse=True)
        out = np.full(1 << n, -1, dtype=np.int64)
        out[index] = orbit
        return out, first

    def codes(self, index: ArrayLike) -> np.ndarray:
        """Codes (m, N) uint8 of arrangements (m,)."""
        shift = np.arange(self.lattice.n_sites - 1, -1, -1)
        return ((np.asarray(index)[:, None] >> shift) & 1).astype(np.uint8)

    def spectra(self, U: float) -> tuple[FloatArray, FloatArray]:
        """Levels (orbits, N) and orbitals (orbits, N, N) of the light particles."""
        n = self.lattice.n_sites
        h = np.zeros((len(self.representatives), n, n))
        for i, j in self.lattice.neighbours:
            h[:, i, j] = h[:, j, i] = -self.t
        h[:, range(n), range(n)] = U * (self.representatives - 0.5)
        return np.linalg.eigh(h)

    def distribution(self, U: float, temperatures: ArrayLike) -> FloatArray:
        """P(orbit | U, T) at several temperatures, (temperatures, orbits), rows summing to 1.

        Members of an orbit share its probability equally. The overlaps and the Fisher information
        of orbits are those of single arrangements.

        Raises:
            ConfigError: A temperature is not positive.
        """
        levels, _ = self.spectra(U)
        return np.stack([self.weights(U, levels, T) for T in _temperatures(temperatures)])

    def weights(self, U: float, levels: FloatArray, T: float) -> FloatArray:
        """P(orbit) at one temperature, from the levels of `spectra`."""
        heavy = self.representatives.sum(axis=1, dtype=np.float64)
        log_w = U * (heavy - self.lattice.n_sites / 2) / (2 * T)
        log_w += np.logaddexp(0, -levels / T).sum(axis=1) + np.log(self.sizes)
        w = np.exp(log_w - log_w.max())
        return w / w.sum()

    def entropy(self, p: ArrayLike) -> FloatArray:
        """H(f | U, T) in nats of single arrangements, from the probabilities of orbits (..., o).

        It is also the entropy of a whole snapshot [f, d]: d is a function of f.
        """
        p = np.asarray(p, dtype=np.float64)
        safe = np.where(p > 0, p, 1.0)
        return -(p * (np.log(safe) - np.log(self.sizes))).sum(axis=-1)

    def filled(self, levels: FloatArray, orbitals: FloatArray, T: float) -> FloatArray:
        """<n_i> (orbits, N) at one temperature, from the levels and orbitals of `spectra`."""
        fermi = 1 / (1 + np.exp(np.clip(levels / T, -700, 700)))
        return np.einsum("oik,ok->oi", orbitals**2, fermi)

    def densities(self, U: float, T: float) -> FloatArray:
        """<n_i> of the light particles for each representative, (orbits, N)."""
        levels, orbitals = self.spectra(U)
        return self.filled(levels, orbitals, *_temperatures([T]))

    def at(self, U: float, temperatures: ArrayLike) -> Iterator[tuple[FloatArray, FloatArray]]:
        """P(orbit) (orbits,) and densities (orbits, N) at several temperatures, one by one."""
        levels, orbitals = self.spectra(U)
        for T in _temperatures(temperatures):
            yield self.weights(U, levels, T), self.filled(levels, orbitals, T)

    def arrangements(self, p: ArrayLike) -> FloatArray:
        """Probability of every arrangement (2**N,) from those of the orbits."""
        share = np.append(np.asarray(p) / self.sizes, 0.0)  # -1 means the number does not occur
        return share[self.orbit_of]

    def on_sites(self, index: ArrayLike, densities: FloatArray) -> FloatArray:
        """Densities (m, N) of some arrangements (m,), turned from those of their representatives.

        Where a symmetry moves the heavy particles, it moves the light ones along.
        """
        index = np.asarray(index, dtype=np.int64)
        n, first = self.lattice.n_sites, self._orbits[1]
        out = np.full((index.size, n), np.nan)
        missing = np.ones(index.size, dtype=bool)
        for image in self._group:
            hit = missing & (moved(image, index, n) == first[self.orbit_of[index]])
            out[hit] = densities[self.orbit_of[index[hit]]][:, list(image)]
            missing &= ~hit
            if not missing.any():
                break
        return out


def _temperatures(values: ArrayLike) -> Sequence[float]:
    values = np.asarray(values, dtype=np.float64).ravel()
    if not (np.isfinite(values) & (values > 0)).all():
        raise ConfigError("a temperature is positive", where="T", value=values.tolist())
    return values.tolist()
