"""The three objectives on one set of shots, ready to be minimised at any weight of the L1 term."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from qdisc.errors import DataError

from qdisc_symbolic import sr1, sr2, sr3
from qdisc_symbolic.fit import Fit

SR2_STRONGEST = 4.0  # SR2 knows no length of a: no L1 term empties it, this one leaves few bonds


class Problem(Protocol):
    """An objective with its data.

    Attributes:
        strongest: L1 weight above which no coefficient is left.
    """

    strongest: float

    def fit(self, L1_reg: float, max_iter: int = 500, start: np.ndarray | None = None) -> Fit:
        """Minimise the objective with L1 term."""
        ...

    def loss(self, fit: Fit) -> float:
        """Objective of a formula without the L1 term."""
        ...


class Classify:
    """SR1 on features of snapshots.

    Args:
        features: Features of some configurations by their numbers, (rows,) -> (rows, features).
        inside: How often each configuration was seen inside the cluster, (configurations,).
        outside: The same outside.
        add_constant: Fit b as well.
    """

    def __init__(
        self, features: Callable[[np.ndarray], np.ndarray], inside: np.ndarray,
        outside: np.ndarray, add_constant: bool = False,
    ) -> None:  # fmt: skip
        used = [np.flatnonzero(weights) for weights in (inside, outside)]
        self._label = np.repeat([1.0, 0.0], [u.size for u in used])
        self._weights = sr1.balanced(
            self._label, np.concatenate([inside[used[0]], outside[used[1]]]).astype(np.float64)
        )
        self._features, self._add_constant = features(np.concatenate(used)), add_constant
        slope = sr1.gradient(np.zeros(self._label.size), self._label, self._weights)
        pull = self._features.T @ slope
        self.strongest = float(np.abs(pull).max(initial=0.0)) * pull.size

    def fit(self, L1_reg: float, max_iter: int = 500, start: np.ndarray | None = None) -> Fit:
        """Logistic regression by Newton steps."""
        return sr1.fit_sr1(
            self._features, self._label, self._weights, L1_reg, self._add_constant, max_iter, start
        )

    def loss(self, fit: Fit) -> float:
        """Mean -ln of the probability of the right class, nats."""
        f = self._features @ fit.alpha + fit.constant
        return sr1.log_loss(f, self._label, self._weights)


class Align:
    """SR2: directions of grad f and grad mu on snapshots.

    Args:
        x: Spins, (rows, sites).
        target: grad mu, (rows, sites).
        weights: How often each row was seen, (rows,).
    """

    strongest = SR2_STRONGEST

    def __init__(self, x: np.ndarray, target: np.ndarray, weights: np.ndarray) -> None:
        self._data = (x, target, weights)

    def fit(self, L1_reg: float, max_iter: int = 500, start: np.ndarray | None = None) -> Fit:
        """L-BFGS with the exact gradient."""
        return sr2.fit_sr2(*self._data, L1_reg, max_iter)

    def loss(self, fit: Fit) -> float:
        """2 - 2 mean cosine."""
        return sr2.alignment(fit.alpha, *self._data)[0]


class Follow:
    """SR3: changes over theta.

    Args:
        rows: P_k for each theta axis, (settings, pairs).
        target: G_k for each theta axis, (settings,).
    """

    def __init__(self, rows: list[np.ndarray], target: list[np.ndarray]) -> None:
        sizes = [float(np.linalg.norm(t)) for t in target]
        if not any(sizes):
            raise DataError("the latent variable does not change over theta", where="mu_cluster",
                            value=sizes)  # fmt: skip
        self._data = (rows, target)
        pull = sum(2 * r.T @ t / s**2 for r, t, s in zip(rows, target, sizes, strict=True) if s)
        self.strongest = float(np.abs(pull).max()) * rows[0].shape[1]

    def fit(self, L1_reg: float, max_iter: int = 500, start: np.ndarray | None = None) -> Fit:
        """Least squares."""
        return sr3.fit_sr3(*self._data, L1_reg, start)

    def loss(self, fit: Fit) -> float:
        """Sum over axes of the relative squared residual."""
        return sum(
            float(((r @ fit.alpha - t) ** 2).sum() / (t @ t))
            for r, t in zip(*self._data, strict=True)
            if t.any()
        )
