"""Lowest states of every symmetry sector of a family, setting after setting."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

from qdisc._typing import FloatArray
from qdisc.physics.eigen import Blend, lowest, norm_bound, one_thread
from qdisc.physics.family import Family
from qdisc.physics.operators import matrix
from qdisc.physics.symmetry import sectors

DENSE_STATES = 1024  # up to this many states of all sectors together, blocks are solved in full
_BATCH_BYTES = 1 << 26

Pairs = tuple[FloatArray, np.ndarray]


@lru_cache(maxsize=2)  # a sweep asks again for every line, the tests of a sweep for every point
def prepared(family: Family) -> SectorSolver:
    """The solver of a family."""
    return SectorSolver(family)


class SectorSolver:
    """What all settings of a family share: bases of the sectors, and the parts within them.

    Attributes:
        bases: See `qdisc.physics.symmetry.sectors`.
        norms: Upper bound of the norm of each part, (parts,).
        diagonals: Diagonal of each part in the basis of all states, (parts, 2**N).
        mixing: Parts that are not diagonal there, (parts,).
    """

    def __init__(self, family: Family) -> None:
        parts = [matrix(part) for part in family.parts]
        self.norms = np.array([norm_bound(part) for part in parts])
        self.diagonals = np.stack([part.diagonal() for part in parts]).real
        rest = [part - sp.diags_array(part.diagonal()) for part in parts]
        self.mixing = np.array([norm_bound(part) > 0 for part in rest])
        self.bases = sectors(family)
        self.blocks: list[Block] = []
        for basis in self.bases:
            blend = Blend([basis.T @ part @ basis for part in parts])
            self.blocks.append(Block(blend, self.blocks))

    def solve(self, weights: FloatArray, scales: FloatArray) -> Iterator[list[Pairs]]:
        """Lowest eigenpairs in every sector.

        Args:
            weights: (points, parts), neighbours next to each other.
            scales: Upper bound of the norm of H at each setting, (points,).
        """
        if sum(block.blend.size for block in self.blocks) <= DENSE_STATES:
            yield from self._dense(weights)
            return
        lines = {id(block): Line(block) for block in self.blocks if block.twin is None}
        for row, scale in zip(weights, scales, strict=True):
            out = []
            for block in self.blocks:
                values, vectors = lines[id(block.twin or block)].at(row, scale)
                out.append((values + row @ block.shifts, vectors))
            yield out

    def _dense(self, weights: FloatArray) -> Iterator[list[Pairs]]:
        """All eigenpairs of small sectors, many settings at once."""
        own = [block for block in self.blocks if block.twin is None]
        batch = max(1, _BATCH_BYTES // (8 * sum(block.blend.size**2 for block in own)))
        for start in range(0, len(weights), batch):
            rows = weights[start : start + batch]
            with one_thread():
                found: dict[int, Any] = {
                    id(block): np.linalg.eigh(np.tensordot(rows, block.dense, axes=1))
                    for block in own
                }
            for i, row in enumerate(rows):
                out = []
                for block in self.blocks:
                    source = block.twin or block
                    values, vectors = (array[i] for array in found[id(source)])
                    out.append((values + row @ (block.shifts - source.shifts), vectors))
                yield out


class Block:
    """One sector of a family.

    Parts that are multiples of the identity (a field along a conserved magnetisation) only shift
    the energies, so a setting that differs in nothing else is not solved again; neither is a
    sector whose matrices another one, its twin, has already.
    """

    def __init__(self, blend: Blend, others: list[Block]) -> None:
        self.blend = blend
        scalars = [blend.scalar(part) for part in range(len(blend.data))]
        self.shifts = np.array([scalar or 0.0 for scalar in scalars])
        self.moving = [part for part, scalar in enumerate(scalars) if scalar is None]
        self.twin = next((other for other in others if other.serves(self)), None)

    def serves(self, other: Block) -> bool:
        """Whether the solutions of this sector are those of another one, up to a shift."""
        same = self.twin is None and self.moving == other.moving
        return same and self.blend.same(other.blend, self.moving)

    @property
    def dense(self) -> np.ndarray:
        """The parts as one array (parts, size, size)."""
        if not hasattr(self, "_dense"):
            self._dense = self.blend.dense()
        return self._dense


class Line:
    """One sector along a sweep: what was solved, and where the next Lanczos run starts."""

    def __init__(self, block: Block) -> None:
        self.block = block
        self.known: dict[bytes, Pairs] = {}
        self.ends: list[tuple[FloatArray, np.ndarray]] = []

    def at(self, row: FloatArray, scale: float) -> Pairs:
        """Lowest eigenpairs of the moving parts for one row of weights."""
        moving = self.block.moving
        weights = np.zeros_like(row)
        weights[moving] = row[moving]
        key = weights.tobytes()
        if key not in self.known:
            with one_thread():
                found = lowest(self.block.blend.sum(weights), scale, self._start(weights))
            if len(moving) == len(row):  # every setting is new: only the last is of use
                self.known.clear()
            self.known[key] = found
            self._remember(weights, found[1][:, 0])
        return self.known[key]

    def _start(self, weights: FloatArray) -> np.ndarray | None:
        """The state of the nearest setting among the last one and the first of its line."""
        if not self.ends:
            return None
        return min(self.ends, key=lambda end: float(np.abs(end[0] - weights).sum()))[1]

    def _remember(self, weights: FloatArray, state: np.ndarray) -> None:
        here = (weights, state)
        if len(self.ends) < 2:
            self.ends.append(here)
            return
        # nearer to the start of the line than to its end: a new line begins here
        first, last = (float(np.abs(end[0] - weights).sum()) for end in self.ends)
        self.ends = [here] if first < last else [self.ends[0], here]
