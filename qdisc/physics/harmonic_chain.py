"""Positions of a chain of coupled quantum oscillators in its ground state: Gaussian, all exact.

    H = sum_i p_i^2 / 2 + (1/2) x^T K x,   K = omega^2 + kappa (lattice Laplacian),   hbar = m = 1.

A snapshot of all positions is normal with mean 0 and covariance Sigma = K^(-1/2) / 2. Modes with
eigenvalues l_k of the Laplacian have variances 1 / (2 sqrt(omega^2 + kappa l_k)). As omega -> 0
the uniform mode softens: the chain becomes critical, with correlations over all sites.
"""

from __future__ import annotations

import numpy as np

from qdisc._typing import ArrayLike, FloatArray
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.physics.lattice import Lattice

THETA_NAMES = ("omega", "kappa")


def laplacian(n: int, pbc: bool = False) -> FloatArray:
    """Lattice Laplacian (n, n): number of neighbours on the diagonal, -1 at each bond."""
    out = np.zeros((n, n))
    for i, j in Lattice((n,), (bool(pbc),)).neighbours:
        out[i, j] = out[j, i] = -1
    return out - np.diag(out.sum(axis=1))


def modes(n: int, theta: ArrayLike, pbc: bool = False) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Normal modes.

    Args:
        n: Number of oscillators.
        theta: Settings (points, 2): frequency omega of the single oscillator, spring constant
            kappa between neighbours; in units with hbar = m = 1.
        pbc: Whether the chain is a ring.

    Returns:
        Eigenvalues l_k of the Laplacian (n,), variances of the modes (points, n), modes (n, n)
        in columns.

    Raises:
        ConfigError: omega is not positive, or kappa negative.
    """
    theta = np.asarray(theta, dtype=np.float64).reshape(-1, 2)
    bad = ~(np.isfinite(theta).all(axis=1) & (theta[:, 0] > 0) & (theta[:, 1] >= 0))
    if bad.any():
        raise ConfigError(
            "the chain is bound for omega > 0 and kappa >= 0",
            where=f"theta[{np.flatnonzero(bad)[0]}], (omega, kappa)",
            value=theta[bad][0].tolist(),
        )
    eigenvalues, vectors = _waves(n, pbc)
    stiffness = theta[:, :1] ** 2 + theta[:, 1:] * eigenvalues
    return eigenvalues, 0.5 / np.sqrt(stiffness), vectors


def _waves(n: int, pbc: bool) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues (n,) and modes (n, n) of the Laplacian: standing waves 2 - 2 cos q.

    In closed form, because the signs of numerical eigenvectors, and their rotations where waves
    are degenerate, depend on the machine.
    """
    site, k = np.arange(n)[:, None], np.arange(n)
    if not pbc or n < 3:  # the open chain; a ring of two has one bond
        q = np.pi * k / n
        waves = np.cos(q * (site + 0.5))
    else:
        q = 2 * np.pi * ((k + 1) // 2) / n
        waves = np.cos(q * site - np.where((k > 0) & (k % 2 == 0), np.pi / 2, 0.0))  # sin and cos
    return 2 - 2 * np.cos(q), waves / np.linalg.norm(waves, axis=0)


def covariance(n: int, theta: ArrayLike, pbc: bool = False) -> FloatArray:
    """Sigma = K^(-1/2) / 2 at every setting, (points, n, n)."""
    _, variances, vectors = modes(n, theta, pbc)
    return np.einsum("ik,pk,jk->pij", vectors, variances, vectors)


def entropy(n: int, theta: ArrayLike, pbc: bool = False) -> FloatArray:
    """Differential entropy of a snapshot at every setting, nats (points,).

    H(x | theta) = (1/2) ln det(2 pi e Sigma).
    """
    _, variances, _ = modes(n, theta, pbc)
    return 0.5 * np.log(2 * np.pi * np.e * variances).sum(axis=1)


def fisher_information(n: int, theta: ArrayLike, pbc: bool = False) -> FloatArray:
    """Fisher information matrix about (omega, kappa) of one snapshot, (points, 2, 2).

    F_ab = (1/2) tr[Sigma^-1 d_a Sigma Sigma^-1 d_b Sigma]; all Sigma share their modes, so this
    is (1/2) sum_k d_a ln v_k d_b ln v_k with ln v_k = -(1/2) ln(omega^2 + kappa l_k) - ln 2.
    """
    theta = np.asarray(theta, dtype=np.float64).reshape(-1, 2)
    eigenvalues, variances, _ = modes(n, theta, pbc)
    stiffness = 0.25 / variances**2
    slopes = np.stack([-theta[:, :1] / stiffness, -0.5 * eigenvalues / stiffness], axis=1)
    return 0.5 * np.einsum("pak,pbk->pab", slopes, slopes)


def snapshots(
    n: int, theta: ArrayLike, shots: int, rng: np.random.Generator | int, pbc: bool = False
) -> np.ndarray:
    """Positions of all oscillators at one setting, (shots, n) float64.

    Args:
        n: Number of oscillators.
        theta: (omega, kappa).
        shots: Number of snapshots.
        rng: Generator to draw from (only `random` is used), or a seed.
        pbc: Whether the chain is a ring.
    """
    if not isinstance(rng, np.random.Generator):
        rng = generator(rng)
    _, variances, vectors = modes(n, theta, pbc)
    return (normal(rng, (shots, n)) * np.sqrt(variances[0])) @ vectors.T


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> FloatArray:
    """Standard normal numbers by inversion, from the raw stream that no NumPy version changes."""
    from scipy.special import ndtri

    # random() is a multiple of 2^-53 and may be 0: the middle of each cell never is 0 or 1
    return ndtri(rng.random(shape) + 2.0**-54)


def mixture_entropy(
    n: int, theta: ArrayLike, shots: int, seed: int, pbc: bool = False
) -> tuple[float, float]:
    """H(x) of all settings together (equal weights), by Monte Carlo, with its standard error.

    The mixture has no closed form: H(x) = -E ln [mean_theta p(x | theta)] over its own snapshots.
    I(x; theta) = H(x) - mean H(x | theta).

    Args:
        n: Number of oscillators.
        theta: Settings (points, 2).
        shots: Snapshots per setting.
        seed: Seed.
        pbc: Whether the chain is a ring.

    Returns:
        H(x) and its standard error, nats.
    """
    theta = np.asarray(theta, dtype=np.float64).reshape(-1, 2)
    _, variances, vectors = modes(n, theta, pbc)
    constant = -0.5 * np.log(2 * np.pi * variances).sum(axis=1) - np.log(len(theta))
    means, spread = [], 0.0
    for i, row in enumerate(theta):
        x = snapshots(n, row, shots, generator(seed, i), pbc) @ vectors
        log_p = constant - 0.5 * (x**2) @ (1 / variances).T
        values = -np.logaddexp.reduce(log_p, axis=1)
        means.append(values.mean())
        spread += values.var(ddof=1) / shots
    return float(np.mean(means)), float(np.sqrt(spread)) / len(theta)
