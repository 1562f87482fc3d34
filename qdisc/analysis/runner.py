"""Runs observables and analyses in order, each on its own: one that fails costs nobody else."""

from __future__ import annotations

import time
import traceback
import zlib
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from qdisc._typing import Key
from qdisc.analysis.context import PARTS, Context, Resources
from qdisc.analysis.model import Model
from qdisc.analysis.observe import observe
from qdisc.analysis.order import Node, target, targets, topological
from qdisc.analysis.outcome import Outcome, Outcomes
from qdisc.analysis.outputs import Sizes, checked, frozen
from qdisc.analysis.selection import TABLES, Job, choose
from qdisc.config import Selection
from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError, QdiscError, nearest
from qdisc.plugin.registry import Registry
from qdisc.plugin.variable import Variable

EVERYTHING = Selection()
Progress = Callable[[str, int, int], None]
"""Called with what starts (a plugin, "model_samples", "" at the end), plugins done, of how many."""


def run(
    dataset: Dataset,
    model: Model | None = None,
    *,
    key: Key,
    training: Any = None,
    observables: Selection = EVERYTHING,
    analyses: Selection = EVERYTHING,
    registry: Registry | None = None,
    strict: bool = False,
    progress: Progress | None = None,
    stop: Callable[[], str | None] | None = None,
) -> Outcomes:
    """Run everything that was selected and suits the data.

    Args:
        dataset: The data.
        model: The trained model; without one, what needs it is skipped.
        key: Key of the run. Each plugin gets it folded with its own name, so that another
            plugin changes nobody's numbers.
        training: Summary of the training for analyses that ask for it.
        observables: Which observables run.
        analyses: Which analyses run, with their options.
        registry: Installed plugins; looked up when left out.
        strict: Raise the first failure instead of keeping it.
        progress: Called before the model is sampled, before each plugin and at the end.
        stop: Asked before each plugin; words (what interrupts) skip it.

    Returns:
        One outcome per plugin, whatever became of it.

    Raises:
        ConfigError: An unknown plugin or option, before anything runs.
        PluginError: With `strict`, a plugin that is unusable or breaks the contract.
    """
    jobs = choose(registry or Registry(), observables, analyses)
    if strict:
        _refuse_unusable(jobs)
    resources = Resources(
        dataset, model, training, key=_fold(key, "model_samples"), n_samples=_n_samples(jobs)
    )
    order, circles = topological(*_needs(jobs))
    outcomes: dict[Node, Outcome] = {}
    for node, job in jobs.items():
        if node in circles:
            way = " -> ".join(name for _, name in circles[node])
            problem = PluginError(
                "plugins need each other in a circle", where=f"{node[0]} {node[1]}", value=way
            )
            if strict:
                raise problem
            outcomes[node] = _outcome(job, "invalid", message=str(problem))
        elif not job.runs:
            outcomes[node] = _not_run(job)
    words = stop() if stop else None
    if not words and model is not None and any(kind == "observable" for kind, _ in order):
        if progress:
            progress("model_samples", 0, len(order))  # most of the waiting is here
        resources.prepare("model_samples")
    sizes = Sizes(dataset)
    for done, node in enumerate(order):
        if progress:
            progress(node[1], done, len(order))
        words = stop() if stop else None
        if words:
            outcomes[node] = _outcome(jobs[node], "skipped", message=f"interrupted by {words}")
            continue
        outcome = _run_one(jobs[node], resources, outcomes, sizes, key, strict)
        outcomes[node] = outcome
        if outcome.ok:
            results = resources.observables if node[0] == "observable" else resources.analyses
            results[node[1]] = outcome.variables
            sizes.add(outcome.variables, f"{node[0]} {node[1]}")
    if progress:
        progress("", len(order), len(order))
    ran = {node: outcomes[node] for node in (*order, *sorted(set(outcomes) - set(order)))}
    return Outcomes(
        {name: o for (kind, name), o in ran.items() if kind == "observable"},
        {name: o for (kind, name), o in ran.items() if kind == "analysis"},
    )


def _run_one(
    job: Job,
    resources: Resources,
    outcomes: Mapping[Node, Outcome],
    sizes: Sizes,
    key: Key,
    strict: bool,
) -> Outcome:
    start = time.perf_counter()
    kind, name = job.node
    obj = job.found.obj
    try:
        reason = _unsuited(obj, resources.dataset) or _missing(obj.spec, resources, outcomes)
        if reason:
            return _outcome(job, "skipped", message=reason)
        if kind == "observable":
            variables, message = _observed(obj, resources, sizes, strict)
        else:
            message = ""
            context = Context(resources, obj.spec)
            raw = obj.run(context, job.config, key=_fold(key, f"analysis:{name}"))
            variables = checked(raw, obj.spec, resources.dataset.theta_dims, sizes)
    except Exception as error:  # isolation: the reason is kept, the others go on
        if strict:
            raise
        words = str(error) if isinstance(error, QdiscError) else f"{type(error).__name__}: {error}"
        if name not in words:
            words = f"{kind} {name}: {words}"
        return _outcome(
            job, "failed", message=words, traceback=traceback.format_exc(),
            duration_s=time.perf_counter() - start,
        )  # fmt: skip
    return _outcome(
        job, "ok", message=message, variables=variables, duration_s=time.perf_counter() - start
    )


