"""SR2: align the gradient of f with that of a latent variable mu(x), in sample space.

min_a  mean_x | grad f / |grad f| - grad mu / |grad mu| |^2 + lambda mean |a| / rms(a).

Both sides have length one, so that the loss, 2 - 2 mean cos, measures directions alone. It does not
depend on the length of a, which is why the L1 term does not either.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from qdisc.errors import DataError
from scipy.optimize import minimize

from qdisc_symbolic.ansatz import pairs, symmetric
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.quadratic import subgradient

TOLERANCE = 1e-5
# A direction jumps where grad f vanishes. Below this share of its typical length grad f counts as
# having none (cosine towards 0), which makes the loss smooth and its minimum attained.
FLOOR = 1e-3


def flip_gradient(mu: Callable[[np.ndarray], np.ndarray], codes: np.ndarray) -> np.ndarray:
    """Derivative of mu with respect to each spin s_i = 2 x_i - 1, (n, sites).

    d_i mu(x) = [mu(x with site i flipped) - mu(x)] / (s_i' - s_i). An encoder that embeds codes as
    integers has no derivative in the usual sense; for a two-body f this is the partial derivative.

    Args:
        mu: Codes (n, sites) to one number per row, (n,).
        codes: Snapshots of 0 and 1, (n, sites).

    Raises:
        DataError: More than two codes, numbers that are not finite, or a mu that no flip changes.
    """
    codes = np.asarray(codes)
    if codes.ndim != 2 or not np.isin(codes, (0, 1)).all():
        raise DataError("SR2 flips spins: codes are 0 and 1", where="samples",
                        value=np.unique(codes)[:8].tolist())  # fmt: skip
    here = np.asarray(mu(codes), dtype=np.float64).reshape(-1)
    out = np.empty(codes.shape)
    for i in range(codes.shape[1]):
        flipped = codes.copy()
        flipped[:, i] = 1 - flipped[:, i]
        there = np.asarray(mu(flipped), dtype=np.float64).reshape(-1)
        out[:, i] = (there - here) / (2.0 * (flipped[:, i].astype(float) - codes[:, i]))
    if not np.isfinite(out).all():
        raise DataError("the latent variable is not finite", where="mu", value=float(here[0]))
    if not out.any():
        raise DataError("no flip changes the latent variable: its gradient is zero", where="mu",
                        value=float(here[0]), hint="choose an active latent")  # fmt: skip
    return out


def alignment(
    alpha: np.ndarray, x: np.ndarray, target: np.ndarray, weights: np.ndarray
) -> tuple[float, np.ndarray]:
    """Loss 2 - 2 mean cos(grad f, grad mu), without L1, and its exact derivative.

    Args:
        alpha: Coefficients, (pairs,).
        x: Spins, (n, sites).
        target: grad mu, any length, (n, sites); rows that are zero point nowhere and are left out.
        weights: Weights of the rows, (n,).

    Returns:
        The loss and its derivative (pairs,).
    """
    n = x.shape[1]
    length = np.linalg.norm(target, axis=1)
    share = np.where(length > 0, weights, 0.0)
    share = share / share.sum()
    unit = target / np.where(length > 0, length, 1.0)[:, None]
    grad = x @ symmetric(alpha, n)
    floor = FLOOR**2 * (n - 1) / alpha.size  # times |a|^2, so that the length of a plays no role
    size = np.sqrt((grad**2).sum(1) + floor * (alpha @ alpha)) + 1e-300
    cosine = (grad * unit).sum(1) / size
    pull = (share / size)[:, None] * (unit - cosine[:, None] * grad / size[:, None])
    matrix = x.T @ pull
    from_floor = 2 * floor * float(share @ (cosine / size**2)) * alpha
    return float(2 - 2 * share @ cosine), from_floor - 2 * (matrix + matrix.T)[pairs(n)]


def fit_sr2(
    x: np.ndarray, target: np.ndarray, weights: np.ndarray, L1_reg: float = 0.0, max_iter: int = 500
) -> Fit:
    """Fit the coefficients, normalised to rms 1, by L-BFGS with the exact gradient.

    |a| is written as p + q with a = p - q and p, q >= 0, which makes the L1 term smooth and its
    zeros exact. The start is the steepest descent from a = 0.

    Args:
        x: Spins, (n, sites).
        target: grad mu, (n, sites).
        weights: Weights of the rows, (n,).
        L1_reg: lambda.
        max_iter: Most iterations.

    Raises:
        DataError: Every target is zero.
    """
    if not np.any(np.linalg.norm(target, axis=1) * weights > 0):
        raise DataError("the target gradient is zero everywhere", where="target", value=0.0)
    n_pairs = x.shape[1] * (x.shape[1] - 1) // 2
    length = np.linalg.norm(target, axis=1, keepdims=True)
    unit = np.divide(target, length, out=np.zeros_like(target), where=length > 0)
    matrix = x.T @ (weights[:, None] * unit)
    start = (matrix + matrix.T)[pairs(x.shape[1])]
    start = start / _rms(start) if np.any(start) else np.ones(n_pairs)

    def objective(both: np.ndarray) -> tuple[float, np.ndarray]:
        a = both[:n_pairs] - both[n_pairs:]
        loss, slope = alignment(a, x, target, weights)
        size, total = max(_rms(a), 1e-300), both.sum() / n_pairs
        bend = -L1_reg * total * a / (n_pairs * size**3)
        flat = L1_reg / (n_pairs * size)
        return (
            loss + L1_reg * total / size,
            np.concatenate([slope + bend + flat, -slope - bend + flat]),
        )

    found = minimize(
        objective, np.concatenate([np.maximum(start, 0), np.maximum(-start, 0)]), jac=True,
        method="L-BFGS-B", bounds=[(0, None)] * (2 * n_pairs),
        options={"maxiter": max_iter, "maxfun": 20 * max_iter + 100, "ftol": 0.0,
                 "gtol": TOLERANCE / 10, "maxcor": 30},
    )  # fmt: skip
    a = found.x[:n_pairs] - found.x[n_pairs:]
    a = a / _rms(a)
    loss, slope = alignment(a, x, target, weights)
    mean = float(np.abs(a).mean())
    # with rms 1 the penalty is lambda (mean |a|) and its derivative loses its part along a
    slope = slope - L1_reg * mean * a / n_pairs
    norm = subgradient(slope, a, np.full(n_pairs, L1_reg / n_pairs))
    return Fit(a, 0.0, loss + L1_reg * mean, norm, int(found.nit), bool(norm < TOLERANCE),
               str(found.message))  # fmt: skip


def _rms(a: np.ndarray) -> float:
    return float(np.sqrt(np.mean(a**2)))
