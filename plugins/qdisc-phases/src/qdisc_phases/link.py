"""A smooth exponential family that links snapshots and settings.

    log p(theta | x) = s(x) . eta(theta) + b(theta) - log Z(x)

s is a small network of the snapshot, eta and b small networks of theta. By Bayes' rule
p(x | theta) = h(x) exp(s(x) . eta(theta)) / norm(theta) with h(x) = p(x) / Z(x): the family of
distributions that the sweep runs through, as a smooth curve in theta. The networks are fitted by
maximum likelihood on the counted configurations, once per bootstrap replicate of the shots and
each time from another start, so that the spread over replicates holds the noise of the shots and
that of the fit; the mean over replicates is closer to the truth than any one of them.

Smoothness is what makes it work: a column of parameters per setting, fitted by the same
likelihood, follows the noise of each setting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc_phases.descent import FULL, Sizes, fit_drawn, fit_full
from qdisc_phases.family import amplitudes, curve, fisher, log_posterior, statistics
from qdisc_phases.keys import rng_of
from qdisc_phases.snapshots import Table

EVALUATED = 4096  # rows that averages over p(x | theta) are taken with
OUTSIDE = 16384  # held-out snapshots that the information is measured on
BLOCK = 256  # values of theta at a time


@dataclass(frozen=True)
class Link:
    """A fitted link; all arrays over replicates come first.

    Attributes:
        params: Parameters of the networks, stacked over replicates.
        scale: (2, k): centre and half width of theta.
        rows: Index of the rows that averages are taken over, (U,).
        log_weight: (U,) logarithm of their share in the data.
        statistics: s, (replicates, U, components).
        log_z: log Z(x) of these rows, (replicates, U).
        information: Lower bound of I(x; theta) in nats from the shots that each replicate left
            out, (replicates,): mean log p(theta | x) - mean log p(theta).
    """

    params: Any
    scale: np.ndarray
    rows: np.ndarray
    log_weight: np.ndarray
    statistics: np.ndarray
    log_z: np.ndarray
    information: np.ndarray

    @property
    def replicates(self) -> int:
        """Number of replicates."""
        return self.information.size

    def fisher(self, theta: np.ndarray) -> np.ndarray:
        """Classical Fisher information of one snapshot about each coupling.

        F_a(theta) = Var( s(x) . d eta / d theta_a ) under p(x | theta).

        Args:
            theta: (n, k), anywhere in the sweep.

        Returns:
            (replicates, n, k), in inverse squared units of theta.
        """
        parts = [
            np.concatenate(
                [np.asarray(fisher(p, s, log_h, block)) for block in self._blocks(theta)]
            )
            for p, s, log_h in self._each()
        ]
        return np.stack(parts)[:, : len(theta)].astype(np.float64) / self.scale[1] ** 2

    def curve(self, replicate: int, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distributions and scores of one replicate.

        Returns:
            p(x | theta), (n, U), and d log p / d theta_a, (n, k, U), in inverse units of theta.
        """
        p, s, log_h = list(self._each())[replicate]
        q, score = curve(p, s, log_h, jnp.asarray(self._scaled(theta)))
        return np.asarray(q), np.asarray(score) / self.scale[1][:, None]

    def distances(self, theta: np.ndarray, edges: np.ndarray) -> np.ndarray:
        """Squared Hellinger distance sum (sqrt p - sqrt p')^2 over each edge.

        Args:
            theta: (n, k) settings.
            edges: (E, 2) pairs of them.

        Returns:
            (replicates, E).
        """
        out = np.zeros((self.replicates, len(edges)))
        for r, (p, s, log_h) in enumerate(self._each()):
            root = np.concatenate(
                [np.asarray(amplitudes(p, s, log_h, block)) for block in self._blocks(theta)]
            )
            for some in range(0, len(edges), BLOCK):
                a, b = edges[some : some + BLOCK].T
                out[r, some : some + BLOCK] = ((root[a] - root[b]) ** 2).sum(axis=1)
        return out

    def _each(self) -> Iterator[tuple[Any, np.ndarray, np.ndarray]]:
        for r in range(self.replicates):
            params = jax.tree.map(lambda a, r=r: a[r], self.params)
            yield params, self.statistics[r], self.log_weight - self.log_z[r]

    def _scaled(self, theta: np.ndarray) -> np.ndarray:
        return ((theta - self.scale[0]) / self.scale[1]).astype(np.float32)

    def _blocks(self, theta: np.ndarray) -> Iterator[jax.Array]:
        """Blocks of one static length, the last one padded by repeating its end."""
        scaled = self._scaled(theta)
        for start in range(0, len(scaled), BLOCK):
            block = scaled[start : start + BLOCK]
            rest = np.repeat(block[-1:], BLOCK - len(block), axis=0)
            yield jnp.asarray(np.concatenate([block, rest]))


