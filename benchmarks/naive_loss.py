"""The training loss written down plainly, with the (B, B, D) array of total correlation."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.naive_nets import features

LOG_2PI = float(np.log(2 * np.pi))


def total_correlation(z: Any, mean: Any, logvar: Any, log_w: Any) -> Any:
    """TC from the densities of every row under every posterior and latent at once."""
    scaled = (z[:, None] - mean[None]) ** 2 * jnp.exp(-logvar)[None]
    log_q = -0.5 * (LOG_2PI + logvar[None] + scaled)
    joint = jax.nn.logsumexp(log_w + log_q.sum(-1), axis=1)
    marginal = jax.nn.logsumexp(log_w[:, :, None] + log_q, axis=1)
    return (joint - marginal.sum(-1)).mean()


def stratified(n_total: int, batch: int) -> np.ndarray:
    """Log weights (B, B): 1/N for a row's own posterior, the rest spread evenly."""
    weights = np.full((batch, batch), (n_total - 1) / (n_total * max(batch - 1, 1)))
    np.fill_diagonal(weights, 1 / n_total)
    return np.log(weights)


def loss(encode: Any, decode: Any, params: Any, x: Any, noise: Any, data_type: str, *,
         beta: float, gamma: float, n_total: int) -> Any:  # fmt: skip
    """Reconstruction + beta KL + gamma TC of one batch, every shot a row."""
    mean, logvar = encode(params["encoder"], x)
    z = mean + jnp.exp(0.5 * logvar) * noise
    cp = decode(params["decoder"], z, x)
    _, codes, values, _ = features(x, data_type, z.dtype)
    log_p, gaussian = cp if data_type == "hybrid" else (cp, None)
    picked = (log_p * jax.nn.one_hot(codes, log_p.shape[-1], dtype=log_p.dtype)).sum(-1)
    total = -picked.sum(-1).mean()
    if gaussian is not None:
        variance = jnp.exp(gaussian[..., 1]) + 1e-8
        squared = (values - gaussian[..., 0]) ** 2 / variance
        total = total + 0.5 * (LOG_2PI + jnp.log(variance) + squared).sum(-1).mean()
    kl = 0.5 * (mean**2 + jnp.exp(logvar) - 1 - logvar).sum(-1).mean()
    total = total + beta * kl
    if gamma:
        log_w = jnp.asarray(stratified(n_total, x.shape[0]), z.dtype)
        total = total + gamma * total_correlation(z, mean, logvar, log_w)
    return total
