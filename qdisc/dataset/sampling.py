"""Snapshots of spins drawn from a state vector or from a probability vector.

Conventions: the first site is the most significant bit of a state's index and index bit 0 means
sigma^z = +1 (the order of NetKet's `all_states`), so the code of site i is 1 - bit_i and column i
of a snapshot is site i.

Everything here is float64 NumPy with a counter-based generator seeded from the key: the numbers
depend neither on jax's precision switch nor on the device, and no shot waits for a compilation.
"""

from __future__ import annotations

import numpy as np

from qdisc._typing import ArrayLike, FloatArray, IntArray, Key
from qdisc.errors import ConfigError, DataError

_CHUNK = 1 << 20  # draws made at once; bounds the memory of very long runs


def sample_spin_configurations(
    wave_function: ArrayLike, num_samples: int, N: int, key: Key
) -> np.ndarray:
    """Measure every spin in the Z basis: draw x with probability |psi(x)|^2 / sum |psi|^2.

    Args:
        wave_function: State of N spins 1/2, real or complex, shape (2**N,) or (2**N, 1); it need
            not be normalised.
        num_samples: Number of snapshots.
        N: Number of spins.
        key: `jax.random.key`, legacy `PRNGKey`, or a whole number used as seed.

    Returns:
        Codes, shape (num_samples, N), int8: column i is site i, 1 for s = +1 and 0 for s = -1.

    Raises:
        DataError: The vector has the wrong length, a NaN or infinite amplitude, or norm zero.
        ConfigError: `num_samples`, `N` or the key make no sense.
    """
    psi = state_vector(wave_function, N)
    draws = draw(np.abs(psi) ** 2, num_samples, generator(key))
    return index_to_codes(draws, N)


def sample_from_probabilities(p: ArrayLike, n: int, key: Key | np.random.Generator) -> IntArray:
    """Draw n independent shots from `p` and count them: one multinomial sample.

    Args:
        p: Probabilities of the outcomes, shape (outcomes,); they are normalised to sum 1.
        n: Number of shots.
        key: As in `sample_spin_configurations`, or a `numpy.random.Generator` to draw from.

    Returns:
        How often each outcome was seen, shape (outcomes,), int64, summing to n.

    Raises:
        DataError: A probability is negative, NaN or infinite, or all are zero.
        ConfigError: `n` or the key make no sense.
    """
    weights = np.asarray(p, dtype=np.float64)
    if weights.ndim != 1 or weights.size == 0:
        raise DataError("probabilities form one vector", where="p", value=weights.shape)
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise DataError(
            "a probability is negative or not finite",
            where=f"p[{bad[0]}]",
            value=float(weights[bad[0]]),
            hint=f"{bad.size} of {weights.size} entries are affected",
        )
    if not weights.any():
        raise DataError("all probabilities are zero", where="p", value=weights.shape)
    rng = key if isinstance(key, np.random.Generator) else generator(key)
    counts = np.zeros(weights.size, dtype=np.int64)
    left = _whole(n, "n", 0)
    while left:
        step = min(left, _CHUNK)
        counts += np.bincount(draw(weights, step, rng), minlength=weights.size)
        left -= step
    return counts


def index_to_codes(index: ArrayLike, N: int) -> np.ndarray:
    """Codes of basis states: index (n,) -> (n, N) int8, code = 1 - bit, first site first."""
    shift = np.arange(N - 1, -1, -1, dtype=np.int64)
    bits = (np.asarray(index, dtype=np.int64)[:, None] >> shift) & 1
    return (1 - bits).astype(np.int8)


def codes_to_index(codes: ArrayLike) -> IntArray:
    """Index of each snapshot in the order of the state vector: (n, N) codes -> (n,) int64."""
    bits = 1 - np.asarray(codes, dtype=np.int64)
    return bits @ (1 << np.arange(bits.shape[-1] - 1, -1, -1, dtype=np.int64))


def state_vector(psi: ArrayLike, N: int) -> np.ndarray:
    """Return `psi` as a checked complex128 vector of norm one, shape (2**N,).

    Raises:
        DataError: The vector has the wrong length, a NaN or infinite amplitude, or norm zero.
    """
    n_sites = _whole(N, "N", 1)
    vector = np.asarray(psi)
    if vector.ndim == 2 and vector.shape[1] == 1:
        vector = vector[:, 0]
    if vector.ndim != 1 or vector.size != 1 << n_sites:
        raise DataError(
            f"a state of {n_sites} spins has 2**{n_sites} = {1 << n_sites} amplitudes",
            where="wave function",
            value=vector.shape,
            hint="check N, and that the whole vector is passed (not a batch of states)",
        )
    vector = vector.astype(np.complex128)
    bad = np.flatnonzero(~np.isfinite(vector))
    if bad.size:
        raise DataError(
            "the wave function is not finite",
            where=f"amplitude {bad[0]}",
            value=complex(vector[bad[0]]),
            hint=f"{bad.size} of {vector.size} amplitudes are NaN or infinite",
        )
    largest = np.abs(vector).max()
    if largest == 0:
        raise DataError(
            "the wave function is zero everywhere and cannot be normalised",
            where="wave function",
            value=vector.shape,
        )
    vector /= largest  # before squaring, so that huge or tiny vectors stay in range
    return vector / np.linalg.norm(vector)


def generator(key: Key | int, *path: int) -> np.random.Generator:
    """Make NumPy's Philox generator from a key; `path` names an independent substream.

    Only `Generator.random` is used on it: its stream is the raw bits of Philox, which do not
    change between NumPy versions.

    Raises:
        ConfigError: The key is neither a jax key nor a whole number >= 0.
    """
    if isinstance(key, int | np.integer) and not isinstance(key, bool):
        words = [_whole(key, "key", 0)]
    else:
        if str(getattr(key, "dtype", "")).startswith("key<"):
            import jax

            key = jax.random.key_data(key)
        data = np.asarray(key)
        if data.ndim != 1 or data.size == 0 or data.dtype.kind != "u":
            raise ConfigError(
                "not a random key",
                where="key",
                value=key,
                hint="pass one jax.random.key(seed), jax.random.PRNGKey(seed) or a whole number",
            )
        words = [int(word) for word in data]
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(words, spawn_key=path)))


def draw(weights: FloatArray, n: int, rng: np.random.Generator) -> IntArray:
    """Draw n indices in proportion to `weights` by inverting the cumulative sum.

    Args:
        weights: Numbers >= 0, not all zero; not checked.
        n: Number of draws.
        rng: Generator to draw from.

    Returns:
        (n,) int64.
    """
    n = _whole(n, "num_samples", 0)
    cumulative = np.cumsum(weights)
    cumulative /= cumulative[-1]
    # side="right" never returns an outcome of weight zero, not even for a uniform equal to 0
    return np.searchsorted(cumulative, rng.random(n), side="right")


def _whole(value: object, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ConfigError(f"{name} is a whole number >= {least}", where=name, value=value)
    return int(value)
