"""Order parameters as formulas: two-body symbolic regression with exact gradients."""

from __future__ import annotations

from qdisc_symbolic.baseline import Baseline, random_baseline
from qdisc_symbolic.bonds import BondClass
from qdisc_symbolic.boundary import boundary, neighbour
from qdisc_symbolic.evaluate import Evaluation
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.formula import Formula, Term
from qdisc_symbolic.path import Path
from qdisc_symbolic.reduce import DistanceClass
from qdisc_symbolic.regression import SymbolicRegression
from qdisc_symbolic.scores import auc, balanced_accuracy, spearman

__all__ = [
    "Baseline",
    "BondClass",
    "DistanceClass",
    "Evaluation",
    "Fit",
    "Formula",
    "Path",
    "SymbolicRegression",
    "Term",
    "auc",
    "balanced_accuracy",
    "boundary",
    "neighbour",
    "random_baseline",
    "spearman",
]
