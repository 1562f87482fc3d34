"""Reconstruction: minus the log likelihood of each row under the decoder, in nats."""

from __future__ import annotations

import math
from typing import TypeAlias, cast

import jax.numpy as jnp
from jaxtyping import Array, Float, Integer, Num

from qdisc._typing import DATA_TYPES, DataType
from qdisc.errors import ConfigError
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.objectives.kl import LOG_2PI

Decoded: TypeAlias = (
    Float[Array, "rows sites outcomes"]
    | tuple[Float[Array, "rows sites outcomes"], Float[Array, "rows sites 2"]]
)
Weight: TypeAlias = float | Float[Array, ""]


def categorical_nll(
    log_cp: Float[Array, "rows sites outcomes"], targets: Integer[Array, "rows sites"]
) -> Float[Array, " rows"]:
    """Categorical negative log likelihood, summed over sites.

        nll_i = - sum_s log p(x_is | x_i<s, z_i)

    The log probability of the code is picked out rather than multiplied with a one-hot vector, so
    that an outcome of probability zero (-inf) costs nothing unless it occurs.

    Args:
        log_cp: Log conditional probabilities of every outcome at every site.
        targets: Observed codes 0..outcomes-1.

    Returns:
        Nats per row. A row with a code outside the range gives NaN: it has no probability, and it
        must not pass for a certain one.
    """
    if targets.dtype.itemsize < 4:
        targets = targets.astype(jnp.int32)
    known = (targets >= 0) & (targets < log_cp.shape[-1])
    codes = jnp.where(known, targets, 0)
    log_p = jnp.take_along_axis(log_cp, codes[..., None], axis=-1)[..., 0]
    return -jnp.where(known, log_p, jnp.array(jnp.nan, log_cp.dtype)).sum(axis=-1)


def gaussian_nll(
    mean: Float[Array, "rows sites"],
    logvar: Float[Array, "rows sites"],
    targets: Float[Array, "rows sites"],
    eps: float = 1e-8,
) -> Float[Array, " rows"]:
    """Gaussian negative log likelihood with a floor under the variance, summed over sites.

        nll_i = 1/2 sum_s [ log 2 pi + log v_is + (x_is - mean_is)^2 / v_is ],
        v = exp(logvar) + eps

    The same v enters both terms, so each site costs at least log(2 pi eps) / 2: a floor in the
    quotient alone would let logvar -> -inf win without bound.

    Args:
        mean: Predicted means.
        logvar: Logarithms of the predicted variances, before the floor.
        targets: Observed values, in the units of the data.
        eps: The floor, a variance in squared units of the data; 0 for none.

    Returns:
        Nats per row (densities: values depend on the unit and can be negative).
    """
    log_eps = jnp.asarray(math.log(eps) if eps > 0 else -math.inf, logvar.dtype)
    # In the log domain neither a huge nor a tiny logvar overflows.
    log_var = jnp.logaddexp(logvar, log_eps)
    scaled = (targets - mean) * jnp.exp(-0.5 * log_var)
    return 0.5 * (LOG_2PI + log_var + scaled * scaled).sum(axis=-1)


def reconstruction_nll(
    cp: Decoded,
    batch: Num[Array, "rows columns"],
    data_type: DataType,
    alpha: Weight | None = None,
    *,
    weights: tuple[Weight, Weight] | None = None,
) -> Float[Array, " rows"]:
    """Negative log likelihood of each row of a batch of any data type.

    * discrete: `categorical_nll` of all columns.
    * continuous: `gaussian_nll`, with cp[..., 0] the means and cp[..., 1] the log variances.
    * hybrid: w_d R_d + w_c R_c, the first half of the columns discrete, the second continuous; cp
      is the pair of both decoders' outputs. See `hybrid_weights`.
    * shadow: `categorical_nll` of the outcomes (odd columns); the bases were chosen, not observed.

    Args:
        cp: Decoder output.
        batch: Rows as stored in the data set.
        data_type: One of the four.
        alpha: Share of the discrete half of hybrid data; None for the joint likelihood.
        weights: (w_d, w_c) in place of `alpha`. As arrays they can change without a new
            compilation.

    Returns:
        Nats per row. Codes that are no whole number or out of range give NaN.

    Raises:
        ConfigError: If the data type is unknown, or both `alpha` and `weights` are given.
    """
    if weights is not None and alpha is not None:
        raise ConfigError(
            "alpha and weights say the same thing twice",
            where="reconstruction_nll",
            value={"alpha": alpha, "weights": weights},
            hint="give one of them",
        )
    if data_type == "discrete":
        return categorical_nll(cast(Array, cp), integer_codes(batch))
    if data_type == "shadow":
        return categorical_nll(cast(Array, cp), integer_codes(batch[:, 1::2]))
    if data_type == "continuous":
        return _gaussian(cast(Array, cp), batch)
    if data_type == "hybrid":
        w_d, w_c = hybrid_weights(alpha) if weights is None else weights
        n_sites = batch.shape[1] // 2
        discrete, continuous = cp
        r_d = categorical_nll(discrete, integer_codes(batch[:, :n_sites]))
        return w_d * r_d + w_c * _gaussian(continuous, batch[:, n_sites:])
    raise ConfigError(
        "unknown data type", where="data_type", value=data_type, hint=f"one of {DATA_TYPES}"
    )


def _gaussian(cp: Float[Array, "rows sites 2"], values: Num[Array, "rows sites"]):
    return gaussian_nll(cp[..., 0], cp[..., 1], values.astype(cp.dtype))


def integer_codes(values: Num[Array, "rows sites"]) -> Integer[Array, "rows sites"]:
    """Integer codes; what is no whole number becomes -1, which no decoder has an outcome for."""
    if not jnp.issubdtype(values.dtype, jnp.floating):
        return values
    # Clipping keeps numbers beyond the integers of the target type out of range.
    whole = values == jnp.round(values)
    return jnp.where(whole, jnp.clip(values, -1, 2**20), -1).astype(jnp.int32)
