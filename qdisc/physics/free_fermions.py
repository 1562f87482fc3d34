"""Closed forms for chains that a Jordan-Wigner transformation turns into free fermions.

Source: Lieb, Schultz, Mattis, Annals of Physics 16, 407 (1961); Pfeuty, ibid. 57, 79 (1970).
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


def xx_energy(n: int, J: float = 1.0, h: float = 0.0) -> float:
    """Ground-state energy of the open XX chain, `xxz` at Delta = 0.

    H = J sum (S^x S^x + S^y S^y) - h sum S^z: the modes J cos(k pi / (n + 1)) - h, k = 1..n, are
    filled where they are negative, E = sum of those + h n / 2.
    """
    modes = J * np.cos(np.arange(1, n + 1) * np.pi / (n + 1)) - h
    return float(modes[modes < 0].sum()) + h * n / 2


def cluster_energy(n: int, K: float = 1.0, h1: float = 0.0) -> float:
    """Ground-state energy of `cluster_ising` without XX coupling, h2 = 0.

    With a spin beyond each end, held up, Z_{i-1} X_i Z_{i+1} joins a Majorana mode of site i - 1
    with one of site i + 1, and X_i the two modes of site i: the energy is minus the sum of the
    singular values of the matrix with h1 on the diagonal of the sites and K two below it.
    """
    b = np.zeros((n + 2, n + 2))
    sites = np.arange(1, n + 1)
    b[sites, sites] = h1
    b[sites + 1, sites - 1] = K
    return -float(np.linalg.svd(b, compute_uv=False).sum())
