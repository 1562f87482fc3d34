"""Analysis `correlators`: order parameters from products of up to four variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from qdisc._typing import Key
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, Provides, Variable

from qdisc_symbolic.orbits import Orbit, describe
from qdisc_symbolic.report import overall, sentence, texts
from qdisc_symbolic.search import CorrelatorSearch
from qdisc_symbolic.targets import Target, TargetConfig, targets_of


class CorrelatorsConfig(TargetConfig):
    """Options of `correlators`; which phases are told apart is described in `TargetConfig`.

    Attributes:
        bodies: Most variables in a product, 1 to 4.
        reach: Longest distance within a product, in lattice units; unset: as far as 20 000
            products allow.
        follow: `phases` (classify snapshots) or `rate` (least squares to the mean KL of the latents
            over theta; needs the model).
        least_auc: Held-out AUC per setting that the chosen formula should reach.
        points: Length of the L1 path; the weight falls by sqrt(2) per point.
        folds: Folds of the cross-validation.
    """

    bodies: int = 4
    reach: float | None = None
    follow: Literal["phases", "rate"] = "phases"
    least_auc: float = 0.99
    points: int = 9
    folds: int = 4

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        checks = (
            ("bodies", 1 <= self.bodies <= 4, "1 to 4"),
            ("reach", self.reach is None or self.reach >= 0, "a distance"),
            ("least_auc", 0.5 <= self.least_auc <= 1, "an AUC between 1/2 and 1"),
            ("points", self.points >= 1, "at least 1 point"),
            ("folds", self.folds >= 2, "at least 2 folds"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.correlators.{name}",
                                  value=getattr(self, name), hint=wanted)  # fmt: skip


_TARGET, _ORBIT, _PATH = "correlators_target", "correlators_orbit", "correlators_l1"


class Correlators:
    """Sparse sums of pooled correlators that tell the phases apart, held out and beside chance."""

    spec = AnalysisSpec(
        name="correlators",
        summary="Order parameters as sums of few correlators of up to four bodies.",
        data_kinds=("discrete", "continuous", "hybrid"),
        needs=("dataset",),
        optional_needs=("analysis:clusters/label", "analysis:clusters/probability", "latent"),
        provides=(
            Provides("value", ("theta", _TARGET), long_name="formula averaged over shots"),
            Provides("coefficient", (_TARGET, _ORBIT), "float64",
                     long_name="coefficients of the formula"),
            Provides("constant", (_TARGET,), "float64", long_name="constant term"),
            Provides("bodies", (_ORBIT,), "int32", long_name="variables in a product"),
            Provides("members", (_ORBIT,), "int32", long_name="products that are averaged"),
            Provides("auc", (_TARGET,), long_name="held-out AUC per setting"),
            Provides("auc_shots", (_TARGET,), long_name="held-out AUC of single snapshots"),
            Provides("balanced_accuracy", (_TARGET,),
                     long_name="held-out balanced accuracy of single snapshots"),
            Provides("auc_random", (_TARGET,),
                     long_name="median AUC per setting of random coefficients"),
            Provides("chosen", (_TARGET,), "int32", long_name="point of the path of the formula"),
            Provides("support", (_TARGET, _PATH), "int32", long_name="terms along the path"),
            Provides("path_auc", (_TARGET, _PATH), long_name="held-out AUC per setting"),
            Provides("cv_auc", (_TARGET, _PATH), long_name="cross-validated AUC per setting"),
            Provides("gradient_norm", (_TARGET, _PATH), "float64",
                     long_name="largest entry of the subgradient at the end of each fit"),
            Provides("converged", (_TARGET, _PATH), "uint8",
                     long_name="whether each fit converged"),
        ),
    )  # fmt: skip
    Config = CorrelatorsConfig

    def run(self, ctx: Any, config: CorrelatorsConfig, *, key: Key) -> Mapping[str, Variable]:
        """One path per target."""
        targets, words = targets_of(ctx, config, "correlators")
        rate = None
        if config.follow == "rate":
            if ctx.latent is None:
                raise ConfigError("the rate of the latents needs a trained model",
                                  where="analyses.correlators.follow", value="rate")  # fmt: skip
            rate = ctx.dataset.average(ctx.latent.kl.sum(axis=1, dtype=np.float64))
        found = []
        for target in targets:
            search = CorrelatorSearch(ctx.dataset, target.inside, target.outside, config.bodies,
                                      config.reach, rate)  # fmt: skip
            search.l1_path(key, config.points, config.folds, config.least_auc)
            found.append((target, search))
        return _variables(ctx.dataset, found, words)


def _variables(
    dataset: Any, found: list[tuple[Target, CorrelatorSearch]], words: list[str]
) -> dict[str, Variable]:
    searches = [search for _, search in found]
    orbits = searches[0].orbits
    fits, paths = [s.fit for s in searches], [s.path for s in searches]
    scores = [overall(s.evaluation) for s in searches]
    maps = np.stack([s.compute_prediction() for s in searches], axis=-1)

    def each(values: list[Any], dtype: Any, *dims: str) -> Variable:
        return Variable(np.array(values, dtype=dtype), (_TARGET, *dims))

    return {
        "value": Variable(maps.astype(np.float32), (*dataset.theta_dims, _TARGET),
                          attrs=_words(found, orbits, words)),
        "coefficient": Variable(
            np.stack([fit.alpha for fit in fits]), (_TARGET, _ORBIT),
            attrs=texts("orbits", [orbit.label for orbit in orbits]),
        ),
        "constant": each([fit.constant for fit in fits], np.float64),
        "bodies": Variable(np.array([o.bodies for o in orbits], np.int32), (_ORBIT,)),
        "members": Variable(np.array([len(o.clusters) for o in orbits], np.int32), (_ORBIT,)),
        **{name: each([s[name] for s in scores], np.float32) for name in scores[0]},
        "chosen": each([p.chosen for p in paths], np.int32),
        "support": each([p.support for p in paths], np.int32, _PATH),
        "path_auc": each([p.auc for p in paths], np.float32, _PATH),
        "cv_auc": each([p.cv_auc for p in paths], np.float32, _PATH),
        "gradient_norm": each([p.gradient_norm for p in paths], np.float64, _PATH),
        "converged": each([[f.converged for f in p.fits] for p in paths], np.uint8, _PATH),
    }  # fmt: skip


def _words(
    found: list[tuple[Target, CorrelatorSearch]], orbits: tuple[Orbit, ...], words: list[str]
) -> dict[str, object]:
    lines = [
        sentence(t.name, s.evaluation, describe(orbits, s.fit.alpha), s.path.converged)
        for t, s in found
    ]
    return {
        "panels": " ".join(t.name for t, _ in found),
        "finding": "\n".join([*lines, *words]),
        **texts("latex", [s.formula().latex() for _, s in found]),
        **texts("sympy", [str(s.formula().sympy()) for _, s in found]),
    }


correlators = Correlators()
