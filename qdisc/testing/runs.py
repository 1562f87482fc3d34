"""Checks of observables and analyses: each runs in the host, on every tiny dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

import jax
import msgspec
import numpy as np

from qdisc.analysis.outcome import Outcome
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.dataset.dataset import Dataset
from qdisc.plugin.registry import Registry
from qdisc.results import build
from qdisc.testing.datasets import tiny_datasets
from qdisc.testing.storage import close_variables, same_variables, stored, untouched
from qdisc.testing.toy import tiny_model, tiny_training

N_SAMPLES = 16  # model samples per setting


def checks(kind: str, obj: Any, config: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """Checks by name; each dataset is run once and shared by them."""
    host = _Host(kind, obj, config)
    for name in host.datasets:
        yield f"runs[{name}]", partial(host.runs, name)
    yield "runs_somewhere", host.runs_somewhere
    yield "same_key_same_bits", host.same_bits
    yield "leaves_the_data_alone", host.leaves_the_data_alone
    yield "independent_of_batching", host.independent_of_batching
    yield "survives_the_file", host.survives_the_file


class _Host:
    """One plugin in the host, with all that it may need beside it."""

    def __init__(self, kind: str, obj: Any, config: Any) -> None:
        self.kind, self.obj, self.config = kind, obj, config
        self.datasets = tiny_datasets()
        self.registry = Registry([(kind, obj)])
        self.outcome = cache(self._outcome)  # one run per dataset, whichever check comes first

    def _outcome(self, name: str, again: bool = False, chunk: int | None = None) -> Outcome:
        dataset = self.datasets[name]
        wanted = (self.obj.spec.name,)
        table = {} if self.config is None else msgspec.to_builtins(self.config)
        table = {name: value for name, value in table.items() if value is not None}
        options: dict[str, Any] = {"reconstruction": {"n_samples": N_SAMPLES}}
        options[wanted[0]] = options.get(wanted[0], {}) | table
        nothing, chosen = Selection(run=()), Selection(run=wanted)
        if self.kind == "analysis":
            chosen = Selection(run=wanted, options=options)
        model = tiny_model(dataset, chunk) if self.kind == "analysis" else None
        outcomes = run(
            dataset, model, key=jax.random.key(0), training=tiny_training(),
            registry=self.registry,
            observables=chosen if self.kind == "observable" else nothing,
            analyses=chosen if self.kind == "analysis" else nothing,
        )  # fmt: skip
        return (outcomes.analyses if self.kind == "analysis" else outcomes.observables)[wanted[0]]

    def ran(self) -> list[str]:
        """Names of the datasets that suit the plugin."""
        return [name for name in self.datasets if self.outcome(name).ok]

    # -- checks ----------------------------------------------------------------------------

    def runs(self, name: str) -> None:
        """The plugin runs and gives what its spec promises, or says why it does not suit."""
        outcome, kind = self.outcome(name), self.datasets[name].data_type
        assert outcome.status in ("ok", "skipped"), f"{outcome.message}\n{outcome.traceback}"
        if kind not in self.obj.spec.data_kinds:
            assert not outcome.ok, f"runs on {kind} data, which spec.data_kinds leaves out"
        if outcome.ok:
            assert outcome.variables, "ran, and gave nothing"
        else:
            assert outcome.message, "skipped without a reason"

    def runs_somewhere(self) -> None:
        """Every data kind that the spec names is really supported."""
        kinds = {self.datasets[name].data_type for name in self.ran()}
        idle = sorted(set(self.obj.spec.data_kinds) - kinds)
        assert not idle, f"spec.data_kinds names {', '.join(idle)}, but it never ran on them"

    def same_bits(self) -> None:
        """The same key gives the same bits."""
        for name in self._few():
            same_variables(self.outcome(name).variables, self.outcome(name, True).variables)

    def leaves_the_data_alone(self) -> None:
        """The dataset is the same afterwards."""
        for name in self._few():
            with untouched(self.datasets[name]):
                self._outcome(name)

    def independent_of_batching(self) -> None:
        """Values belong to snapshots, not to the batch they came in."""
        for name in self._few():
            if self.kind == "analysis":
                small = self._outcome(name, chunk=16)
                close_variables(self.outcome(name).variables, small.variables)
            else:
                _one_by_one(self.obj, self.datasets[name])

    def survives_the_file(self) -> None:
        """Everything comes back from an HDF5 file as it was."""
        for name in self.ran():
            dataset, outcome = self.datasets[name], self.outcome(name)
            if self.kind == "analysis":
                group = build.analysis_group(outcome.name, variables=outcome.variables)
                folder, groups = "analyses", {"analyses": {outcome.name: group}}
            else:
                group = build.Group(
                    build.observable_group(outcome.name, dataset.theta_dims).attrs,
                    outcome.variables,
                )
                folder, groups = "observables", {"observables": {outcome.name: group}}
            tree = stored(dataset, **groups)
            same_variables(outcome.variables, tree.groups[folder].groups[outcome.name].variables)

    def _few(self) -> list[str]:
        """One dataset of each kind that the plugin ran on."""
        seen: dict[str, str] = {}
        for name in self.ran():
            seen.setdefault(self.datasets[name].data_type, name)
        return list(seen.values())


def _one_by_one(obj: Any, dataset: Dataset) -> None:
    rows = dataset.physical(dataset.configurations)
    together = np.asarray(obj(rows, dataset.spec))
    alone = np.concatenate([np.asarray(obj(row[None], dataset.spec)) for row in rows])
    backwards = np.asarray(obj(rows[::-1], dataset.spec))[::-1]
    for other, words in ((alone, "alone"), (backwards, "in another order")):
        same = together.shape == other.shape and np.allclose(together, other, 1e-5, 1e-6)
        assert same, f"a snapshot has another value when it comes {words}"
