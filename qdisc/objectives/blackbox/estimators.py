"""Losses from log p(x, z_j) and log q(z_j|x) alone: bounds and surrogates of every row.

With K samples z_j ~ q(z|x), f_j = p(x, z_j) / q(z_j|x), L = log 1/K sum_j f_j and
w_j = f_j / sum_i f_i, each function takes log p and log q, (rows, K) each, and returns one loss per
row (rows,): its *gradient* is the estimator in its formula. Only `reparametrised_elbo` and `iwae`
have the bound as their value; the others are surrogates, and the bound is `bound(log_p, log_q)`.

Weights of zero (log f = -inf) are allowed. They carry no gradient, and a row of nothing else has
the bound -inf and no gradient at all. Where log p itself is computed from log 0, mask it there.

Source: Burda et al., arXiv:1509.00519 (IWAE); Mnih & Rezende, arXiv:1602.06725 (VIMCO); Bornschein
& Bengio, arXiv:1406.2751 (wake and sleep).
"""

from __future__ import annotations

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

Rows = Float[Array, " rows"]
Samples = Float[Array, "rows samples"]


def log_weights(log_p: Samples, log_q: Samples) -> Samples:
    """Log f = log p - log q; -inf wherever p = 0."""
    return jnp.where(log_p == -jnp.inf, -jnp.inf, log_p - log_q)


def bound(log_p: Samples, log_q: Samples) -> Rows:
    """The bound L = log 1/K sum_j f_j of each row, nats; the evidence bound at K = 1."""
    return _log_mean(log_weights(log_p, log_q))


def normalised_weights(log_p: Samples, log_q: Samples) -> Samples:
    """w_j = f_j / sum_i f_i; zeros in a row without any weight."""
    log_f = log_weights(log_p, log_q)
    top = log_f.max(axis=1, keepdims=True)
    f = jnp.exp(log_f - jnp.where(jnp.isfinite(top), top, 0.0))
    return f / jnp.where(top == -jnp.inf, 1.0, f.sum(axis=1, keepdims=True))


def effective_samples(log_p: Samples, log_q: Samples) -> Rows:
    """1 / sum_j w_j^2, between 1 and K; 0 in a row without any weight."""
    squares = (normalised_weights(log_p, log_q) ** 2).sum(axis=1)
    return jnp.where(squares > 0, 1.0 / jnp.where(squares > 0, squares, 1.0), 0.0)


def reparametrised_elbo(log_p: Samples, log_q: Samples) -> Rows:
    """Minus 1/K sum_j log f_j, through samples that are functions of the parameters."""
    log_f = log_weights(log_p, log_q)
    return -_dot(jnp.full_like(log_f, 1.0 / log_f.shape[1]), log_f)


def iwae(log_p: Samples, log_q: Samples) -> Rows:
    """Minus L; gradient - sum_j w_j grad log f_j, through reparametrised samples."""
    return _with_value(
        _dot(normalised_weights(log_p, log_q), log_weights(log_p, log_q)), bound(log_p, log_q)
    )


def score_function_elbo(
    log_p: Samples, log_q: Samples, baseline: Float[Array, ...] | None = None
) -> Rows:
    """Evidence bound of samples without a path.

        - 1/K sum_j [ (log f_j - b_j) grad log q_j + grad log p_j ]

    Args:
        log_p: Log joint density (rows, K).
        log_q: Log density of the samples (rows, K).
        baseline: b, anything that does not depend on z_j (broadcasts to (rows, K)); left out, the
            mean of the other samples' log f, 0 at K = 1.
    """
    log_f = lax.stop_gradient(log_weights(log_p, log_q))
    k = log_f.shape[1]
    if baseline is None:
        known = jnp.where(jnp.isfinite(log_f), log_f, 0.0)
        others = known.sum(axis=1, keepdims=True) - known
        baseline = others / max(k - 1, 1)
    signal = jnp.where(jnp.isfinite(log_f), log_f - baseline, 0.0)
    alive = jnp.isfinite(log_f).astype(log_f.dtype)
    return -(_dot(signal, log_q) + _dot(alive, log_p)) / k


