"""Drawing snapshots: one full forward pass per site against cached, incremental sampling."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import models, naive_nets
from benchmarks.measure import Limit, Row, check, in_turns_warm
from qdisc.analysis.chunks import row_keys
from qdisc.analysis.model import Model

BASELINE = "a jitted scan of one full forward pass per site, float32, masks multiplied in full"
TARGETS = {"dense": {16: 10, 64: 40, 169: 100}, "transformer": {16: 4, 64: 15, 169: 40}}
TIMED_SITES = 5  # of the naive form, where all of them take too long
LOUD = 1.4  # factor on the initial weights, so that conditionals are not all one half


def naive_sampler(decode: Any, n_sites: int) -> Any:
    """(params, z, key, sites to draw) -> codes (rows, n_sites); later sites stay zero."""

    def draw(params: Any, z: Any, key: Any, stop: Any) -> Any:
        keys = row_keys(key, jnp.uint32(0), z.shape[0])

        def one(site: Any, x: Any) -> Any:
            log_p = decode(params, z, x)[:, site]
            noise = jax.vmap(
                lambda k, p: jax.random.gumbel(jax.random.fold_in(k, site), p.shape, p.dtype)
            )(keys, log_p)
            return x.at[:, site].set(jnp.argmax(log_p + noise, -1).astype(jnp.int32))

        start = jnp.zeros((z.shape[0], n_sites), jnp.int32)
        return jax.lax.fori_loop(jnp.int32(0), stop, one, start)

    return jax.jit(draw)


def row(kind: str, n_sites: int, count: int, repeats: int, small: bool) -> Row:
    """One row; the exact same snapshots must come out of both."""
    dataset = models.snapshots("discrete", n_sites, 8)
    build = models.dense if kind == "dense" else models.attentive
    pair = build(dataset, small, LOUD)
    params = jax.tree.map(jnp.asarray, naive_nets.plain(pair.params["decoder"], np.float32))
    slow = naive_sampler(pair.decode, n_sites)
    model = Model(pair.module, {"params": pair.params}, dataset.spec)
    rng = np.random.default_rng(2)
    z = rng.standard_normal((count, pair.module.encoder.latent_dim)).astype(np.float32)
    key = jax.random.key(3)
    timed = n_sites if n_sites <= 16 else TIMED_SITES
    path = f"sampling, {kind}, N={n_sites}, {count} samples"

    fast = model.sample(z, key)
    drawn = np.asarray(slow(params, z, key, jnp.int32(timed)))
    # draws whose two scores agree to rounding may fall either way
    differing = float((drawn[:, :timed] != fast[:, :timed]).any(1).mean())
    check(path, differing, 0.01)
    times = in_turns_warm(
        repeats,
        lambda: jax.block_until_ready(slow(params, z, key, jnp.int32(timed))),
        lambda: model.sample(z, key),
    )
    naive = [t * n_sites / timed for t in times[0]]
    note = (
        ""
        if timed == n_sites
        else f"naive time of {timed} sites, multiplied by {n_sites / timed:.1f}"
    )
    target = TARGETS[kind].get(n_sites)
    return Row(path, BASELINE, naive, times[1], target=target, deviation=differing,
               tolerance=0.01, note=note, toy=small)  # fmt: skip


def rows(small: bool) -> Iterator[Row]:
    """Both decoders over three sizes, then how the cost grows."""
    sizes, count, repeats = ((3, 6), 8, 1) if small else ((16, 64, 169), 1000, 5)
    for kind in TARGETS:
        measured = []
        for n in sizes:
            measured.append(row(kind, n, count, repeats, small))
            yield measured[-1]
        # from the middle size to the largest: time ~ N^power
        power = np.log(min(measured[-1].ours) / min(measured[-2].ours)) / np.log(
            sizes[-1] / sizes[-2]
        )
        yield Row(
            f"sampling, {kind}, growth", f"from N={sizes[-2]} to N={sizes[-1]}: time ~ N^power",
            (), (), limits=(Limit("power", float(power), 2.5),), toy=small,
        )  # fmt: skip
