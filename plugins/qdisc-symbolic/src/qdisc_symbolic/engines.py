"""Free-form search: programs that look for any formula, behind one function."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.errors import ConfigError, DataError, QdiscError

from qdisc_symbolic.parse import numeric, parse


@dataclass(frozen=True)
class Candidate:
    """A formula that nothing shorter beats.

    Attributes:
        expression: SymPy, in the names of the features.
        length: Number of its nodes, scale and offset included.
        error: Mean squared error.
        bic: n ln(error) + p ln(n), p the number of constants; smaller is better.
    """

    expression: Any
    length: int
    error: float
    bic: float


def free_form_search(
    features: np.ndarray,
    target: np.ndarray,
    names: Sequence[str],
    engine: str = "operon",
    seed: int = 0,
    length: int = 15,
    generations: int = 200,
) -> tuple[Candidate, ...]:
    """Search formulas target = f(features), shortest first.

    Args:
        features: (rows, features).
        target: (rows,).
        names: One name per feature, for SymPy.
        engine: "operon" (genetic programming by pyoperon, extra `sr`) or "pysr" (PySR, where the
            user has it and Julia).
        seed: Fixes all random numbers.
        length: Most nodes of a formula, besides its scale and offset.
        generations: Rounds of the search.

    Returns:
        The Pareto front of error against length.

    Raises:
        ConfigError: An unknown engine, or one that is not installed.
        DataError: Arrays that do not fit or are not finite.
    """
    x, y = np.asarray(features, np.float64), np.asarray(target, np.float64)
    if x.ndim != 2 or y.shape != x.shape[:1] or len(names) != x.shape[1] or y.size < 3:
        raise DataError("one row of features per target, at least three", where="features",
                        value=f"shapes {x.shape} and {y.shape}, {len(names)} names")  # fmt: skip
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise DataError("features and target must be finite", where="features", value="NaN or inf")
    if engine not in ENGINES:
        raise ConfigError("no such engine", where="engine", value=engine,
                          hint=f"known: {', '.join(ENGINES)}")  # fmt: skip
    if length < 1 or generations < 1:
        raise ConfigError("at least 1", where="length and generations",
                          value=(length, generations))  # fmt: skip
    found = ENGINES[engine](x, y, names, seed, length, generations)
    out = [_judged(expression, size, x, y, names) for expression, size in found]
    front: list[Candidate] = []
    for candidate in sorted(out, key=lambda c: (c.length, c.error)):
        if np.isfinite(candidate.error) and (not front or candidate.error < front[-1].error):
            front.append(candidate)
    if not front:
        raise DataError("the search found no formula that is finite on the data", where=engine,
                        value=len(out))  # fmt: skip
    return tuple(front)


def best_of(front: Sequence[Candidate]) -> Candidate:
    """The candidate of smallest Bayesian criterion."""
    return min(front, key=lambda c: c.bic)


def evaluate(candidate: Candidate, features: np.ndarray, names: Sequence[str]) -> np.ndarray:
    """Values of a candidate, (rows,); NaN where it is not finite."""
    return _values(candidate.expression, features, names)


def _values(expression: Any, x: np.ndarray, names: Sequence[str]) -> np.ndarray:
    with np.errstate(all="ignore"):
        out = numeric(expression, {name: x[:, k] for k, name in enumerate(names)})
    return np.where(np.isfinite(out), out, np.nan) * np.ones(len(x))


def _judged(
    expression: Any, length: int, x: np.ndarray, y: np.ndarray, names: Sequence[str]
) -> Candidate:
    import sympy

    error = float(np.mean((_values(expression, x, names) - y) ** 2))
    constants = len(expression.atoms(sympy.Float))
    floor = max(error, 1e-30 * max(float(np.var(y)), 1e-300))
    return Candidate(expression, length, error, y.size * np.log(floor) + constants * np.log(y.size))


def _operon(
    x: np.ndarray, y: np.ndarray, names: Sequence[str], seed: int, length: int, generations: int
) -> list[tuple[Any, int]]:
    try:
        from pyoperon.sklearn import SymbolicRegressor
    except ImportError as error:
        raise _missing("pyoperon", "pip install qdisc-symbolic[sr]") from error
    import sympy

    # two objectives: with one, formulas grow without end
    search = SymbolicRegressor(
        allowed_symbols="add,sub,mul,div,constant,variable", objectives=["r2", "length"],
        model_selection_criterion="bayesian_information_criterion", max_length=length,
        population_size=500, pool_size=500, generations=generations, n_threads=1, random_state=seed,
    )  # fmt: skip
    search.fit(x, y)
    symbols = {f"X{k + 1}": sympy.Symbol(name) for k, name in enumerate(names)}
    return [
        (parse(search.get_model_string(entry["tree"], precision=8), symbols), int(entry["length"]))
        for entry in search.pareto_front_
    ]


def _pysr(
    x: np.ndarray, y: np.ndarray, names: Sequence[str], seed: int, length: int, generations: int
) -> list[tuple[Any, int]]:
    # importing PySR without Julia would start to download it
    if not (shutil.which("julia") or os.environ.get("PYTHON_JULIAPKG_EXE")):
        raise _missing(
            "Julia", "install Julia, or name it in PYTHON_JULIAPKG_EXE; or engine operon"
        )
    try:
        from pysr import PySRRegressor  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise _missing("PySR", "pip install pysr") from error
    search = PySRRegressor(
        niterations=generations, maxsize=length, binary_operators=["+", "-", "*", "/"],
        random_state=seed, deterministic=True, parallelism="serial", progress=False, verbosity=0,
        temp_equation_file=True,
    )  # fmt: skip
    search.fit(x, y, variable_names=list(names))
    table = search.equations_
    return [(table["sympy_format"][k], int(table["complexity"][k])) for k in table.index]


def _missing(what: str, hint: str) -> QdiscError:
    return ConfigError(f"the search needs {what}, which is not installed", where="engine",
                       value=what, hint=hint)  # fmt: skip


Engine = Callable[[np.ndarray, np.ndarray, Sequence[str], int, int, int], list[tuple[Any, int]]]
ENGINES: dict[str, Engine] = {"operon": _operon, "pysr": _pysr}