def vimco(log_p: Samples, log_q: Samples) -> Rows:
    """Multi-sample bound of samples without a path, each judged against the others.

        - sum_j (L - L_{-j}) grad log q_j - sum_j w_j grad log f_j
        L_{-j} = log 1/K ( sum_{i != j} f_i + exp( 1/(K-1) sum_{i != j} log f_i ) )

    L_{-j} is 0 where there are no others with a weight (always at K = 1).
    """
    log_f = log_weights(log_p, log_q)
    fixed = lax.stop_gradient(log_f)
    level = _log_mean(fixed)[:, None]
    signal = jnp.where(jnp.isfinite(level), level - held_out_levels(fixed), 0.0)
    return -(_dot(signal, log_q) + _dot(normalised_weights(log_p, log_q), log_f))


def held_out_levels(log_f: Samples) -> Samples:
    """L_{-j} of `vimco`; sums over all others run from both ends, so that nothing cancels."""
    k = log_f.shape[1]
    if k == 1:
        return jnp.zeros_like(log_f)
    none = jnp.full_like(log_f[:, :1], -jnp.inf)
    before = _running(log_f)
    after = _running(log_f[:, ::-1])[:, ::-1]
    others = jnp.logaddexp(
        jnp.concatenate([none, before[:, :-1]], axis=1),
        jnp.concatenate([after[:, 1:], none], axis=1),
    )
    zero = log_f == -jnp.inf
    known = jnp.where(zero, 0.0, log_f)
    n_zero = zero.sum(axis=1, keepdims=True) - zero
    total = known.sum(axis=1, keepdims=True) - known
    geometric = jnp.where(n_zero > 0, -jnp.inf, total / (k - 1))
    level = jnp.logaddexp(others, geometric) - jnp.log(jnp.asarray(k, log_f.dtype))
    return jnp.where(jnp.isfinite(level), level, 0.0)


def wake_theta(log_p: Samples, log_q: Samples) -> Rows:
    """Generative model in the wake phase: - sum_j w_j grad log p_j, the gradient of -L in theta."""
    return -_dot(normalised_weights(log_p, log_q), log_p)


def wake_phi(log_p: Samples, log_q: Samples) -> Rows:
    """Inference network in the wake phase: - sum_j w_j grad log q_j.

    The gradient of KL(p(z|x) || q) with a bias of order 1/K, from normalised weights; exactly
    E[ sum_j w_j grad log q_j ] is its mean.
    """
    return -_dot(normalised_weights(log_p, log_q), log_q)


def sleep_phi(log_q: Samples) -> Rows:
    """Inference network on dreams (x, z) ~ p: - 1/K sum_j grad log q(z_j|x_j)."""
    return -log_q.mean(axis=1)


def _running(log_f: Samples) -> Samples:
    return lax.associative_scan(jnp.logaddexp, log_f, axis=1)


def _log_mean(log_f: Samples) -> Rows:
    top = lax.stop_gradient(log_f.max(axis=1, keepdims=True))
    total = jnp.exp(log_f - jnp.where(jnp.isfinite(top), top, 0.0)).mean(axis=1)
    alive = total > 0
    return jnp.where(alive, jnp.log(jnp.where(alive, total, 1.0)) + top[:, 0], -jnp.inf)


def _dot(weights: Samples, logs: Samples) -> Rows:
    """sum_j weights_j logs_j with weights held fixed, where 0 times -inf is 0."""
    weights = lax.stop_gradient(weights)
    return jnp.where(weights == 0, 0.0, weights * jnp.where(weights == 0, 0.0, logs)).sum(axis=1)


def _with_value(gradient_of: Rows, value: Rows) -> Rows:
    """Minus `value`, with the gradient of minus `gradient_of`."""
    moving = gradient_of - lax.stop_gradient(gradient_of)
    return -(lax.stop_gradient(value) + moving)
