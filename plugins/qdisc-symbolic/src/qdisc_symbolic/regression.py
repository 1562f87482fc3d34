"""The published face: `SymbolicRegression`, one class with all its methods (hence the length)."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError, TrainingError, nearest

from qdisc_symbolic import ansatz, sr2, sr3
from qdisc_symbolic.baseline import both_masks, per_point, random_baseline
from qdisc_symbolic.bonds import BondClass, bond_classes, class_formula, pair_formula
from qdisc_symbolic.boundary import boundary
from qdisc_symbolic.draw import alpha_figure
from qdisc_symbolic.evaluate import Evaluation, class_rows, judge
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.formula import Formula
from qdisc_symbolic.latent import Latent
from qdisc_symbolic.path import Path, l1_path
from qdisc_symbolic.problems import Align, Classify, Follow, Problem
from qdisc_symbolic.reduce import DistanceClass, by_distance
from qdisc_symbolic.scores import auc, best_threshold
from qdisc_symbolic.shots import Shots, draw, pooled, shares, split
from qdisc_symbolic.spaces import Pairs

_log = logging.getLogger("qdisc_symbolic")
_OBJECTIVES = ("SR1", "SR2", "SR3")
_VK = ("cp", "delta")
MOST_PRODUCTS = 1 << 26  # x_i x_j of snapshots of one class that a path holds at a time


class SymbolicRegression:
    """Search an order parameter f(x) = sum_{i<j} a_ij x_i x_j + b of a cluster of settings.

    Args:
        dataset: The snapshots; discrete, continuous or hybrid.
        cluster_idx_in: Settings of the cluster: a boolean mask over theta, `numpy.where` of one,
            rows of grid indices, or numbers of points.
        objective: "SR1" (classify), "SR2" (gradient in x, on the snapshots at the boundary of the
            cluster) or "SR3" (gradient in theta, at all settings inside and outside).
        type_of_vk: SR3 only: "delta" (neighbouring settings) or "cp" (the decoder's response).
        cluster_idx_out: Settings to tell the cluster from; all others when left out.
        search_space: "2_body_correlator".
        add_constant: Fit b. Gradients cannot see it: after SR2 and SR3 it puts the best threshold
            on the training shots at f = 0.
        shift_data: Map codes to -1..1 (spins s = 2x - 1).
        VAE_model: Trained model: for SR2, SR3-cp, and for the map that SR3 follows.
        VAE_params: Its parameters.
        mu_cluster: Map over theta that SR3 follows. By default the mean |mu| of the latent where
            one is named or the objective needs one (cp), else the rate, the mean KL of all latents:
            of several latents none alone need follow the cluster.
        idx_mu_cluster: Number of the latent in the model's own order; by default the one whose map
            best tells the cluster apart.

    Attributes:
        alpha: Coefficients a_ij in the order (0,1), (0,2), ..., (pairs,).
        constant: b.
        fit: How the last training ended (loss, gradient norm, iterations, converged).
        path: The L1 path of the last `l1_path`.
        evaluation: Held-out, balanced scores of the last training beside the random baseline.

    Raises:
        ConfigError: An argument without meaning, or one that the objective lacks.
        DataError: Shadow data, an empty cluster, or clusters that overlap.
    """

    def __init__(
        self,
        dataset: Dataset,
        cluster_idx_in: Any,
        objective: str,
        type_of_vk: str | None = None,
        cluster_idx_out: Any = None,
        search_space: str = "2_body_correlator",
        add_constant: bool = False,
        shift_data: bool = True,
        VAE_model: Any = None,
        VAE_params: Any = None,
        mu_cluster: Any = None,
        idx_mu_cluster: int | None = None,
    ) -> None:
        self.dataset = dataset
        self.objective = _one_of(objective, _OBJECTIVES, "objective")
        self.search_space = _one_of(search_space, ("2_body_correlator",), "search_space")
        self.type_of_vk = type_of_vk
        if self.objective == "SR3":
            self.type_of_vk = _one_of(type_of_vk, _VK, "type_of_vk")
        self.add_constant, self.shift_data = bool(add_constant), bool(shift_data)
        self.mask_in, self.mask_out = both_masks(dataset, cluster_idx_in, cluster_idx_out)
        self._x = ansatz.variables(dataset, dataset.configurations, self.shift_data)
        self._space = Pairs(self._x)
        self._latent: Latent | None = None
        if VAE_model is not None:
            self._latent = Latent(VAE_model, VAE_params, dataset, idx_mu_cluster)
            if idx_mu_cluster is None and self.mask_out.any():
                self._latent.choose(self.mask_in, self.mask_out)
        self._one_latent = idx_mu_cluster is not None or self.type_of_vk == "cp"
        self._mu_map = None if mu_cluster is None else per_point(dataset, mu_cluster, "mu_cluster")
        self._check_needs()
        self.fit: Fit | None = None
        self.path: Path | None = None
        self.evaluation: Evaluation | None = None

    # -- training ------------------------------------------------------------------------

    def train_2BC(
        self,
        key: Any,
        dataset_size: int = 2000,
        L1_reg: float = 0.0,
        print_info: bool = True,
        max_iter: int = 500,
    ) -> Fit:
        """Fit the coefficients from scratch, and judge them on shots the fit has not seen.

        Half of the shots of every setting are held out. The formula's sign, which SR2 and SR3
        leave open, is the one that scores the cluster higher on the training shots.

        Args:
            key: jax key, new or legacy, or a whole number; fixes split and draw.
            dataset_size: Snapshots per class that SR1 sees, or at the boundary that SR2 sees; all
                training shots when there are fewer. SR3 averages over all of them.
            L1_reg: Weight lambda of the mean |a|.
            print_info: Report to the logger `qdisc_symbolic` (nothing is printed).
            max_iter: Most iterations; SR3 needs none.

        Returns:
            The fit, also in `fit`.
        """
        if not np.isfinite(L1_reg) or L1_reg < 0:
            raise ConfigError("a weight is a finite number >= 0", where="L1_reg", value=L1_reg)
        for name, value in (("dataset_size", dataset_size), ("max_iter", max_iter)):
            if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
                raise ConfigError(f"{name} is a whole number of at least 1", where=name,
                                  value=value)  # fmt: skip
        self.fit = self.evaluation = self.path = None
        shots = split(self.dataset, key)
        problem = self._problem(shots.train, int(dataset_size), generator(key, 1))
        self._finish(problem.fit(float(L1_reg), int(max_iter)), shots, key, print_info)
        return self.fit

    def l1_path(
        self,
        key: Any,
        points: int = 13,
        folds: int = 5,
        least_auc: float = 0.99,
        dataset_size: int | None = None,
        print_info: bool = True,
        max_iter: int = 500,
    ) -> Path:
        """Fit along falling L1 weight, cross-validate, and keep the sparsest formula that will do.

        Args:
            key: As in `train_2BC`.
            points: Length of the path; the L1 weight falls by sqrt(2) from point to point.
            folds: Folds that the training shots are dealt to.
            least_auc: Cross-validated AUC per setting that the formula should reach; see `Path`.
            dataset_size: As in `train_2BC`; when left out, as many as half a gigabyte of products
                holds (all of them where snapshots repeat).
            print_info: As in `train_2BC`.
            max_iter: Most iterations of each fit.

        Returns:
            The path, also in `path`; `fit` and `evaluation` are those of its chosen point.
        """
        shots = split(self.dataset, key)
        few = len(self._x) * self._space.size <= MOST_PRODUCTS
        size = int(dataset_size or (10**12 if few else max(1, MOST_PRODUCTS // self._space.size)))
        path = l1_path(
            lambda counts: self._problem(counts, size, generator(key, 1)), self._space.means,
            shots, self.mask_in, self.mask_out, key=key, points=points, folds=folds,
            least_auc=least_auc, signed=self.objective == "SR1", max_iter=max_iter,
        )  # fmt: skip
        self._finish(path.fits[path.chosen], shots, key, print_info)
        self.path = path
        return path

    def _finish(self, fit: Fit, shots: Shots, key: Any, print_info: bool) -> None:
        self.fit = fit if self.objective == "SR1" else self._oriented(fit, shots)
        self.evaluation = self._evaluate(shots, key)
        if print_info:
            _log.info("%s: %s, gradient norm %.1e after %d iterations; %s", self.objective,
                      self.fit.message, self.fit.gradient_norm, self.fit.iterations,
                      self.evaluation)  # fmt: skip
        if not self.fit.converged:
            _log.warning("%s has not converged: gradient norm %.1e", self.objective,
                         self.fit.gradient_norm)  # fmt: skip

    def _problem(self, counts: Any, size: int, rng: np.random.Generator) -> Problem:
        """The objective on some shots; SR1 and SR2 draw `size` of them."""
        if self.objective == "SR1":
            inside, outside = (draw(pooled(counts, mask), size, rng)
                               for mask in (self.mask_in, self.mask_out))  # fmt: skip
            return Classify(self._space.features, inside, outside, self.add_constant)
        if self.objective == "SR2":
            return self._gradients(counts, size, rng)
        mu = self.dataset.to_theta(self._followed())
        mask = self.dataset.to_theta(self.mask_in | self.mask_out)
        share = shares(counts)
        if self.type_of_vk == "delta":
            return Follow(*sr3.delta_rows(self._x, share, mu, mask))
        assert self._latent is not None
        return Follow(*sr3.cp_rows(self._x, self._latent.response(), share, mu, mask))

    def _gradients(self, counts: Any, size: int, rng: np.random.Generator) -> Align:
        assert self._latent is not None
        edge = boundary(self.dataset.to_theta(self.mask_in)).reshape(-1)
        weights = draw(pooled(counts, edge), size, rng)
        rows = np.flatnonzero(weights)
        if rows.size == 0:
            raise DataError("there are no snapshots at the boundary of the cluster",
                            where="cluster_idx_in", value=int(edge.sum()))  # fmt: skip
        target = sr2.flip_gradient(self._latent.mu, self.dataset.configurations[rows])
        return Align(self._x[rows], target, weights[rows])

    def _oriented(self, fit: Fit, shots: Shots) -> Fit:
        if not self.mask_out.any():
            return fit
        f = ansatz.evaluate(fit.alpha, 0.0, self._x)
        mean = np.asarray(shares(shots.train) @ f).reshape(-1)
        use = (self.mask_in | self.mask_out) & (np.asarray(shots.train.sum(axis=1)).ravel() > 0)
        sign = -1.0 if auc(mean[use], self.mask_in[use]) < 0.5 else 1.0
        constant = 0.0
        if self.add_constant:
            rows = class_rows(shots.train, sign * f, self.mask_in, self.mask_out)
            constant = -best_threshold(*rows)
        return replace(fit, alpha=sign * fit.alpha, constant=constant)

    def _evaluate(self, shots: Shots, key: Any) -> Evaluation | None:
        if not self.mask_out.any():
            return None  # nothing to tell the cluster from
        fit = self._fitted()
        reference = self._followed() if self._mu_map is not None or self._latent else None
        base = random_baseline(self.dataset, self.mask_in, self.mask_out, key=key,
                               reference=reference, shift_data=self.shift_data)  # fmt: skip
        return judge(
            shots, ansatz.evaluate(fit.alpha, fit.constant, self._x), self.mask_in, self.mask_out,
            threshold=0.0 if self.objective == "SR1" else None, reference=reference, baseline=base,
        )  # fmt: skip

    # -- what came out ---------------------------------------------------------------------

    @property
    def alpha(self) -> np.ndarray:
        """Coefficients a_ij, (pairs,)."""
        return self._fitted().alpha

    @property
    def constant(self) -> float:
        """The constant b."""
        return self._fitted().constant

    @property
    def matrix(self) -> np.ndarray:
        """Coefficients as a symmetric matrix with zero diagonal, (columns, columns)."""
        return ansatz.symmetric(self.alpha, self.dataset.input_size)

    def compute_prediction(self, samples: Any = None) -> np.ndarray:
        """Evaluate f.

        Args:
            samples: Snapshots (n, columns) as the dataset stores them; when left out, f is
                averaged over the shots of every setting.

        Returns:
            (n,), or the map over theta (theta...), NaN at settings without shots.
        """
        fit = self._fitted()
        if samples is None:
            f = ansatz.evaluate(fit.alpha, fit.constant, self._x)
            return self.dataset.to_theta(self.dataset.average(f))
        x = ansatz.variables(self.dataset, samples, self.shift_data)
        return ansatz.evaluate(fit.alpha, fit.constant, x)

    def plot_alpha(self) -> Any:
        """Draw the coefficients as a matrix over sites; shown as well when that is possible."""
        from qdisc.show.present import present

        return present(alpha_figure(self.matrix))

    def reduce_alpha(self) -> tuple[DistanceClass, ...]:
        """Average the coefficients over pairs at the same distance, nearest first."""
        return by_distance(self.dataset, self.alpha)

    def bonds(self) -> tuple[BondClass, ...]:
        """Which bonds the formula consists of, with their signs, nearest first."""
        return bond_classes(self.dataset, self.alpha)

    def formula(self, by_class: bool = False) -> Formula:
        """The formula as mathematics: `.sympy()`, `.latex()`.

        Args:
            by_class: One coefficient per displacement, the mean over its bonds.
        """
        make = class_formula if by_class else pair_formula
        return make(self.dataset, self.alpha, self.constant)

    # -- inner parts -------------------------------------------------------------------------

    def _fitted(self) -> Fit:
        if self.fit is None:
            raise TrainingError("there are no coefficients yet", where="SymbolicRegression",
                                hint="call train_2BC(key) first")  # fmt: skip
        return self.fit

    def _followed(self) -> np.ndarray:
        if self._mu_map is None:
            assert self._latent is not None
            self._mu_map = self._latent.map() if self._one_latent else self._latent.rate()
        return self._mu_map

    def _check_needs(self) -> None:
        grid = self.objective == "SR1" or self.dataset.is_grid
        if not grid:
            raise DataError(f"{self.objective} needs neighbours: settings on a full grid",
                            where="dataset", value=f"{self.dataset.n_points} points")  # fmt: skip
        needs_model = self.objective == "SR2" or self.type_of_vk == "cp"
        if self._latent is None and self.objective != "SR1" and needs_model:
            raise ConfigError(f"{self.objective} needs the trained model", where="VAE_model",
                              value=None, hint="pass VAE_model and VAE_params")  # fmt: skip
        if self.objective == "SR3" and self._latent is None and self._mu_map is None:
            raise ConfigError("SR3 follows a map over theta", where="mu_cluster", value=None,
                              hint="pass mu_cluster, or VAE_model and VAE_params")  # fmt: skip
        if self.objective == "SR1" and not self.mask_out.any():
            raise DataError("there is nothing to tell the cluster from", where="cluster_idx_in",
                            value="all settings")  # fmt: skip
        if self.objective == "SR2" and self.dataset.data_type != "discrete":
            raise DataError("SR2 flips spins: it needs discrete data", where="dataset",
                            value=self.dataset.data_type)  # fmt: skip


def _one_of(value: Any, known: tuple[str, ...], where: str) -> str:
    if value not in known:
        raise ConfigError(f"unknown {where}", where=where, value=value,
                          hint=nearest(str(value), known))  # fmt: skip
    return str(value)
