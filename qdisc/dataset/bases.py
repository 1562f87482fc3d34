"""State vectors seen in other Pauli bases."""

from __future__ import annotations

import numpy as np

from qdisc._typing import ArrayLike, FloatArray, Key
from qdisc.dataset.sampling import draw, generator, index_to_codes, state_vector
from qdisc.errors import ConfigError

LETTERS = "XYZ"

# Rows are the bras <+|, <-| of each axis, so that bit 0 after the rotation means eigenvalue +1.
# Y is H S^dagger: a phase applied after the Hadamard instead of before would measure X.
ROTATIONS = np.array(
    [
        [[1, 1], [1, -1]],
        [[1, -1j], [1, 1j]],
        [[np.sqrt(2), 0], [0, np.sqrt(2)]],
    ]
) / np.sqrt(2)


def check_bases(bases: str, n_sites: int) -> str:
    """One letter X, Y or Z per site; a single letter stands for all sites.

    Raises:
        ConfigError: Other letters, or another number of them.
    """
    if not isinstance(bases, str) or not bases or set(bases) - set(LETTERS):
        raise ConfigError("bases are letters X, Y, Z", where="bases", value=bases)
    if len(bases) not in (1, n_sites):
        raise ConfigError(
            "one basis for all sites, or one per site",
            where="bases",
            value=bases,
            hint=f"{n_sites} letters",
        )
    return bases if len(bases) == n_sites else bases * n_sites


def rotated(states: ArrayLike, bases: str) -> np.ndarray:
    """Amplitudes of state vectors in another Pauli basis.

    Args:
        states: (2**N,) or (2**N, columns); first site most significant, index bit 0 = sigma^z +1.
        bases: X, Y or Z for all sites, or one letter per site.

    Returns:
        The same shape; index bit 0 at a site is the eigenvalue +1 of its letter. Real states
        stay real in X and Z.
    """
    psi = np.asarray(states)
    n_sites = int(psi.shape[0]).bit_length() - 1
    letters = check_bases(bases, n_sites)
    out = psi.reshape(psi.shape[0], -1)
    for site, letter in enumerate(letters):
        if letter == "Z":
            continue
        turn = ROTATIONS[LETTERS.index(letter)]
        turn = turn.real if letter == "X" else turn
        blocks = out.reshape(1 << site, 2, -1)
        out = np.einsum("ab,lbr->lar", turn, blocks, optimize=True)
    return out.reshape(psi.shape)


def sample_pauli_basis(
    states: ArrayLike, num_samples: int, N: int, key: Key | int, bases: str = "Z"
) -> np.ndarray:
    """Measure every spin along a fixed Pauli axis.

    Args:
        states: State of N spins 1/2, (2**N,), or orthonormal states (2**N, m) of equal weight.
        num_samples: Number of snapshots.
        N: Number of spins.
        key: `jax.random.key`, legacy `PRNGKey`, or a whole number used as seed.
        bases: X, Y or Z for all sites, or one letter per site.

    Returns:
        Codes (num_samples, N), int8: 1 for eigenvalue +1 of the site's letter, 0 for -1.

    Raises:
        DataError: The vector has the wrong length, or is not finite.
        ConfigError: The bases, a number or the key make no sense.
    """
    columns = np.asarray(states).reshape(np.shape(states)[0], -1).T
    psi = np.stack([state_vector(column, N) for column in columns], axis=1)
    p = probabilities_in(psi, check_bases(bases, N))
    return index_to_codes(draw(p, num_samples, generator(key)), N)


def probabilities_in(states: ArrayLike, bases: str = "Z") -> FloatArray:
    """p(x) of snapshots in a Pauli basis, averaged over orthonormal states.

    Args:
        states: (2**N,) or (2**N, states).
        bases: X, Y or Z for all sites, or one letter per site.

    Returns:
        (2**N,), sum 1.
    """
    weight = np.abs(rotated(states, bases)) ** 2
    p = weight if weight.ndim == 1 else weight.mean(axis=1)
    return p / p.sum()
