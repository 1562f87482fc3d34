"""What one training is made of: data and plan, the compiled loop, the schedules."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.train.calls import Calls
from qdisc.train.feed import make_feed
from qdisc.train.fit import Fit
from qdisc.train.keys import key_of, typed
from qdisc.train.names import count
from qdisc.train.objective import brings_bound
from qdisc.train.optimiser import FACTORIES, beta_schedule, injected, rate_schedule
from qdisc.train.program import COLUMNS, make_program
from qdisc.train.rows import CAPACITY, Plan, make_plan
from qdisc.train.start import init_state, latent_dim, with_dtype
from qdisc.train.validation import Validation, split

Progress = Callable[[int, int, dict[str, float]], None]
NEGATIVE_TC = -0.05  # nat; above this it may be sampling noise
_TOGETHER = 16  # steps in one device call of several processes
_SECONDS = 1.0  # work in one device call, so that progress and interruption stay responsive


class Setup:
    """The pieces of a training that stay the same from device call to device call."""

    chunk_steps = 1  # of the next device call; grows to about a second of work

    def __init__(self, module, dataset, config, seed, key, state, optimizer, program) -> None:
        self.config, self.seed = config, None if key is not None else seed
        if config.dtype == "float64":
            module = with_dtype(module, jnp.float64)
        key = typed(key) if key is not None else key_of(0 if seed is None else seed)
        self.key_init, self.key_order, self.key_steps, key_split = jax.random.split(key, 4)
        train, self.held_out = split(dataset, config.validation_fraction, key_split)
        self.plan = program.plan if program else make_plan(train, config)
        self.feed = make_feed(train, self.plan, self.key_order, config.dtype)
        transform = program.optimizer if program else injected(
            optimizer if optimizer is not None else FACTORIES[config.optimizer]
        )  # fmt: skip
        begin = init_state(module, train, transform, self.key_init) if state is None else state
        self.state = jax.tree.map(jnp.asarray, begin)
        latents = latent_dim(module, self.state.params, train)
        self.program = program or make_program(
            module, train.data_type, self.plan, transform, config.gamma > 0, latents
        )
        self.calls = Calls(self.program.run, self.state, self.plan.mesh)
        held_out = self.held_out
        self.validation = Validation(module, held_out, config, latents) if held_out else None
        self.own_bound = brings_bound(module)
        alpha = config.alpha if train.data_type == "hybrid" else None
        self.hybrid = tuple(jnp.asarray(w, config.dtype) for w in hybrid_weights(alpha))
        self.latent_dim = latents
        self.first = int(begin.step)
        n_steps = config.epochs * self.plan.steps_per_epoch
        self.rates, self.betas = rate_schedule(config, n_steps), beta_schedule(config, n_steps)
        self.module, self.key = module, key

    def finished(
        self,
        params: Any,
        records: list[np.ndarray],
        epochs: list[np.ndarray],
        validation: np.ndarray | None,
        reason: str,
        message: str,
        started: float,
        n_compilations: int,
        setbacks: tuple[str, ...] = (),
    ) -> Fit:
        """The `Fit`: parameters and curves on the host."""
        params = jax.tree.map(np.asarray, params)
        width = len(COLUMNS) + 2 * self.latent_dim
        steps = np.concatenate(records) if records else np.zeros((0, width), np.float32)
        curves = np.array(epochs, np.float32).reshape(-1, width)
        split_at = len(COLUMNS) + self.latent_dim
        warn_of_bias(self.plan, self.config, curves[:, COLUMNS.index("tc")])
        return Fit(
            variables={"params": params},
            state=self.state,
            loss=curves[:, 0],
            terms={name: curves[:, i] for i, name in enumerate(COLUMNS) if i > 0},
            kl=curves[:, len(COLUMNS) : split_at],
            logvar=curves[:, split_at:],
            steps=steps,
            validation_loss=validation,
            epochs_run=len(epochs),
            stop_reason=reason,
            message=message,
            seed=self.seed,
            config=self.config,
            n_compilations=n_compilations,
            duration_s=time.perf_counter() - started,
            n_parameters=count(params),
            program=self.program,
            held_out=self.held_out,
            setbacks=setbacks,
        )

    def kept(self) -> str:
        """Which parameters a fit keeps that met numbers that are not finite."""
        began = int(self.state.step) == self.first
        return "it began with" if began else "whose loss was finite last"

    def pace(self, ran: int, seconds: float, compiled: bool) -> None:
        """Choose the length of the next device call from how long this one took."""
        if jax.process_count() > 1:
            self.chunk_steps = _TOGETHER  # clocks differ, and all must take the same steps
        elif ran and compiled:
            self.chunk_steps = 4  # the first call measured the compiler
        elif ran:
            self.chunk_steps = int(np.clip(_SECONDS * ran / max(seconds, 1e-6), 1, CAPACITY))

    def where(self, finite: np.ndarray, epoch: int, step: int) -> str:
        """Which term was not finite, and where."""
        names = (*COLUMNS, "gradient")
        bad = [names[i] for i in np.flatnonzero(~finite)]
        # The loss is bad whenever a term is; the term is the news.
        blamed = [name for name in bad if name != "loss"] or bad
        return f"{' and '.join(blamed)} not finite at epoch {epoch + 1}, batch {step + 1}"

    def say(self, finite: np.ndarray, epoch: int, step: int) -> str:
        """The same, and what to try."""
        return (
            f"{self.where(finite, epoch, step)}; "
            f"try a smaller train.learning_rate (now {self.config.learning_rate:g})"
            + (", or a smaller step_size of the path" if self.own_bound else "")
        )


def warn_of_bias(plan: Plan, config: TrainConfig, tc: np.ndarray) -> None:
    """Say so when the total correlation, which cannot be negative, was estimated so and rewarded.

    Steps that see all configurations measure it exactly, up to sampling noise of either sign.
    """
    if plan.mode == "all" or config.gamma == 0 or not tc.size or not tc[-1] < NEGATIVE_TC:
        return
    warnings.warn(
        f"the total correlation is estimated as {tc[-1]:.2f} nat, and it cannot be negative: "
        f"batches of {plan.batch_size} of {plan.n_total} snapshots cannot see how the latents "
        f"overlap, and train.gamma = {config.gamma:g} rewards narrow posteriors; "
        f"try train.gamma = 0 or a larger train.batch_size",
        UserWarning,
        stacklevel=2,
    )


def padded(values: np.ndarray, capacity: int, axis: int = 0) -> np.ndarray:
    """Pad the axis of steps to the loop's static capacity; the loop never reaches the padding."""
    missing = capacity - values.shape[axis]
    width = [(0, missing if a == axis else 0) for a in range(values.ndim)]
    return np.pad(values, width) if missing else values
