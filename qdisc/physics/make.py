"""Snapshots of a model along a sweep, from exact ground states: table `[make]` of a recipe."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qdisc.config import Config
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator, index_to_codes, sample_from_probabilities
from qdisc.errors import ConfigError, nearest
from qdisc.physics.ground_states import grid, sweep
from qdisc.physics.hamiltonians import Family, j1j2_family, tfim_family

MODELS: dict[str, Callable[..., Family]] = {
    "j1j2": lambda shape, coupling, pbc: j1j2_family(shape, coupling, pbc),
    "tfim": lambda shape, coupling, pbc: tfim_family(shape[0], coupling, pbc),
}
_DIMENSIONS = {"j1j2": 2, "tfim": 1}


class Axis(Config):
    """Values of one coupling, equally spaced, both ends included.

    Attributes:
        start: First value.
        stop: Last value.
        num: How many.
    """

    start: float
    stop: float
    num: int

    def __post_init__(self) -> None:
        """Refuse an axis without values."""
        if self.num < 1 or not np.isfinite([self.start, self.stop]).all():
            raise ConfigError(
                "an axis runs from a finite start to a finite stop in num >= 1 values",
                where="make.grid",
                value=(self.start, self.stop, self.num),
            )

    def values(self) -> np.ndarray:
        """The values, (num,), rounded to 12 digits so that 0.3 is the number 0.3."""
        return np.round(np.linspace(self.start, self.stop, self.num), 12)


class MakeConfig(Config):
    """How snapshots are generated.

    Attributes:
        model: j1j2 (couplings J2 and h) or tfim (coupling h).
        shape: Sites: [rows, columns] for j1j2, [sites] for tfim.
        grid: One table per swept coupling, in the order of the axes.
        shots: Snapshots per setting.
        seed: Setting i draws from substream i of this seed.
        coupling: The fixed coupling: J1 of j1j2, J of tfim.
        pbc: Whether the lattice is periodic.
    """

    model: str
    shape: tuple[int, ...]
    grid: dict[str, Axis]
    shots: int
    seed: int
    coupling: float = 1.0
    pbc: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        for name, least in (("shots", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"{name} is a whole number >= {least}",
                    where=f"make.{name}",
                    value=getattr(self, name),
                )

    def family(self) -> Family:
        """The model on its lattice.

        Raises:
            ConfigError: Unknown model, or a shape or axes that do not belong to it.
        """
        if self.model not in MODELS:
            raise ConfigError(
                "unknown model", where="make.model", value=self.model,
                hint=nearest(self.model, MODELS),
            )  # fmt: skip
        if len(self.shape) != _DIMENSIONS[self.model]:
            raise ConfigError(
                f"{self.model} lives in {_DIMENSIONS[self.model]} dimension(s)",
                where="make.shape",
                value=self.shape,
            )
        family = MODELS[self.model](self.shape, self.coupling, self.pbc)
        if sorted(self.grid) != sorted(family.theta_names):
            raise ConfigError(
                f"{self.model} is swept over {', '.join(family.theta_names)}",
                where="make.grid",
                value=list(self.grid),
            )
        return family


def make_snapshots(config: MakeConfig, name: str = "") -> Dataset:
    """Draw Z-basis snapshots of the exact ground state at every setting.

    The distribution at each setting is the one of `qdisc.physics.ground_states` (symmetric under
    the lattice and under flipping all spins). Settings do not share random numbers, so a setting
    keeps its snapshots when the number of shots grows.

    Args:
        config: Model, grid, shots and seed.
        name: A short name of the data.

    Returns:
        A grid dataset with one axis per coupling, in the order of `config.grid`.
    """
    family = config.family()
    order = [family.theta_names.index(axis) for axis in config.grid]
    theta = grid([axis.values() for axis in config.grid.values()])
    couplings = np.empty_like(theta)
    couplings[:, order] = theta
    last = (1 << family.n_sites) - 1
    seen, counts, indptr = [], [], [0]
    for i, space in enumerate(sweep(family, couplings)):
        drawn = sample_from_probabilities(
            space.probabilities, config.shots, generator(config.seed, i)
        )[::-1]  # from the order of the state vector to ascending codes
        seen.append(np.flatnonzero(drawn))
        counts.append(drawn[seen[-1]])
        indptr.append(indptr[-1] + len(seen[-1]))
    codes, indices = np.unique(np.concatenate(seen), return_inverse=True)
    matrix = CountMatrix(
        np.concatenate(counts).astype(np.int64),
        indices.astype(np.int32),
        np.array(indptr, dtype=np.int64),
        codes.size,
    )
    return Dataset.from_configurations(
        index_to_codes(last - codes, family.n_sites).astype(np.uint8),
        matrix,
        theta,
        data_type="discrete",
        theta_names=tuple(config.grid),
        theta_units=tuple(family.theta_units[k] for k in order),
        local_states=(-1.0, 1.0),
        sites=family.lattice.positions,
        periodic=family.lattice.periodic,
        name=name,
        source={
            "made": "exact ground states",
            "model": config.model,
            "shape": " x ".join(map(str, config.shape)),
            "coupling": repr(config.coupling),
            "shots": str(config.shots),
            "seed": str(config.seed),
        },
    )
