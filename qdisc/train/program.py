"""Many steps in one device call, compiled once per fit.

The loop's length is data, so one compiled program serves every chunk, and chunks can be cut to
about a second of work without changing a single number. A step whose loss or gradient is not
finite ends the loop; `calls` then takes it back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Bool, Float, Int

from qdisc.train.objective import Hyper, step_loss
from qdisc.train.optimiser import with_rate
from qdisc.train.rows import Plan, Tables

COLUMNS: tuple[str, ...] = ("loss", "reconstruction", "kl", "tc")
GRADIENT = len(COLUMNS)  # index that stands for the gradient among the terms


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class TrainState:
    """Everything that changes while training.

    Attributes:
        params: Parameters.
        opt_state: State of the optimiser.
        step: Steps taken so far, int32; together with the fit's key it fixes all randomness.
    """

    params: Any
    opt_state: Any
    step: Int[Array, ""]


class Chunk(NamedTuple):
    """What one device call returns.

    Attributes:
        state: State after the last step; of no use when that step was not finite.
        record: (capacity, 4 + 2 latents): loss, reconstruction, kl, tc, kl per latent, logvar.
        done: Steps whose loss and gradient were finite.
        finite: Per term (and the gradient last), whether the last step's value was finite.
    """

    state: TrainState
    record: Float[Array, "capacity columns"]
    done: Int[Array, ""]
    finite: Bool[Array, " terms"]


@dataclass(frozen=True)
class Program:
    """The compiled loop and what it was compiled for; `loop` is the same, not compiled."""

    run: Callable[..., Chunk]
    plan: Plan
    with_tc: bool
    optimizer: optax.GradientTransformation
    loop: Callable[..., Chunk]

    @property
    def n_compilations(self) -> int:
        """How often the loop was compiled."""
        return self.run._cache_size()  # type: ignore[attr-defined]


def make_program(
    module: Any,
    data_type: str,
    plan: Plan,
    optimizer: optax.GradientTransformation,
    with_tc: bool,
    latent_dim: int,
) -> Program:
    """Build the loop for one model, one data layout and one optimiser.

    Args:
        module: The model.
        data_type: What the columns mean.
        plan: How rows are drawn.
        optimizer: An optax transformation, see `optimiser.injected`.
        with_tc: Whether total correlation is part of the loss.
        latent_dim: Number of latents, for the record.
    """
    value_and_grad = jax.value_and_grad(step_loss, has_aux=True)
    width = len(COLUMNS) + 2 * latent_dim

    def loop(
        state: TrainState,
        tables: Tables,
        order: Int[Array, "capacity rows"],
        rates: Float[Array, " capacity"],
        betas: Float[Array, " capacity"],
        gamma: Float[Array, ""],
        hybrid: tuple[Float[Array, ""], Float[Array, ""]],
        n_steps: Int[Array, ""],
        key: jax.Array,
    ) -> Chunk:
        dtype = tables.weights.dtype

        def go_on(carry: Chunk) -> Bool[Array, ""]:
            return (carry.done < n_steps) & carry.finite.all()

        def step(carry: Chunk) -> Chunk:
            old, i = carry.state, carry.done
            hyper = Hyper(betas[i], gamma, hybrid)
            (loss, stats), grads = value_and_grad(
                old.params, module, data_type, plan, with_tc, tables, order[i], hyper,
                jax.random.fold_in(key, old.step),
            )  # fmt: skip
            tc = jnp.zeros((), dtype) if stats.terms.tc is None else stats.terms.tc
            terms = jnp.stack([loss, stats.terms.reconstruction, stats.terms.kl, tc])
            sane = jnp.isfinite(optax.global_norm(grads))
            finite = jnp.concatenate([jnp.isfinite(terms), sane[None]])
            updates, opt_state = optimizer.update(
                grads, with_rate(old.opt_state, rates[i]), old.params
            )
            new = TrainState(optax.apply_updates(old.params, updates), opt_state, old.step + 1)
            row = jnp.concatenate([terms, stats.kl, stats.logvar]).astype(jnp.float32)
            record = carry.record.at[i].set(row)
            return Chunk(new, record, i + finite.all().astype(jnp.int32), finite)

        start = Chunk(
            state,
            jnp.zeros((rates.shape[0], width), jnp.float32),
            jnp.zeros((), jnp.int32),
            jnp.ones(len(COLUMNS) + 1, bool),
        )
        return jax.lax.while_loop(go_on, step, start)

    everywhere: dict[str, Any] = {}
    if plan.mesh is not None:
        everywhere["out_shardings"] = NamedSharding(plan.mesh, PartitionSpec())
    run = jax.jit(loop, donate_argnums=0, **everywhere)
    return Program(run, plan, with_tc, optimizer, loop)
