"""Least squares with an L1 term: min_a a.G.a / 2 - b.a + sum_j l_j |a_j|, solved exactly."""

from __future__ import annotations

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

_SWEEPS = 2000  # far more than ever needed; each is followed by an exact solve on the support
_RANK = 1e-12  # directions with a smaller share of the largest eigenvalue are left alone


def solve(gram: np.ndarray, linear: np.ndarray, l1: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Minimiser of the quadratic form with L1 term.

    Without L1 the solution of least norm; with it, coordinate descent finds the support and the
    signs, on which the problem is linear and solved directly.

    Args:
        gram: G, symmetric and positive semidefinite, (d, d).
        linear: b, (d,).
        l1: l >= 0, (d,).
        start: First guess, (d,).
    """
    if not np.any(l1 > 0):
        return _least_norm(gram, linear)
    a = np.array(start, dtype=np.float64)
    residual = linear - gram @ a
    scale = max(float(np.abs(linear).max()), float(l1.max()), 1e-300)
    diagonal = np.diag(gram)
    support = np.arange(a.size)
    for sweep in range(_SWEEPS):
        full = sweep % 8 == 0
        for j in range(a.size) if full else support:
            if diagonal[j] <= 0:
                continue
            pull = residual[j] + diagonal[j] * a[j]
            new = np.sign(pull) * max(abs(pull) - l1[j], 0.0) / diagonal[j]
            if new != a[j]:
                residual -= (new - a[j]) * gram[j]
                a[j] = new
        support = np.flatnonzero(a)
        if full:
            a = _along_support(gram, linear, l1, a)
            residual = linear - gram @ a
            if subgradient(-residual, a, l1) <= 1e-12 * scale:
                break
    return a


def subgradient(gradient: np.ndarray, a: np.ndarray, l1: np.ndarray) -> float:
    """Largest entry of the smallest subgradient of smooth part + sum_j l_j |a_j|."""
    on = gradient + l1 * np.sign(a)
    off = np.maximum(np.abs(gradient) - l1, 0.0)
    return float(np.abs(np.where(a != 0, on, off)).max(initial=0.0))


def _along_support(
    gram: np.ndarray, linear: np.ndarray, l1: np.ndarray, start: np.ndarray
) -> np.ndarray:
    """Go to the minimum with the present support and signs, dropping what reaches zero."""
    a = start.copy()
    while (support := np.flatnonzero(a)).size:
        here, sign = a[support], np.sign(a[support])
        there = _least_norm(gram[np.ix_(support, support)], linear[support] - l1[support] * sign)
        crossing = np.flatnonzero(there * sign < 0)
        if not crossing.size:
            a[support] = there
            break
        share = here[crossing] / (here[crossing] - there[crossing])
        first = crossing[np.argmin(share)]
        a[support] = here + share.min() * (there - here)
        a[support[first]] = 0.0

    def value(a: np.ndarray) -> float:
        return float(a @ gram @ a / 2 - linear @ a + l1 @ np.abs(a))

    # on a singular form the end of the path need not be a minimum: then the sweeps go on
    return a if value(a) <= value(start) else start


def _least_norm(gram: np.ndarray, linear: np.ndarray) -> np.ndarray:
    """Solve G a = b; where G is singular, for the shortest a."""
    try:
        factor = cho_factor(gram, lower=True)
        diagonal = np.diag(factor[0])
        if diagonal.min() > np.sqrt(_RANK) * diagonal.max():
            return cho_solve(factor, linear)
    except LinAlgError:  # not positive definite: the slow way below is for that
        pass
    values, vectors = np.linalg.eigh(gram)
    keep = values > _RANK * max(values[-1], 0.0)
    along = vectors[:, keep].T @ linear
    return vectors[:, keep] @ (along / values[keep])
