"""SR1: tell the snapshots of a cluster from all others, by logistic regression in sample space.

min_a  - mean [ y ln s(f) + (1 - y) ln(1 - s(f)) ] + lambda mean |a|,   s(f) = 1 / (1 + exp(-f)).

The objective is convex and its derivatives are known, so that a few Newton steps, each a least
squares problem with an L1 term, end at the optimum.
"""

from __future__ import annotations

import numpy as np
from qdisc.errors import DataError
from scipy.special import expit

from qdisc_symbolic.fit import Fit
from qdisc_symbolic.quadratic import solve, subgradient

TOLERANCE = 1e-9
_DAMPING = 1e-10  # of the mean curvature: keeps a step finite where the data say nothing


def log_loss(f: np.ndarray, label: np.ndarray, weights: np.ndarray) -> float:
    """Weighted mean of -ln s(f) inside and -ln s(-f) outside, in nats; never overflows.

    Args:
        f: Scores, (rows,).
        label: 1 inside, 0 outside, (rows,).
        weights: Shares, (rows,), sum 1.
    """
    return float(weights @ np.logaddexp(0.0, np.where(label > 0, -f, f)))


def gradient(f: np.ndarray, label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Exact derivative of `log_loss` with respect to each score, (rows,)."""
    return weights * (expit(f) - label)


def fit_sr1(
    phi: np.ndarray,
    label: np.ndarray,
    weights: np.ndarray,
    L1_reg: float = 0.0,
    add_constant: bool = False,
    max_iter: int = 500,
    start: np.ndarray | None = None,
) -> Fit:
    """Fit the coefficients.

    Args:
        phi: Products of pairs, (rows, pairs).
        label: 1 inside, 0 outside, (rows,); one configuration may be in both classes.
        weights: Counts or shares of the rows, (rows,); each class gets half of the total.
        L1_reg: lambda.
        add_constant: Fit b as well; it is not penalised.
        max_iter: Most Newton steps.
        start: First guess, (pairs,); zero when left out. The optimum does not depend on it.

    Raises:
        DataError: A class without weight.
    """
    label = np.asarray(label, dtype=np.float64)
    w = balanced(label, np.asarray(weights, dtype=np.float64))
    rows, n_pairs = phi.shape
    design = np.concatenate([phi, np.ones((rows, 1))], axis=1) if add_constant else phi
    l1 = np.full(design.shape[1], L1_reg / n_pairs)
    l1[n_pairs:] = 0.0
    a = np.zeros(design.shape[1])
    if start is not None:
        a[:n_pairs] = start
    f = design @ a
    value, norm = log_loss(f, label, w) + float(l1 @ np.abs(a)), np.inf
    steps, message = 0, "max_iter reached"
    for steps in range(max_iter + 1):
        slope = design.T @ gradient(f, label, w)
        norm = subgradient(slope, a, l1)
        if norm < TOLERANCE:
            message = "gradient below tolerance"
            break
        if steps == max_iter:
            break
        root = design * np.sqrt(w * expit(f) * expit(-f))[:, None]
        hessian = root.T @ root
        hessian[np.diag_indices_from(hessian)] += _DAMPING * np.trace(hessian) / len(a) + 1e-300
        step = solve(hessian, hessian @ a - slope, l1, a) - a
        length = _line_search(design @ step, f, step, a, label, w, l1, value, slope)
        if length == 0.0:
            message = "no further descent in float64"
            break
        a = a + length * step
        f = design @ a
        value = log_loss(f, label, w) + float(l1 @ np.abs(a))
    constant = float(a[n_pairs]) if add_constant else 0.0
    # at the end of float64's resolution of the loss, the gradient is as small as it can be
    good = bool(norm < 1e3 * TOLERANCE)
    return Fit(a[:n_pairs], constant, value, norm, steps, good, message)


def _line_search(
    df: np.ndarray, f: np.ndarray, step: np.ndarray, a: np.ndarray, label: np.ndarray,
    w: np.ndarray, l1: np.ndarray, value: float, slope: np.ndarray,
) -> float:  # fmt: skip
    promised = float(slope @ step + l1 @ (np.abs(a + step) - np.abs(a)))
    length = 1.0
    while length > 1e-10:
        new = log_loss(f + length * df, label, w) + float(l1 @ np.abs(a + length * step))
        if new <= value + 1e-4 * length * promised + 1e-15 * abs(value):
            return length
        length /= 2
    return 0.0


def balanced(label: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weights of which each class has half, (rows,).

    Raises:
        DataError: A class without weight.
    """
    inside, outside = float(weights @ label), float(weights @ (1 - label))
    if not (inside > 0 and outside > 0):
        raise DataError("SR1 needs snapshots inside and outside the cluster", where="labels",
                        value=f"weight {inside:g} inside, {outside:g} outside")  # fmt: skip
    return 0.5 * np.where(label > 0, weights / inside, weights / outside)
