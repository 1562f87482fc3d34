"""A formula as mathematics: numbers, SymPy, LaTeX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from qdisc.dataset.dataset import Dataset

_INDICES = "ijklmnpq"


@dataclass(frozen=True)
class Term:
    """A coefficient times a sum of products of variables.

    Attributes:
        coefficient: The factor in front of the sum.
        products: Columns of each product, (products, bodies).
        label: What the products have in common, such as a displacement; "" for one product.
        latex: The sum over the products as LaTeX, where it says more than the label.
    """

    coefficient: float
    products: tuple[tuple[int, ...], ...]
    label: str = ""
    latex: str = ""


@dataclass(frozen=True)
class Formula:
    """f(x) = sum of terms + constant.

    Attributes:
        terms: Its terms.
        constant: b.
        symbols: Name of each variable, such as s_0, s_1, ...
    """

    terms: tuple[Term, ...]
    constant: float
    symbols: tuple[str, ...]

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Evaluate on variables x, (n, columns) -> (n,)."""
        out = np.full(len(x), float(self.constant))
        for term in self.terms:
            for columns in term.products:
                out += term.coefficient * np.prod(x[:, columns], axis=1)
        return out

    def sympy(self, digits: int = 6) -> Any:
        """As a SymPy expression in the symbols, every product written out.

        Args:
            digits: Significant digits of the coefficients.
        """
        import sympy

        symbol = sympy.symbols(" ".join(self.symbols), seq=True)
        parts = [
            sympy.Float(term.coefficient, digits) * sympy.Mul(*(symbol[c] for c in columns))
            for term in self.terms
            for columns in term.products
        ]
        if self.constant:
            parts.append(sympy.Float(self.constant, digits))
        return sympy.Add(*parts)

    def latex(self, digits: int = 3) -> str:
        """As LaTeX; terms of several products as a sum over what they have in common.

        Args:
            digits: Significant digits of the coefficients.
        """
        out = ""
        for term in self.terms:
            letter = self.symbols[term.products[0][0]].split("_")[0]
            if term.latex:
                body = term.latex
            elif term.label:
                names = "".join(f" {letter}_{_INDICES[n]}" for n in range(len(term.products[0])))
                body = rf"\sum_{{{term.label}}}{names}"
            else:
                body = " ".join(_subscript(self.symbols[c]) for c in term.products[0])
            out += _signed(term.coefficient, digits, bool(out)) + rf"\,{body}"
        if self.constant or not out:
            out += _signed(self.constant, digits, bool(out))
        return out

    def __str__(self) -> str:
        parts = []
        for term in self.terms:
            names = " ".join(self.symbols[c] for c in term.products[0])
            body = f"sum over {term.label}" if term.label else names
            parts.append(f"{term.coefficient:+.3g} {body}")
        if self.constant or not parts:
            parts.append(f"{self.constant:+.3g}")
        return " ".join(parts)


def symbols_of(dataset: Dataset) -> tuple[str, ...]:
    """Names of the columns: s spins or shifted codes, x values, f and d for hybrid data."""
    n = dataset.n_sites
    if dataset.data_type == "hybrid":
        return tuple(f"{letter}_{i}" for letter in "fd" for i in range(n))
    letter = "x" if dataset.data_type == "continuous" else "s"
    return tuple(f"{letter}_{i}" for i in range(n))


def _subscript(symbol: str) -> str:
    letter, _, number = symbol.partition("_")
    return f"{letter}_{{{number}}}"


def _signed(value: float, digits: int, follows: bool) -> str:
    text = f"{abs(value):.{digits}g}"
    if "e" in text:
        mantissa, power = text.split("e")
        text = rf"{mantissa} \times 10^{{{int(power)}}}"
    sign = "-" if value < 0 else "+" if follows else ""
    return f" {sign} {text}" if follows else f"{sign}{text}"
