"""The chain: dataset -> model -> training -> analyses -> result file -> figures.

The only place that wires the layers together; each does its own work.
"""

from __future__ import annotations

import time
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
import tomli_w

from qdisc.analysis import runner
from qdisc.analysis.evidence import HeldOut, held_out_evidence
from qdisc.analysis.model import Model
from qdisc.analysis.selection import choose
from qdisc.config import Recipe
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.entropy import plug_in_entropies
from qdisc.pipeline import keep
from qdisc.pipeline.objectives import OBJECTIVES
from qdisc.pipeline.recipe import Settings, as_tables, resolve
from qdisc.pipeline.result import Result
from qdisc.plugin.registry import Registry
from qdisc.results import build, provenance
from qdisc.results.schema import Group
from qdisc.results.text import config_text
from qdisc.signals import CODES
from qdisc.train.checkpoint import Checkpoint
from qdisc.train.devices import leads, wait
from qdisc.train.fit import Fit
from qdisc.train.keys import key_of
from qdisc.train.loop import Stop, fit
from qdisc.train.names import flatten


class Silent:
    """A progress that shows nothing."""

    def stage(self, name: str, total: int | None = None) -> None:
        """Begin a stage of `total` steps."""

    def advance(self, n: int = 1, **info: object) -> None:
        """Take `n` steps."""

    def message(self, text: str) -> None:
        """Say something."""


def chain(
    dataset: Dataset,
    recipe: Recipe,
    out: Path,
    *,
    data_table: dict[str, Any],
    registry: Registry | None = None,
    strict: bool = False,
    figures: bool = True,
    progress: Any = None,
    command: str | None = None,
    checkpoint: bool = False,
    resume: bool = False,
    stop: Stop | None = None,
) -> Result:
    """Run everything on a dataset and write `out`.

    Args:
        dataset: The snapshots.
        recipe: What to do with them.
        out: Result file; an existing one is replaced when the new one is complete.
        data_table: `[data]` of the recipe as it is stored.
        registry: Installed plugins.
        strict: Raise at the first failing plugin.
        figures: Draw the figures beside `out`.
        progress: An object like `Silent`.
        command: Command line to note.
        checkpoint: Keep the training in a file beside `out` until the result is written.
        resume: Go on from that file; a complete result of the same run is returned as it is.
        stop: Asked now and then; words (what interrupts) end the run, and what exists is written.
    """
    started = time.perf_counter()
    registry, progress = registry or Registry(), progress or Silent()
    settings = resolve(recipe, dataset, registry)
    choose(registry, recipe.observables, recipe.analyses)  # a wrong name is found now, not later
    tables = as_tables(recipe, settings, data_table)
    keeper = None
    if checkpoint:
        if resume and not keep.checkpoint_path(out).exists():
            done = keep.finished(out, tables, dataset)
            if done is not None:
                progress.message(f"{out} is complete: nothing to do")
                return done
        keeper = keep.checkpoint_of(out, settings.train.checkpoint_s, resume, progress.message)
    training = _train(dataset, settings, recipe.seed, progress, keeper, stop)
    if not leads():  # of the processes that trained together, the first one does the rest
        wait("written")
        return Result(out)
    if training.stop_reason != "finished" or training.setbacks:
        progress.message(f"training: {training.message}")
    model = Model(settings.module, _single(training.variables), dataset.spec)
    evidence = None
    if not (stop and stop()):
        evidence = _evidence(model, training, recipe.seed, progress)
    outcomes = _analyse(dataset, model, training, recipe, registry, strict, progress, stop)
    interrupted = stop() if stop else None
    tracebacks = {o.name: o.traceback for o in outcomes if o.traceback}
    failed = bool(outcomes.failures) or training.stop_reason == "not_finite"
    notes = provenance.collect(
        seed=recipe.seed,
        config_toml=tomli_w.dumps(tables),
        duration_s=time.perf_counter() - started,
        device=str(jax.devices()[0]),
        command=command,
        tracebacks=tracebacks,
    )
    notes = replace(notes, attrs={**notes.attrs, "exit_code": _exit_code(failed, interrupted)})
    root = build.result_group(
        title=dataset.name or "qdisc result",
        theta=build.theta_variables(dataset),
        dataset=build.dataset_group(dataset, rng_seed=recipe.seed, config=data_table),
        model=_model_group(settings, model, dataset, _latent_order(training, outcomes)),
        training=_training_group(training, dataset, outcomes, evidence),
        observables={n: _observable_group(o, dataset) for n, o in outcomes.observables.items()},
        analyses={n: _analysis_group(o) for n, o in outcomes.analyses.items()},
        provenance=notes,
    )
    keep.write(out, root, interrupted)
    wait("written")
    if keeper is not None and not interrupted:
        keeper.remove()
    drawn: list[Path] = []
    if figures and not interrupted:
        from qdisc.show.figures import draw_all

        progress.stage("drawing", None)
        drawn = draw_all(Result(out), out.parent, out.stem)
    return Result(out, drawn)


def _exit_code(failed: bool, interrupted: str | None) -> int:
    return CODES.get(interrupted, 1) if interrupted else 3 if failed else 0


