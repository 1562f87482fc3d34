"""Train a model on a dataset: chunks of steps on the device, decisions on the host."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.objectives.hybrid import hybrid_weights
from qdisc.train.calls import Calls
from qdisc.train.fit import ACTIVE, Epoch, Fit
from qdisc.train.keys import key_of, typed
from qdisc.train.names import count
from qdisc.train.objective import brings_bound
from qdisc.train.optimiser import FACTORIES, Optimizer, beta_schedule, injected, rate_schedule
from qdisc.train.program import CAPACITY, COLUMNS, GRADIENT, Program, TrainState, make_program
from qdisc.train.rows import epoch_order, make_plan, make_tables
from qdisc.train.start import init_state, latent_dim, with_dtype
from qdisc.train.validation import Validation, split

__all__ = ["Callback", "Progress", "fit", "init_state", "with_dtype"]

Callback = Callable[[Epoch], bool | None]
Progress = Callable[[int, int, dict[str, float]], None]
_SECONDS = 1.0  # work in one device call, so that progress and interruption stay responsive


def fit(
    module: Any,
    dataset: Dataset,
    config: TrainConfig,
    *,
    seed: int | None = 0,
    key: jax.Array | None = None,
    state: TrainState | None = None,
    optimizer: Optimizer | None = None,
    program: Program | None = None,
    reshuffle: bool = True,
    callbacks: Sequence[Callback] = (),
    progress: Progress | None = None,
) -> Fit:
    """Train `module` on `dataset`.

    Args:
        module: A model: `apply(variables, batch, key) -> (mean, logvar, z, cp)`.
        dataset: Snapshots; theta is never looked at.
        config: How to train.
        seed: Fixes every random number of the run, unless `key` is given.
        key: A JAX key (new or legacy style) instead of a seed.
        state: State to go on from; a fresh one is initialised otherwise.
        optimizer: An optax factory or transformation instead of `config.optimizer`.
        program: A compiled loop to reuse, from an earlier call on the same model and data.
        reshuffle: A new order of the snapshots in every epoch.
        callbacks: Called after each epoch with an `Epoch`; one that returns True stops.
        progress: Called after each device call with (steps done, steps wanted, figures).

    Returns:
        The `Fit`. Loss or gradients that are not finite end it early with
        `stop_reason="not_finite"`, the last good parameters, and the term and batch in `message`.

    Raises:
        TrainingError: The model's output does not fit the dataset.
        ConfigError: The optimizer is not one.
    """
    # The same numbers whether or not somebody (NetKet does) has switched JAX to 64 bit.
    with jax.enable_x64(config.dtype == "float64"):
        run = Run(module, dataset, config, seed, key, state, optimizer, program)
        run.reshuffle = reshuffle
        return run.go(callbacks, progress)


class Run:
    """One call of `fit`: the pieces that stay the same from chunk to chunk."""

    reshuffle = True
    chunk_steps = 1  # of the next device call; grows to about a second of work

    def __init__(self, module, dataset, config, seed, key, state, optimizer, program) -> None:
        self.config, self.seed = config, None if key is not None else seed
        if config.dtype == "float64":
            module = with_dtype(module, jnp.float64)
        key = typed(key) if key is not None else key_of(0 if seed is None else seed)
        self.key_init, self.key_order, self.key_steps, key_split = jax.random.split(key, 4)
        train, self.held_out = split(dataset, config.validation_fraction, key_split)
        self.plan = program.plan if program else make_plan(train, config)
        self.tables = make_tables(train, config.dtype)
        transform = program.optimizer if program else injected(
            optimizer if optimizer is not None else FACTORIES[config.optimizer]
        )  # fmt: skip
        begin = init_state(module, train, transform, self.key_init) if state is None else state
        self.state = jax.tree.map(jnp.asarray, begin)
        latents = latent_dim(module, self.state.params, train)
        self.program = program or make_program(
            module, train.data_type, self.plan, transform, config.gamma > 0, latents
        )
        self.calls = Calls(self.program.run, self.state)
        held_out = self.held_out
        self.validation = Validation(module, held_out, config, latents) if held_out else None
        self.own_bound = brings_bound(module)
        alpha = config.alpha if train.data_type == "hybrid" else None
        self.hybrid = tuple(jnp.asarray(w, config.dtype) for w in hybrid_weights(alpha))
        self.latent_dim = latents
        self.first = int(begin.step)

    def go(self, callbacks: Sequence[Callback], progress: Progress | None) -> Fit:
        started = time.perf_counter()
        config, per_epoch = self.config, self.plan.steps_per_epoch
        n_steps = config.epochs * per_epoch
        rates = rate_schedule(config, n_steps)
        betas = beta_schedule(config, n_steps)
        records: list[np.ndarray] = []
        epochs: list[np.ndarray] = []
        validation: list[float] = []
        best = (np.inf, None, -1)
        reason, message = "finished", f"all {config.epochs} epochs done"
        for epoch in range(config.epochs):
            window = slice(epoch * per_epoch, (epoch + 1) * per_epoch)
            rows, finite = self._epoch(epoch, rates[window], betas[window], progress, n_steps)
            records.append(rows)
            if not finite.all():
                reason, message = "not_finite", self.say(finite, epoch, rows.shape[0])
                break
            epochs.append(rows.mean(0))
            if self.validation is not None:
                validation.append(self.validation.loss(self.state.params, self.hybrid))
                if validation[-1] < best[0]:
                    best = (validation[-1], jax.tree.map(np.asarray, self.state.params), epoch)
            report = self._report(epoch + 1, epochs[-1], validation)
            stops = [callback(report) for callback in callbacks]  # each one sees every epoch
            if any(stops):
                reason, message = "callback", f"a callback stopped it after epoch {epoch + 1}"
                break
            if config.patience is not None and epoch - best[2] >= config.patience:
                reason = "early_stopping"
                message = f"no better validation loss for {config.patience} epochs"
                break
        params = self.state.params
        if config.patience is not None and best[1] is not None:
            params = best[1]
            message += f"; kept the parameters of epoch {best[2] + 1}, the best on validation"
        elif reason == "not_finite":
            message += self.kept()
        held_out = np.array(validation) if self.validation is not None else None
        return self.finished(
            params, records, epochs, held_out, reason, message, started,
            self.program.n_compilations,
        )  # fmt: skip

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
    ) -> Fit:
        """The `Fit`: parameters and curves on the host."""
        params = jax.tree.map(np.asarray, params)
        width = len(COLUMNS) + 2 * self.latent_dim
        steps = np.concatenate(records) if records else np.zeros((0, width), np.float32)
        curves = np.array(epochs, np.float32).reshape(-1, width)
        split_at = len(COLUMNS) + self.latent_dim
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
        )

    def kept(self) -> str:
        """Which parameters a fit keeps that met numbers that are not finite."""
        began = int(self.state.step) == self.first
        return f"; kept the parameters {'it began with' if began else 'whose loss was finite last'}"

    def _epoch(self, epoch, rates, betas, progress, n_steps) -> tuple[np.ndarray, np.ndarray]:
        """Run one epoch in device calls of about a second; per-step rows and finiteness."""
        done, rows = 0, []
        number = self.first // self.plan.steps_per_epoch + epoch if self.reshuffle else 0
        order = epoch_order(self.plan, self.key_order, number)
        capacity = min(CAPACITY, self.plan.steps_per_epoch)
        gamma = jnp.asarray(self.config.gamma, self.config.dtype)
        finite = np.ones(GRADIENT + 1, bool)
        while done < len(rates) and finite.all():
            n = min(self.chunk_steps, len(rates) - done, capacity)
            take = slice(done, done + n)
            compiled = self.program.n_compilations
            tick = time.perf_counter()
            record, steps, finite = self.calls.run(
                n, self.tables, padded(order[take], capacity), padded(rates[take], capacity),
                padded(betas[take], capacity), gamma, self.hybrid, self.key_steps,
            )  # fmt: skip
            self.state, ran = self.calls.state, int(steps)
            self.pace(ran, time.perf_counter() - tick, self.program.n_compilations > compiled)
            rows.append(record[:ran])
            done += ran
            if progress is not None and ran:
                total = epoch * self.plan.steps_per_epoch + done
                progress(total, n_steps, dict(zip(COLUMNS, map(float, rows[-1][-1]), strict=False)))
        return np.concatenate(rows), finite

    def pace(self, ran: int, seconds: float, compiled: bool) -> None:
        """Choose the length of the next device call from how long this one took."""
        if ran and compiled:
            self.chunk_steps = 4  # the first call measured the compiler
        elif ran:
            self.chunk_steps = int(np.clip(_SECONDS * ran / max(seconds, 1e-6), 1, CAPACITY))

    def _report(self, epoch: int, means: np.ndarray, validation: list[float]) -> Epoch:
        first = len(COLUMNS)
        terms = dict(zip(COLUMNS[1:], map(float, means[1:first]), strict=True))
        active = int((means[first : first + self.latent_dim] > ACTIVE).sum())
        last = validation[-1] if validation else None
        return Epoch(epoch, self.config.epochs, float(means[0]), terms, active, last)

    def say(self, finite: np.ndarray, epoch: int, step: int) -> str:
        """Which term was not finite, and where."""
        names = (*COLUMNS, "gradient")
        bad = [names[i] for i in np.flatnonzero(~finite)]
        # The loss is bad whenever a term is; the term is the news.
        blamed = [name for name in bad if name != "loss"] or bad
        return (
            f"{' and '.join(blamed)} not finite at epoch {epoch + 1}, batch {step + 1}; "
            f"try a smaller train.learning_rate (now {self.config.learning_rate:g})"
            + (", or a smaller step_size of the path" if self.own_bound else "")
        )


def padded(values: np.ndarray, capacity: int, axis: int = 0) -> np.ndarray:
    """Pad the axis of steps to the loop's static capacity; the loop never reaches the padding."""
    missing = capacity - values.shape[axis]
    width = [(0, missing if a == axis else 0) for a in range(values.ndim)]
    return np.pad(values, width) if missing else values
