"""Snapshots of the scalar phi^4 field in two dimensions, by Monte Carlo.

    S = sum_x [ (1/2) sum_mu (phi_{x+mu} - phi_x)^2 + (mu2 / 2) phi_x^2 + (lambda / 4) phi_x^4 ]

on a periodic square, p(phi) ~ exp(-S), lattice spacing 1. For mu2 below a critical value that
depends on lambda the field orders: a transition of the class of the 2D Ising model.
Source: Loinaz, Willey, Phys. Rev. D 58, 076003 (1998); Schaich, Loinaz, ibid. 79, 056008 (2009).
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components

from qdisc._typing import FloatArray
from qdisc.errors import ConfigError

THETA_NAMES = ("mu2", "lambda")
ROUNDS = 100  # of local updates and clusters; every shot is a chain of its own
_LOCAL = 3  # local sweeps per round


def snapshots(
    size: int,
    mu2: float,
    lam: float,
    shots: int,
    rng: np.random.Generator,
    rounds: int = ROUNDS,
) -> FloatArray:
    """Independent snapshots of the field at one setting.

    Every shot is a Markov chain of its own, started from noise: shots are independent of each
    other, and what is left to check is only that `rounds` suffice to forget the start. A round
    is three Metropolis sweeps over the two sublattices, then one step of Swendsen and Wang for
    the signs (bonds between equal signs with probability 1 - exp(-2 phi_x phi_y), clusters
    flipped by a coin), which leaves no slow mode at the transition (Brower and Tamayo, Phys.
    Rev. Lett. 62, 1087 (1989)). As every cluster is flipped by a coin, the two signs are equally
    likely at every setting.

    Args:
        size: Side L of the square, even and at least 4.
        mu2: Bare mass squared; negative values order.
        lam: Coupling lambda > 0.
        shots: Number of snapshots.
        rng: Generator to draw from; only `random` is used.
        rounds: Rounds before the snapshot is taken.

    Returns:
        Fields (shots, L, L).

    Raises:
        ConfigError: A number without meaning.
    """
    if size % 2 or size < 4 or shots < 0 or rounds < 1:
        raise ConfigError(
            "the square has an even side of 4 or more; shots >= 0, rounds >= 1",
            where="size, shots, rounds",
            value=(size, shots, rounds),
        )
    if not (np.isfinite([mu2, lam]).all() and lam > 0):
        raise ConfigError(
            "the action is bounded below for lambda > 0", where="mu2, lambda", value=(mu2, lam)
        )
    bonds = _bonds(size)
    even = np.add.outer(np.arange(size), np.arange(size)) % 2 == 0
    # the size of the field: its classical value and, self-consistently, 1 / w^2 = c + 3 lambda w^2
    c = 4 + mu2
    root = np.sqrt(c**2 + 12 * lam)
    spread = 2 / (c + root) if c > 0 else (root - c) / (6 * lam)
    square = max(-mu2, 0) / lam + spread
    phi = np.sqrt(square) * (2 * rng.random((shots, size, size)) - 1)
    step = 2.4 / np.sqrt(c + 3 * lam * square)
    for _ in range(rounds):
        for _ in range(_LOCAL):
            for mask in (even, ~even):
                _metropolis(phi, mask, mu2, lam, step, rng)
        _flip_clusters(phi, bonds, rng)
    return phi


def action_slope(phi: FloatArray, mu2: float, lam: float) -> FloatArray:
    """DS / dphi_x, the shape of `phi` (..., L, L).

    Integration by parts gives <phi_x dS/dphi_y> = delta_xy exactly (Schwinger and Dyson), whatever
    the couplings: a test of any sampler.
    """
    return (4 + mu2) * phi + lam * phi**3 - _around(phi)


def critical_mass(lam: float, coupling: float = 11.11) -> float:
    """Critical mu2 of the infinite lattice, from the critical coupling of the continuum.

    mu_c^2 = lambda / f, mu2_c = mu_c^2 - 3 lambda A(mu_c^2), where A(m^2) is the mean square of
    the free lattice field of mass m: (2 pi)^-2 int d^2k / (4 sin^2(k_1/2) + 4 sin^2(k_2/2) + m^2).
    f = 11.11 in the continuum (lambda -> 0; Bosetti, De Palma, Guagnelli, arXiv:1506.08587, find
    11.15(6), Duerr and Kiel, arXiv:2512.16536, 11.110(2)); at finite lambda f is somewhat smaller,
    by which mu2_c is off by less than 0.03 for lambda <= 1.

    Args:
        lam: Coupling lambda > 0.
        coupling: f = lambda / mu_c^2.
    """
    if not lam > 0:
        raise ConfigError("lambda is positive", where="lambda", value=lam)
    from scipy.special import ellipk

    mass = lam / coupling
    # the integral over both directions: A = (2 / pi) K(m) / (4 + m^2) with m = (4 / (4 + m^2))^2
    tadpole = 2 / np.pi * float(ellipk((4 / (4 + mass)) ** 2)) / (4 + mass)
    return mass - 3 * lam * tadpole


def _around(phi: FloatArray) -> FloatArray:
    """Sum over the four neighbours."""
    return sum(np.roll(phi, d, axis) for axis in (-1, -2) for d in (1, -1))  # type: ignore[return-value]


def _metropolis(
    phi: FloatArray, mask: np.ndarray, mu2: float, lam: float, step: float, rng: np.random.Generator
) -> None:
    old, around = phi[:, mask], _around(phi)[:, mask]
    new = old + step * (2 * rng.random(old.shape) - 1)
    square, other = new**2, old**2
    change = (2 + mu2 / 2) * (square - other) + lam / 4 * (square**2 - other**2)
    change -= (new - old) * around
    accept = np.log1p(-rng.random(old.shape)) < -change
    phi[:, mask] = np.where(accept, new, old)


def _flip_clusters(phi: FloatArray, bonds: tuple, rng: np.random.Generator) -> None:
    shots, size, _ = phi.shape
    flat = phi.reshape(shots, -1)
    first, second = bonds
    product = flat[:, first] * flat[:, second]
    # bound with probability 1 - exp(-2 phi_x phi_y), never between opposite signs
    shot, bond = np.nonzero(np.log1p(-rng.random(product.shape)) >= -2 * product)
    base = shot * size * size
    n = flat.size
    graph = sp.coo_array(
        (np.ones(bond.size, dtype=np.int8), (base + first[bond], base + second[bond])),
        shape=(n, n),
    )
    count, label = connected_components(graph, directed=False)
    sign = np.where(rng.random(count) < 0.5, -1.0, 1.0)
    flat *= sign[label].reshape(flat.shape)


def _bonds(size: int) -> tuple[np.ndarray, np.ndarray]:
    site = np.arange(size * size).reshape(size, size)
    first = np.concatenate([site.ravel(), site.ravel()])
    second = np.concatenate([np.roll(site, -1, axis).ravel() for axis in (0, 1)])
    return first, second
