"""Snapshots of exact ground states over a sweep, and classical shadows, against one call per point.

The naive form of a sweep is what one writes with NetKet: at every point build the operator, ask
`netket.exact.lanczos_ed` for the ground state, square it, draw. The naive form of shadows rotates
the whole state vector for every shot.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.measure import Row, check, deviation, in_turns, in_turns_warm
from qdisc.dataset.bases import ROTATIONS
from qdisc.dataset.pauli_values import estimate
from qdisc.dataset.shadows import get_classical_shadow
from qdisc.physics import sector_solver
from qdisc.physics.ground_states import energies, grid, ground_states
from qdisc.physics.hamiltonians import j1j2_family, tfim_family, xxz_family
from qdisc.physics.make import Axis, MakeConfig, make_snapshots
from qdisc.physics.netket import double_precision
from qdisc.physics.shadow_estimators import hamiltonian_values

SHOTS = 1000
SWEEPS: dict[str, tuple[str, Any, tuple[int, ...], dict[str, tuple[float, float]]]] = {
    "J1-J2 3x3": ("j1j2", j1j2_family, (3, 3), {"J2": (0.0, 1.5), "h": (0.1, 2.0)}),
    "XXZ chain N=12": ("xxz", xxz_family, (12,), {"Delta": (-1.5, 2.3), "h": (0.0, 3.0)}),
}


def rows(small: bool) -> Iterator[Row]:
    """Two sweeps, and shadows."""
    yield _sweep("J1-J2 3x3", (3, 3) if small else (21, 20), small)
    yield _sweep("XXZ chain N=12", (2, 2) if small else (20, 20), small)
    yield _shadows(small)


def _sweep(name: str, points: tuple[int, int], small: bool) -> Row:
    model, family, shape, axes = SWEEPS[name]
    shape = (6,) if small and len(shape) == 1 else shape
    spins = family(shape[0] if len(shape) == 1 else shape)
    grids = {k: Axis(start=a, stop=b, num=n) for (k, (a, b)), n in zip(axes.items(), points,
                                                                     strict=True)}  # fmt: skip
    config = MakeConfig(model=model, shape=shape, grid=grids, shots=SHOTS, seed=1)
    theta = grid([axis.values() for axis in grids.values()])
    path = f"snapshots of {name}, {points[0]} x {points[1]} points x {SHOTS} shots"
    seen = np.array([_lanczos(spins, row)[0] for row in theta])
    found = check(path, deviation(energies(spins, theta), seen), 1e-8)
    rng = np.random.default_rng(1)

    def naive() -> None:
        for row in theta:
            _, state = _lanczos(spins, row)
            counts = rng.multinomial(SHOTS, state**2)
            index = np.repeat(np.flatnonzero(counts), counts[counts > 0])
            1 - ((index[:, None] >> np.arange(spins.n_sites - 1, -1, -1)) & 1)

    def ours() -> None:
        sector_solver.prepared.cache_clear()  # nothing is kept from one repeat to the next
        make_snapshots(config)

    slow, fast = in_turns(2 if small else 3, naive, ours)
    return Row(
        path, "netket.exact.lanczos_ed at every point, |psi|^2, multinomial",
        slow, fast, target=5, deviation=found, tolerance=1e-8,
        toy=small,
    )  # fmt: skip


def _lanczos(family: Any, theta: np.ndarray) -> tuple[float, np.ndarray]:
    with double_precision() as nk:
        operator = family.hamiltonian(theta).operator()
        values, vectors = nk.exact.lanczos_ed(operator, k=1, compute_eigenvectors=True)
    state = np.asarray(vectors[:, 0]).real
    return float(values[0]), state / np.linalg.norm(state)


def _shadows(small: bool) -> Row:
    n, shots, timed = (6, 4000, 50) if small else (12, 100_000, 1000)
    path = f"{shots} classical shadows, N={n}"
    family, theta = tfim_family(n), (1.0,)
    (space,) = ground_states(family, [theta])
    psi = space.states[:, 0]
    energy = estimate(hamiltonian_values(get_classical_shadow(psi, shots, n, 1),
                                         family.hamiltonian(theta)))  # fmt: skip
    # an estimate of the energy from the shadows themselves, in its standard errors
    found = check(path, abs(energy.mean - space.energy) / energy.std_error, 4.0)
    rng = np.random.default_rng(2)

    def naive() -> None:
        for _ in range(timed):
            basis = rng.integers(0, 3, n)
            state = psi.astype(complex).reshape((2,) * n)
            for site, letter in enumerate(basis):
                state = np.moveaxis(np.tensordot(ROTATIONS[letter], state, (1, site)), 0, site)
            p = np.abs(state.ravel()) ** 2
            index = rng.choice(p.size, p=p / p.sum())
            1 - ((index >> np.arange(n - 1, -1, -1)) & 1)

    slow, fast = in_turns_warm(
        2 if small else 5, naive, lambda: get_classical_shadow(psi, shots, n, 1)
    )
    factor = shots / timed
    return Row(
        path, "per shot: rotate the state vector site by site, draw from |psi|^2",
        [s * factor for s in slow], fast, target=10, deviation=found, tolerance=4.0,
        note=f"naive time of {timed} shots, multiplied by {factor:g}; "
        "deviation: energy from the shadows, in standard errors", toy=small,
    )  # fmt: skip
