"""The L1 path: formulas from one bond to all of them, cross-validated over the shots."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError

from qdisc_symbolic.fit import Fit
from qdisc_symbolic.problems import Problem
from qdisc_symbolic.scores import auc
from qdisc_symbolic.shots import Shots, parts, shares

STEPS_PER_OCTAVE = 2  # shot noise alone lets equal bonds enter some percent apart
Fold = tuple[sp.csr_array, sp.csr_array]


@dataclass(frozen=True)
class Path:
    """Formulas along falling L1 weight; all arrays (points,) unless said otherwise.

    Attributes:
        l1: Weight of the mean |a|, falling by sqrt(2) from where the first coefficient enters.
        fits: The fits to the training shots.
        auc: Held-out AUC per setting of each fit.
        cv_auc: AUC per setting on the fold left out, mean over folds.
        cv_auc_error: Its standard error.
        cv_loss: Objective without L1 term on the fold left out, mean over folds.
        cv_loss_error: Its standard error.
        chosen: The sparsest point whose `cv_auc` reaches `least_auc`, or, where none does, comes
            within one standard error of the best.
        best: The point of smallest `cv_loss`.
    """

    l1: np.ndarray
    fits: tuple[Fit, ...]
    auc: np.ndarray
    cv_auc: np.ndarray
    cv_auc_error: np.ndarray
    cv_loss: np.ndarray
    cv_loss_error: np.ndarray
    chosen: int
    best: int

    @property
    def alpha(self) -> np.ndarray:
        """Coefficients, (points, features)."""
        return np.stack([fit.alpha for fit in self.fits])

    @property
    def support(self) -> np.ndarray:
        """Number of coefficients that are not zero."""
        return np.count_nonzero(self.alpha, axis=1)

    @property
    def gradient_norm(self) -> np.ndarray:
        """Gradient norm at the end of each fit."""
        return np.array([fit.gradient_norm for fit in self.fits])

    @property
    def converged(self) -> bool:
        """Whether every fit converged."""
        return all(fit.converged for fit in self.fits)


def l1_path(
    problem: Callable[[sp.csr_array], Problem],
    means: Callable[[sp.csr_array], np.ndarray],
    shots: Shots,
    inside: np.ndarray,
    outside: np.ndarray,
    *,
    key: Any,
    points: int = 13,
    folds: int = 5,
    least_auc: float = 0.99,
    signed: bool = False,
    max_iter: int = 500,
) -> Path:
    """Fit along the path and cross-validate it.

    Args:
        problem: The objective on some shots, counts (points, configurations).
        means: Features averaged over the shots of a setting, from shares of the configurations.
        shots: Shots to learn from, of which the folds are made, and held-out ones.
        inside: Settings of the cluster, (points,).
        outside: Settings it is told from, (points,).
        key: jax key or whole number; deals the shots to the folds.
        points: Length of the path.
        folds: Number of folds.
        least_auc: AUC that the chosen formula should have.
        signed: Whether the objective itself fixes the sign of a formula; otherwise it is turned so
            that it scores the cluster higher on the shots that it was fitted to.
        max_iter: Most iterations of a fit.

    Raises:
        ConfigError: Numbers without meaning.
        DataError: Too few shots for the folds, or nothing that a formula could follow.
    """
    for name, value, least in (("points", points, 1), ("folds", folds, 2)):
        if value < least:
            raise ConfigError(f"at least {least}", where=name, value=value)
    whole = problem(shots.train)
    if not whole.strongest > 0:
        raise DataError("no feature differs between the settings", where="shots", value=0.0)
    l1 = whole.strongest * 2.0 ** (-np.arange(1, points + 1) / STEPS_PER_OCTAVE)

    def along(counts: sp.csr_array, task: Problem) -> list[Fit]:
        table, fits = means(shares(counts)), []
        for weight in l1:  # from strong to weak, each starting where the last one ended
            start = fits[-1].alpha if fits else None
            fits.append(task.fit(weight, max_iter, start))
        if signed:
            return fits
        return [fit if _area(table, counts, fit, inside, outside) >= 0.5 else fit.turned()
                for fit in fits]  # fmt: skip

    def scored(counts: sp.csr_array, fits: list[Fit]) -> list[float]:
        table = means(shares(counts))
        return [_area(table, counts, fit, inside, outside) for fit in fits]

    fits = along(shots.train, whole)
    area, loss = [], []
    for learn, test in _folds(shots.train, folds, key, inside, outside):
        found = along(learn, problem(learn))
        area.append(scored(test, found))
        unseen = problem(test)
        loss.append([unseen.loss(fit) for fit in found])
    if len(area) < 2:
        raise DataError("too few shots to cross-validate", where="shots",
                        value=int(shots.train.sum()), hint="fewer folds or more shots")  # fmt: skip
    cv_auc, cv_auc_error = _mean_and_error(area)
    cv_loss, cv_loss_error = _mean_and_error(loss)
    top = int(np.argmax(cv_auc))
    enough = cv_auc >= min(least_auc, cv_auc[top] - cv_auc_error[top])
    support = np.array([np.count_nonzero(fit.alpha) for fit in fits])
    chosen = int(min(np.flatnonzero(enough), key=lambda n: (support[n], n)))
    return Path(
        l1, tuple(fits), np.array(scored(shots.held_out, fits)), cv_auc, cv_auc_error, cv_loss,
        cv_loss_error, chosen, int(np.argmin(cv_loss)),
    )  # fmt: skip


def _area(
    table: np.ndarray, counts: sp.csr_array, fit: Fit, inside: np.ndarray, outside: np.ndarray
) -> float:
    use = (inside | outside) & (np.asarray(counts.sum(axis=1)).reshape(-1) > 0)
    return auc(table[use] @ fit.alpha, inside[use])


def _folds(
    counts: sp.csr_array, folds: int, key: Any, inside: np.ndarray, outside: np.ndarray
) -> list[Fold]:
    """(shots to learn from, shots left out), without folds that lack a class."""
    out = []
    for test in parts(counts, folds, generator(key, 3)):
        learn = sp.csr_array(counts - test)
        learn.eliminate_zeros()
        pair = (learn, test)
        if all(side[np.flatnonzero(mask)].sum() > 0 for side in pair for mask in (inside, outside)):
            out.append(pair)
    return out


def _mean_and_error(values: list[list[float]]) -> tuple[np.ndarray, np.ndarray]:
    table = np.array(values)
    return table.mean(axis=0), table.std(axis=0, ddof=1) / np.sqrt(len(table))
