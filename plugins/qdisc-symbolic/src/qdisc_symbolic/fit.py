"""What a fit of coefficients leaves behind."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Fit:
    """Coefficients of f(x) = sum_{i<j} a_ij x_i x_j + b and how they were found.

    Attributes:
        alpha: a_ij in the order of `ansatz.pairs`, (pairs,).
        constant: b.
        loss: Objective at the end, L1 term included.
        gradient_norm: Largest entry of the objective's smallest (sub)gradient; 0 at an optimum.
        iterations: Steps of the optimiser; 0 for closed forms.
        converged: Whether `gradient_norm` fell below the tolerance.
        message: Why the fit ended.
    """

    alpha: np.ndarray
    constant: float
    loss: float
    gradient_norm: float
    iterations: int
    converged: bool
    message: str

    def turned(self) -> Fit:
        """The same formula with the other sign."""
        return replace(self, alpha=-self.alpha, constant=-self.constant)
