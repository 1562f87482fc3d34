"""Exact expectation values of Pauli strings, and how fast a ground state changes with theta."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import DataError
from qdisc.physics.ground_states import GroundSpace
from qdisc.physics.operators import PauliSum, pauli_masks


def expectations(states: ArrayLike, strings: Sequence[str]) -> FloatArray:
    """<P> of Pauli strings, averaged over a degenerate ground space.

    Args:
        states: One state (2**N,), or orthonormal states (2**N, m) of equal weight; first site
            most significant, index bit 0 = sigma^z +1.
        strings: Strings of N letters I, X, Y, Z; character i acts on site i.

    Returns:
        (strings,), in [-1, 1] for normalised states.

    Raises:
        DataError: A string has another length than the states have sites.
    """
    psi = np.asarray(states)
    psi = psi.reshape(psi.shape[0], -1)
    index = np.arange(psi.shape[0], dtype=np.int64)
    out = np.empty(len(strings))
    for k, string in enumerate(strings):
        if 1 << len(string) != psi.shape[0]:
            raise DataError(
                f"a string for {len(string)} sites, but the state has {psi.shape[0]} amplitudes",
                where=f"strings[{k}]",
                value=string,
            )
        flips, signs = pauli_masks(string)
        phase = (1, 1j, -1, -1j)[string.count("Y") % 4]
        sign = 1.0 - 2.0 * (np.bitwise_count(index & signs) & 1)
        products = np.einsum("xs,x,xs->", psi.conj()[index ^ flips], sign, psi)
        out[k] = np.real(phase * products) / psi.shape[1]
    return out


def energy(states: ArrayLike, hamiltonian: PauliSum) -> float:
    """<H> of a sum of Pauli strings; arguments as in `expectations`."""
    return float(expectations(states, hamiltonian.strings) @ np.array(hamiltonian.weights))


def fidelity_susceptibility(
    spaces: Sequence[GroundSpace], theta: ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """How fast the ground state changes along one coupling, between neighbouring settings.

    chi = 2 (1 - |<psi(theta)|psi(theta + d)>|) / d^2. It peaks at a transition, and also where
    nothing happens but a superposition of degenerate states is chosen anew: use ground states of
    symmetry sectors (`qdisc.physics.ground_states.sweep`), or the Fisher information of the
    snapshots. Where ground spaces are degenerate the overlap is the largest one between them.

    Args:
        spaces: Ground states along a line, at least two.
        theta: Values of the coupling, (points,), strictly monotonic.

    Returns:
        Midpoints (points - 1,) and chi (points - 1,) in inverse squared units of theta.

    Raises:
        DataError: `theta` does not fit.
    """
    theta = np.asarray(theta, dtype=np.float64)
    step = np.diff(theta)
    if theta.shape != (len(spaces),) or len(spaces) < 2 or not (step * step[0] > 0).all():
        raise DataError(
            "one value of theta per ground state, strictly monotonic, at least two",
            where="theta",
            value=theta.tolist(),
            hint=f"{len(spaces)} ground states were given",
        )
    overlaps = [
        np.linalg.svd(a.states.conj().T @ b.states, compute_uv=False)[0]
        for a, b in itertools.pairwise(spaces)
    ]
    chi = 2 * (1 - np.minimum(overlaps, 1.0)) / step**2
    return (theta[1:] + theta[:-1]) / 2, chi
