"""Order parameters as formulas: two-body symbolic regression with exact gradients."""

from __future__ import annotations

from qdisc_symbolic.baseline import Baseline, random_baseline
from qdisc_symbolic.boundary import boundary, neighbour
from qdisc_symbolic.evaluate import Evaluation
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.reduce import DistanceClass
from qdisc_symbolic.regression import SymbolicRegression
from qdisc_symbolic.scores import auc, balanced_accuracy, spearman

__all__ = [
    "Baseline",
    "DistanceClass",
    "Evaluation",
    "Fit",
    "SymbolicRegression",
    "auc",
    "balanced_accuracy",
    "boundary",
    "neighbour",
    "random_baseline",
    "spearman",
]
