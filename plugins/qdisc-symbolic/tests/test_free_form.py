"""Free-form search: formulas of other programs are read safely, and found."""

from __future__ import annotations

import shutil

import jax
import numpy as np
import pytest
import sympy
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.errors import ConfigError, DataError
from qdisc.plugin import Registry
from qdisc.testing import check_plugin

from qdisc_symbolic import best_of, engines, free_form_search
from qdisc_symbolic.free_form import FreeFormConfig, free_form
from qdisc_symbolic.parse import numeric, parse

RNG = np.random.default_rng(0)
NAMES = ("c_1", "c_2", "c_3")
X = RNG.uniform(-1, 1, (200, 3))
Y = X[:, 0] - 0.5 * X[:, 1] ** 2 + 0.01 * RNG.normal(size=200)
C1, C2, C3 = (sympy.Symbol(name) for name in NAMES)


def test_formulas_are_read():
    symbols = {"X1": C1, "X2": C2}
    assert parse("(0.5 + ((-2) * X1)) / X2 ^ 2", symbols) == (0.5 - 2 * C1) / C2**2
    assert parse("square(X1) - abs(cos(+X2))", symbols) == C1**2 - sympy.Abs(sympy.cos(C2))


def test_values_are_those_of_the_expression():
    expression = (C1 - 2) ** 3 / (1 + C2**2) + sympy.exp(-C3) * sympy.sqrt(2) - sympy.Abs(C1)
    values = dict(zip(NAMES, X.T, strict=True))
    c1, c2, c3 = X.T
    by_hand = (c1 - 2) ** 3 / (1 + c2**2) + np.exp(-c3) * np.sqrt(2) - np.abs(c1)
    np.testing.assert_allclose(numeric(expression, values), by_hand, rtol=1e-12)
    with np.errstate(all="ignore"):
        assert np.isnan(numeric(sympy.sqrt(C1), values)[c1 < 0]).all()
        assert np.isnan(numeric(sympy.zoo * C1, values)).all()
    with pytest.raises(DataError, match="no values"):
        numeric(sympy.Symbol("c_4") + C1, values)


@pytest.mark.parametrize(
    "text", ["__import__('os')", "X1.args", "X3", "[X1]", "X1 if X2 else 1", "True", "exp(X1, X2)",
             "'a'", "X1 < 2", "lambda: 1"],
)  # fmt: skip
def test_nothing_else_is_read(text):
    with pytest.raises(DataError, match="not allowed"):
        parse(text, {"X1": C1, "X2": C2})


def test_broken_and_endless_formulas():
    with pytest.raises(DataError, match="no formula"):
        parse("1 +", {})
    with pytest.raises(DataError, match="too long"):
        parse("1+" * 6000 + "1", {})


def test_the_front_is_judged_on_the_data(monkeypatch):
    """An engine hands over expressions; what is worse and longer, or not finite, is left out."""
    given = [(C1, 1), (C1 - 0.5 * C2**2, 5), (C1 + 0 * C2, 3), (C1 / (C3 - C3 + 0), 4),
             (sympy.sqrt(C1), 2), (C1 - 0.5 * C2**2, 9)]  # fmt: skip
    monkeypatch.setitem(engines.ENGINES, "operon", lambda *_: given)
    front = free_form_search(X, Y, NAMES)
    assert [c.length for c in front] == [1, 5]
    assert front[0].error == pytest.approx(np.mean((X[:, 0] - Y) ** 2))
    assert best_of(front).expression == C1 - 0.5 * C2**2
    assert front[1].bic == pytest.approx(200 * np.log(front[1].error) + np.log(200))


def test_operon_finds_the_toy_and_repeats_itself():
    """y = c1 - c2^2 / 2 with noise 0.01: error no larger than the noise, coefficients to 2 %."""
    pytest.importorskip("pyoperon")
    best = best_of(free_form_search(X, Y, NAMES, seed=3, generations=60))
    found = sympy.Poly(sympy.expand(best.expression), C1, C2, C3)
    assert found.coeff_monomial(C1) == pytest.approx(1.0, abs=0.02)
    assert found.coeff_monomial(C2**2) == pytest.approx(-0.5, abs=0.02)
    assert best.error < 1.2e-4
    again = best_of(free_form_search(X, Y, NAMES, seed=3, generations=60))
    assert again.expression == best.expression


def test_engines_that_are_not_there(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("PYTHON_JULIAPKG_EXE", raising=False)
    with pytest.raises(ConfigError, match=r"needs Julia(.|\n)*PYTHON_JULIAPKG_EXE"):
        free_form_search(X, Y, NAMES, "pysr")
    monkeypatch.setitem(__import__("sys").modules, "pyoperon.sklearn", None)
    with pytest.raises(ConfigError, match=r"needs pyoperon(.|\n)*\[sr\]"):
        free_form_search(X, Y, NAMES)
    with pytest.raises(ConfigError, match="no such engine"):
        free_form_search(X, Y, NAMES, "eureqa")
    with pytest.raises(DataError, match="one row of features"):
        free_form_search(X, Y[:5], NAMES)
    with pytest.raises(DataError, match="finite"):
        free_form_search(X, np.where(Y > 0, Y, np.nan), NAMES)


def test_the_analysis_finds_the_joint_order_of_j1j2(j1j2, phases):
    pytest.importorskip("pyoperon")
    options = {"labels": phases.tolist(), "inside": [1, 2], "generations": 20}
    found = run(
        j1j2, key=jax.random.key(0), registry=Registry([("analysis", free_form)]), strict=True,
        observables=Selection(run=()),
        analyses=Selection(run=("free_form",), options={"free_form": options}),
    ).analyses["free_form"].variables  # fmt: skip
    assert found["auc"].data >= 0.99 > 0.75 > found["auc_random"].data
    value, inside = found["value"].data.reshape(-1), phases > 0
    assert value[inside].mean() > 0.8 and value[~inside].mean() < 0.2
    assert "c_1 = <(0,1)(1,0)(1,1)>" in found["value"].attrs["correlators"]


def test_the_contract():
    pytest.importorskip("pyoperon")
    why = {"runs[discrete_scattered]": "all of its settings lie inside the region"}
    check_plugin(free_form, why, config=FreeFormConfig(region={"g": (0.4, 1.0)}, generations=2,
                                                       bodies=2))  # fmt: skip
