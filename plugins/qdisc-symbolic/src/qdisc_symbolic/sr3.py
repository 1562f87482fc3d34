"""SR3: let f change over theta as a latent variable does, by least squares.

df/dtheta_k = grad f . v_k is linear in the coefficients, so that no iteration is needed:

min_a  sum_k |P_k a - G_k|^2 / |G_k|^2 + lambda mean |a|,    G_k = d mu / d theta_k,

where row theta of P_k a is the mean of grad f . v_k over the shots of that setting. Each axis
counts by its relative residual: the loss does not depend on the number of settings or shots, nor on
the units of theta.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from qdisc.errors import DataError

from qdisc_symbolic.ansatz import bilinear, correlators
from qdisc_symbolic.boundary import neighbour
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.quadratic import solve, subgradient

TOLERANCE = 1e-8


def fit_sr3(
    rows: list[np.ndarray],
    target: list[np.ndarray],
    L1_reg: float = 0.0,
    start: np.ndarray | None = None,
) -> Fit:
    """Least-squares coefficients (of least norm where the data leave a choice).

    Args:
        rows: P_k for each theta axis, (settings, pairs).
        target: G_k for each theta axis, (settings,).
        L1_reg: lambda.
        start: First guess where there is an L1 term, (pairs,).

    Raises:
        DataError: The target does not change along any axis.
    """
    sizes = [float(np.sqrt(t @ t)) for t in target]
    if not any(sizes):
        raise DataError("the latent variable does not change over theta", where="mu_cluster",
                        value=sizes)  # fmt: skip
    kept = [k for k, size in enumerate(sizes) if size > 0]
    design = np.concatenate([rows[k] / sizes[k] for k in kept])
    wanted = np.concatenate([target[k] / sizes[k] for k in kept])
    n_pairs = design.shape[1]
    l1 = np.full(n_pairs, L1_reg / n_pairs)
    if L1_reg > 0:
        first = np.zeros(n_pairs) if start is None else start
        a = solve(2 * design.T @ design, 2 * design.T @ wanted, l1, first)
    else:
        a = np.linalg.lstsq(design, wanted, rcond=None)[0]
    left = design @ a - wanted
    norm = subgradient(2 * design.T @ left, a, l1)
    loss = float(left @ left + l1 @ np.abs(a))
    good = bool(norm < TOLERANCE * max(1.0, float(np.abs(design.T @ wanted).max())))
    return Fit(a, 0.0, loss, norm, 0, good, "closed form")


def delta_rows(
    x: np.ndarray, share: sp.csr_array, mu: np.ndarray, mask: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """P_k and G_k from differences between neighbouring settings of a grid.

    For every setting of the cluster and every axis, x' are the shots of the neighbour on the side
    to which mu grows (on the other side where the grid ends), v_k = (x' - x) / step, and grad f is
    taken halfway between x and x', where grad f . (x' - x) = f(x') - f(x) holds exactly. Taken at x
    instead, its mean over independent shots of a phase with zero magnetisation is -2 f(x), no
    derivative at all. Shots are averaged before the fit: <x_i x_j>' - <x_i x_j> per step.

    Args:
        x: Spins of every configuration, (configurations, sites).
        share: Share of each configuration among a setting's shots, (points, configurations).
        mu: Latent variable over the grid, (theta...).
        mask: Settings of the cluster, (theta...).

    Returns:
        Lists over axes of P_k (settings, pairs) and G_k (settings,), per grid step.
    """
    table = correlators(x, share)
    seen = np.asarray(share.sum(axis=1)).reshape(-1) > 0
    points = np.argwhere(mask)
    rows, target = [], []
    for axis in range(mu.ndim):
        if mu.shape[axis] < 2:
            continue
        slope = grid_gradient(mu, axis)[mask]
        to, step = neighbour(mu.shape, points, axis, np.where(slope >= 0, 1, -1))
        here, there = (np.ravel_multi_index(tuple(p.T), mu.shape) for p in (points, to))
        usable = seen[here] & seen[there] & np.isfinite(mu.flat[here]) & np.isfinite(mu.flat[there])
        here, there, sign = here[usable], there[usable], step[usable]
        rows.append((table[there] - table[here]) * sign[:, None])
        target.append((mu.flat[there] - mu.flat[here]) * sign)
    return rows, target


def cp_rows(
    x: np.ndarray, response: np.ndarray, share: sp.csr_array, mu: np.ndarray, mask: np.ndarray
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """P_k and G_k from what the decoder does to each site when the latent variable moves.

    v_ik(x) = u_i(x) G_k with u_i = - d ln p(x_i = 0 | x_<i, z) / dz: sites turn towards code 1
    where u_i > 0. G_k enters both sides, so that settings count in proportion to G_k^2.

    Args:
        x: Spins, (configurations, sites).
        response: u, (configurations, sites).
        share: As in `delta_rows`.
        mu: Latent variable over the grid, (theta...).
        mask: Settings of the cluster, (theta...).
    """
    table = bilinear(x, response, share)
    seen = np.asarray(share.sum(axis=1)).reshape(-1) > 0
    rows, target = [], []
    for axis in range(mu.ndim):
        if mu.shape[axis] < 2:
            continue
        slope = grid_gradient(mu, axis).reshape(-1)
        usable = mask.reshape(-1) & seen & np.isfinite(slope)
        rows.append(table[usable] * slope[usable, None])
        target.append(slope[usable])
    return rows, target


def grid_gradient(mu: np.ndarray, axis: int) -> np.ndarray:
    """Central differences per grid step, one-sided at the edges of the grid."""
    return np.gradient(np.asarray(mu, dtype=np.float64), axis=axis)