def fit_link(
    table: Table, theta: np.ndarray, *, replicates: int, key: Any, sizes: Sizes | None = None
) -> Link:
    """Fit one link per bootstrap replicate of the shots.

    Args:
        table: The counted rows.
        theta: (points, k) settings.
        replicates: Bootstrap replicates, at least 2.
        key: Fixes every random number.
        sizes: Sizes of the networks and of the fit; chosen from the number of rows if left out.
    """
    key_shots, key_fit = jax.random.split(key)
    rng = rng_of(key_shots)
    inside, outside = zip(*(_resampled(table.count, rng) for _ in range(replicates)), strict=True)
    low, high = theta.min(axis=0), theta.max(axis=0)
    scale = np.stack([(low + high) / 2, np.where(high > low, (high - low) / 2, 1.0)])
    scaled = jnp.asarray((theta - scale[0]) / scale[1], jnp.float32)
    keys = jax.random.split(key_fit, replicates)
    fit = fit_full if len(table.rows) <= FULL else fit_drawn
    params = fit(table, scaled, inside, keys, sizes)
    share = np.bincount(table.row, table.count, len(table.rows)) / table.count.sum()
    taken = np.flatnonzero(share)
    weight = share[taken]
    if taken.size > EVALUATED:
        taken = np.sort(rng.choice(taken, EVALUATED, replace=False, p=weight))
        weight = np.ones(taken.size)
    few = None if table.mirror is None else table.mirror[taken]
    s, log_z = (np.asarray(a) for a in statistics(params, table.rows[taken], few, scaled))
    told = [
        _information(table, out, jax.tree.map(lambda a, r=r: a[r], params), scaled, rng)
        for r, out in enumerate(outside)
    ]
    return Link(params, scale, taken, np.log(weight / weight.sum()), s, log_z, np.array(told))


def _resampled(count: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Poisson bootstrap of single shots: counts of a replicate, and counts of what it left out."""
    out = rng.binomial(count, np.exp(-1.0))
    if (out == count).all():  # a handful of shots, none of which was drawn
        return count, np.zeros_like(count)
    k = np.arange(1, 9)
    chance = 1.0 / np.cumprod(k)
    return (rng.multinomial(count - out, chance / chance.sum()) @ k), out


def _information(
    table: Table, outside: np.ndarray, params: Any, theta: jax.Array, rng: np.random.Generator
) -> float:
    entries = np.flatnonzero(outside)
    weight = outside[entries].astype(np.float64)
    if not entries.size:
        return 0.0
    entries = rng.choice(entries, OUTSIDE, p=weight / weight.sum())
    mirror = None if table.mirror is None else table.mirror[table.row[entries]]
    log_p = log_posterior(
        params, table.rows[table.row[entries]], mirror, theta, table.point[entries]
    )
    shots = np.bincount(table.point, table.count, len(theta))
    prior = np.log(shots[table.point[entries]] / shots.sum())
    return float(np.mean(np.asarray(log_p, np.float64) - prior))
