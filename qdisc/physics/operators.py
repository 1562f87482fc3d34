"""Sums of Pauli strings: built by NetKet, turned into float64 matrices."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import scipy.sparse as sp

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


def matrix(hamiltonian: Any) -> sp.csr_array:
    """Sparse float64 or complex128 matrix of a NetKet operator, a `PauliSum` or a matrix.

    Rows and columns follow NetKet's order of states: first site most significant, index bit 0 =
    sigma^z +1. The imaginary part is dropped when it is zero everywhere.

    Raises:
        ConfigError: The argument is none of these, or the matrix is not square and Hermitian.
    """
    if isinstance(hamiltonian, PauliSum):
        return _pauli_matrix(hamiltonian).copy()
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


@lru_cache(maxsize=8)  # a sweep, and the tests of a sweep, ask for the same few parts again
def _pauli_matrix(terms: PauliSum) -> sp.csr_array:
    return matrix(terms.operator())
