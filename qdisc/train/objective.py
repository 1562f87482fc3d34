"""The loss of one step: encode, draw latents, decode, weigh the terms.

A model is anything with `apply(variables, batch, key) -> (mean, logvar, z, cp)`. Models that also
have `encode` and `decode` (all built-in ones do) are encoded once per configuration. A model that
brings its own evidence bound, as a Hamiltonian VAE does, has a method

    row_bound(batch, mean, logvar, key, hybrid) -> RowBound

beside `encode`, and its terms take the place of -log p(x|z) and KL; everything else, how rows are
drawn, weighted and padded, and the total correlation, is the same for all objectives.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from qdisc.objectives.elbo import Mixture, Terms, elbo_terms
from qdisc.objectives.kl import kl_per_latent
from qdisc.objectives.mixture import Stratified
from qdisc.objectives.row_bound import RowBound
from qdisc.objectives.total_correlation import total_correlation
from qdisc.objectives.weighted import weighted_mean
from qdisc.train.devices import filled, shared_out
from qdisc.train.rows import Plan, Tables, systematic

NEVER = -1e30  # log weight of a configuration with no snapshot: exp underflows, gradients stay 0


class Hyper(NamedTuple):
    """Weights of the terms; traced, so that they change without compiling.

    Attributes:
        beta: Weight of the KL.
        gamma: Weight of the total correlation.
        hybrid: Weights of the discrete and the continuous half.
    """

    beta: Float[Array, ""]
    gamma: Float[Array, ""]
    hybrid: tuple[Float[Array, ""], Float[Array, ""]]


class StepStats(NamedTuple):
    """What a step reports, beside its loss."""

    terms: Terms
    kl: Float[Array, " latents"]
    logvar: Float[Array, " latents"]


def is_split(module: Any) -> bool:
    """Whether a model can encode and decode separately."""
    return callable(getattr(module, "encode", None)) and callable(getattr(module, "decode", None))


def brings_bound(module: Any) -> bool:
    """Whether a model has an evidence bound of its own."""
    return callable(getattr(module, "row_bound", None))


def step_loss(
    params: Any,
    module: Any,
    data_type: Any,
    plan: Plan,
    with_tc: bool,
    tables: Tables,
    order: Int[Array, " rows"],
    hyper: Hyper,
    key: jax.Array,
) -> tuple[Float[Array, ""], StepStats]:
    """Loss = reconstruction + beta KL + gamma TC of one step.

    Args:
        params: Parameters that are trained.
        module: The model.
        data_type: What the columns mean.
        plan: How rows are drawn.
        with_tc: Whether total correlation is computed at all.
        tables: The dataset on the device.
        order: Rows of this step (shuffled plan), -1 for padding.
        hyper: Weights of the terms.
        key: Random key of this step.

    Returns:
        The loss in nats, and the terms behind it.
    """
    key_rows, key_latent = jax.random.split(key)
    variables = {"params": params}
    row_weights = None
    if plan.mode == "shuffled":
        own = jnp.maximum(order, 0)
        row_weights = (order >= 0).astype(tables.weights.dtype)
    else:
        own = systematic(tables.cumulative, plan.n_rows, key_rows)
    own, row_weights = _shared(own, row_weights, plan, tables)
    rows = shared_out(tables.configurations[own], plan.mesh)

    if not is_split(module):
        mean, logvar, z, cp = module.apply(variables, rows, key_latent)
        parts, part_weights = (mean, logvar), row_weights
        log_weights: Any = Stratified(plan.n_total, _valid(order, plan))
    elif plan.mode == "all":
        parts = module.apply(variables, tables.configurations, method="encode")
        part_weights = tables.weights
        log_weights = jnp.where(part_weights > 0, jnp.log(jnp.maximum(part_weights, 1e-37)), NEVER)
        mean, logvar = parts[0][own], parts[1][own]
    else:
        parts = module.apply(variables, rows, method="encode")
        part_weights = row_weights
        log_weights = Stratified(plan.n_total, _valid(order, plan))
        mean, logvar = parts
    own_bound = brings_bound(module)
    if is_split(module) and not own_bound:
        noise = jax.random.normal(key_latent, mean.shape, mean.dtype)
        z = mean + jnp.exp(0.5 * logvar) * noise
        cp = module.apply(variables, z, rows, method="decode")

    mixture = Mixture(parts[0], parts[1], log_weights) if with_tc else None
    if own_bound:
        bound = module.apply(
            variables, rows, mean, logvar, key_latent, hyper.hybrid, method="row_bound"
        )
        terms = _own_terms(bound, row_weights, mixture)
    else:
        terms = elbo_terms(
            cp, rows, z, mean, logvar, data_type,
            row_weights=row_weights, hybrid=hyper.hybrid, mixture=mixture,
        )  # fmt: skip
    per_latent = kl_per_latent(*parts)
    average = jax.vmap(lambda column: weighted_mean(column, part_weights), in_axes=1)
    stats = StepStats(
        terms=terms if own_bound else terms._replace(kl=average(per_latent).sum()),
        kl=average(per_latent),
        logvar=average(parts[1]),
    )
    loss = terms.reconstruction + hyper.beta * stats.terms.kl
    if terms.tc is not None:
        loss = loss + hyper.gamma * terms.tc
    return loss, stats


def _shared(own: Any, row_weights: Any, plan: Plan, tables: Tables) -> tuple[Any, Any]:
    """Rows and weights of a step as the devices share them, filled up with weight zero."""
    missing = filled(plan.n_rows, plan.mesh) - plan.n_rows
    if missing:
        if row_weights is None:
            row_weights = jnp.ones(plan.n_rows, tables.weights.dtype)
        own, row_weights = jnp.pad(own, (0, missing)), jnp.pad(row_weights, (0, missing))
    if row_weights is not None:
        row_weights = shared_out(row_weights, plan.mesh)
    return shared_out(own, plan.mesh), row_weights


def _own_terms(bound: RowBound, row_weights: Any, mixture: Mixture | None) -> Terms:
    """Means over rows of a bound that a model brings."""
    tc = None
    if mixture is not None:
        tc = total_correlation(bound.z, *mixture, row_weights)
    return Terms(
        weighted_mean(bound.reconstruction, row_weights), weighted_mean(bound.rate, row_weights), tc
    )


def _valid(order: Int[Array, " rows"], plan: Plan) -> Any:
    """Rows of the batch that are not padding."""
    return (order >= 0).sum() if plan.mode == "shuffled" else plan.n_rows
