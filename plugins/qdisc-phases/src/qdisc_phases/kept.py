"""How much of the Fisher information the latents keep.

Of the score v(x) = d log p(x | theta) / d theta, an observer of z ~ q(z|x) knows the posterior
mean, so that the Fisher information of z is

    F_z(theta) = E_z[ E[v | z]^2 ],   E[v | z] = sum_x p(x | theta) q(z|x) v(x) / p(z | theta)

and never above that of x. The expectation over z is an average over latents drawn from the whole
sweep, weighted by p(z | theta) over their density there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

DRAWS = 2048


def log_densities(
    posteriors: Sequence[tuple[np.ndarray, np.ndarray]], weight: np.ndarray,
    rng: np.random.Generator, draws: int = DRAWS,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Draw latents from the sweep, and say how probable each snapshot makes each of them.

    Args:
        posteriors: (mean, logvar), (U, L) each, of the snapshots, and of their mirror images when
            the two count as the same (their mixture is then q).
        weight: Share of each snapshot in the data, (U,).
        rng: Draws.
        draws: Number of latents M.

    Returns:
        log q(z_j | x), (M, U), and log of the density of z_j in the sweep, (M,).
    """
    row = rng.choice(weight.size, draws, p=weight / weight.sum())
    which = rng.integers(len(posteriors), size=draws)
    mean, logvar = (np.stack([p[i] for p in posteriors]).astype(np.float64) for i in (0, 1))
    centre, spread = mean[which, row], np.exp(0.5 * logvar[which, row])
    z = centre + spread * rng.normal(size=centre.shape)
    log_q = logsumexp([_log_normal(z, m, v) for m, v in zip(mean, logvar, strict=True)], axis=0)
    log_q -= np.log(len(posteriors))
    return log_q, logsumexp(log_q, axis=1, b=weight / weight.sum())


def latent_fisher(
    p: np.ndarray, score: np.ndarray, log_q: np.ndarray, log_total: np.ndarray
) -> np.ndarray:
    """Fisher information of z about each coupling, (n, k).

    Args:
        p: p(x | theta), (n, U).
        score: Its scores, (n, k, U).
        log_q: log q(z_j | x), (M, U).
        log_total: Log density of z_j in the sweep, (M,).
    """
    # relative to the sweep: numbers of order one
    ratio = np.exp(log_q - log_total[:, None]).T.astype(np.float32)
    seen = p @ ratio
    known = (p[:, None] * score) @ ratio
    return (known**2 / np.maximum(seen, 1e-30)[:, None]).mean(axis=-1)


def _log_normal(z: np.ndarray, mean: np.ndarray, logvar: np.ndarray) -> np.ndarray:
    """Log N(z_j; mean_x, exp(logvar_x)), (M, U)."""
    out = np.zeros((len(z), len(mean)))
    for one, m, v in zip(z.T, mean.T, logvar.T, strict=True):
        out -= 0.5 * ((one[:, None] - m) ** 2 * np.exp(-v) + v + np.log(2 * np.pi))
    return out
