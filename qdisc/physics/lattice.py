"""Sites, bonds and symmetries of rectangular lattices."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from qdisc._typing import IntArray
from qdisc.errors import ConfigError


@dataclass(frozen=True)
class Lattice:
    """Sites of a chain, or of a rectangle numbered like a snake.

    Attributes:
        shape: (sites,) of a chain or (rows, columns) of a rectangle.
        periodic: Whether each direction closes on itself.

    Row r of a rectangle is numbered from left to right when r is even and from right to left when
    it is odd: [[0, 1, 2], [5, 4, 3], [6, 7, 8]] for 3 x 3.
    """

    shape: tuple[int, ...]
    periodic: tuple[bool, ...]

    def __post_init__(self) -> None:
        whole = all(isinstance(n, int) and not isinstance(n, bool) and n >= 1 for n in self.shape)
        if len(self.shape) not in (1, 2) or not whole or len(self.periodic) != len(self.shape):
            raise ConfigError(
                "a lattice is a chain (sites,) or a rectangle (rows, columns)",
                where="shape",
                value=self.shape,
                hint="whole numbers >= 1",
            )

    @property
    def n_sites(self) -> int:
        """Number of sites N."""
        return int(np.prod(self.shape))

    @property
    def numbering(self) -> IntArray:
        """Site at each position, of the lattice's shape."""
        sites = np.arange(self.n_sites).reshape(self.shape)
        if len(self.shape) == 2:
            sites[1::2] = sites[1::2, ::-1].copy()
        return sites

    @property
    def positions(self) -> IntArray:
        """Position of each site, (N, dim): (index,) or (row, column)."""
        where = np.indices(self.shape).reshape(len(self.shape), self.n_sites).T
        return where[np.argsort(self.numbering.ravel())]

    def bonds(self, *steps: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """Pairs (i, j), i < j, of sites one of the `steps` apart; each pair once.

        On a periodic lattice two sites wide a bond and the one around the back join the same
        pair, which still counts once.
        """
        sites, pairs = self.numbering, set()
        for position in itertools.product(*map(range, self.shape)):
            for step in steps:
                end = [a + d for a, d in zip(position, step, strict=True)]
                inside = [0 <= a < n for a, n in zip(end, self.shape, strict=True)]
                if all(ok or p for ok, p in zip(inside, self.periodic, strict=True)):
                    wrapped = tuple(a % n for a, n in zip(end, self.shape, strict=True))
                    i, j = int(sites[position]), int(sites[wrapped])
                    if i != j:
                        pairs.add((min(i, j), max(i, j)))
        return tuple(sorted(pairs))

    @property
    def neighbours(self) -> tuple[tuple[int, int], ...]:
        """Nearest-neighbour bonds, each once."""
        return self.bonds((1,)) if len(self.shape) == 1 else self.bonds((0, 1), (1, 0))

    @property
    def diagonals(self) -> tuple[tuple[int, int], ...]:
        """Next-nearest-neighbour bonds of a rectangle (both diagonals), each once."""
        return self.bonds((1, 1), (1, -1))

    @property
    def symmetries(self) -> tuple[tuple[int, ...], ...]:
        """Generators of the point group and translations: image of each site under each."""
        sites = self.numbering
        images = [np.flip(sites, axis) for axis in range(sites.ndim)]
        if sites.ndim == 2 and self.shape[0] == self.shape[1] and len(set(self.periodic)) == 1:
            images.append(sites.T)
        images += [np.roll(sites, 1, axis) for axis, on in enumerate(self.periodic) if on]
        order = np.argsort(sites.ravel())
        return tuple(tuple(int(s) for s in image.ravel()[order]) for image in images)
