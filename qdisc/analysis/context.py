"""What an analysis is given: exactly what its spec says it needs, read-only."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax
import numpy as np

from qdisc._typing import Key
from qdisc.analysis.encode import latent_table
from qdisc.analysis.latent import LatentTable
from qdisc.analysis.model import Model
from qdisc.analysis.model_samples import ModelSweep, sample_sweep
from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError
from qdisc.plugin.spec import AnalysisSpec
from qdisc.plugin.variable import Variable

__all__ = ["Context", "LatentTable", "Model", "Resources"]

PARTS = ("dataset", "model", "latent", "training")


class MissingNeed(PluginError, AttributeError):
    """A plugin asks for something its spec does not name (an AttributeError for `hasattr`)."""


class Resources:
    """What a run has. The latent table and the model's samples are made at first use, once.

    Args:
        dataset: The data.
        model: The trained model, if there is one.
        training: Summary of the training (a `Fit`), if known.
        key: Key of the model's samples.
        n_samples: Model samples per point; None for a number that suits the data.
    """

    def __init__(
        self,
        dataset: Dataset,
        model: Model | None = None,
        training: Any = None,
        *,
        key: Key,
        n_samples: int | None = None,
    ) -> None:
        self.dataset, self.model, self.training = dataset, model, training
        self.observables: dict[str, Mapping[str, Variable]] = {}
        self.analyses: dict[str, Mapping[str, Variable]] = {}
        self._key, self._n_samples = key, n_samples
        self._made: dict[str, tuple[Any, Exception | None]] = {}

    @property
    def latent(self) -> LatentTable | None:
        """Posterior of every configuration."""
        model = self.model
        if model is None:
            return None
        return self._once("latent", lambda: latent_table(model, self.dataset))

    @property
    def model_samples(self) -> ModelSweep | None:
        """Samples of the model at every point; None when there is no model to sample."""
        model = self.model
        if model is None or not model.can_sample:
            return None

        def make() -> ModelSweep:
            latent = self.latent
            assert latent is not None
            return sample_sweep(model, self.dataset, latent, self._n_samples, self._key)

        return self._once("model_samples", make)

    def retrained(self, seeds: Sequence[int]) -> list[Resources]:
        """What the run would have had with each of these seeds, in order.

        The run's own seed costs nothing; the other models are trained as its model was, side by
        side. Each has the dataset, model, training and latent table, and no results of plugins.
        """
        assert self.model is not None and self.training is not None
        from qdisc.train.ensemble import fit_ensemble  # starts optax, for the few that ask

        module, own = self.model.module, self.training.seed
        others = [seed for seed in dict.fromkeys(map(int, seeds)) if seed != own]
        if not jax.tree.leaves(self.model.variables):  # nothing to train
            fits = [replace(self.training, seed=seed) for seed in others]
        else:
            config = self.training.config
            fits = fit_ensemble(module, self.dataset, config, others) if others else []
        found: dict[int | None, Resources] = {own: self}
        for seed, fit in zip(others, fits, strict=True):
            variables = jax.tree.map(lambda a: np.asarray(a, np.float32), fit.variables)
            model = Model(module, variables, self.model.data_spec, chunk=self.model.chunk)
            found[seed] = Resources(self.dataset, model, fit, key=self._key,
                                    n_samples=self._n_samples)  # fmt: skip
        return [found[int(seed)] for seed in seeds]

    def prepare(self, name: str) -> None:
        """Make a lazy part now; a failure waits for whoever asks for it."""
        with contextlib.suppress(Exception):  # kept by _once, and raised again at every use
            getattr(self, name)

    def _once(self, name: str, make: Callable[[], Any]) -> Any:
        if name not in self._made:
            try:
                self._made[name] = (make(), None)
            except Exception as error:  # remembered: the next plugin meets it without the wait
                self._made[name] = (None, error)
        value, failure = self._made[name]
        if failure is not None:
            raise failure
        return value


class Context:
    """Read-only view of a run for one plugin.

    Attributes are `dataset`, `model`, `latent`, `training`, `observables[name][variable]`,
    `analyses[name][variable]` and, for plugins that need the model, `model_samples`. What is
    optional and absent is None, or not in the mapping. Anything that neither `needs` nor
    `optional_needs` names raises `PluginError`.

    Plugins that need the model and the training may call `ensemble(seeds)`: one context per seed,
    with the model that the run would have had with that seed. It trains, all of them side by side.
    """

    __slots__ = ("_allowed", "_resources", "_spec", "_who")

    def __init__(self, resources: Resources, spec: AnalysisSpec) -> None:
        object.__setattr__(self, "_resources", resources)
        object.__setattr__(self, "_spec", spec)
        object.__setattr__(self, "_allowed", (*spec.needs, *spec.optional_needs))
        object.__setattr__(self, "_who", spec.name)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in ("observables", "analyses"):
            kind = "observable" if name == "observables" else "analysis"
            results = getattr(self._resources, name)
            return Results(kind, results, self._allowed, self._who)
        if name == "ensemble":
            return self._ensemble
        need = "model" if name == "model_samples" else name
        if need not in PARTS or need not in self._allowed:
            raise missing_need(need, self._who)
        return getattr(self._resources, name)

    def _ensemble(self, seeds: Sequence[int]) -> list[Context]:
        for need in ("model", "training"):
            if need not in self._allowed:
                raise missing_need(need, self._who)
            if getattr(self._resources, need) is None:
                raise PluginError("an ensemble needs a model and its training",
                                  where=f"plugin {self._who}", value=f"no {need}")  # fmt: skip
        return [Context(one, self._spec) for one in self._resources.retrained(seeds)]

    def __setattr__(self, name: str, value: object) -> None:
        raise PluginError("the context is read-only", where=f"plugin {self._who}", value=name)

    def __dir__(self) -> list[str]:
        return [*PARTS, "model_samples", "ensemble", "observables", "analyses"]


class Results(Mapping[str, Mapping[str, Variable]]):
    """Outputs of other plugins, as far as they were asked for: results[name][variable]."""

    def __init__(
        self,
        kind: str,
        results: Mapping[str, Mapping[str, Variable]],
        allowed: tuple[str, ...],
        who: str,
    ) -> None:
        self._kind, self._results, self._who = kind, results, who
        self._allowed: dict[str, set[str]] = {}
        for need in allowed:
            wanted, _, rest = need.partition(":")
            if wanted == kind:
                name, _, variable = rest.partition("/")
                self._allowed.setdefault(name, set()).add(variable)

    def __getitem__(self, name: str) -> Mapping[str, Variable]:
        if name not in self._allowed:
            raise missing_need(f"{self._kind}:{name}", self._who)
        if name not in self._results:
            raise KeyError(f"{self._kind} {name} is optional and has no result in this run")
        wanted = self._allowed[name]
        found = self._results[name]
        if "" in wanted:
            return found
        return _Variables(f"{self._kind}:{name}", {k: found[k] for k in wanted if k in found},
                          found, self._who)  # fmt: skip

    def __contains__(self, name: object) -> bool:
        return name in self._allowed and name in self._results

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(name for name in self._allowed if name in self._results))

    def __len__(self) -> int:
        return sum(1 for _ in self)


class _Variables(dict[str, Variable]):
    def __init__(self, need: str, allowed: Any, found: Mapping[str, Variable], who: str) -> None:
        super().__init__(allowed)
        self._need, self._found, self._who = need, found, who

    def __missing__(self, name: str) -> Variable:
        if name in self._found:
            raise missing_need(f"{self._need}/{name}", self._who)
        raise KeyError(name)


def missing_need(need: str, who: str) -> MissingNeed:
    """The error of a plugin that uses what it did not ask for."""
    known = need in PARTS or ":" in need
    return MissingNeed(
        f"the plugin uses {need!r}, which its spec does not name"
        if known
        else f"there is no {need!r} in a context",
        where=f"plugin {who}",
        value=need,
        hint=f'add "{need}" to `needs` or `optional_needs`'
        if known
        else f"known: {', '.join(PARTS)}, observables, analyses, model_samples, ensemble",
    )
