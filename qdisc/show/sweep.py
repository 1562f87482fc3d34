"""Where the values of a map lie: the settings theta, and the plane of them that is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qdisc.errors import ConfigError
from qdisc.show.text import setting


@dataclass(frozen=True)
class Sweep:
    """The settings of a sweep.

    Attributes:
        theta: (points, k); on a grid in C order of the axes.
        names: k names.
        units: k units.
        axes: The k axes of a full grid, or None for scattered settings.
    """

    theta: np.ndarray
    names: tuple[str, ...]
    units: tuple[str, ...]
    axes: tuple[np.ndarray, ...] | None = None

    @classmethod
    def grid(
        cls, axes: Sequence[np.ndarray], names: Sequence[str] = (), units: Sequence[str] = ()
    ) -> Sweep:
        """Build from the axes of a full grid."""
        arrays = tuple(np.asarray(a, dtype=np.float64).reshape(-1) for a in axes)
        points = np.stack(np.meshgrid(*arrays, indexing="ij"), -1).reshape(-1, len(arrays))
        return cls(points, *_words(len(arrays), names, units), arrays)

    @classmethod
    def points(
        cls, theta: np.ndarray, names: Sequence[str] = (), units: Sequence[str] = ()
    ) -> Sweep:
        """Build from scattered settings (points, k) or (points,)."""
        array = np.asarray(theta, dtype=np.float64)
        array = array[:, None] if array.ndim == 1 else array
        return cls(array, *_words(array.shape[1], names, units))

    @property
    def k(self) -> int:
        """Number of theta axes."""
        return self.theta.shape[1]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of a map over these settings."""
        if self.axes is None:
            return (self.theta.shape[0],)
        return tuple(axis.size for axis in self.axes)


@dataclass(frozen=True)
class Plane:
    """Values on two theta axes, ready to be drawn: x is horizontal, y vertical.

    Attributes:
        x: Ascending (nx,) on a grid, else (points,).
        y: Ascending (ny,) on a grid, else (points,).
        values: (nx, ny) on a grid, else (points,).
        pair: Which theta axes x and y are.
        is_grid: Whether x and y span a grid.
        fixed: What the other thetas are held at, as text ("" when there are none).
        projected: Scattered points of more than two thetas, seen along the others.
    """

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    pair: tuple[int, int]
    is_grid: bool
    fixed: str = ""
    projected: bool = False


def plane(
    sweep: Sweep,
    values: np.ndarray,
    pair: tuple[int, int] = (0, 1),
    at: Sequence[float] | None = None,
) -> Plane:
    """Cut the plane of two theta axes out of a map.

    Args:
        sweep: The settings, k >= 2.
        values: `sweep.shape`.
        pair: (horizontal, vertical) theta axis.
        at: Values of the remaining axes, in order; each is moved to the nearest measured one.
            Default: the middle of each axis.

    Raises:
        ConfigError: The pair or `at` does not fit the sweep, or values has another shape.
    """
    first, second = _pair(pair, sweep.k)
    values = checked(sweep, values)
    others = [axis for axis in range(sweep.k) if axis not in (first, second)]
    if at is not None and len(at) != len(others):
        raise ConfigError(
            "one value is needed for each theta axis that is not drawn",
            where="at",
            value=tuple(at),
            hint="axes not drawn: " + (", ".join(sweep.names[a] for a in others) or "none"),
        )
    if sweep.axes is None:
        text = "seen along " + ", ".join(sweep.names[a] for a in others) if others else ""
        x, y = sweep.theta[:, first], sweep.theta[:, second]
        return Plane(x, y, values, (first, second), False, text, bool(others))
    index: list[int | slice] = [slice(None)] * sweep.k
    words = []
    for n, axis in enumerate(others):
        measured = sweep.axes[axis]
        place = measured.size // 2 if at is None else int(np.abs(measured - at[n]).argmin())
        if at is None:
            place = int(np.argsort(measured, kind="stable")[place])
        index[axis] = place
        words.append(setting(sweep.names[axis], measured[place], sweep.units[axis]))
    cut = values[tuple(index)]
    cut = cut if first < second else cut.T
    x, y = sweep.axes[first], sweep.axes[second]
    row, column = np.argsort(x, kind="stable"), np.argsort(y, kind="stable")
    return Plane(
        x[row], y[column], cut[np.ix_(row, column)], (first, second), True, ", ".join(words)
    )


def checked(sweep: Sweep, values: np.ndarray) -> np.ndarray:
    """Return values as float64 with infinities as NaN; refuse a shape that is not the sweep's."""
    array = np.array(values, dtype=np.float64)
    if array.shape != sweep.shape:
        raise ConfigError(
            "the values do not match the settings",
            where="values",
            value=f"shape {array.shape}, settings {sweep.shape}",
        )
    array[~np.isfinite(array)] = np.nan
    return array


def edges(centres: np.ndarray) -> np.ndarray:
    """Cell edges (n + 1,) of ascending centres (n,): midpoints, and half a cell at the ends.

    A single centre gets a cell of width 1.
    """
    centres = np.asarray(centres, dtype=np.float64)
    if centres.size == 1:
        return np.array([centres[0] - 0.5, centres[0] + 0.5])
    middle = (centres[:-1] + centres[1:]) / 2
    first = centres[0] - (middle[0] - centres[0])
    last = centres[-1] + (centres[-1] - middle[-1])
    return np.concatenate([[first], middle, [last]])


def _pair(pair: tuple[int, int], k: int) -> tuple[int, int]:
    axes = tuple(pair)
    whole = all(isinstance(a, int | np.integer) and 0 <= a < k for a in axes)
    if len(axes) != 2 or not whole or axes[0] == axes[1]:
        raise ConfigError(
            "a pair of theta axes names two different ones",
            where="theta_pair",
            value=pair,
            hint=f"two of 0..{k - 1}",
        )
    return int(axes[0]), int(axes[1])


def _words(
    k: int, names: Sequence[str], units: Sequence[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(names) not in (0, k) or len(units) not in (0, k):
        raise ConfigError(
            "each theta axis has one name and one unit",
            where="names, units",
            value=f"{len(names)} names and {len(units)} units for {k} axes",
        )
    return (
        tuple(names) or tuple(f"theta_{i + 1}" for i in range(k)),
        tuple(units) or ("1",) * k,
    )
