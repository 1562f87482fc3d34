"""Classical shadows: every spin measured along a random Pauli axis, one shot per choice of axes.

Source: Huang, Kueng, Preskill, Nature Physics 16, 1050 (2020), random single-qubit Paulis.
"""

from __future__ import annotations

import numpy as np

from qdisc._typing import ArrayLike, FloatArray, IntArray, Key
from qdisc.dataset.bases import ROTATIONS
from qdisc.dataset.pauli_values import BASIS_CODES
from qdisc.dataset.sampling import _whole, generator, state_vector
from qdisc.errors import ConfigError

BASES = ("X", "Y", "Z", "XY", "XZ", "YZ", "XYZ")

_MAX_AMPLITUDES = 1 << 22  # conditional states held at once: 64 MB of complex128


def get_classical_shadow(
    psi: ArrayLike, num_shots: int, N: int, rng_key: Key, bases: str = "XYZ"
) -> np.ndarray:
    """Measure each spin of each shot in a basis drawn uniformly from `bases`.

    Args:
        psi: State of N spins 1/2, shape (2**N,) or (2**N, 1); first site most significant, index
            bit 0 = sigma^z +1. It need not be normalised.
        num_shots: Number of shots.
        N: Number of spins.
        rng_key: `jax.random.key`, legacy `PRNGKey`, or a whole number used as seed.
        bases: X, Y, Z, XY, XZ, YZ or XYZ.

    Returns:
        Shape (num_shots, 2N), int8, interleaved [b_1, o_1, b_2, o_2, ...]: basis b = 2, 3, 4 for
        X, Y, Z and outcome o = 1 for eigenvalue +1, o = 0 for eigenvalue -1.

    Raises:
        DataError: The vector has the wrong length, a NaN or infinite amplitude, or norm zero.
        ConfigError: `bases` is not one of the seven names, or a number or the key make no sense.
    """
    if not isinstance(bases, str) or bases not in BASES:
        raise ConfigError(
            "unknown measurement bases",
            where="bases",
            value=bases,
            hint="one of " + ", ".join(BASES),
        )
    return shadow_of_states(state_vector(psi, N)[:, None], num_shots, generator(rng_key), bases)


def shadow_of_states(
    states: np.ndarray, num_shots: int, rng: np.random.Generator, bases: str = "XYZ"
) -> np.ndarray:
    """As `get_classical_shadow`, of an equal mixture of states (a degenerate ground space).

    Args:
        states: Orthonormal states, (2**N, m).
        num_shots: Number of shots.
        rng: Generator to draw from; only `random` is used.
        bases: One of the seven names.

    Returns:
        (num_shots, 2N), int8.
    """
    shots, n = _whole(num_shots, "num_shots", 0), int(states.shape[0]).bit_length() - 1
    letters = np.array([BASIS_CODES[letter] for letter in bases], dtype=np.int64)
    basis = letters[(rng.random((shots, n)) * len(letters)).astype(np.int64)]
    bits = np.zeros((shots, n), dtype=np.int8)
    if shots:
        uniforms = rng.random((shots, n))
        which = np.zeros(shots, dtype=np.int64)
        if states.shape[1] > 1:
            which = (rng.random(shots) * states.shape[1]).astype(np.int64)
        _measure(states.T, which, np.arange(shots), basis - 2, uniforms, bits)
    shadow = np.empty((shots, 2 * n), dtype=np.int8)
    shadow[:, 0::2] = basis
    shadow[:, 1::2] = 1 - bits
    return shadow


def _measure(
    states: np.ndarray,
    group: IntArray,
    rows: IntArray,
    basis: IntArray,
    uniforms: FloatArray,
    bits: np.ndarray,
    site: int = 0,
) -> None:
    """Measure from `site` on; fills `bits` for the shots in `rows`.

    Shots that agree in all bases and outcomes so far share one conditional state of the spins
    that remain, half as long after every site. The cost is sum_k min(6^k, shots) 2^(N-k), far
    below the shots 2^N of measuring each shot on its own.

    Args:
        states: Conditional states, shape (groups, 2**(N - site)); their norms do not matter.
        group: State of each shot, shape (len(rows),).
        rows: The shots at work.
        basis: 0, 1, 2 for X, Y, Z, shape (shots, N).
        uniforms: Uniform numbers, shape (shots, N).
        bits: Outcomes, shape (shots, N), written in place.
        site: First site not measured yet.
    """
    while site < bits.shape[1]:
        pairs, pair = np.unique(group * 3 + basis[rows, site], return_inverse=True)
        if len(states) > 1 and pairs.size * states.shape[1] > _MAX_AMPLITUDES:
            # too wide: finish one half of the groups before starting the other
            middle = len(states) // 2
            for part, offset in ((group < middle, 0), (group >= middle, middle)):
                chosen = states[:middle] if offset == 0 else states[middle:]
                _measure(chosen, group[part] - offset, rows[part], basis, uniforms, bits, site)
            return
        up, down = np.moveaxis(states.reshape(len(states), 2, -1), 1, 0)
        share = _share_of_plus(up, down)[pairs // 3, pairs % 3]
        outcome = (uniforms[rows, site] >= share[pair]).astype(np.int64)
        bits[rows, site] = outcome
        kept, group = np.unique(2 * pair + outcome, return_inverse=True)
        pairs, outcome = pairs[kept // 2], kept % 2
        # the bra of the outcome, <b| = (u, d), applied to the first spin
        bra = ROTATIONS[pairs % 3, outcome][:, :, None]
        states = bra[:, 0] * up[pairs // 3] + bra[:, 1] * down[pairs // 3]
        site += 1


def _share_of_plus(up: np.ndarray, down: np.ndarray) -> FloatArray:
    """Probability of the outcome +1 of the first spin along X, Y and Z, (groups, 3).

    <X> = 2 Re <up|down>, <Y> = 2 Im <up|down>, <Z> = <up|up> - <down|down>, over the norm.
    """
    plus, minus = (np.einsum("gi,gi->g", a.conj(), a).real for a in (up, down))
    cross = 2 * np.einsum("gi,gi->g", up.conj(), down)
    norm = plus + minus
    mean = np.stack([cross.real, cross.imag, plus - minus], axis=1) / norm[:, None]
    return (1 + mean) / 2
