"""Total correlation and its gradient: one (B, B, D) array against qdisc's scan in blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import naive_loss
from benchmarks.measure import Limit, Row, check, deviation, in_child, in_turns, resident_bytes
from qdisc.objectives.total_correlation import Stratified, total_correlation

LATENTS, N_TOTAL = 5, 420_000


def _inputs(batch: int, dtype: Any) -> tuple[Any, ...]:
    rng = np.random.default_rng(0)
    mean = rng.standard_normal((batch, LATENTS))
    logvar = rng.uniform(-4, 0, (batch, LATENTS))
    z = mean + np.exp(0.5 * logvar) * rng.standard_normal((batch, LATENTS))
    return tuple(jnp.asarray(a, dtype) for a in (z, mean, logvar))


def _ours(batch: int) -> Any:
    def value(z: Any, mean: Any, logvar: Any) -> Any:
        return total_correlation(z, mean, logvar, Stratified(N_TOTAL, batch))

    return jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2)))


def _naive(batch: int) -> Any:
    log_w = naive_loss.stratified(N_TOTAL, batch)

    def value(z: Any, mean: Any, logvar: Any) -> Any:
        return naive_loss.total_correlation(z, mean, logvar, jnp.asarray(log_w, z.dtype))

    return jax.jit(jax.value_and_grad(value, argnums=(0, 1, 2)))


def memory(ours: bool, batch: int) -> dict[str, int]:
    """Rise of the peak resident memory above what stood before, imports and a toy call included."""
    with jax.enable_x64(not ours):
        make, dtype = (_ours, jnp.float32) if ours else (_naive, jnp.float64)
        jax.block_until_ready(make(8)(*_inputs(8, dtype)))
        inputs = jax.block_until_ready(_inputs(batch, dtype))
        before = resident_bytes()
        jax.block_until_ready(make(batch)(*inputs))
    return {"before": before}


def rows(small: bool) -> Iterator[Row]:
    """One row."""
    batch, repeats = (300, 2) if small else (5000, 5)
    path = f"TC and gradient, batch {batch}, {LATENTS} latents"
    fast, slow = _ours(batch), _naive(batch)
    a = _inputs(batch, jnp.float32)
    with jax.enable_x64(True):
        b = _inputs(batch, jnp.float64)
        reference = jax.tree.map(np.asarray, slow(*b))
    found = check(path, deviation(fast(*a), reference), 1e-3)

    def naive() -> None:
        with jax.enable_x64(True):
            jax.block_until_ready(slow(*b))

    times = in_turns(repeats, naive, lambda: jax.block_until_ready(fast(*a)))
    used = {ours: in_child("benchmarks.total_correlation:memory", ours, batch)
            for ours in (True, False)}  # fmt: skip
    rise = {ours: (u["peak"] - u["before"]) / 1e6 for ours, u in used.items()}
    yield Row(
        path, "jitted, float64, the (B, B, D) array of log densities formed at once",
        *times, target=10, deviation=found, tolerance=1e-3,
        limits=(Limit("MB", rise[True], 200, " MB"),),
        note=f"memory of the naive form {rise[False]:.0f} MB",
        toy=small, details={"naive_mb": rise[False]},
    )  # fmt: skip
