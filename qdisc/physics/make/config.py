"""Table `[make]` of a recipe: which model, which settings, how many snapshots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from qdisc.config import Config
from qdisc.errors import ConfigError, nearest
from qdisc.physics.falicov_kimball import FalicovKimball
from qdisc.physics.hamiltonians import (
    annni_family,
    cluster_ising_family,
    j1j2_family,
    long_range_family,
    rydberg_family,
    tfim_family,
    xxz_family,
)
from qdisc.physics.make.makers import (
    Field,
    GroundStates,
    HeavyAndLight,
    Maker,
    Oscillators,
    check_even,
)


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
        model: Its name; `MODELS` lists all with their couplings.
        shape: Sites: [sites] of a chain, [rows, columns] of a rectangle.
        grid: One table per swept coupling, in the order of the axes. A coupling that conserves
            what the others do not change (a field along z in the XXZ chain) is cheapest last.
        shots: Snapshots per setting.
        seed: Setting i draws from substream i of this seed.
        coupling: The fixed coupling that sets the unit of energy: J, J1, K, Omega or t.
        pbc: Whether the lattice is periodic (chains and rectangles of spins, oscillators).
        measure: Ground states: X, Y or Z for all sites, one letter per site, or "shadow" for
            classical shadows with random bases.
        heavy: Falicov-Kimball: number of heavy particles; unset lets it fluctuate.
    """

    model: str
    shape: tuple[int, ...]
    grid: dict[str, Axis]
    shots: int
    seed: int
    coupling: float = 1.0
    pbc: bool = False
    measure: str = "Z"
    heavy: int | None = None

    def __post_init__(self) -> None:
        """Refuse numbers without a meaning."""
        for name, least in (("shots", 1), ("seed", 0)):
            if getattr(self, name) < least:
                raise ConfigError(
                    f"{name} is a whole number >= {least}",
                    where=f"make.{name}",
                    value=getattr(self, name),
                )

    def maker(self) -> Maker:
        """The model on its lattice.

        Raises:
            ConfigError: Unknown model, or a shape, axes or an option that do not belong to it.
        """
        if self.model not in MODELS:
            raise ConfigError(
                "unknown model", where="make.model", value=self.model,
                hint=nearest(self.model, MODELS),
            )  # fmt: skip
        dimensions, options, build = MODELS[self.model]
        if len(self.shape) not in dimensions:
            raise ConfigError(
                f"{self.model} lives in {' or '.join(map(str, dimensions))} dimension(s)",
                where="make.shape",
                value=self.shape,
            )
        for name, default in (("measure", "Z"), ("heavy", None), ("pbc", False), ("coupling", 1)):
            if name not in options and getattr(self, name) != default:
                raise ConfigError(
                    f"{self.model} has no option {name}",
                    where=f"make.{name}",
                    value=getattr(self, name),
                )
        maker = build(self)
        if sorted(self.grid) != sorted(maker.theta_names):
            raise ConfigError(
                f"{self.model} is swept over {', '.join(maker.theta_names)}",
                where="make.grid",
                value=list(self.grid),
            )
        return maker

    def reduced(self) -> MakeConfig:
        """The same sweep with at most 3 values per axis and 40 snapshots per setting."""
        import msgspec

        axes = {
            name: msgspec.structs.replace(axis, num=min(axis.num, 3))
            for name, axis in self.grid.items()
        }
        return msgspec.structs.replace(self, grid=axes, shots=min(self.shots, 40))


def _spins(family: Callable[..., Any]) -> Callable[[MakeConfig], Maker]:
    def build(config: MakeConfig) -> Maker:
        shape = config.shape[0] if len(config.shape) == 1 else config.shape
        return GroundStates(family(shape, config.coupling, config.pbc), config.measure)

    return build


def _heavy_and_light(config: MakeConfig) -> Maker:
    rows, columns = config.shape
    return HeavyAndLight(FalicovKimball((rows, columns), config.coupling, config.heavy))


def _field(config: MakeConfig) -> Maker:
    if config.shape[0] != config.shape[1]:
        raise ConfigError("the phi^4 field lives on a square", where="make.shape",
                          value=config.shape)  # fmt: skip
    return Field(check_even(config.shape[0]))


_MEASURED = ("measure", "pbc", "coupling")
MODELS: dict[str, tuple[tuple[int, ...], tuple[str, ...], Callable[[MakeConfig], Maker]]] = {
    "tfim": ((1,), _MEASURED, _spins(tfim_family)),
    "annni": ((1,), _MEASURED, _spins(annni_family)),
    "long_range_ising": ((1,), _MEASURED, _spins(long_range_family)),
    "j1j2": ((2,), _MEASURED, _spins(j1j2_family)),
    "xxz": ((1,), _MEASURED, _spins(xxz_family)),
    "cluster_ising": ((1,), _MEASURED, _spins(cluster_ising_family)),
    "rydberg": ((1, 2), _MEASURED, _spins(rydberg_family)),
    "falicov_kimball": ((2,), ("heavy", "coupling"), _heavy_and_light),
    "harmonic_chain": ((1,), ("pbc",), lambda c: Oscillators(c.shape[0], c.pbc)),
    "phi4": ((2,), (), _field),
}
"""Name -> dimensions, options that have a meaning, and the maker."""
