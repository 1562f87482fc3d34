"""Density waves: the intensity of a snapshot at commensurate momenta."""

from __future__ import annotations

import itertools

import numpy as np

from qdisc.analysis.observables.columns import KINDS, site_values
from qdisc.plugin import DataSpec, ObservableSpec, Variable

_PHASES = (0.0, 0.5, 1.0)  # in units of pi per lattice unit
_NAMES = ("0", "pi/2", "pi")


class StructureFactor:
    """S(k) = |sum_i s_i exp(i k r_i)|^2 / N^2 for every k in {0, pi/2, pi}^dim.

    Positions r_i are the dataset's `sites` (a chain without them), so k is per lattice unit. A
    perfect Neel state of spins +-1 has S(pi, ..., pi) = 1. The scale `momentum` names the momenta,
    last direction fastest; `momenta (momentum, direction)` holds them in units of pi.
    """

    spec = ObservableSpec(
        name="structure_factor",
        summary="|sum_i s_i exp(i k r_i)|^2 / N^2 at k in {0, pi/2, pi} per direction.",
        long_name="structure factor at momenta {0, pi/2, pi} per direction, last one fastest",
        data_kinds=KINDS,
        dims=("momentum",),
    )

    def applies(self, data_spec: DataSpec) -> str:
        """Say why there would be too many momenta."""
        dim = data_spec.positions.shape[1]
        return "" if dim <= 3 else f"positions have {dim} coordinates, at most 3 are used"

    def coordinates(self, data_spec: DataSpec) -> dict[str, Variable]:
        """The momenta, in words and in units of pi."""
        dim = data_spec.positions.shape[1]
        names = [f"({','.join(words)})" for words in itertools.product(_NAMES, repeat=dim)]
        number = np.arange(len(names), dtype=np.int32)
        flags = {"flag_values": number, "flag_meanings": " ".join(names)}
        return {
            "momentum": Variable(number, ("momentum",), long_name="momentum", attrs=flags),
            "momenta": Variable(
                momenta(dim).astype(np.float32), ("momentum", "direction"),
                long_name="momentum in units of pi per lattice unit",
            ),
        }  # fmt: skip

    def __call__(self, snapshots: np.ndarray, data_spec: DataSpec) -> np.ndarray:
        """Return S(k) of each snapshot, (samples, 3**dim)."""
        positions = data_spec.positions
        s = site_values(snapshots, data_spec)
        phase = np.pi * positions @ momenta(positions.shape[1]).T
        re, im = s @ np.cos(phase), s @ np.sin(phase)
        return (re**2 + im**2) / data_spec.n_sites**2


def momenta(dim: int) -> np.ndarray:
    """All momenta (3**dim, dim) in units of pi per lattice unit, last direction fastest."""
    return np.array(list(itertools.product(_PHASES, repeat=dim)))


structure_factor = StructureFactor()
