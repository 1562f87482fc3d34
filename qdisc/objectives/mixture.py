"""The aggregate posterior q(z) = sum_j w_j q(z | x_j): its density, joint and per latent.

Total correlation and the ELBO decomposition are differences of the logarithms computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Float32, Integer

from qdisc.errors import ConfigError
from qdisc.objectives.kl import log_normal_pdf

# Above this many row-component pairs the rows are processed in blocks of about `_BLOCK_PAIRS`
# pairs: the pairwise matrix of a batch of 5000 would take 100 MB, and its gradient several of them.
_DENSE_PAIRS = 2**22
_BLOCK_PAIRS = 2**19


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Stratified:
    """Mixture weights of a minibatch that stands for a larger data set, without a matrix.

    Row i was drawn from the posterior of component `own[i]`, which is in the batch for certain;
    the others are a random sample of the N - 1 remaining snapshots. Hence

        w_ii = 1 / N,    w_ij = (N - 1) / (N (B - 1)),

    which makes the estimate of q(z_i) unbiased and, when B = N, exact. With B = 1 there is nothing
    to estimate from and the row's own component gets all the weight.

    Source: Chen, Li, Grosse & Duvenaud, "Isolating sources of disentanglement in VAEs",
    arXiv:1802.04942, appendix C.2, with the remaining mass spread evenly instead of over one
    special column (same expectation, smaller variance).

    Args:
        n_total: Number of snapshots N in the data set.
        batch: Number of snapshots B in the batch; components from index B on are padding. Leave it
            out when `counts` is given; all components if both are left out.
        counts: (components,) how often each component occurs in the batch, 0 for padding.
        own: (rows,) the component each row was drawn from; row i belongs to component i if left
            out.

    Raises:
        ConfigError: If both sizes are plain integers and not 1 <= batch <= n_total.
    """

    n_total: int | Integer[Array, ""]
    batch: int | Integer[Array, ""] | None = None
    counts: Integer[Array, " components"] | None = None
    own: Integer[Array, " rows"] | None = None

    def __post_init__(self) -> None:
        n_total, batch = self.n_total, self.batch
        if isinstance(n_total, int) and isinstance(batch, int) and not 1 <= batch <= n_total:
            raise ConfigError(
                "a stratified batch holds between one and all of the snapshots",
                where="Stratified",
                value={"n_total": n_total, "batch": batch},
                hint="pass the size of the whole data set as n_total",
            )


MixtureWeights: TypeAlias = (
    Float[Array, " components"] | Float[Array, "rows components"] | Stratified
)


def stratified_log_weights(n_total: int, batch: int) -> Float32[Array, "batch batch"]:
    """Write the weights of `Stratified(n_total, batch)` out as a matrix, row i own component i.

    Args:
        n_total: Number of snapshots N in the data set.
        batch: Number of snapshots B in the batch, 1 <= B <= N.

    Returns:
        log w, (B, B): log(1/N) on the diagonal, log((N-1) / (N (B-1))) elsewhere.

    Raises:
        ConfigError: If not 1 <= batch <= n_total.
    """
    rows = jnp.arange(batch, dtype=jnp.int32)
    return _stratified(Stratified(n_total, batch), rows, batch, jnp.float32)


def log_mixture_density(
    z: Float[Array, "rows latents"],
    mean: Float[Array, "components latents"],
    logvar: Float[Array, "components latents"],
    log_weights: MixtureWeights,
    block_rows: int | None = None,
) -> tuple[Float[Array, " rows"], Float[Array, "rows latents"]]:
    """Log density of the aggregate posterior at z, joint and for each latent alone, in nats.

        log q(z_i)   = logsumexp_j ( log w_ij + sum_k log q(z_ik | x_j) )
        log q(z_ik)  = logsumexp_j ( log w_ij + log q(z_ik | x_j) )

    The weight enters the joint once, not once per latent. The (rows, components, latents) array is
    never formed: a scan over latents accumulates the joint, and its steps are recomputed in the
    backward pass; large problems are also cut into blocks of rows. The quadratic form is evaluated
    directly, because its matrix product form cancels catastrophically for narrow posteriors.

    Args:
        z: Points to evaluate at, one per row.
        mean: Posterior means of the mixture's components.
        logvar: Posterior log variances of the mixture's components.
        log_weights: (components,) log weights shared by all rows (exact when the components are the
            whole data set), (rows, components), or `Stratified`. -inf takes a component out.
        block_rows: Rows per block; chosen from the sizes if left out.

    Returns:
        Joint log density (rows,) and log density of each latent (rows, latents).
    """
    n_rows, n_components = z.shape[0], mean.shape[0]
    if block_rows is None:
        dense = n_rows * n_components <= _DENSE_PAIRS
        block_rows = n_rows if dense else max(1, _BLOCK_PAIRS // n_components)
    if block_rows >= n_rows:
        rows = jnp.arange(n_rows, dtype=jnp.int32)
        weights = _rows_of(log_weights, rows, n_components, z.dtype)
        return _density(z, mean, logvar, weights)

    n_blocks = -(-n_rows // block_rows)
    padding = n_blocks * block_rows - n_rows
    # Row 0 stands in for the rows missing from the last block; their results are cut off below.
    rows = jnp.pad(jnp.arange(n_rows, dtype=jnp.int32), (0, padding))
    rows = rows.reshape(n_blocks, block_rows)

    @jax.checkpoint
    def block(mean, logvar, rows):
        weights = _rows_of(log_weights, rows, n_components, z.dtype)
        return _density(z[rows], mean, logvar, weights)

    joint, marginal = jax.lax.map(lambda rows: block(mean, logvar, rows), rows)
    return joint.reshape(-1)[:n_rows], marginal.reshape(-1, z.shape[1])[:n_rows]


def _density(z, mean, logvar, log_weights):
    """Joint (rows,) and per-latent (rows, latents) log density of one block of rows."""

    @jax.checkpoint
    def add_latent(joint, latent):
        z_k, mean_k, logvar_k = latent
        log_q = log_normal_pdf(mean_k[None], logvar_k[None], z_k[:, None])
        return joint + log_q, jax.nn.logsumexp(log_weights + log_q, axis=1)

    start = jnp.broadcast_to(log_weights, (z.shape[0], mean.shape[0]))
    joint, marginal = jax.lax.scan(add_latent, start, (z.T, mean.T, logvar.T))
    return jax.nn.logsumexp(joint, axis=1), marginal.T


def _rows_of(log_weights: MixtureWeights, rows, n_components: int, dtype):
    """Log weights of some rows, (rows, components) or (1, components)."""
    if isinstance(log_weights, Stratified):
        return _stratified(log_weights, rows, n_components, dtype)
    if log_weights.ndim == 1:
        return log_weights[None].astype(dtype)
    return log_weights[rows].astype(dtype)


def _stratified(weights: Stratified, rows, n_components: int, dtype):
    components = jnp.arange(n_components, dtype=jnp.int32)
    if weights.counts is not None:
        counts = weights.counts.astype(dtype)
        batch = counts.sum()
    else:
        batch = jnp.asarray(n_components if weights.batch is None else weights.batch, dtype)
        counts = (components < batch).astype(dtype)
    total = jnp.asarray(weights.n_total, dtype)
    own = rows if weights.own is None else weights.own[rows]
    single = batch <= 1
    other = jnp.where(single, 1.0, (total - 1) / (total * jnp.maximum(batch - 1, 1))).astype(dtype)
    itself = jnp.where(single, 1.0, 1.0 / total).astype(dtype)
    # A row's own component may occur several times: once for certain, the rest as others do.
    # The own component of a padded row does not occur at all and keeps the weight zero.
    is_own = (own[:, None] == components[None]) & (counts > 0)[None]
    value = jnp.where(is_own, itself + (counts - 1)[None] * other, counts[None] * other)
    return jnp.log(value)
