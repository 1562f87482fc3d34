"""Rydberg arrays: a chain or a square of atoms with the whole van der Waals tail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qdisc._typing import FloatArray
from qdisc.errors import ConfigError
from qdisc.physics.family import Family
from qdisc.physics.lattice import Lattice
from qdisc.physics.operators import PauliSum


def rydberg_family(shape: int | Sequence[int] = 8, omega: float = 1.0, pbc: bool = False) -> Family:
    """Rydberg array, theta = (R_b, Delta). See `rydberg`."""
    if pbc:
        raise ConfigError("atoms in an array have open boundaries", where="pbc", value=pbc)
    if not omega > 0:
        raise ConfigError("the Rabi frequency is positive", where="omega", value=omega)
    shape = (shape,) if isinstance(shape, int) else tuple(shape)
    lattice = Lattice(shape, (False,) * len(shape))
    n = lattice.n_sites
    i, j = np.triu_indices(n, 1)
    square = ((lattice.positions[i] - lattice.positions[j]) ** 2).sum(axis=1)
    tail = PauliSum(n, (), ())
    for a, b, r2 in zip(i.tolist(), j.tolist(), square.tolist(), strict=True):
        tail = tail + float(omega) / r2**3 * PauliSum.occupations(n, (a, b))
    # n and n n are diagonal and X has one sign: by Perron-Frobenius the ground state is unique
    # and invariant under every symmetry of the lattice.
    return Family(
        name="rydberg",
        theta_names=("R_b", "Delta"),
        theta_units=("a", "Omega") if omega == 1 else ("a", "1"),
        parts=(
            0.5 * float(omega) * PauliSum.uniform(n, "X"),
            tail.merged(),
            -1.0 * sum((PauliSum.occupations(n, (s,)) for s in range(n)), PauliSum(n, (), ())),
        ),
        weights=blockade,
        lattice=lattice,
        symmetries=lattice.symmetries,
        local_states=(0.0, 1.0),
    )


def blockade(theta: FloatArray) -> FloatArray:
    """(points, 2) couplings (R_b, Delta) -> weights 1, R_b^6, Delta."""
    radius, detuning = theta.T
    if (radius < 0).any():
        raise ConfigError(
            "the blockade radius is not negative", where="R_b", value=float(radius.min())
        )
    with np.errstate(over="ignore"):
        return np.stack([np.ones(len(theta)), radius**6, detuning], axis=1)


def rydberg(
    shape: int | Sequence[int] = 8,
    omega: float = 1.0,
    delta: float = 0.0,
    r_b: float = 1.0,
) -> Any:
    """Rydberg array as a NetKet operator.

    H = (Omega / 2) sum_i X_i - Delta sum_i n_i + sum_{i<j} V / |r_ij|^6 n_i n_j with
    V = Omega R_b^6: every pair once, nothing is cut off. n = (1 + Z) / 2, so code 1 is the
    Rydberg state; distances in lattice spacings a. At r = R_b the interaction equals Omega.
    Source: Bernien et al., Nature 551, 579 (2017); Ebadi et al., Nature 595, 227 (2021).

    Args:
        shape: Atoms of a chain, or (rows, columns) of a rectangle numbered like a snake.
        omega: Rabi frequency (as an angular frequency, hbar = 1), the unit of energy when 1.
        delta: Detuning; positive detunings favour the Rydberg state.
        r_b: Blockade radius in lattice spacings.
    """
    return rydberg_family(shape, omega).hamiltonian((r_b, delta)).operator()
