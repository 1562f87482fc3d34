"""Maximum likelihood of a link: all rows at once where they are few, drawn rows elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree
from scipy.optimize import minimize

from qdisc_phases.family import logits, s_of, start
from qdisc_phases.snapshots import Table

FULL = 2048  # up to this many rows, a step sees all of them with their counts
CELLS = 500_000  # rows times settings of a step that draws its rows


class Sizes(NamedTuple):
    """Sizes of a fit.

    Attributes:
        components: Components of s and eta.
        width: Units of the two hidden layers of each network.
        steps: Steps of L-BFGS, or of Adam where rows are drawn.
        rate: First step of Adam; it falls to zero along a cosine.
    """

    components: int = 8
    width: int = 32
    steps: int = 300
    rate: float = 1e-2


DRAWN = Sizes(width=64, steps=800)


def fit_full(
    table: Table, theta: jax.Array, counts: Sequence[np.ndarray], keys: Any, sizes: Sizes | None
) -> Any:
    """Fit with all rows in every step, by L-BFGS.

    Args:
        table: The rows.
        theta: (points, k), scaled.
        counts: Counts of the table's entries in each replicate.
        keys: One per replicate.
        sizes: Sizes of the fit.

    Returns:
        Parameters, stacked over replicates.
    """
    sizes = sizes or Sizes()
    rows = jnp.asarray(table.rows)
    mirror = None if table.mirror is None else jnp.asarray(table.mirror)
    found = []
    for count, key in zip(counts, keys, strict=True):
        share = np.zeros((len(table.rows), len(theta)), np.float32)
        np.add.at(share, (table.row, table.point), count)
        share = jnp.asarray(share / share.sum())

        def here(q: np.ndarray, share: jax.Array = share) -> tuple[float, np.ndarray]:
            value, grad = _loss(np.float32(q), rows, mirror, theta, share, sizes)
            return float(value), np.asarray(grad, np.float64)

        first, whole = ravel_pytree(_begin(key, rows, theta, sizes))
        best = minimize(here, np.asarray(first, np.float64), jac=True, method="L-BFGS-B", options={
            "maxiter": sizes.steps, "maxcor": 20, "ftol": 1e-9, "gtol": 0.0})  # fmt: skip
        found.append(whole(jnp.asarray(best.x, jnp.float32)))
    return jax.tree.map(lambda *a: jnp.stack(a), *found)


@partial(jax.jit, static_argnames="sizes")
def _begin(key: Any, rows: jax.Array, theta: jax.Array, sizes: Sizes) -> Any:
    return start(key, rows.shape[1], theta.shape[1], sizes.width, sizes.components)


def fit_drawn(
    table: Table, theta: jax.Array, counts: Sequence[np.ndarray], keys: Any, sizes: Sizes | None
) -> Any:
    """Fit with snapshots drawn in proportion to their counts, by Adam; as `fit_full`."""
    ends = np.cumsum(np.stack(counts), axis=1)
    ends = jnp.asarray(ends / ends[:, -1:], jnp.float32)
    mirror = None if table.mirror is None else jnp.asarray(table.mirror)
    row, point = jnp.asarray(table.row, jnp.int32), jnp.asarray(table.point, jnp.int32)
    n_rows = int(np.clip(CELLS // len(theta), 256, 4096))
    rows = jnp.asarray(table.rows)
    return _drawn(rows, mirror, theta, row, point, ends, keys, sizes or DRAWN, n_rows)


@partial(jax.jit, static_argnames="sizes")
def _loss(q, rows, mirror, theta, share, sizes) -> tuple[jax.Array, jax.Array]:
    """-mean log p(theta | x) and its gradient; q are the parameters, share sums to 1."""
    empty = jax.eval_shape(lambda: _begin(jax.random.key(0), rows, theta, sizes))
    _, whole = ravel_pytree(jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), empty))

    def loss(q: jax.Array) -> jax.Array:
        params = whole(q)
        values = logits(params, s_of(params, rows, mirror), theta)
        total = share.sum(axis=1) @ jax.nn.logsumexp(values, axis=1)
        return total - (share * values).sum()

    return jax.value_and_grad(loss)(q)


@partial(jax.jit, static_argnames=("sizes", "n_rows"))
def _drawn(rows, mirror, theta, row, point, ends, keys, sizes, n_rows) -> Any:
    """Ends (replicates, entries) are cumulative shares."""
    optimizer = optax.adam(optax.cosine_decay_schedule(sizes.rate, sizes.steps))

    def one(ends: jax.Array, key: Any) -> Any:
        def loss(params: Any, own: Any) -> jax.Array:
            at = jnp.searchsorted(ends, jax.random.uniform(own, (n_rows,)), side="right")
            at = jnp.minimum(at, ends.size - 1)
            flip = None if mirror is None else mirror[row[at]]
            values = logits(params, s_of(params, rows[row[at]], flip), theta)
            hit = jnp.take_along_axis(values, point[at][:, None], axis=1)[:, 0]
            return (jax.nn.logsumexp(values, axis=1) - hit).mean()

        def step(carry: Any, own: Any) -> Any:
            params, state = carry
            updates, state = optimizer.update(jax.grad(loss)(params, own), state)
            return (optax.apply_updates(params, updates), state), None

        begin, go = jax.random.split(key)
        params = _begin(begin, rows, theta, sizes)
        carry = (params, optimizer.init(params))
        (params, _), _ = jax.lax.scan(step, carry, jax.random.split(go, sizes.steps))
        return params

    return jax.lax.map(lambda args: one(*args), (ends, keys))
