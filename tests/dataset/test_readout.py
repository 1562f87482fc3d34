"""Readout channels: probabilities, sites, datasets of every kind, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.readout import Channel, atom_loss, bit_flip, read_out, with_readout
from qdisc.errors import ConfigError, DataError


def seen(observed, true, channel, sigmas=4.5):
    """Every observed frequency within its standard error of P(observed | true)."""
    matrix = np.broadcast_to(channel.matrix, (true.shape[1], *channel.matrix.shape[-2:]))
    for site in range(true.shape[1]):
        for code in range(channel.n_true):
            rows = observed[true[:, site] == code, site]
            for other in range(channel.n_observed):
                p = matrix[site, code, other]
                error = np.sqrt(p * (1 - p) / max(len(rows), 1))
                assert abs((rows == other).mean() - p) <= sigmas * error


@pytest.mark.parametrize(
    "channel",
    [bit_flip(0.02, 0.1), bit_flip([0.0, 0.1, 0.5], [0.3, 0.0, 0.2]), atom_loss(0.05),
     atom_loss([0.0, 0.2, 0.4], lost_as=1), bit_flip(0.1, 0.2).then(atom_loss(0.3))],
)  # fmt: skip
def test_frequencies_are_those_of_the_channel(channel):
    true = np.random.default_rng(0).integers(0, 2, (40_000, 3))
    observed = read_out(true, channel, 5)
    assert observed.dtype == np.uint8
    seen(observed, true, channel)


def test_channels_by_hand():
    np.testing.assert_allclose(bit_flip(0.1, 0.2).matrix, [[0.9, 0.1], [0.2, 0.8]])
    np.testing.assert_allclose(atom_loss(0.1).matrix, [[0.9, 0, 0.1], [0, 0.9, 0.1]])
    np.testing.assert_allclose(atom_loss(0.1, lost_as=1).matrix, [[0.9, 0.1], [0, 1]])
    both = bit_flip(0.1, 0.2).then(atom_loss(0.5))
    np.testing.assert_allclose(both.matrix, [[0.45, 0.05, 0.5], [0.1, 0.4, 0.5]])


def test_perfect_readout_and_one_bad_site():
    true = np.random.default_rng(1).integers(0, 2, (500, 4))
    np.testing.assert_array_equal(read_out(true, bit_flip(0, 0), 0), true)
    flipped = read_out(true, bit_flip([0, 0, 1, 0], [0, 0, 1, 0]), 0)
    np.testing.assert_array_equal(flipped ^ true, np.tile([0, 0, 1, 0], (500, 1)))


def dataset(kind):
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 2, (6000, 3))
    if kind == "shadow":
        rows = np.stack([rng.integers(2, 5, codes.shape), codes], axis=2).reshape(6000, 6)
    elif kind == "hybrid":
        rows = np.concatenate([codes, rng.normal(size=codes.shape)], axis=1)
    else:
        rows = codes
    return Dataset.from_samples(rows, np.repeat([0.0, 1.0, 2.0], 2000), data_type=kind)


@pytest.mark.parametrize("kind", ["discrete", "shadow", "hybrid"])
def test_datasets_keep_their_settings_and_change_by_the_channel(kind):
    before, channel = dataset(kind), bit_flip(0.3, 0.05)
    after = with_readout(before, channel, 7)
    assert after.spec.n_snapshots == before.spec.n_snapshots
    np.testing.assert_array_equal(after.shots, before.shots)
    at = {"shadow": slice(1, None, 2), "hybrid": slice(3)}.get(kind, slice(None))
    ones = before.average(before.configurations[:, at].astype(float))
    expected = 0.3 * (1 - ones) + 0.95 * ones
    got = after.average(after.configurations[:, at].astype(float))
    assert np.abs(got - expected).max() < 4.5 * 0.5 / np.sqrt(2000)
    assert "0.3" in after.source["readout"]


def test_lost_atoms_become_a_third_code():
    atoms = Dataset.from_samples(
        np.ones((100, 2), int), np.zeros(100), data_type="discrete", local_states=[0, 1]
    )
    after = with_readout(atoms, atom_loss([0.0, 1.0]), 0)
    np.testing.assert_array_equal(after.samples, np.tile([1, 2], (100, 1)))
    np.testing.assert_array_equal(after.local_states, [0, 1, 2])


def test_what_makes_no_sense_is_refused():
    with pytest.raises(ConfigError, match=r"true code 1\n.*\[0.2, 0.7\]"):
        Channel(np.array([[1.0, 0.0], [0.2, 0.7]]))
    with pytest.raises(ConfigError, match="distribution over observed codes"):
        bit_flip(1.2, 0.0)
    with pytest.raises(ConfigError, match="one row per true"):
        Channel(np.ones(3))
    with pytest.raises(ConfigError, match="code 0, 1 or 2"):
        atom_loss(0.1, lost_as=5)
    with pytest.raises(ConfigError, match="another number of codes"):
        atom_loss(0.1).then(bit_flip(0, 0))
    with pytest.raises(DataError, match="does not know this code"):
        read_out(np.full((2, 2), 2), bit_flip(0, 0), 0)
    with pytest.raises(DataError, match="3 matrices, 2 sites"):
        read_out(np.zeros((2, 2), int), bit_flip([0, 0, 0], 0), 0)
    values = Dataset.from_samples(np.ones((4, 2)), np.zeros(4), data_type="continuous")
    with pytest.raises(DataError, match="does not apply to continuous"):
        with_readout(values, bit_flip(0, 0), 0)


@pytest.mark.parametrize(
    "channel",
    [bit_flip(0.1, 0.2), bit_flip([0, 0.3], [0.05, 0.1]), atom_loss(0.3),
     bit_flip(0.1, 0.2).then(atom_loss(0.3))],
)  # fmt: skip
def test_averages_of_true_products_from_measured_codes(channel):
    """sum_y p(y) f_1(y_1) f_2(y_2) = sum_x p(x) s_1 s_2 by enumeration, for any p(x)."""
    p = np.random.default_rng(3).dirichlet(np.ones(4)).reshape(2, 2)
    rows = np.broadcast_to(channel.matrix, (2, 2, channel.n_observed))
    measured = np.einsum("xy,xa,yb->ab", p, *rows)
    f = np.broadcast_to(channel.unbiased([-1, 1]), (2, channel.n_observed))
    s = np.array([-1, 1])
    assert np.einsum("ab,a,b->", measured, *f) == pytest.approx(s @ p @ s, abs=1e-12)
    assert measured.sum(axis=1) @ f[0] == pytest.approx(p.sum(axis=1) @ s, abs=1e-12)


def test_what_cannot_be_made_unbiased():
    f = bit_flip(0.1, 0.2).unbiased([-1, 1])
    np.testing.assert_allclose(f[1] - f[0], 2 / (1 - 0.1 - 0.2))
    with pytest.raises(ConfigError, match="cannot be inverted"):
        bit_flip(0.5, 0.5).unbiased([-1, 1])
    with pytest.raises(ConfigError, match="one value per true code"):
        bit_flip(0.1, 0.1).unbiased([-1, 0, 1])
