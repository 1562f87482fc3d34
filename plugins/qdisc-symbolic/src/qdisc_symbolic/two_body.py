"""Analysis `two_body`: order parameters of the phases as sums of few bonds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from qdisc._typing import Key
from qdisc.errors import ConfigError
from qdisc.plugin import AnalysisSpec, DataSpec, Provides, Variable

from qdisc_symbolic.ansatz import pairs
from qdisc_symbolic.bonds import class_formula, support_words
from qdisc_symbolic.path import Path
from qdisc_symbolic.regression import SymbolicRegression
from qdisc_symbolic.report import overall, sentence, texts
from qdisc_symbolic.targets import Target, TargetConfig, targets_of

MOST_PAIRS = 20_000  # 200 columns: the coefficients of one path are then 2 MB


class TwoBodyConfig(TargetConfig):
    """Options of `two_body`; which phases are told apart is described in `TargetConfig`.

    Attributes:
        objective: SR1 (classify snapshots), SR2 (follow the gradient of a latent in x) or SR3
            (follow a latent over theta); SR2 and SR3 need the model and a full grid.
        type_of_vk: How SR3 changes snapshots, `delta` (neighbouring settings) or `cp` (decoder).
        least_auc: Held-out AUC per setting that the chosen formula should reach.
        points: Length of the L1 path; the weight falls by sqrt(2) per point.
        folds: Folds of the cross-validation.
        snapshots: Snapshots per class that SR1 sees, or at the boundary that SR2 sees; unset: as
            many as half a gigabyte of products holds.
        constant: Whether a formula has a constant term.
    """

    objective: Literal["SR1", "SR2", "SR3"] = "SR1"
    type_of_vk: Literal["delta", "cp"] = "delta"
    least_auc: float = 0.99
    points: int = 13
    folds: int = 5
    snapshots: int | None = None
    constant: bool = False

    def __post_init__(self) -> None:
        """Refuse numbers that have no meaning."""
        checks = (
            ("least_auc", 0.5 <= self.least_auc <= 1, "an AUC between 1/2 and 1"),
            ("points", self.points >= 1, "at least 1 point"),
            ("folds", self.folds >= 2, "at least 2 folds"),
            ("snapshots", self.snapshots is None or self.snapshots >= 1, "at least 1 snapshot"),
        )
        for name, ok, wanted in checks:
            if not ok:
                raise ConfigError("the value has no meaning", where=f"analyses.two_body.{name}",
                                  value=getattr(self, name), hint=wanted)  # fmt: skip


_TARGET, _PATH, _PAIR = "two_body_target", "two_body_l1", "two_body_pair"


class TwoBody:
    """Sparse two-body formulas that tell the phases apart, held out and beside chance."""

    spec = AnalysisSpec(
        name="two_body",
        summary="Order parameters as sums of few bonds, along an L1 path, scored held out.",
        data_kinds=("discrete", "continuous", "hybrid"),
        needs=("dataset",),
        optional_needs=("analysis:clusters/label", "analysis:clusters/probability", "model"),
        provides=(
            Provides("value", ("theta", _TARGET), long_name="formula averaged over shots"),
            Provides("alpha", (_TARGET, _PAIR), "float64", long_name="coefficients of the formula"),
            Provides("constant", (_TARGET,), "float64", long_name="constant term"),
            Provides("pair", (_PAIR, "two_body_end"), "int32", long_name="columns of each pair"),
            Provides("auc", (_TARGET,), long_name="held-out AUC per setting"),
            Provides("auc_shots", (_TARGET,), long_name="held-out AUC of single snapshots"),
            Provides("balanced_accuracy", (_TARGET,),
                     long_name="held-out balanced accuracy of single snapshots"),
            Provides("auc_random", (_TARGET,),
                     long_name="median AUC per setting of random coefficients"),
            Provides("chosen", (_TARGET,), "int32", long_name="point of the path of the formula"),
            Provides("best", (_TARGET,), "int32", long_name="point of smallest cv_loss"),
            Provides("l1", (_TARGET, _PATH), "float64", long_name="weight of the mean |a|"),
            Provides("path_alpha", (_TARGET, _PATH, _PAIR), "float64",
                     long_name="coefficients along the path"),
            Provides("support", (_TARGET, _PATH), "int32", long_name="bonds along the path"),
            Provides("path_auc", (_TARGET, _PATH), long_name="held-out AUC per setting"),
            Provides("cv_auc", (_TARGET, _PATH), long_name="cross-validated AUC per setting"),
            Provides("cv_auc_error", (_TARGET, _PATH), long_name="standard error of cv_auc"),
            Provides("cv_loss", (_TARGET, _PATH), "float64",
                     long_name="cross-validated objective without L1 term"),
            Provides("cv_loss_error", (_TARGET, _PATH), "float64",
                     long_name="standard error of cv_loss"),
            Provides("gradient_norm", (_TARGET, _PATH), "float64",
                     long_name="largest entry of the subgradient at the end of each fit"),
            Provides("converged", (_TARGET, _PATH), "uint8",
                     long_name="whether each fit converged"),
        ),
    )  # fmt: skip
    Config = TwoBodyConfig

    def applies(self, data_spec: DataSpec) -> str:
        """Two columns at least, and not more coefficients than a file should hold."""
        n = data_spec.n_columns
        if n < 2:
            return f"needs two columns, the data have {n}"
        many = n * (n - 1) // 2 > MOST_PAIRS
        return f"{n} columns have more than {MOST_PAIRS} pairs" if many else ""

    def run(self, ctx: Any, config: TwoBodyConfig, *, key: Key) -> Mapping[str, Variable]:
        """One path per target."""
        targets, words = targets_of(ctx, config, "two_body")
        model = ctx.model if config.objective != "SR1" else None
        found = []
        for target in targets:
            sr = SymbolicRegression(
                ctx.dataset, target.inside, config.objective, config.type_of_vk, target.outside,
                add_constant=config.constant, VAE_model=None if model is None else model.module,
                VAE_params=None if model is None else model.variables,
            )  # fmt: skip
            path = sr.l1_path(key, config.points, config.folds, config.least_auc, config.snapshots,
                              print_info=False)  # fmt: skip
            found.append((target, sr, path))
        return _variables(ctx.dataset, found, words)


def _variables(
    dataset: Any, found: list[tuple[Target, SymbolicRegression, Path]], words: list[str]
) -> dict[str, Variable]:
    fitted, paths = [sr for _, sr, _ in found], [path for *_, path in found]
    scores = [overall(sr.evaluation) for sr in fitted]
    maps = np.stack([sr.compute_prediction() for sr in fitted], axis=-1)

    def each(values: list[Any], dtype: Any, *dims: str) -> Variable:
        return Variable(np.array(values, dtype=dtype), (_TARGET, *dims))

    def along(name: str, dtype: Any, *dims: str) -> Variable:
        return each([getattr(path, name) for path in paths], dtype, _PATH, *dims)

    return {
        "value": Variable(maps.astype(np.float32), (*dataset.theta_dims, _TARGET),
                          attrs=_words(dataset, found, words)),
        "alpha": each([sr.alpha for sr in fitted], np.float64, _PAIR),
        "constant": each([sr.constant for sr in fitted], np.float64),
        "pair": Variable(np.stack(pairs(dataset.input_size), 1).astype(np.int32),
                         (_PAIR, "two_body_end")),
        **{name: each([s[name] for s in scores], np.float32) for name in scores[0]},
        "chosen": each([p.chosen for p in paths], np.int32),
        "best": each([p.best for p in paths], np.int32),
        "l1": along("l1", np.float64),
        "path_alpha": along("alpha", np.float64, _PAIR),
        "support": along("support", np.int32),
        "path_auc": each([p.auc for p in paths], np.float32, _PATH),
        "cv_auc": along("cv_auc", np.float32),
        "cv_auc_error": along("cv_auc_error", np.float32),
        "cv_loss": along("cv_loss", np.float64),
        "cv_loss_error": along("cv_loss_error", np.float64),
        "gradient_norm": along("gradient_norm", np.float64),
        "converged": each([[f.converged for f in p.fits] for p in paths], np.uint8, _PATH),
    }  # fmt: skip


def _words(
    dataset: Any, found: list[tuple[Target, SymbolicRegression, Path]], words: list[str]
) -> dict[str, object]:
    """Names, formulas and findings, one line per target, in the same order."""
    lines = [sentence(t.name, sr.evaluation, support_words(sr.bonds()), path.converged)
             for t, sr, path in found]  # fmt: skip
    return {
        "panels": " ".join(t.name for t, *_ in found),
        "finding": "\n".join([*lines, *words]),
        **texts("latex", [sr.formula().latex() for _, sr, _ in found]),
        **texts("latex_by_displacement",
                [class_formula(dataset, sr.alpha, sr.constant).latex() for _, sr, _ in found]),
        **texts("sympy", [str(sr.formula().sympy()) for _, sr, _ in found]),
    }  # fmt: skip


two_body = TwoBody()
