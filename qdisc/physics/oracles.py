"""What the exact snapshot distributions p(x | theta) say, to judge a learned model by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import entr

from qdisc._typing import ArrayLike, FloatArray
from qdisc.errors import DataError


@dataclass(frozen=True)
class Entropies:
    """Entropies in nats per snapshot.

    Attributes:
        conditional: H(x | theta) at each setting, (points,).
        mean_conditional: Its mean over the settings, weighted by their shots.
        marginal: H(x) of the mixture of all settings.
        mutual_information: I(x; theta) = H(x) - mean H(x | theta): what snapshots tell about the
            setting. A reconstruction loss below H(x | theta) means that the latent variables
            store facts about the single shot.
    """

    conditional: FloatArray
    mean_conditional: float
    marginal: float
    mutual_information: float


def entropies(p: ArrayLike, weights: ArrayLike | None = None) -> Entropies:
    """Entropies of snapshots and settings.

    Args:
        p: p(x | theta), (points, outcomes), rows summing to 1.
        weights: Share of each setting in the data, (points,); equal when left out.

    Raises:
        DataError: A row is not a probability distribution.
    """
    p = _distributions(p).reshape(-1, np.shape(p)[-1])
    share = np.ones(len(p)) if weights is None else np.asarray(weights, dtype=np.float64)
    if share.shape != (len(p),) or not np.all(share >= 0) or not share.sum() > 0:
        raise DataError("one weight >= 0 per setting", where="weights", value=share.shape)
    share = share / share.sum()
    conditional = entr(p).sum(axis=1)
    mean, marginal = float(share @ conditional), float(entr(share @ p).sum())
    return Entropies(conditional, mean, marginal, marginal - mean)


def fisher_information(
    p: ArrayLike, theta: ArrayLike, axis: int = -2
) -> tuple[FloatArray, FloatArray]:
    """Classical Fisher information of one snapshot about one coupling, between grid points.

    F = 8 (1 - sum_x sqrt(p_theta(x) p_{theta+d}(x))) / d^2 at theta + d/2: the finite-difference
    form of sum_x (d p/d theta)^2 / p. No indicator computed from snapshots can be more sensitive;
    its ridge is the boundary that snapshots show (Arnold et al., arXiv 2311.10710).

    Args:
        p: p(x | theta) on a grid, (..., outcomes); degenerate ground states symmetrised.
        theta: Values along `axis`, strictly monotonic, in the coupling's units.
        axis: The axis of `p` that belongs to `theta`.

    Returns:
        Midpoints, (len(theta) - 1,), and F in inverse squared units of theta, the shape of `p`
        without its last axis and with one point less along `axis`.

    Raises:
        DataError: `p` holds no distributions, or `theta` does not fit to it.
    """
    p = _distributions(p)
    theta = np.asarray(theta, dtype=np.float64)
    axis = axis % p.ndim
    step = np.diff(theta)
    if theta.shape != (p.shape[axis],) or axis == p.ndim - 1 or len(theta) < 2:
        raise DataError(
            "one value of theta per point along the axis, at least two",
            where=f"theta, axis {axis} of p with shape {p.shape}",
            value=theta.shape,
        )
    if not (np.all(step > 0) or np.all(step < 0)):
        raise DataError("theta is strictly monotonic", where="theta", value=theta.tolist())
    amplitude = np.moveaxis(np.sqrt(p), axis, 0)
    # 1 - sum sqrt(p p') = sum (sqrt p - sqrt p')^2 / 2 keeps its digits when p and p' are close
    distance = ((amplitude[1:] - amplitude[:-1]) ** 2).sum(axis=-1) / 2
    fisher = 8 * distance / (step**2).reshape(-1, *[1] * (distance.ndim - 1))
    return (theta[1:] + theta[:-1]) / 2, np.moveaxis(fisher, 0, axis)


def ridge(p: ArrayLike, theta: ArrayLike, axis: int = -2) -> FloatArray:
    """Midpoint where the Fisher information along `axis` is largest, for each remaining index."""
    middle, fisher = fisher_information(p, theta, axis)
    return middle[np.argmax(fisher, axis=axis % np.ndim(p))]


def _distributions(p: ArrayLike) -> FloatArray:
    p = np.asarray(p, dtype=np.float64)
    if p.ndim < 2 or not p.size:
        raise DataError("p(x | theta) has shape (..., outcomes)", where="p", value=p.shape)
    good = np.isfinite(p).all(axis=-1) & (p >= 0).all(axis=-1)
    good &= np.abs(p.sum(axis=-1) - 1) < 1e-6
    if not good.all():
        where = tuple(int(i) for i in np.argwhere(~good)[0])
        raise DataError(
            "not a probability distribution",
            where=f"p[{', '.join(map(str, where))}]",
            value=float(p[where].sum()),
            hint="entries >= 0 that sum to 1 (the value is the sum)",
        )
    return p
