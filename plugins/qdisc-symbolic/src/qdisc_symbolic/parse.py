"""Formulas written by other programs, read and evaluated without running any text as code."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

import numpy as np
from qdisc.errors import DataError

_LONGEST = 10_000
_FUNCTIONS = ("sin", "cos", "tan", "tanh", "exp", "log", "sqrt", "abs", "square", "cube")


def parse(text: str, symbols: Mapping[str, Any]) -> Any:
    """Read an infix expression as SymPy; arithmetic, powers and a few functions are allowed.

    Args:
        text: Such as "1.5 * X1 - X2 ^ 2".
        symbols: SymPy symbol (or expression) of each name in the text.

    Raises:
        DataError: Anything else in the text.
    """
    import sympy

    if len(text) > _LONGEST:
        raise DataError("the formula is too long to read", where="formula", value=len(text))
    try:
        tree = ast.parse(text.replace("^", "**"), mode="eval").body
    except SyntaxError as error:
        raise DataError("this is no formula", where="formula", value=text[:80]) from error
    functions = {name: getattr(sympy, name.capitalize() if name == "abs" else name, None)
                 for name in _FUNCTIONS}  # fmt: skip
    functions["square"], functions["cube"] = (lambda u: u**2), (lambda u: u**3)

    def read(node: ast.AST) -> Any:
        match node:
            case ast.Constant(value=bool()):
                pass
            case ast.Constant(value=int() | float() as number):
                return sympy.Float(number) if isinstance(number, float) else sympy.Integer(number)
            case ast.Name(id=name) if name in symbols:
                return symbols[name]
            case ast.UnaryOp(op=ast.USub(), operand=inner):
                return -read(inner)
            case ast.UnaryOp(op=ast.UAdd(), operand=inner):
                return read(inner)
            case ast.BinOp(left=left, op=op, right=right):
                a, b = read(left), read(right)
                match op:
                    case ast.Add():
                        return a + b
                    case ast.Sub():
                        return a - b
                    case ast.Mult():
                        return a * b
                    case ast.Div():
                        return a / b
                    case ast.Pow():
                        return a**b
            case ast.Call(func=ast.Name(id=name), args=[inner], keywords=[]) if name in functions:
                return functions[name](read(inner))
        raise DataError("this part of the formula is not allowed", where="formula",
                        value=ast.unparse(node)[:80])  # fmt: skip

    return read(tree)


def numeric(expression: Any, values: Mapping[str, np.ndarray]) -> Any:
    """Evaluate a SymPy expression on arrays; NaN where it has no real value.

    Args:
        expression: Numbers, symbols, sums, products, powers and functions that `parse` knows.
        values: Array of each symbol, by its name.

    Raises:
        DataError: A symbol without values, or a function that `parse` does not know.
    """
    if expression.is_Symbol and expression.name in values:
        return np.asarray(values[expression.name], dtype=np.float64)
    if expression.is_number and not expression.args:
        number = complex(expression) if expression.is_finite else complex(np.nan)
        return number.real if number.imag == 0 else np.nan
    parts = [numeric(part, values) for part in expression.args]
    if expression.is_Add:
        return sum(parts[1:], start=parts[0])
    if expression.is_Mul:
        return np.prod(np.broadcast_arrays(*parts), axis=0)
    if expression.is_Pow:
        return np.power(np.asarray(parts[0], dtype=np.float64), parts[1])
    name = type(expression).__name__.lower()
    if name in _FUNCTIONS and len(parts) == 1:
        return getattr(np, name)(parts[0])
    raise DataError("this part of the formula has no values", where="formula",
                    value=str(expression)[:80])  # fmt: skip
