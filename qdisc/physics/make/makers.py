"""The models that snapshots can be made from: each draws the snapshots of one line of settings.

A maker is a small frozen object that can be sent to another process. Setting i draws from
substream i of the seed, so settings share no random numbers and keep their first snapshots when
more are taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from qdisc._typing import DataType, FloatArray, IntArray
from qdisc.dataset.bases import check_bases
from qdisc.dataset.sampling import generator, index_to_codes, sample_from_probabilities
from qdisc.dataset.shadows import shadow_of_states
from qdisc.errors import ConfigError
from qdisc.physics import harmonic_chain, phi4
from qdisc.physics.falicov_kimball import FalicovKimball
from qdisc.physics.family import Family
from qdisc.physics.ground_states import sweep
from qdisc.physics.lattice import Lattice

SHADOW = "shadow"


class Drawn(NamedTuple):
    """Snapshots of one setting.

    Attributes:
        rows: Snapshots (m, columns), equal ones perhaps once.
        counts: How often each was seen, int64 (m,).
    """

    rows: np.ndarray
    counts: IntArray


class Maker(Protocol):
    """What `generate` needs to know of a model.

    Attributes:
        theta_names: Names of the couplings.
        theta_units: Their units.
        data_type: Kind of the snapshots.
        local_states: Physical value of each code, None for the defaults.
        lattice: The sites.
        made: How the snapshots come about, in words.
    """

    @property
    def theta_names(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def theta_units(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def data_type(self) -> DataType: ...  # noqa: D102
    @property
    def local_states(self) -> tuple[float, ...] | None: ...  # noqa: D102
    @property
    def lattice(self) -> Lattice: ...  # noqa: D102
    @property
    def made(self) -> str: ...  # noqa: D102

    def seconds(self, shots: int) -> float:
        """A rough guess of the time that one setting takes."""
        ...

    def draw(self, theta: FloatArray, index: IntArray, shots: int, seed: int) -> Iterator[Drawn]:
        """Snapshots of some settings, one after the other.

        Args:
            theta: Couplings (points, k), neighbours next to each other.
            index: Number of each setting in the whole sweep, (points,).
            shots: Snapshots per setting.
            seed: The seed of the sweep.
        """
        ...


@dataclass(frozen=True)
class GroundStates:
    """Measurements of the exact ground states of a spin model.

    Attributes:
        family: The model.
        measure: X, Y or Z for all sites, one letter per site, or "shadow".
    """

    family: Family
    measure: str = "Z"

    def __post_init__(self) -> None:
        """Refuse bases without meaning."""
        if self.measure != SHADOW:
            check_bases(self.measure, self.family.n_sites)

    @property
    def theta_names(self) -> tuple[str, ...]:
        """Couplings of the family."""
        return self.family.theta_names

    @property
    def theta_units(self) -> tuple[str, ...]:
        """Their units."""
        return self.family.theta_units

    @property
    def data_type(self) -> DataType:
        """Discrete, or shadow."""
        return "shadow" if self.measure == SHADOW else "discrete"

    @property
    def local_states(self) -> tuple[float, ...] | None:
        """Those of the family; outcomes in another basis are +-1."""
        if self.measure == SHADOW:
            return None
        return self.family.local_states if set(self.measure) == {"Z"} else (-1.0, 1.0)

    @property
    def lattice(self) -> Lattice:
        """The sites."""
        return self.family.lattice

    @property
    def made(self) -> str:
        """How."""
        return "exact ground states"

    def seconds(self, shots: int) -> float:
        """Lanczos at 15 sites takes about 0.15 s."""
        return 5e-6 * 2.0**self.family.n_sites + (1e-5 * shots if self.measure == SHADOW else 0)

    def draw(self, theta: FloatArray, index: IntArray, shots: int, seed: int) -> Iterator[Drawn]:
        """Snapshots of the symmetric ground space of every setting."""
        n = self.family.n_sites
        for i, space in zip(index.tolist(), sweep(self.family, theta), strict=True):
            rng = generator(seed, i)
            if self.measure == SHADOW:
                rows = shadow_of_states(space.states, shots, rng).astype(np.uint8)
                yield Drawn(rows, np.ones(shots, dtype=np.int64))
                continue
            p = space.probabilities_in(self.measure)
            # from the order of the state vector to ascending codes
            counts = sample_from_probabilities(p, shots, rng)[::-1]
            seen = np.flatnonzero(counts)
            codes = index_to_codes((1 << n) - 1 - seen, n).astype(np.uint8)
            yield Drawn(codes, counts[seen])


@dataclass(frozen=True)
class HeavyAndLight:
    """Thermal snapshots [f_1..f_N, n_1..n_N] of the Falicov-Kimball model."""

    model: FalicovKimball
    theta_names = ("U", "T")
    theta_units = ("t", "t")
    data_type: DataType = "hybrid"
    local_states = (0.0, 1.0)
    made = "full enumeration"

    @property
    def lattice(self) -> Lattice:
        """The sites."""
        return self.model.lattice

    def seconds(self, shots: int) -> float:
        """One cumulative sum over all arrangements."""
        return 5e-8 * 2.0**self.lattice.n_sites

    def draw(self, theta: FloatArray, index: IntArray, shots: int, seed: int) -> Iterator[Drawn]:
        """Arrangements f with their weights, and the densities that belong to each."""
        for i, (u, t) in zip(index.tolist(), theta.tolist(), strict=True):
            p, densities = _thermal(self.model, u, t)
            p = self.model.arrangements(p)
            counts = sample_from_probabilities(p, shots, generator(seed, i))
            seen = np.flatnonzero(counts)
            rows = [self.model.codes(seen), self.model.on_sites(seen, densities)]
            yield Drawn(np.concatenate(rows, axis=1).astype(np.float32), counts[seen])


def _thermal(model: FalicovKimball, u: float, t: float) -> tuple[FloatArray, FloatArray]:
    levels, orbitals = _spectra(model, u)
    return model.weights(u, levels, t), model.filled(levels, orbitals, t)


@lru_cache(maxsize=1)  # temperature is the inner axis: one U after the other
def _spectra(model: FalicovKimball, u: float) -> tuple[FloatArray, FloatArray]:
    return model.spectra(u)


@dataclass(frozen=True)
class Oscillators:
    """Positions of the harmonic chain in its ground state."""

    sites: int
    pbc: bool = False
    theta_names = harmonic_chain.THETA_NAMES
    theta_units = ("1", "1")
    data_type: DataType = "continuous"
    local_states = None
    made = "exact normal modes"

    @property
    def lattice(self) -> Lattice:
        """The sites."""
        return Lattice((self.sites,), (self.pbc,))

    def seconds(self, shots: int) -> float:
        """Next to nothing."""
        return 1e-6 * shots

    def draw(self, theta: FloatArray, index: IntArray, shots: int, seed: int) -> Iterator[Drawn]:
        """Normal vectors."""
        for i, row in zip(index.tolist(), theta, strict=True):
            x = harmonic_chain.snapshots(self.sites, row, shots, generator(seed, i), self.pbc)
            yield Drawn(x.astype(np.float32), np.ones(shots, dtype=np.int64))


@dataclass(frozen=True)
class Field:
    """The phi^4 field on a periodic square."""

    size: int
    theta_names = phi4.THETA_NAMES
    theta_units = ("1", "1")
    data_type: DataType = "continuous"
    local_states = None
    made = "Monte Carlo, every shot a chain of its own"

    @property
    def lattice(self) -> Lattice:
        """The sites."""
        return Lattice((self.size, self.size), (True, True))

    def seconds(self, shots: int) -> float:
        """Two microseconds per shot, site and round."""
        return 5e-7 * shots * self.size**2 * phi4.ROUNDS

    def draw(self, theta: FloatArray, index: IntArray, shots: int, seed: int) -> Iterator[Drawn]:
        """Fields in the order of the sites."""
        order = np.argsort(self.lattice.numbering.ravel())
        for i, (mu2, lam) in zip(index.tolist(), theta.tolist(), strict=True):
            phi = phi4.snapshots(self.size, mu2, lam, shots, generator(seed, i))
            rows = phi.reshape(shots, -1)[:, order]
            yield Drawn(rows.astype(np.float32), np.ones(shots, dtype=np.int64))


def check_even(size: int) -> int:
    """The side of a square whose two sublattices are updated in turn.

    Raises:
        ConfigError: It is odd or too small.
    """
    if size < 4 or size % 2:
        raise ConfigError(
            "the phi^4 square has an even side of 4 or more", where="make.shape", value=size
        )
    return size
