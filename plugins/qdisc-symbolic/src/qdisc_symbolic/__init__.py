"""Order parameters as formulas: two-body symbolic regression with exact gradients."""

from __future__ import annotations

from qdisc_symbolic.baseline import Baseline, random_baseline
from qdisc_symbolic.bonds import BondClass
from qdisc_symbolic.boundary import boundary, neighbour
from qdisc_symbolic.engines import Candidate, best_of, free_form_search
from qdisc_symbolic.evaluate import Evaluation
from qdisc_symbolic.fit import Fit
from qdisc_symbolic.formula import Formula, Term
from qdisc_symbolic.orbits import Orbit
from qdisc_symbolic.path import Path
from qdisc_symbolic.reduce import DistanceClass
from qdisc_symbolic.regression import SymbolicRegression
from qdisc_symbolic.scores import auc, balanced_accuracy, spearman
from qdisc_symbolic.search import CorrelatorSearch

__all__ = [
    "Baseline",
    "BondClass",
    "Candidate",
    "CorrelatorSearch",
    "DistanceClass",
    "Evaluation",
    "Fit",
    "Formula",
    "Orbit",
    "Path",
    "SymbolicRegression",
    "Term",
    "auc",
    "balanced_accuracy",
    "best_of",
    "boundary",
    "free_form_search",
    "neighbour",
    "random_baseline",
    "spearman",
]
