"""Analysis `free_form`: order parameters as any formula of a few pooled correlators."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from qdisc._typing import Key
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Provides, Variable

from qdisc_symbolic.engines import Candidate, best_of, evaluate, free_form_search
from qdisc_symbolic.report import beside_chance, texts
from qdisc_symbolic.scores import auc
from qdisc_symbolic.search import CorrelatorSearch
from qdisc_symbolic.shots import shares, split
from qdisc_symbolic.targets import Target, TargetConfig, targets_of


class FreeFormConfig(TargetConfig):
    """Options of `free_form`; which phases are told apart is described in `TargetConfig`.

    Attributes:
        engine: `operon` (extra `sr`: pyoperon) or `pysr` (where PySR and Julia are installed).
        features: Correlators that a formula may use: the first ones on the path of `correlators`.
        bodies: Most variables in a product, 1 to 4.
        reach: Longest distance within a product, in lattice units; unset: as far as 20 000
            products allow.
        length: Most nodes of a formula, besides its scale and offset.
        generations: Rounds of the search.
    """

    engine: Literal["operon", "pysr"] = "operon"
    features: int = 4
    bodies: int = 4
    reach: float | None = None
    length: int = 15
    generations: int = 100

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        for name in ("features", "length", "generations"):
            if getattr(self, name) < 1:
                raise ConfigError("the value has no meaning", where=f"analyses.free_form.{name}",
                                  value=getattr(self, name), hint="at least 1")  # fmt: skip


@dataclass(frozen=True)
class _Found:
    target: Target
    best: Candidate
    definitions: str
    value: np.ndarray
    auc: float
    auc_random: float


_TARGET = "free_form_target"


class FreeForm:
    """Genetic programming on averages over the shots of a setting: 1 inside, 0 outside."""

    spec = AnalysisSpec(
        name="free_form",
        summary="Order parameters as any short formula of a few pooled correlators.",
        data_kinds=("discrete", "continuous", "hybrid"),
        needs=("dataset",),
        optional_needs=("analysis:clusters/label", "analysis:clusters/probability",),
        provides=(
            Provides("value", ("theta", _TARGET), long_name="formula of the averages"),
            Provides("auc", (_TARGET,), long_name="held-out AUC per setting"),
            Provides("auc_random", (_TARGET,),
                     long_name="median AUC per setting of random sums of all correlators"),
            Provides("error", (_TARGET,), "float64", long_name="mean squared error"),
            Provides("bic", (_TARGET,), "float64",
                     long_name="Bayesian criterion, smaller is better"),
            Provides("length", (_TARGET,), "int32", long_name="nodes of the formula"),
        ),
    )  # fmt: skip
    Config = FreeFormConfig

    def run(self, ctx: Any, config: FreeFormConfig, *, key: Key) -> Mapping[str, Variable]:
        """One search per target."""
        targets, words = targets_of(ctx, config, "free_form")
        found = [_search(ctx.dataset, target, config, key) for target in targets]
        maps = np.stack([f.value for f in found], axis=-1)

        def each(values: list[Any], dtype: Any) -> Variable:
            return Variable(np.array(values, dtype=dtype), (_TARGET,))

        return {
            "value": Variable(maps.astype(np.float32), (*ctx.dataset.theta_dims, _TARGET),
                              attrs=_words(found, words)),
            "auc": each([f.auc for f in found], np.float32),
            "auc_random": each([f.auc_random for f in found], np.float32),
            "error": each([f.best.error for f in found], np.float64),
            "bic": each([f.best.bic for f in found], np.float64),
            "length": each([f.best.length for f in found], np.int32),
        }  # fmt: skip


def _search(dataset: Any, target: Target, config: FreeFormConfig, key: Key) -> _Found:
    search = CorrelatorSearch(dataset, target.inside, target.outside, config.bodies, config.reach)
    search.l1_path(key, points=9, folds=2)
    assert search.evaluation is not None
    chosen = search.ranking()[: config.features]
    names = [f"c_{n + 1}" for n in range(chosen.size)]
    shots = split(dataset, key)

    def averages(counts: Any) -> tuple[np.ndarray, np.ndarray]:
        seen = np.asarray(counts.sum(axis=1)).ravel() > 0
        return search.means(shares(counts))[:, chosen], seen & (target.inside | target.outside)

    table, use = averages(shots.train)
    seed = int(generator(key, 4).integers(2**31))
    front = free_form_search(table[use], target.inside[use].astype(float), names, config.engine,
                             seed, config.length, config.generations)  # fmt: skip
    best = best_of(front)
    unseen, use = averages(shots.held_out)
    f = evaluate(best, unseen[use], names)
    f = np.where(np.isfinite(f), f, -np.inf if not np.isfinite(f).any() else np.nanmin(f))
    both = search.means(shares(shots.train + shots.held_out))[:, chosen]
    everything = np.where(np.asarray(dataset.shots) > 0, evaluate(best, both, names), np.nan)
    words = ", ".join(f"{name} = <{search.orbits[k].label}>"
                      for name, k in zip(names, chosen, strict=True))  # fmt: skip
    return _Found(target, best, words, dataset.to_theta(everything),
                  auc(f, target.inside[use]), search.evaluation.baseline.auc)  # fmt: skip


def _words(found: list[_Found], words: list[str]) -> dict[str, object]:
    import sympy

    short = []
    for f in found:
        forms = (f.best.expression, sympy.expand(f.best.expression))
        short.append(sympy.N(min(forms, key=sympy.count_ops), 3))
    lines = [f"{f.target.name}: {s}; {beside_chance(f.auc, f.auc_random)}; {f.definitions}"
             for f, s in zip(found, short, strict=True)]  # fmt: skip
    return {
        "panels": " ".join(f.target.name for f in found),
        "finding": "\n".join([*lines, *words]),
        **texts("latex", [sympy.latex(s) for s in short]),
        **texts("sympy", [str(f.best.expression) for f in found]),
        **texts("correlators", [f.definitions for f in found]),
    }


free_form = FreeForm()
