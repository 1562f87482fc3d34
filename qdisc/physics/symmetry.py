"""Bases of the fully symmetric sectors of a spin model.

A ground state that breaks a symmetry in the infinite system is, on a small lattice, one of several
(nearly) degenerate states, and a numerical solver returns an arbitrary superposition of them. In
a basis of states that share the symmetries of the lattice, nothing is degenerate that symmetry
relates, and the matrices are smaller by the order of the group.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import scipy.sparse as sp

from qdisc._typing import IntArray


def group_of(generators: Iterable[tuple[int, ...]], n_sites: int) -> tuple[tuple[int, ...], ...]:
    """All products of the generating permutations (image of each site), identity first."""
    generators = tuple(generators)
    identity = tuple(range(n_sites))
    found, new = {identity: None}, [identity]
    while new:
        products = [tuple(g[s] for s in old) for old in new for g in generators]
        new = [p for p in dict.fromkeys(products) if p not in found]
        found.update(dict.fromkeys(new))
    return tuple(found)


def representatives(group: Iterable[tuple[int, ...]], n_sites: int) -> IntArray:
    """Smallest index among the images of each of the 2^N basis states, (2**N,) int64."""
    index = np.arange(1 << n_sites, dtype=np.int64)
    smallest = index.copy()
    for permutation in group:
        image = np.zeros_like(index)
        for site, target in enumerate(permutation):
            image |= ((index >> (n_sites - 1 - site)) & 1) << (n_sites - 1 - target)
        np.minimum(smallest, image, out=smallest)
    return smallest


def symmetric_sectors(
    symmetries: Iterable[tuple[int, ...]], spin_flip: bool, n_sites: int
) -> tuple[sp.csr_array, ...]:
    """Orthonormal bases of the states invariant under the lattice symmetries.

    Returns:
        One matrix (2**N, dimension) per parity under flipping all spins (even, odd), or a single
        one when the flip is not a symmetry or leaves no odd state. Columns are normalised sums
        over orbits.
    """
    orbit = representatives(group_of(symmetries, n_sites), n_sites)
    if not spin_flip:
        return (_basis(orbit, np.ones(orbit.size)),)
    flipped = orbit[::-1]  # flipping every spin maps index x to 2^N - 1 - x
    both = np.minimum(orbit, flipped)
    sign = np.where(orbit == both, 1.0, -1.0)
    sign[orbit == flipped] = 0.0  # such an orbit is its own mirror image: nothing odd in it
    even = _basis(both, np.ones(orbit.size))
    return (even, _basis(both, sign)) if sign.any() else (even,)


def _basis(orbit: IntArray, amplitude: np.ndarray) -> sp.csr_array:
    rows = np.flatnonzero(amplitude)
    _, column, size = np.unique(orbit[rows], return_inverse=True, return_counts=True)
    values = amplitude[rows] / np.sqrt(size[column])
    return sp.csr_array((values, (rows, column)), shape=(orbit.size, size.size))
