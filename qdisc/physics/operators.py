"""Sums of Pauli strings: as NetKet operators, and as float64 matrices."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from qdisc._typing import SparseArray
from qdisc.errors import ConfigError
from qdisc.physics.netket import double_precision


@dataclass(frozen=True)
class PauliSum:
    """sum_k weights[k] strings[k] on N spins; character i of a string acts on site i.

    Attributes:
        n_sites: Number of spins N.
        strings: Strings of N letters I, X, Y, Z.
        weights: Real weight of each.
    """

    n_sites: int
    strings: tuple[str, ...]
    weights: tuple[float, ...]

    @classmethod
    def of(cls, n_sites: int, terms: Iterable[tuple[str, tuple[int, ...]]]) -> PauliSum:
        """Sum with weight 1 of terms such as ("ZZ", (0, 3))."""
        strings = []
        for letters, sites in terms:
            string = ["I"] * n_sites
            for letter, site in zip(letters, sites, strict=True):
                string[site] = letter
            strings.append("".join(string))
        return cls(n_sites, tuple(strings), (1.0,) * len(strings))

    @classmethod
    def uniform(cls, n_sites: int, letter: str) -> PauliSum:
        """Sum of one letter over all sites."""
        return cls.of(n_sites, ((letter, (site,)) for site in range(n_sites)))

    @classmethod
    def occupations(cls, n_sites: int, sites: tuple[int, ...]) -> PauliSum:
        """Product of n_i = (1 + Z_i) / 2 over some sites."""
        subsets = [c for k in range(len(sites) + 1) for c in itertools.combinations(sites, k)]
        return 0.5 ** len(sites) * cls.of(n_sites, (("Z" * len(c), c) for c in subsets))

    def merged(self) -> PauliSum:
        """The same operator with every string once, in order of appearance."""
        weights: dict[str, float] = {}
        for string, weight in zip(self.strings, self.weights, strict=True):
            weights[string] = weights.get(string, 0.0) + weight
        return PauliSum(self.n_sites, tuple(weights), tuple(weights.values()))

    def __add__(self, other: PauliSum) -> PauliSum:
        return PauliSum(self.n_sites, self.strings + other.strings, self.weights + other.weights)

    def __rmul__(self, factor: float) -> PauliSum:
        weights = tuple(float(factor) * w for w in self.weights)
        return PauliSum(self.n_sites, self.strings, weights)

    def operator(self) -> Any:
        """The sum as a `netket.operator.PauliStrings` on `Spin(1/2)`, with float64 weights."""
        with double_precision() as nk:
            hilbert = nk.hilbert.Spin(0.5, self.n_sites)
            # an empty sum is the zero operator, which NetKet spells as a string of weight 0
            strings = list(self.strings) or ["I" * self.n_sites]
            return nk.operator.PauliStrings(hilbert, strings, list(self.weights) or [0.0])


def matrix(hamiltonian: Any) -> SparseArray:
    """Sparse float64 or complex128 matrix of a NetKet operator, a `PauliSum` or a matrix.

    Rows and columns follow NetKet's order of states: first site most significant, index bit 0 =
    sigma^z +1. The imaginary part is dropped when it is zero everywhere.

    Raises:
        ConfigError: The argument is none of these, or the matrix is not square and Hermitian.
    """
    if isinstance(hamiltonian, PauliSum):
        return pauli_matrix(hamiltonian)
    if hasattr(hamiltonian, "to_sparse"):
        with double_precision():
            hamiltonian = hamiltonian.to_sparse()
    try:
        out: Any = sp.csr_array(hamiltonian)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            "not a Hamiltonian",
            where="hamiltonian",
            value=hamiltonian,
            hint="a NetKet operator or a (sparse) matrix",
        ) from error
    kind = np.complex128 if np.iscomplexobj(out) else np.float64
    out = out.astype(kind)
    if out.ndim != 2 or out.shape[0] != out.shape[1]:
        raise ConfigError("a Hamiltonian is a square matrix", where="hamiltonian", value=out.shape)
    if kind is np.complex128 and (out.nnz == 0 or not abs(out.imag).max()):
        out = out.real
    skew = abs(out - out.conj().T).max() if out.nnz else 0.0
    if not skew <= 1e-12 * max(1.0, abs(out).max() if out.nnz else 0.0):
        raise ConfigError(
            "a Hamiltonian is Hermitian",
            where="hamiltonian",
            value=float(skew),
            hint="the value is the largest entry of H - H^dagger",
        )
    return out


def pauli_matrix(terms: PauliSum) -> SparseArray:
    """Sparse matrix of a sum of Pauli strings, complex128 unless it is real.

    A string maps each basis state to one other: <x ^ m| P |x> = w i^(number of Y)
    (-1)^(spins down on Z and Y sites of x), with m the sites of X and Y. These are the matrix
    elements of `PauliSum.operator()`; NetKet compiles anew for every operator (about a second
    each), a sweep needs the parts of its family at once.
    """
    n = terms.n_sites
    index = np.arange(1 << n, dtype=np.int64)
    columns: dict[int, np.ndarray] = {}
    for string, weight in zip(terms.strings, terms.weights, strict=True):
        flips, signs = pauli_masks(string)
        value = weight * (1, 1j, -1, -1j)[string.count("Y") % 4]
        entries = value * (1 - 2.0 * (np.bitwise_count(index & signs) & 1))
        columns[flips] = columns.get(flips, 0) + entries
    masks = np.array(list(columns), dtype=np.int64)
    rows = np.repeat(index[:, None], len(masks), axis=1)
    data = np.array([columns[int(m)][index ^ m] for m in masks]).T
    out: Any = sp.csr_array(
        (data.ravel(), (rows.ravel(), (rows ^ masks).ravel())), shape=(1 << n,) * 2
    )
    if np.iscomplexobj(out.data) and not out.data.imag.any():
        out = out.real
    out.eliminate_zeros()
    return out.astype(np.complex128 if np.iscomplexobj(out.data) else np.float64)


def pauli_masks(string: str) -> tuple[int, int]:
    """Bit masks of a Pauli string: sites that flip a spin (X, Y), and that give a sign (Y, Z).

    Raises:
        ConfigError: Another letter than I, X, Y, Z.
    """
    if not string or set(string) - set("IXYZ"):
        raise ConfigError(
            "a Pauli string has one letter I, X, Y or Z per site", where="string", value=string
        )
    bits = [int("".join("01"[c in letters] for c in string), 2) for letters in ("XY", "YZ")]
    return bits[0], bits[1]
