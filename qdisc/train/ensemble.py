"""Several models from several seeds, trained side by side in one device call.

Each is the model that `fit` trains with its seed: the same keys, the same rows, the same stop when
a number is not finite. What is gained is one compilation for all, and on an accelerator the width.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qdisc.config import TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.streamed import StreamedDataset
from qdisc.errors import ConfigError
from qdisc.train.calls import Calls
from qdisc.train.devices import data_mesh
from qdisc.train.feed import Resident
from qdisc.train.fit import Fit
from qdisc.train.loop import fit
from qdisc.train.optimiser import Optimizer
from qdisc.train.program import COLUMNS, Program
from qdisc.train.rows import epoch_order
from qdisc.train.setup import Progress, Setup, padded


def fit_ensemble(
    module: Any,
    dataset: Dataset,
    config: TrainConfig,
    seeds: Sequence[int],
    *,
    optimizer: Optimizer | None = None,
    program: Program | None = None,
    progress: Progress | None = None,
) -> tuple[Fit, ...]:
    """Train one model per seed; model by model what `fit(..., seed=seed)` gives, to rounding.

    Args:
        module: A model: `apply(variables, batch, key) -> (mean, logvar, z, cp)`.
        dataset: Snapshots; theta is never looked at.
        config: How to train. With a validation split the models are trained one after another,
            because each has its own held-out snapshots and its own best epoch; so they are on
            streamed data, where each has its own rows on the device, and on several devices,
            which then share the rows of each.
        seeds: One per model, all different.
        optimizer: An optax factory or transformation instead of `config.optimizer`.
        program: The loop of an earlier `fit` on the same model and data (`Fit.program`), to keep
            its plan and optimiser.
        progress: Called after each device call with (steps done, steps wanted, figures), the
            figures averaged over the models that go on.

    Returns:
        One `Fit` per seed, in order. `duration_s` and `n_compilations` are those of all together.

    Raises:
        ConfigError: No seeds, or the same one twice.
        TrainingError: The model's output does not fit the dataset.
    """
    seeds = [int(seed) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ConfigError("an ensemble has one seed per model, all different", where="seeds",
                          value=seeds)  # fmt: skip
    one_device = data_mesh(config.devices) is None
    if config.validation_fraction > 0 or isinstance(dataset, StreamedDataset) or not one_device:
        return tuple(
            fit(module, dataset, config, seed=seed, optimizer=optimizer, progress=progress)
            for seed in seeds
        )
    with jax.enable_x64(config.dtype == "float64"):
        runs: list[Setup] = []
        for seed in seeds:
            shared = runs[0].program if runs else program
            runs.append(Setup(module, dataset, config, seed, None, None, optimizer, shared))
        fits = _Ensemble(runs).go(progress)
    if config.on_divergence == "stop":
        return fits

    def again(seed: int) -> Fit:  # the learning rate that is halved is its own
        return fit(module, dataset, config, seed=seed, optimizer=optimizer, program=program)

    return tuple(
        again(seed) if one.stop_reason == "not_finite" else one
        for seed, one in zip(seeds, fits, strict=True)
    )


class _Ensemble:
    """One call of `fit_ensemble`."""

    def __init__(self, runs: list[Setup]) -> None:
        self.runs, self.first = runs, runs[0]
        state, self.keys = (
            jax.tree.map(lambda *a: jnp.stack(a), *(getattr(run, name) for run in runs))
            for name in ("state", "key_steps")
        )
        # an order of rows of its own for each model exists in the shuffled plan only
        order = 0 if self.first.plan.mode == "shuffled" else None
        axes = (0, None, order, None, None, None, None, 0, 0)
        self.loop = jax.jit(jax.vmap(self.first.program.loop, in_axes=axes), donate_argnums=0)
        self.calls = Calls(self.loop, state)
        self.alive = np.ones(len(runs), bool)
        self.records: list[list[np.ndarray]] = [[] for _ in runs]
        self.epochs: list[list[np.ndarray]] = [[] for _ in runs]
        self.endings = [("finished", f"all {self.first.config.epochs} epochs done")] * len(runs)

    def go(self, progress: Progress | None) -> tuple[Fit, ...]:
        started = time.perf_counter()
        config, per_epoch = self.first.config, self.first.plan.steps_per_epoch
        rates, betas = self.first.rates, self.first.betas
        for epoch in range(config.epochs):
            window = slice(epoch * per_epoch, (epoch + 1) * per_epoch)
            self._epoch(epoch, rates[window], betas[window], progress, rates.size)
            if not self.alive.any():
                break
        return tuple(self._finished(m, started) for m in range(len(self.runs)))

    def _epoch(self, epoch, rates, betas, progress, n_steps) -> None:
        first, plan = self.first, self.first.plan
        assert isinstance(first.feed, Resident)
        capacity, tables = first.feed.capacity, first.feed.tables
        orders = np.stack([epoch_order(plan, run.key_order, epoch) for run in self.runs])
        orders = orders if plan.mode == "shuffled" else orders[0]
        gamma = jnp.asarray(first.config.gamma, first.config.dtype)
        rows: list[list[np.ndarray]] = [[] for _ in self.runs]
        done = 0
        while done < len(rates) and self.alive.any():
            n = min(first.chunk_steps, len(rates) - done, capacity)
            take = slice(done, done + n)
            compiled, tick = self._compiled(), time.perf_counter()
            order = padded(orders[..., take, :], capacity, orders.ndim - 2)
            record, ran, finite = self.calls.run(
                np.where(self.alive, n, 0), tables, order, padded(rates[take], capacity),
                padded(betas[take], capacity), gamma, first.hybrid, self.keys,
            )  # fmt: skip
            first.pace(n, time.perf_counter() - tick, self._compiled() > compiled)
            for m in map(int, np.flatnonzero(self.alive)):
                rows[m].append(record[m, : ran[m]])
                if not finite[m].all():
                    self._stop(m, finite[m], epoch, done + int(ran[m]))
            done += n
            last = [rows[m][-1][-1, : len(COLUMNS)] for m in np.flatnonzero(self.alive)]
            if progress is not None and last:
                figures = dict(zip(COLUMNS, map(float, np.mean(last, axis=0)), strict=True))
                progress(epoch * plan.steps_per_epoch + done, n_steps, figures)
        for m, pieces in enumerate(rows):
            if pieces:
                self.records[m].append(np.concatenate(pieces))
            if self.alive[m]:
                self.epochs[m].append(self.records[m][-1].mean(0))

    def _compiled(self) -> int:
        return self.loop._cache_size()  # type: ignore[attr-defined]

    def _stop(self, m: int, finite: np.ndarray, epoch: int, step: int) -> None:
        self.alive[m] = False
        self.endings[m] = ("not_finite", self.runs[m].say(finite, epoch, step))

    def _finished(self, m: int, started: float) -> Fit:
        run, (reason, message) = self.runs[m], self.endings[m]
        run.state = jax.tree.map(lambda a: a[m], self.calls.state)
        if reason == "not_finite":
            message += f"; kept the parameters {run.kept()}"
        return run.finished(
            run.state.params, self.records[m], self.epochs[m], None, reason, message, started,
            self._compiled(),
        )  # fmt: skip
