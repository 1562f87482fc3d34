"""Train a model on a dataset: chunks of steps on the device, decisions on the host."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing, nullcontext
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.train.checkpoint import Checkpoint
from qdisc.train.course import HALVINGS, Anchor, Course
from qdisc.train.devices import agreed, leads
from qdisc.train.fit import ACTIVE, Epoch, Fit
from qdisc.train.identity import identity
from qdisc.train.optimiser import Optimizer
from qdisc.train.program import COLUMNS, GRADIENT, Program, TrainState
from qdisc.train.setup import Progress, Setup, padded
from qdisc.train.start import init_state, with_dtype

__all__ = ["Callback", "Progress", "fit", "init_state", "with_dtype"]

Callback = Callable[[Epoch], bool | None]
Stop = Callable[[], str | None]


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
    checkpoint: Checkpoint | None = None,
    stop: Stop | None = None,
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
        callbacks: Called after each epoch with an `Epoch`; one that returns True stops. After a
            setback (`config.on_divergence`) they see some epochs again.
        progress: Called after each device call with (steps done, steps wanted, figures).
        checkpoint: The file that the training is kept in, and from which it may go on: bit by bit
            as if it had not been interrupted.
        stop: Asked after each device call; words (what interrupts) end the training, after a
            checkpoint was written.

    Returns:
        The `Fit`. Loss or gradients that are not finite, and stay so with half the learning rate,
        end it early with `stop_reason="not_finite"`, the last good parameters, and the term and
        batch in `message`.

    Raises:
        TrainingError: The model's output does not fit the dataset.
        ConfigError: The optimizer is not one.
    """
    # The same numbers whether or not somebody (NetKet does) has switched JAX to 64 bit.
    with jax.enable_x64(config.dtype == "float64"):
        run = Run(module, dataset, config, seed, key, state, optimizer, program)
        run.reshuffle, run.stop = reshuffle, stop
        with closing(run.feed), checkpoint.held() if checkpoint and leads() else nullcontext():
            if checkpoint is not None:
                run.keep_in(checkpoint, dataset, reshuffle)
            return run.go(callbacks, progress)


