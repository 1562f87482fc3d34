"""A general search: sparse regression on correlators of up to four bodies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator
from qdisc.errors import DataError, TrainingError

from qdisc_symbolic.ansatz import variables
from qdisc_symbolic.baseline import both_masks, per_point, random_scores
from qdisc_symbolic.evaluate import Evaluation, judge
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.formula import Formula
from qdisc_symbolic.orbits import orbit_formula, orbits, pooled_products
from qdisc_symbolic.path import Path, l1_path
from qdisc_symbolic.problems import Classify, Follow, Problem
from qdisc_symbolic.shots import draw, pooled, shares, split
from qdisc_symbolic.spaces import Table


class CorrelatorSearch:
    """Search f(x) = sum_O c_O <O>(x) + b, <O> a product of variables pooled over translations.

    Correlators are brought to equal spread over the snapshots before the L1 term weighs them.

    Args:
        dataset: The snapshots; discrete, continuous or hybrid.
        cluster_idx_in: Settings of the cluster, as for `SymbolicRegression`.
        cluster_idx_out: Settings to tell them from; all others when left out.
        bodies: Most variables in a product, 1 to 4.
        reach: Longest distance within a product, in lattice units; unset: any.
        mu_cluster: A map over theta (theta...) that f should follow, by least squares over the
            settings of both groups; unset: f classifies snapshots, as SR1 does.
        shift_data: Map codes to -1..1 (spins s = 2x - 1).

    Attributes:
        orbits: The correlators.
        fit: Coefficients c_O of the last search.
        path: Its L1 path, for correlators of equal spread.
        evaluation: Held-out scores beside random coefficients of the same correlators.
    """

    def __init__(
        self,
        dataset: Dataset,
        cluster_idx_in: Any,
        cluster_idx_out: Any = None,
        bodies: int = 4,
        reach: float | None = None,
        mu_cluster: Any = None,
        shift_data: bool = True,
    ) -> None:
        self.dataset = dataset
        self.mask_in, self.mask_out = both_masks(dataset, cluster_idx_in, cluster_idx_out)
        if not self.mask_out.any():
            raise DataError("there is nothing to tell the cluster from", where="cluster_idx_in",
                            value=f"{self.mask_in.sum()} settings")  # fmt: skip
        self.orbits = orbits(dataset, bodies, reach)
        values = pooled_products(
            self.orbits, variables(dataset, dataset.configurations, shift_data)
        )
        weights = np.asarray(dataset.weights, dtype=np.float64)
        self._values = values
        self._spread = np.sqrt(
            np.average((values - np.average(values, 0, weights)) ** 2, 0, weights)
        )
        scale = np.where(self._spread > 1e-9, self._spread, np.inf)  # constants tell nothing apart
        self._scale = scale
        self._space = Table(values / scale)
        self._map = None if mu_cluster is None else per_point(dataset, mu_cluster, "mu_cluster")
        self.fit: Fit | None = None
        self.path: Path | None = None
        self.evaluation: Evaluation | None = None

    def l1_path(
        self, key: Any, points: int = 13, folds: int = 5, least_auc: float = 0.99,
        dataset_size: int | None = None, max_iter: int = 500,
    ) -> Path:  # fmt: skip
        """Fit along falling L1 weight and keep the sparsest formula that will do.

        Arguments as in `SymbolicRegression.l1_path`.
        """
        shots, size = split(self.dataset, key), int(dataset_size or 10**12)
        path = l1_path(
            lambda counts: self._problem(counts, size, generator(key, 1)), self._space.means,
            shots, self.mask_in, self.mask_out, key=key, points=points, folds=folds,
            least_auc=least_auc, signed=self._map is None, max_iter=max_iter,
        )  # fmt: skip
        chosen = path.fits[path.chosen]
        self.fit = replace(chosen, alpha=chosen.alpha / self._scale)
        self.path = path
        use = (self.mask_in | self.mask_out) & (np.asarray(shots.held_out.sum(axis=1)).ravel() > 0)
        table = self._space.means(shares(shots.held_out))[use]
        wanted = None if self._map is None else self._map[use]
        base = random_scores(table, self.mask_in[use], 1000, generator(key, 2), wanted)
        self.evaluation = judge(
            shots, self._values @ self.fit.alpha + self.fit.constant, self.mask_in, self.mask_out,
            threshold=0.0 if self._map is None else None, reference=self._map, baseline=base,
        )  # fmt: skip
        return path

    def _problem(self, counts: Any, size: int, rng: np.random.Generator) -> Problem:
        if self._map is None:
            inside, outside = (draw(pooled(counts, mask), size, rng)
                               for mask in (self.mask_in, self.mask_out))  # fmt: skip
            return Classify(self._space.features, inside, outside, add_constant=True)
        seen = np.asarray(counts.sum(axis=1)).ravel() > 0
        use = (self.mask_in | self.mask_out) & seen & np.isfinite(self._map)
        table = self._space.means(shares(counts))[use]
        target = self._map[use]
        return Follow([table - table.mean(axis=0)], [target - target.mean()])

    def formula(self) -> Formula:
        """The formula as mathematics: `.sympy()`, `.latex()`."""
        fit = self._fitted()
        return orbit_formula(self.dataset, self.orbits, fit.alpha, fit.constant)

    def compute_prediction(self) -> np.ndarray:
        """Average f over the shots of every setting, (theta...), NaN where there are none."""
        fit = self._fitted()
        f = self._values @ fit.alpha + fit.constant
        return self.dataset.to_theta(self.dataset.average(f))

    def means(self, share: Any) -> np.ndarray:
        """<O> of each setting from shares of the configurations, (points, orbits)."""
        return np.asarray(share @ self._values)

    def ranking(self) -> np.ndarray:
        """Numbers of the correlators in the order in which they enter the path, (entered,)."""
        if self.path is None:
            self._fitted()
        assert self.path is not None
        alpha = self.path.alpha
        first = np.where((alpha != 0).any(axis=0), (alpha != 0).argmax(axis=0), len(alpha))
        size = np.abs(alpha[np.minimum(first, len(alpha) - 1), np.arange(alpha.shape[1])])
        order = np.lexsort((-size, first))
        return order[first[order] < len(alpha)]

    def _fitted(self) -> Fit:
        if self.fit is None:
            raise TrainingError("there are no coefficients yet", where="CorrelatorSearch",
                                hint="call l1_path(key) first")  # fmt: skip
        return self.fit
