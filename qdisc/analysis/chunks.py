"""Run a compiled function over many rows in pieces of one shape."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from qdisc._typing import Key
from qdisc.errors import DataError

SMALLEST = 16


def default_chunk(n_sites: int) -> int:
    """Rows per device call: attention over N sites needs rows * N^2 numbers per head.

    On processors, more rows than fit into the caches are twice as slow.
    """
    rows = 2 ** int(np.log2(max(2**24 // max(n_sites, 1) ** 2, 1)))
    return int(np.clip(rows, 64, 1024 if jax.default_backend() == "cpu" else 8192))


def in_chunks(
    function: Callable[..., Any], chunk: int, rows: tuple[np.ndarray, ...]
) -> Iterator[tuple[slice, Any]]:
    """Yield (rows, output) of `function(start, *piece)`, piece after piece.

    Every piece has the same shape: the last one is filled up with copies of its last row and its
    output cut again, so that one call compiles once. Fewer rows than a chunk are filled up to the
    next power of two.

    Args:
        function: Takes the number of the first row (uint32) and the pieces; returns a tree of
            arrays with one entry per row.
        chunk: Rows per piece.
        rows: Arrays of equal length.
    """
    n = rows[0].shape[0]
    if n == 0:
        raise DataError("there are no rows to work on", where="model", value=rows[0].shape)
    size = n if n <= 1 else 2 ** int(np.ceil(np.log2(n)))
    size = min(chunk, max(size, SMALLEST))
    for start in range(0, n, size):
        stop = min(start + size, n)
        pieces = [_filled(array[start:stop], size) for array in rows]
        out = function(np.uint32(start), *pieces)
        yield slice(start, stop), jax.tree.map(lambda a, k=stop - start: np.asarray(a)[:k], out)


def gathered(blocks: Iterator[tuple[slice, Any]]) -> Any:
    """All outputs of `in_chunks` as one tree."""
    parts = [out for _, out in blocks]
    return jax.tree.map(lambda *arrays: np.concatenate(arrays), *parts)


def row_keys(key: Key, start: jax.Array, n: int) -> jax.Array:
    """One key per row, from the row's number alone: chunks of any size draw the same."""
    numbers = start + jax.lax.iota(np.uint32, n)
    return jax.vmap(lambda i: jax.random.fold_in(key, i))(numbers)


def _filled(array: np.ndarray, size: int) -> np.ndarray:
    missing = size - array.shape[0]
    return np.concatenate([array, np.repeat(array[-1:], missing, axis=0)]) if missing else array