class Run(Setup):
    """One call of `fit`."""

    reshuffle = True
    checkpoint: Checkpoint | None = None
    stop: Stop | None = None
    interrupted = ""  # by what

    def __init__(self, *pieces: Any) -> None:
        super().__init__(*pieces)
        self.course = Course()
        self.anchor = Anchor.at(self.state, self.course)

    def keep_in(self, checkpoint: Checkpoint, dataset: Dataset, reshuffle: bool) -> None:
        """Write checkpoints, and go on from the one that is there, if that is wanted."""
        self.checkpoint = checkpoint
        self.identity = identity(self.module, dataset, self.config, self.key, self.first, reshuffle)
        if checkpoint.resume:
            found = checkpoint.read(self.identity, self.state, self.state.params)
            if found is not None:
                state, self.anchor, self.course = found
                self.calls.restart(jax.tree.map(jnp.asarray, state))
                self.state = self.calls.state

    def go(self, callbacks: Sequence[Callback], progress: Progress | None) -> Fit:
        started = time.perf_counter()
        while not self.course.reason:
            if self.course.epoch == self.config.epochs:
                self._end("finished", f"all {self.config.epochs} epochs done")
                break
            finite = self._epoch(progress)
            if self.interrupted:
                return self._left_off(started)
            if finite.all():
                self._close_epoch(callbacks)
            elif not self._step_back(finite):
                told = self.say(finite, self.course.epoch, self.course.done)
                self._end("not_finite", f"{told}; kept the parameters {self._keep_good()}")
        if self.checkpoint is not None:
            self._write_checkpoint()
        course, params = self.course, self.state.params
        message = course.message + said(course.setbacks)
        if self.config.patience is not None and course.best_params is not None:
            params = course.best_params
            best = f"epoch {course.best_epoch + 1}, the best on validation"
            message += f"; kept the parameters of {best}"
        return self._fit_of(params, course.reason, message, started)

    def _end(self, reason: str, message: str) -> None:
        self.course.reason, self.course.message = reason, message

    def _close_epoch(self, callbacks: Sequence[Callback]) -> None:
        """Validate, report, and decide whether it was the last one."""
        course, patience = self.course, self.config.patience
        course.complete_epoch()
        if self.validation is not None:
            loss = self.validation.loss(self.state.params, self.hybrid)
            course.validated(loss, self.state.params)
        means = course.steps[-1].mean(0)
        report = self._report(course.epoch, means, course.validation)
        stops = [callback(report) for callback in callbacks]  # each one sees every epoch
        if any(stops):
            self._end("callback", f"a callback stopped it after epoch {course.epoch}")
        elif patience is not None and course.epoch - 1 - course.best_epoch >= patience:
            self._end("early_stopping", f"no better validation loss for {patience} epochs")

    def _step_back(self, finite: np.ndarray) -> bool:
        """Return to the anchor with half the learning rate; False if that cannot help (any more).

        A loss that is not finite at the anchor itself does not depend on the learning rate.
        """
        course, anchor = self.course, self.anchor
        stuck = course.epoch == anchor.course.epoch and course.done == 0
        if self.config.on_divergence == "stop" or stuck or len(course.setbacks) == HALVINGS:
            return False
        told = self.where(finite, course.epoch, course.done)
        halved = self.config.learning_rate * course.factor / 2
        told += (
            f": back to the start of epoch {anchor.course.epoch + 1} at learning rate {halved:g}"
        )
        self.course = anchor.course.copy()
        self.course.setbacks = [*course.setbacks, told]
        self.calls.restart(jax.tree.map(jnp.asarray, anchor.state))
        self.state = self.calls.state
        return True

    def _keep_good(self) -> str:
        """Choose the parameters of a fit that met a number that is not finite; which ones."""
        if self.config.on_divergence == "stop":
            return self.kept()
        self.calls.restart(jax.tree.map(jnp.asarray, self.anchor.state))
        self.state = self.calls.state
        began = int(self.state.step) == self.first
        epoch = self.anchor.course.epoch + 1
        return "it began with" if began else f"of the start of epoch {epoch}"

    def _left_off(self, started: float) -> Fit:
        """The fit of a training that somebody interrupted; it can go on from its checkpoint."""
        course = self.course
        if self.checkpoint is not None:
            self._write_checkpoint()
        where = f"after epoch {course.epoch}, batch {course.done}" if course.done else (
            f"after epoch {course.epoch}"
        )  # fmt: skip
        message = f"interrupted by {self.interrupted} {where}{said(course.setbacks)}"
        return self._fit_of(self.state.params, "interrupted", message, started)

    def _write_checkpoint(self) -> None:
        assert self.checkpoint is not None
        if not leads():
            return
        self.course.n_compilations = self._n_compilations()
        self.checkpoint.write(self.identity, self.state, self.anchor, self.course)

    def _n_compilations(self) -> int:
        return max(self.program.n_compilations, self.course.n_compilations)

    def _fit_of(self, params: Any, reason: str, message: str, started: float) -> Fit:
        course = self.course
        held_out = np.array(course.validation) if self.validation is not None else None
        return self.finished(
            params, course.records, course.epochs, held_out, reason, message, started,
            self._n_compilations(), tuple(course.setbacks),
        )  # fmt: skip

    def _epoch(self, progress: Progress | None) -> np.ndarray:
        """Run (the rest of) one epoch in device calls of about a second; what was finite."""
        config, course, per_epoch = self.config, self.course, self.plan.steps_per_epoch
        n_steps = config.epochs * per_epoch
        window = slice(course.epoch * per_epoch, (course.epoch + 1) * per_epoch)
        rates = self.rates[window] * np.float32(course.factor)
        betas = self.betas[window]
        number = self.first // per_epoch + course.epoch if self.reshuffle else 0
        capacity = self.feed.capacity
        gamma = jnp.asarray(config.gamma, config.dtype)
        finite = np.ones(GRADIENT + 1, bool)
        begin = Anchor.at(self.state, course) if course.done == 0 else self.anchor
        while (done := course.done) < len(rates) and finite.all() and not self.interrupted:
            n = min(self.chunk_steps, len(rates) - done, capacity)
            tables, order = self.feed.take(number, done, n)
            n = len(order)
            take = slice(done, done + n)
            compiled = self.program.n_compilations
            tick = time.perf_counter()
            record, steps, finite = self.calls.run(
                n, tables, padded(order, capacity), padded(rates[take], capacity),
                padded(betas[take], capacity), gamma, self.hybrid, self.key_steps,
            )  # fmt: skip
            self.state, ran = self.calls.state, int(steps)
            self.pace(ran, time.perf_counter() - tick, self.program.n_compilations > compiled)
            if ran:
                course.partial.append(record[:ran])
                self.anchor = (
                    begin  # not before the first good step: the one before may be to blame
                )
            if progress is not None and ran:
                total = course.epoch * per_epoch + course.done
                figures = dict(zip(COLUMNS, map(float, record[ran - 1]), strict=False))
                progress(total, n_steps, figures)
            if self.stop is not None and finite.all() and ran:
                self.interrupted = agreed(self.stop())
            if self.checkpoint is not None and self.checkpoint.due and finite.all() and ran:
                self._write_checkpoint()
        return finite

    def _report(self, epoch: int, means: np.ndarray, validation: list[float]) -> Epoch:
        first = len(COLUMNS)
        terms = dict(zip(COLUMNS[1:], map(float, means[1:first]), strict=True))
        active = int((means[first : first + self.latent_dim] > ACTIVE).sum())
        last = validation[-1] if validation else None
        return Epoch(epoch, self.config.epochs, float(means[0]), terms, active, last)


def said(setbacks: Sequence[str]) -> str:
    """The setbacks of a training, for its message."""
    if not setbacks:
        return ""
    return f"; {len(setbacks)} of {HALVINGS} setbacks: {'; '.join(setbacks)}"
