"""Formulas as SymPy, LaTeX and bonds: the same function each time."""

from __future__ import annotations

import numpy as np
import sympy
from qdisc.dataset.dataset import Dataset

from qdisc_symbolic import Formula, Term, ansatz
from qdisc_symbolic.bonds import bond_classes, class_formula, pair_formula, support_words

RNG = np.random.default_rng(0)
SQUARE = [(i, j) for i in range(3) for j in range(3)]


def lattice(kind="discrete", periodic=None, sites=SQUARE):
    codes = RNG.integers(0, 2, (2, 30, len(sites)))
    if kind == "hybrid":
        codes = np.concatenate([codes, RNG.random(codes.shape)], axis=-1)
    return Dataset(codes, [[0.0, 1.0]], kind, sites=sites, periodic=periodic)


def test_sympy_is_the_formula():
    data, alpha = lattice(), RNG.normal(size=36) * (RNG.random(36) < 0.3)
    x = 2.0 * data.configurations - 1
    formula = pair_formula(data, alpha, -0.5)
    expected = ansatz.evaluate(alpha, -0.5, x)
    np.testing.assert_allclose(formula(x), expected, atol=1e-12)
    expression = formula.sympy(digits=15)
    assert len(expression.free_symbols) <= 9
    names = sympy.symbols(" ".join(formula.symbols), seq=True)
    values = sympy.lambdify([names], expression, "numpy")(x.T)
    np.testing.assert_allclose(values, expected, atol=1e-10)
    assert sympy.diff(expression, names[0], 2) == 0  # every variable at most once per product


def test_latex_and_text():
    formula = Formula((Term(0.25, ((0, 1),)), Term(-2e-5, ((0, 2), (1, 2)), "(1,1)")), 1.0,
                      ("s_0", "s_1", "s_2"))  # fmt: skip
    assert formula.latex() == (r"0.25\,s_{0} s_{1} - 2 \times 10^{-5}\,\sum_{(1,1)} s_i s_j + 1")
    assert str(formula) == "+0.25 s_0 s_1 -2e-05 sum over (1,1) +1"
    assert Formula((), 0.0, ("s_0",)).latex() == "0" and Formula((), 0.0, ("s_0",)).sympy() == 0


def test_bonds_of_the_square():
    """3 x 3 sites: 12 nearest and 8 diagonal neighbours, 6 at distance 2, 8 knight's moves, 2."""
    alpha = np.arange(36.0) - 5
    found = bond_classes(lattice(), alpha)
    assert [(c.label, c.n_bonds) for c in found] == [
        ("(1,0)", 12), ("(1,1)", 8), ("(2,0)", 6), ("(2,1)", 8), ("(2,2)", 2)
    ]  # fmt: skip
    assert sorted(np.concatenate([c.members for c in found])) == list(range(36))
    for c in found:
        assert c.mean == alpha[c.members].mean()
        assert c.n_positive == (alpha[c.members] > 0).sum()
    only = np.zeros(36)
    only[found[1].members] = -1.0
    assert support_words(bond_classes(lattice(), only)) == "8 of 8 (1,1) all -"
    assert support_words(bond_classes(lattice(), 0 * only)) == "no bond"


def test_periodic_bonds_go_the_shorter_way():
    found = bond_classes(lattice(periodic=(True, True)), np.ones(36))
    assert [(c.label, c.n_bonds) for c in found] == [("(1,0)", 18), ("(1,1)", 18)]


def test_bonds_of_two_kinds_of_variables():
    """Five pairs of neighbours on a chain of two sites with f and d each, two of them on site."""
    data = lattice("hybrid", sites=[(0,), (1,)])
    found = bond_classes(data, np.ones(6))
    assert {c.label: c.n_bonds for c in found} == {
        "fd(0)": 2, "ff(1)": 1, "fd(1)": 2, "dd(1)": 1
    }  # fmt: skip
    assert pair_formula(data, np.eye(6)[1]).latex() == r"1\,f_{0} d_{0}"


def test_one_coefficient_per_class():
    data, alpha = lattice(), RNG.normal(size=36)
    formula = class_formula(data, alpha)
    x = 2.0 * data.configurations - 1
    mean = np.zeros(36)
    for c in bond_classes(data, alpha):
        mean[c.members] = alpha[c.members].mean()
    np.testing.assert_allclose(formula(x), ansatz.evaluate(mean, 0.0, x), atol=1e-12)
    assert formula.latex().count(r"\sum") == 5