def _observed(
    obj: Any, resources: Resources, sizes: Sizes, strict: bool
) -> tuple[dict[str, Variable], str]:
    """The observable over data and model samples; data alone when the model cannot be sampled."""
    message, sweep = "", None
    try:
        sweep = resources.model_samples
    except Exception as error:  # the model's fault, not the observable's
        if strict:
            raise
        message = f"no model values: {type(error).__name__}: {error}"
    variables = observe(obj, resources.dataset, sweep)
    for variable in variables.values():
        problem = sizes.problem(variable)
        if problem:
            raise PluginError("wrong length", where=f"observable {obj.spec.name}", value=problem)
    return {name: frozen(variable) for name, variable in variables.items()}, message


def _unsuited(obj: Any, dataset: Dataset) -> str:
    """Say why a plugin does not suit the data; "" if it does.

    A plugin may have a method `applies(data_spec) -> str` of its own for what the spec cannot say.
    """
    spec = obj.spec
    if dataset.data_type not in spec.data_kinds:
        return f"not made for {dataset.data_type} data, only {', '.join(spec.data_kinds)}"
    if spec.theta_dims is not None:
        k = len(dataset.theta_names)
        if k not in spec.theta_dims:
            return f"not made for {k} theta axes, only {', '.join(map(str, spec.theta_dims))}"
        if dataset.n_points < 2:
            return "needs a sweep; the data have one setting"
    applies = getattr(obj, "applies", None)
    return str(applies(dataset.spec)) if callable(applies) else ""


def _missing(spec: Any, resources: Resources, outcomes: Mapping[Node, Outcome]) -> str:
    """Name the first need that is not there; "" if all are.

    Raises:
        PluginError: A need that no context can ever hold.
    """
    for need in (*getattr(spec, "needs", ()), *getattr(spec, "optional_needs", ())):
        node = target(need)
        if need not in PARTS and (node is None or node[0] not in TABLES):
            raise PluginError(
                "an unknown need", where=f"plugin {spec.name}", value=need,
                hint=nearest(need, (*PARTS, "observable:<name>", "analysis:<name>/<var>")),
            )  # fmt: skip
    for need in getattr(spec, "needs", ()):
        node = target(need)
        if node is None:
            present = resources.model if need == "latent" else getattr(resources, need)
            if present is None:
                return f"needs {need}, and this run has none"
            continue
        other = outcomes.get(node)
        if other is None:
            return f"needs {need}; no {node[0]} {node[1]} is installed"
        if not other.ok:
            return f"needs {need}; {node[0]} {node[1]} is {other.status}: {other.message}"
        variable = need.partition("/")[2]
        if variable and variable not in other.variables:
            return f"needs {need}; {node[0]} {node[1]} gave no {variable!r}"
    return ""


def _needs(jobs: Mapping[Node, Job]) -> tuple[dict[Node, set[Node]], dict[Node, set[Node]]]:
    hard: dict[Node, set[Node]] = {}
    soft: dict[Node, set[Node]] = {}
    for node, job in jobs.items():
        if job.runs:
            hard[node] = targets(getattr(job.found.obj.spec, "needs", ()))
            soft[node] = targets(getattr(job.found.obj.spec, "optional_needs", ()))
    return hard, soft


def _not_run(job: Job) -> Outcome:
    if job.disabled:
        table = TABLES[job.found.kind]
        return _outcome(job, "disabled", message=f"taken out by {table}.skip")
    return _outcome(job, job.found.state, message=job.found.reason, traceback=job.found.traceback)


def _outcome(job: Job, status: str, **rest: Any) -> Outcome:
    spec = getattr(job.found.obj, "spec", None)
    return Outcome(
        job.found.name, job.found.kind, status, package=job.found.package,
        version=getattr(spec, "version", ""), contract=getattr(spec, "contract", ""),
        config=job.options, selected=job.selected, **rest,
    )  # fmt: skip


def _refuse_unusable(jobs: Mapping[Node, Job]) -> None:
    for (kind, name), job in jobs.items():
        if job.selected and not job.runs:
            raise PluginError(
                f"the {kind} plugin {name!r} is {job.found.state}", where=job.found.package,
                value=job.found.reason, hint=f"see `qdisc plugins show {name}`",
            )  # fmt: skip


def _n_samples(jobs: Mapping[Node, Job]) -> int | None:
    """Model samples are drawn once for everybody; `reconstruction` is where their number is set."""
    job = jobs.get(("analysis", "reconstruction"))
    return None if job is None else getattr(job.config, "n_samples", None)


def _fold(key: Key, name: str) -> Key:
    return jax.random.fold_in(key, np.uint32(zlib.crc32(name.encode())))
