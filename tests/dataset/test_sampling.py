"""Snapshots from state vectors: order, sign, frequencies, and refusals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.sampling import (
    codes_to_index,
    generator,
    index_to_codes,
    sample_from_probabilities,
    sample_spin_configurations,
)
from qdisc.errors import ConfigError, DataError


def product(signs):
    """State with sigma_z = signs, first site most significant."""
    psi = np.ones(1)
    for sign in signs:
        psi = np.kron(psi, [1.0, 0.0] if sign > 0 else [0.0, 1.0])
    return psi


@pytest.mark.parametrize("signs", [(-1, 1, 1), (1, -1, 1), (1, 1, -1), (1, -1, 1, 1, 1)])
@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, lambda psi: psi[:, None], list])
def test_a_product_state_with_one_odd_site_gives_its_own_codes(signs, kind):
    samples = sample_spin_configurations(kind(product(signs)), 7, len(signs), 0)
    assert samples.shape == (7, len(signs))
    assert samples.dtype == np.int8
    np.testing.assert_array_equal(2 * samples - 1, np.tile(signs, (7, 1)))


def test_index_and_codes_are_inverse_and_ordered_like_the_state_vector():
    index = np.arange(16)
    codes = index_to_codes(index, 4)
    np.testing.assert_array_equal(codes[0], [1, 1, 1, 1])
    np.testing.assert_array_equal(codes[1], [1, 1, 1, 0])
    np.testing.assert_array_equal(codes[8], [0, 1, 1, 1])
    np.testing.assert_array_equal(codes_to_index(codes), index)


def test_frequencies_lie_within_four_sigma_of_the_exact_probabilities():
    rng = np.random.default_rng(1)
    psi = rng.normal(size=32) + 1j * rng.normal(size=32)
    p = np.abs(psi) ** 2 / np.sum(np.abs(psi) ** 2)
    n = 40_000
    drawn = np.bincount(codes_to_index(sample_spin_configurations(psi, n, 5, 3)), minlength=32)
    assert np.all(np.abs(drawn - n * p) < 4 * np.sqrt(n * p * (1 - p)))
    counts = sample_from_probabilities(p, n, 4)
    assert counts.sum() == n
    assert np.all(np.abs(counts - n * p) < 4 * np.sqrt(n * p * (1 - p)))


def test_states_of_probability_zero_are_never_drawn():
    counts = sample_from_probabilities([0.0, 0.5, 0.0, 0.5, 0.0], 10_000, 0)
    assert counts[[0, 2, 4]].sum() == 0


@pytest.mark.parametrize("scale", [1e-200, 1e-20, 3.0, 1e200])
def test_the_norm_does_not_matter(scale):
    psi = np.array([1.0, 2.0, 0.5, 1.5])
    expected = sample_spin_configurations(psi, 50, 2, 5)
    np.testing.assert_array_equal(sample_spin_configurations(scale * psi, 50, 2, 5), expected)


def test_every_kind_of_key_works_and_repeats_its_numbers():
    psi = np.ones(8)
    keys = (7, np.int64(7), jax.random.key(7), jax.random.PRNGKey(7))
    drawn = [sample_spin_configurations(psi, 100, 3, key) for key in keys]
    again = [sample_spin_configurations(psi, 100, 3, key) for key in keys]
    for first, second in zip(drawn, again, strict=True):
        np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(drawn[2], drawn[3])  # the same key in both spellings
    other = sample_spin_configurations(psi, 100, 3, jax.random.key(8))
    assert not np.array_equal(drawn[2], other)


def test_fewer_shots_are_the_first_shots_and_substreams_differ():
    psi = np.ones(8)
    long, short = (sample_spin_configurations(psi, n, 3, 0) for n in (50, 20))
    np.testing.assert_array_equal(long[:20], short)
    a, b = generator(0, 1).random(4), generator(0, 2).random(4)
    assert not np.any(a == b)
    np.testing.assert_array_equal(a, generator(0, 1).random(4))


def test_the_stream_is_pinned():
    """Shipped datasets are regenerated bit for bit: the raw stream must never change."""
    expected = np.random.Generator(np.random.Philox(np.random.SeedSequence([5], spawn_key=(3,))))
    raw = (expected.bit_generator.random_raw(4) >> np.uint64(11)) * 2.0**-53
    np.testing.assert_array_equal(generator(5, 3).random(4), raw)


def test_zero_shots_are_an_empty_array():
    assert sample_spin_configurations(np.ones(4), 0, 2, 0).shape == (0, 2)


@pytest.mark.parametrize(
    ("psi", "n_sites", "message"),
    [
        (np.array([1.0, np.nan, 0.0, 0.0]), 2, r"not finite\n.*amplitude 1\n.*nan"),
        (np.array([1.0, 0.0, np.inf, 0.0]), 2, r"not finite\n.*amplitude 2\n"),
        (np.ones(4), 3, r"3 spins has 2\*\*3 = 8 amplitudes\n.*\n.*\(4,\)"),
        (np.ones((4, 2)), 2, r"2\*\*2 = 4 amplitudes"),
        (np.zeros(4), 2, "zero everywhere and cannot be normalised"),
    ],
)
def test_bad_wave_functions_are_refused_by_name(psi, n_sites, message):
    with pytest.raises(DataError, match=message):
        sample_spin_configurations(psi, 10, n_sites, 0)


@pytest.mark.parametrize(
    ("p", "message"),
    [
        ([0.5, -0.1, 0.6], r"negative or not finite\n.*p\[1\]\n.*-0.1"),
        ([0.5, 0.5, np.nan], r"p\[2\]"),
        ([0.0, 0.0], "all probabilities are zero"),
        ([[0.5, 0.5]], "one vector"),
    ],
)
def test_bad_probabilities_are_refused(p, message):
    with pytest.raises(DataError, match=message):
        sample_from_probabilities(p, 10, 0)


@pytest.mark.parametrize("key", [None, "0", 1.0, True, -1, np.zeros(2), np.zeros((3, 2), "uint32")])
def test_what_is_not_a_key_is_refused(key):
    with pytest.raises(ConfigError, match="key"):
        sample_spin_configurations(np.ones(4), 10, 2, key)


def test_numbers_of_shots_and_sites_must_be_whole():
    with pytest.raises(ConfigError, match=r"num_samples is a whole number >= 0\n.*\n.*2.5"):
        sample_spin_configurations(np.ones(4), 2.5, 2, 0)
    with pytest.raises(ConfigError, match="N is a whole number >= 1"):
        sample_spin_configurations(np.ones(1), 2, 0, 0)
