"""Bases of the symmetry sectors in which ground states are sought.

A ground state that breaks a symmetry in the infinite system is, on a small lattice, one of several
(nearly) degenerate states, and a numerical solver returns an arbitrary superposition of them. In
bases of states that share the symmetries, nothing is degenerate that symmetry relates, and the
matrices are smaller by the order of the group.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

import numpy as np
import scipy.sparse as sp

from qdisc._typing import FloatArray, IntArray, SparseArray
from qdisc.physics.family import Family, Parity


def all_flipped(n_sites: int) -> Parity:
    """The parity that flips every spin."""
    return Parity(flipped=tuple(range(n_sites)))


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


def moved(image: tuple[int, ...], index: IntArray, n_sites: int) -> IntArray:
    """Index of each basis state after its spins were moved to the image of their site."""
    out = np.zeros_like(index)
    for site, target in enumerate(image):
        out |= ((index >> (n_sites - 1 - site)) & 1) << (n_sites - 1 - target)
    return out


def spins_up(sites: Iterable[int], index: IntArray, n_sites: int) -> IntArray:
    """Number of spins up (index bit 0) among some sites in each basis state."""
    out = np.zeros_like(index)
    for site in sites:
        out += 1 - ((index >> (n_sites - 1 - site)) & 1)
    return out


def sectors(family: Family) -> tuple[SparseArray, ...]:
    """Orthonormal bases of the sectors that may hold the ground state.

    One basis per value of the parities, and per magnetisation where it is conserved; columns are
    normalised sums over the orbits of the symmetries, with the family's signs. Together with the
    claims of `Family` they hold the ground states of every member of the family.

    Returns:
        Matrices (2**N, dimension) with few entries per column; empty sectors are left out.
    """
    n = family.n_sites
    index = np.arange(1 << n, dtype=np.int64)
    orbit, characters = _orbits(family, index)
    if family.sublattice:
        sign = 1.0 - 2.0 * (spins_up(family.sublattice, index, n) % 2)
        characters = [sign * amplitude for amplitude in characters]
    found: list[SparseArray] = []
    for amplitude in characters:
        if not family.conserves_magnetisation:
            found.append(_basis(orbit, amplitude))
            continue
        up = spins_up(range(n), index, n)
        half = [_basis(orbit, np.where(up == q, amplitude, 0.0)) for q in range(n // 2 + 1)]
        found += half
        # the other half are the same states upside down, in the same order: their matrices are
        # equal wherever flipping all spins is a symmetry, and need not be solved again
        found += [sp.csr_array(basis[::-1]) for basis in half[: (n + 1) // 2]]
    return tuple(basis for basis in found if basis.shape[1])


def _orbits(family: Family, index: IntArray) -> tuple[IntArray, list[FloatArray]]:
    """Smallest index in the orbit of each state, and amplitudes for all values of the parities.

    The amplitude of a state x in the symmetric sum over its orbit is proportional to the sum of
    the characters of the operations that take the orbit's first state to x; it is zero when the
    sector holds no state of that orbit.
    """
    orbit = index
    for image, _ in _operations(family, index):  # listed twice: all at once could fill the memory
        orbit = np.minimum(orbit, image)
    signs = list(itertools.product((1, -1), repeat=len(family.parities)))
    amplitudes = [np.zeros(index.size) for _ in signs]
    for image, used in _operations(family, index):
        hit = image == orbit  # an operation and its inverse have the same character, +1 or -1
        for sign, amplitude in zip(signs, amplitudes, strict=True):
            amplitude[hit] += np.prod([s for s, on in zip(sign, used, strict=True) if on])
    return orbit, [np.sign(amplitude) for amplitude in amplitudes]


def _operations(family: Family, index: IntArray) -> Iterator[tuple[IntArray, tuple[bool, ...]]]:
    """Image of each basis state under each operation, and which parities it contains."""
    n = family.n_sites
    group = group_of(family.symmetries, n)
    for used in itertools.product((False, True), repeat=len(family.parities)):
        start = index
        for parity, on in zip(family.parities, used, strict=True):
            if on:
                mask = sum(1 << (n - 1 - site) for site in parity.flipped)
                start = (moved(parity.image, start, n) if parity.image else start) ^ mask
        for permutation in group:
            yield moved(permutation, start, n), used


def _basis(orbit: IntArray, amplitude: FloatArray) -> SparseArray:
    rows = np.flatnonzero(amplitude)
    _, column, size = np.unique(orbit[rows], return_inverse=True, return_counts=True)
    values = amplitude[rows] / np.sqrt(size[column])
    return sp.csr_array((values, (rows, column)), shape=(orbit.size, size.size))
