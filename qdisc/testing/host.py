"""One plugin in the host, as a run would call it: for tests about its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from qdisc.dataset.dataset import Dataset
from qdisc.plugin.variable import Variable


def run_plugin(
    plugin: Any, dataset: Dataset, model: Any = None, *, seed: int = 0, **options: Any
) -> Mapping[str, Variable]:
    """Run one observable or analysis on a dataset and return its variables.

    Everything that a run checks is checked. What an analysis needs from others is run before it.

    Args:
        plugin: The observable or analysis, or its class; it need not be installed.
        dataset: The data.
        model: A trained model (`Result.model()`, or `tiny_model(dataset)`), for analyses that
            need one.
        seed: Fixes the key of the run.
        **options: Options of an analysis.

    Raises:
        ConformanceError: It does not suit the data.
        Exception: Whatever the plugin raises, and PluginError where it breaks the contract.
    """
    import jax

    from qdisc.analysis.runner import run
    from qdisc.config import Selection
    from qdisc.plugin.registry import Registry
    from qdisc.testing.kit import ConformanceError, kind_of
    from qdisc.testing.toy import tiny_training

    plugin = plugin() if isinstance(plugin, type) else plugin
    kind, name = kind_of(plugin), plugin.spec.name
    if kind not in ("observable", "analysis"):
        raise ConformanceError("only observables and analyses are run", where=name, value=kind)
    table = {name: options} if options else {}
    chosen, nothing = Selection(run=(name,), options=table), Selection(run=())
    outcomes = run(
        dataset, model, key=jax.random.key(seed), training=tiny_training() if model else None,
        registry=Registry([(kind, plugin)]), strict=True,
        observables=chosen if kind == "observable" else nothing,
        analyses=chosen if kind == "analysis" else nothing,
    )  # fmt: skip
    outcome = (outcomes.observables if kind == "observable" else outcomes.analyses)[name]
    if not outcome.ok:
        raise ConformanceError(
            f"the plugin did not run: it is {outcome.status}", where=f"{kind} {name}",
            value=outcome.message,
        )  # fmt: skip
    return outcome.variables
