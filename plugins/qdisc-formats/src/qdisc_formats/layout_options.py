"""What a recipe says about plain arrays, and what a file of arrays offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np
from qdisc.config import Config

SITES = ("site", "x", "y", "z")
SHOTS = ("shot", "chain")
POINT = "point"

Described = tuple[np.ndarray, dict[str, Any]]


class ArrayConfig(Config):
    """Options of loaders of plain arrays.

    Attributes:
        samples: Name (in HDF5, path) of the array of snapshots; needed when there are several. A
            list of names, or a name with stars and fields ("/delta={delta:float:MHz}/shots"): one
            array per setting.
        dims: Name of each axis of it: site, x, y, z, shot, chain, point, _, or an axis of theta.
        theta: Values of each axis of theta: a list, the name of an array of the file, or one
            number. Arrays as long as the axis `point`, or as the shots, are theta as well. With
            one array per setting: one number for each of them; default the fields, and the
            numbers beside the arrays that vary.
        theta_names: With one array per setting, which fields and numbers are theta.
        theta_units: Units by name, or one per axis in order; default the arrays' attribute units.
        mask: Name of an array that is true (not 0) for the shots that count.
        mask_dims: Its axes; default the axes of `dims` that are not sites.
        sites: Positions, (sites, dim): a list or the name of an array; default the indices of
            x, y, z.
        data_type: discrete or continuous; default discrete when all numbers are whole.
        values: Whether whole numbers are "codes" or "physical" values (spins -1, +1); default
            physical when one is below 0.
        one_based: Codes are 1..d, as Julia and MATLAB count.
        local_states: Physical value of each code.
        continuous: Name of a second array with the same axes, the continuous half of hybrid data.
        periodic: Whether the lattice closes on itself, one flag or one per direction.
        name: A short name of the data.
    """

    samples: str | tuple[str, ...] | None = None
    dims: tuple[str, ...] | None = None
    theta: dict[str, float | tuple[float, ...] | str] | None = None
    theta_names: tuple[str, ...] | None = None
    theta_units: dict[str, str] | tuple[str, ...] | None = None
    mask: str | None = None
    mask_dims: tuple[str, ...] | None = None
    sites: str | tuple[tuple[float, ...], ...] | None = None
    data_type: Literal["discrete", "continuous"] | None = None
    values: Literal["codes", "physical"] | None = None
    one_based: bool = False
    local_states: tuple[float, ...] | None = None
    continuous: str | None = None
    periodic: bool | tuple[bool, ...] | None = None
    name: str | None = None


class Arrays(Protocol):
    """The arrays of a file: what there is, and one of them at a time."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Name and shape of every array of numbers."""
        ...

    def read(self, name: str) -> np.ndarray:
        """One array, in C order of the file's own axes."""
        ...

    def described(self, names: Sequence[str]) -> list[Described]:
        """Arrays, each with the single numbers and words beside it: "name (unit)" and value."""
        ...

    def unit(self, name: str) -> str:
        """Its unit, "" when the file does not say it."""
        ...
