"""Closed forms for the transverse-field Ising chain H = -J sum Z_i Z_{i+1} - h sum X_i.

Source: Pfeuty, Annals of Physics 57, 79 (1970); Lieb, Schultz, Mattis, ibid. 16, 407 (1961).
"""

from __future__ import annotations

import numpy as np
from scipy.special import ellipe

from qdisc._typing import FloatArray
from qdisc.errors import ConfigError


def tfim_energy(n: int, J: float = 1.0, h: float = 1.0, pbc: bool = False) -> float:
    """Ground-state energy of n spins, in the units of J and h.

    Open chain: -sum of the singular values of the matrix with h on the diagonal and J beside it.
    Periodic chain: -sum_k sqrt(J^2 + h^2 + 2 J h cos k), k = (2 m + 1) pi / n, for J, h >= 0
    (even number of fermions, antiperiodic).

    Raises:
        ConfigError: n < 2, or a periodic chain with n < 3 or a negative coupling.
    """
    if n < (3 if pbc else 2):
        raise ConfigError("a chain has two sites, a ring three", where="n", value=n)
    if not pbc:
        return -float(open_modes(n, J, h).sum()) / 2
    if J < 0 or h < 0:
        raise ConfigError("the ring's formula holds for J, h >= 0", where="J, h", value=(J, h))
    k = (2 * np.arange(n) + 1) * np.pi / n
    # for odd n the set of k is not symmetric under k -> pi - k: the sign of the cosine matters
    return -float(np.sqrt(J**2 + h**2 - 2 * J * h * np.cos(k)).sum())


def open_modes(n: int, J: float = 1.0, h: float = 1.0) -> FloatArray:
    """Energies of the n fermion modes of the open chain, ascending; the first is the gap."""
    b = np.diag(np.full(n, float(h))) + np.diag(np.full(n - 1, float(J)), 1)
    return 2 * np.linalg.svd(b, compute_uv=False)[::-1]


def tfim_energy_density(J: float = 1.0, h: float = 1.0) -> float:
    """Energy per site of the infinite chain: -(1/pi) int_0^pi sqrt(J^2 + h^2 - 2 J h cos k) dk."""
    total = abs(J) + abs(h)
    if total == 0:
        return 0.0
    return -2 * total / np.pi * float(ellipe(4 * abs(J * h) / total**2))