def _train(
    dataset: Dataset,
    settings: Settings,
    seed: int,
    progress: Any,
    keeper: Checkpoint | None,
    stop: Stop | None,
) -> Fit:
    done = 0

    def advance(step: int, total: int, figures: dict[str, float]) -> None:
        nonlocal done
        if done == 0:
            progress.stage("training", total)
        progress.advance(step - done, loss=round(figures["loss"], 3))
        done = step

    progress.stage("compiling", None)
    return fit(
        settings.module, dataset, settings.train, seed=seed, progress=advance, checkpoint=keeper,
        stop=stop,
    )  # fmt: skip


def _evidence(model: Model, training: Fit, seed: int, progress: Any) -> HeldOut | None:
    samples = training.config.evidence_samples
    if training.held_out is None or not samples or training.stop_reason == "not_finite":
        return None
    progress.stage("held-out evidence", None)
    key = jax.random.fold_in(key_of(seed), np.uint32(zlib.crc32(b"evidence")))
    return held_out_evidence(model, training.held_out, samples, key)


def _analyse(
    dataset: Dataset,
    model: Model,
    training: Fit,
    recipe: Recipe,
    registry: Registry,
    strict: bool,
    progress: Any,
    stop: Stop | None,
) -> runner.Outcomes:
    before = None

    def advance(name: str, done: int, total: int) -> None:
        nonlocal before
        if before is None:  # twice nothing is done: before the model samples and after them
            progress.stage("analysing", total)
        progress.advance(done - (before or 0), plugin=name)
        before = done

    return runner.run(
        dataset, model, key=key_of(recipe.seed), training=training,
        observables=recipe.observables, analyses=recipe.analyses, registry=registry,
        strict=strict, progress=advance, stop=stop,
    )  # fmt: skip


def _single(variables: Any) -> Any:
    """Parameters in single precision: what is analysed is what the file will hold."""
    return jax.tree.map(lambda a: np.asarray(a, np.float32), variables)


def _model_group(settings: Settings, model: Model, dataset: Dataset, order: np.ndarray) -> Group:
    own = None
    if settings.objective_config is not None:
        attrs, variables = OBJECTIVES[settings.objective].learned(
            settings.module, model.variables, order
        )
        if dataset.data_type == "hybrid" and settings.train.alpha is not None:
            attrs = {**attrs, "alpha": settings.train.alpha}
        own = build.objective_group(settings.objective, settings.objective_config, attrs, variables)
    return build.model_group(
        settings.model.spec.name, settings.model.spec.version, settings.model_config,
        settings.objective, flatten(_single(model.variables)["params"]), dataset.spec,
        {} if settings.readout is None else {"readout": config_text(settings.readout)},
        objective_group=own,
    )  # fmt: skip


def _training_group(
    training: Fit, dataset: Dataset, outcomes: runner.Outcomes, evidence: HeldOut | None
) -> Group:
    entropies = plug_in_entropies(dataset)
    extra: dict[str, Any] = {
        "n_compilations": training.n_compilations,
        "n_parameters": training.n_parameters,
        "setbacks": len(training.setbacks),
    }
    if training.epochs_run:
        extra["reconstruction"] = float(training.terms["reconstruction"][-1])
        extra["rate"] = float(training.terms["kl"][-1])
        extra["active_latents"] = training.active_latents
    if entropies is not None:
        extra["entropy_x"] = entropies.x
        extra["entropy_x_given_theta"] = entropies.x_given_theta
    if evidence is not None:
        extra["log_evidence"] = evidence.log_evidence
        extra["log_evidence_std_error"] = evidence.std_error
        extra["evidence_ess"] = evidence.ess
        extra["evidence_samples"] = evidence.n_samples
        extra["evidence_snapshots"] = evidence.n_snapshots
    order = _latent_order(training, outcomes)
    return build.training_group(
        training.loss, training.terms, training.logvar[:, order], training.kl[:, order],
        training.stop_reason,
        training.seed, validation_loss=training.validation_loss, message=training.message,
        config=training.config, extra=extra,
    )  # fmt: skip


def _latent_order(training: Fit, outcomes: runner.Outcomes) -> np.ndarray:
    """Columns of the training curves in the order of the latent map."""
    found = outcomes.analyses.get("latent_map")
    if found is not None and found.ok:
        return found.variables["order"].data
    last = training.kl[-1] if len(training.kl) else np.zeros(training.kl.shape[1])
    return np.argsort(-last, kind="stable")


def _observable_group(outcome: Any, dataset: Dataset) -> Group:
    base = build.observable_group(
        outcome.name, dataset.theta_dims, version=outcome.version, contract=outcome.contract,
        status=outcome.status, message=outcome.message,
    )  # fmt: skip
    attrs = {**base.attrs, "signal": "value"} if outcome.variables else base.attrs
    return Group(attrs, dict(outcome.variables))


def _analysis_group(outcome: Any) -> Group:
    return build.analysis_group(
        outcome.name, version=outcome.version, contract=outcome.contract,
        config=dict(outcome.config), status=outcome.status, message=outcome.message,
        variables=outcome.variables,
    )  # fmt: skip
