"""Lowest eigenvectors: dense for small matrices, warm-started Lanczos for large ones."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from qdisc._typing import FloatArray, SparseArray
from qdisc.errors import QdiscError

DENSE_BLOCK = 160  # up to this size full diagonalisation is cheaper than Lanczos
DEGENERACY = 1e-10  # energies this close, relative to the norm of H, count as one
PRECISION = 1e-12  # residual of an eigenvector, relative to the norm of H
_LOOKS = (1e-3, 1e-6, 1e-9, PRECISION)  # how closely the gap is looked at before it is called none
_MOST = 32  # states of a degenerate ground space that Lanczos looks for
_KICK = 1e-4  # share of noise in a warm start: no symmetry of the old state is taken for granted


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """Keep BLAS to one thread, where threadpoolctl is installed.

    Matrices of a few hundred states are too small to share: with two threads the sweep of a
    12-site chain takes twice as long, and far longer when other work wants the processors.
    """
    with _blas().limit(limits=1, user_api="blas") if _blas() else contextlib.nullcontext():
        yield


@functools.cache
def _blas() -> Any:
    """The controller of the BLAS libraries that are loaded, None without threadpoolctl."""
    if importlib.util.find_spec("threadpoolctl") is None:
        return None
    return importlib.import_module("threadpoolctl").ThreadpoolController()


class Blend:
    """Sparse matrices on one pattern, so that a weighted sum costs one product.

    Args:
        parts: Square matrices of one shape.
    """

    def __init__(self, parts: Sequence[Any]) -> None:
        parts = [sp.csr_array(part) for part in parts]
        self.size = parts[0].shape[0]
        keys = [_keys(part) for part in parts]
        pattern = np.unique(np.concatenate(keys))
        kind = np.result_type(*[part.dtype for part in parts])
        self.data = np.zeros((len(parts), pattern.size), dtype=kind)
        for row, key, part in zip(self.data, keys, parts, strict=True):
            row[np.searchsorted(pattern, key)] = part.data
        rows, self.columns = np.divmod(pattern, self.size)
        self.columns = self.columns.astype(np.int32)
        self.indptr = np.searchsorted(rows, np.arange(self.size + 1)).astype(np.int32)
        self.on_diagonal = rows == self.columns

    def sum(self, weights: FloatArray) -> SparseArray:
        """sum_p weights[p] parts[p]."""
        entries = (weights @ self.data, self.columns, self.indptr)
        return sp.csr_array(entries, shape=(self.size,) * 2)

    def dense(self) -> np.ndarray:
        """All parts as one array (parts, size, size)."""
        eye = np.eye(len(self.data))
        return np.stack([self.sum(row).toarray() for row in eye])

    def scalar(self, part: int) -> float | None:
        """C where part = c times the identity, else None."""
        row = self.data[part]
        diagonal = row[self.on_diagonal]
        if row[~self.on_diagonal].any() or (diagonal.size and np.ptp(diagonal.real) > 1e-12):
            return None
        if 0 < diagonal.size < self.size and diagonal.any():
            return None
        return float(diagonal.real.mean()) if diagonal.size else 0.0

    def same(self, other: Blend, parts: Sequence[int]) -> bool:
        """Whether some parts of two blends are the same matrices."""
        if self.data.shape != other.data.shape or (self.columns != other.columns).any():
            return False
        return all(np.allclose(self.data[p], other.data[p], 0, 1e-12) for p in parts)


def lowest(
    h: SparseArray, scale: float, start: np.ndarray | None = None
) -> tuple[FloatArray, np.ndarray]:
    """The ground states of a matrix.

    Args:
        h: Hermitian matrix.
        scale: Upper bound of its norm.
        start: A vector near the ground state, for example that of a neighbouring setting.

    Returns:
        Energies (m,) and orthonormal vectors (size, m), m >= 1: the whole ground space (of at most
        32 states; dense matrices: all states).

    Raises:
        QdiscError: Lanczos does not converge.
    """
    diagonal = h.diagonal()
    if not scale or abs(h - sp.diags_array(diagonal)).max() == 0:
        return classical(np.real(diagonal), scale)
    if h.shape[0] <= DENSE_BLOCK:
        return np.linalg.eigh(h.toarray())
    # a fixed noise makes the result repeatable, and overlaps with every symmetry sector
    noise = np.random.Generator(np.random.Philox(0))
    first = _noise(noise, h.shape[0])
    if start is not None:
        first = start + _KICK * first
    # ARPACK's tolerance is relative to the eigenvalue: shifted by the norm, none is near zero
    lowered = h - scale * sp.eye_array(h.shape[0], format="csr")
    value, vector = _lanczos(lowered, first)
    values, vectors = (value,), (vector,)
    while len(values) < _MOST:
        value, vector = _next(_without(lowered, vectors, scale), values[0], scale, noise)
        if value - values[0] > DEGENERACY * scale:
            break
        values, vectors = (*values, value), (*vectors, vector)
    return np.array(values) + scale, np.stack(vectors, axis=1)


def _next(
    h: Any, ground: float, scale: float, noise: np.random.Generator
) -> tuple[float, np.ndarray]:
    """The lowest eigenpair of `h`, only as sharp as it takes to tell it from the ground state."""
    # a Krylov space holds one vector of each eigenspace: the next one is sought from other noise
    value, vector = ground, _noise(noise, h.shape[0])
    for precision in _LOOKS:
        value, vector = _lanczos(h, vector, precision)
        if value - ground > 4 * precision * scale:
            break
    return value, vector


def _lanczos(h: Any, start: np.ndarray, precision: float = PRECISION) -> tuple[float, np.ndarray]:
    try:
        tolerance: Any = precision  # scipy's annotation knows whole numbers only
        value, vector = eigsh(h, k=1, which="SA", v0=start, tol=tolerance)
    except ArpackNoConvergence as error:
        raise QdiscError(
            "Lanczos did not converge to the ground state",
            where=f"a block of {h.shape[0]} states",
            value=str(error),
            hint="levels within 1e-9 of each other cannot be told apart: move the setting a little",
        ) from error
    return float(value[0]), vector[:, 0]


def _without(h: Any, found: Sequence[np.ndarray], scale: float) -> Any:
    """The same operator with the vectors found already lifted above its spectrum."""
    known = np.stack(found, axis=1)

    def product(x: np.ndarray) -> np.ndarray:
        x = x.reshape(-1)
        return h @ x + 4 * scale * (known @ (known.conj().T @ x))

    make: Any = LinearOperator
    return make(h.shape, matvec=product, dtype=h.dtype)


def _noise(generator: np.random.Generator, size: int) -> np.ndarray:
    vector = generator.random(size) - 0.5
    return vector / np.linalg.norm(vector)


def classical(diagonal: FloatArray, scale: float) -> tuple[FloatArray, np.ndarray]:
    """Ground states of a diagonal matrix: all basis states of lowest energy, (m,) and (size, m)."""
    ground = np.flatnonzero(diagonal - diagonal.min() <= DEGENERACY * scale)
    vectors = np.zeros((diagonal.size, ground.size))
    vectors[ground, np.arange(ground.size)] = 1.0
    return diagonal[ground], vectors


def norm_bound(h: Any) -> float:
    """Upper bound of the largest |eigenvalue|: the largest absolute row sum."""
    return float(abs(h).sum(axis=1).max()) if h.nnz else 0.0


def _keys(part: SparseArray) -> np.ndarray:
    part.sum_duplicates()
    rows = np.repeat(np.arange(part.shape[0], dtype=np.int64), np.diff(part.indptr))
    return rows * part.shape[1] + part.indices
