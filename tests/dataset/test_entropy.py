"""Plug-in entropies against distributions that are written down."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.dataset import Dataset
from qdisc.dataset.entropy import plug_in_entropies


def test_a_uniform_distribution_has_the_entropy_ln_n():
    """Eight strings, each four times, at one setting: ln 8, whatever the setting."""
    counts = [{f"{i:03b}": 4 for i in range(8)}]
    found = plug_in_entropies(Dataset.from_counts(counts, [[0.0]]))
    assert found.x == pytest.approx(np.log(8))
    assert found.x_given_theta == pytest.approx(np.log(8))


def test_what_theta_says_is_the_difference():
    """Two settings, two strings of their own each: H(x) = ln 4, H(x|theta) = ln 2."""
    counts = [{"00": 5, "01": 5}, {"10": 5, "11": 5}]
    found = plug_in_entropies(Dataset.from_counts(counts, [[0.0], [1.0]]))
    assert found.x == pytest.approx(np.log(4))
    assert found.x_given_theta == pytest.approx(np.log(2))


def test_settings_count_by_their_shots():
    """6 shots of one string, 2 shots of a fair coin: H(x|theta) = (2 / 8) ln 2."""
    counts = [{"00": 6}, {"00": 1, "11": 1}, {}]
    found = plug_in_entropies(Dataset.from_counts(counts, [[0.0], [1.0], [2.0]]))
    share = np.array([7, 1]) / 8
    assert found.x == pytest.approx(-(share * np.log(share)).sum())
    assert found.x_given_theta == pytest.approx(0.25 * np.log(2))


def test_one_string_has_no_entropy():
    found = plug_in_entropies(Dataset.from_counts([{"0101": 9}, {"0101": 4}], [[0.0], [1.0]]))
    assert found.x == found.x_given_theta == 0.0


def test_unused_configurations_do_not_matter():
    from qdisc.dataset.counts import CountMatrix

    counts = CountMatrix.from_pairs(np.array([0, 0]), np.array([0, 2]), np.array([3, 3]), 1, 3)
    data = Dataset.from_configurations(
        [[0, 0], [0, 1], [1, 1]], counts, [[0.0]], data_type="discrete"
    )
    assert plug_in_entropies(data).x == pytest.approx(np.log(2))


def test_shadows_count_bases_and_outcomes():
    rows = np.array([[2, 0], [2, 1], [3, 0], [3, 1]] * 25)
    data = Dataset(rows[None], [[0.0]], "shadow")
    assert data.deduplicated
    assert plug_in_entropies(data).x == pytest.approx(np.log(4))


def test_the_estimate_is_too_small_by_about_half_a_configuration_per_shot():
    """Miller: the bias is -(K - 1) / (2 n), here for a fair die with 8 sides, 400 throws."""
    rng = np.random.default_rng(0)
    found = []
    for _ in range(300):
        seen = rng.multinomial(400, [1 / 8] * 8)
        data = Dataset.from_counts([{f"{i:03b}": int(n) for i, n in enumerate(seen)}], [[0.0]])
        found.append(plug_in_entropies(data).x)
    bias = np.mean(found) - np.log(8)
    assert bias == pytest.approx(-7 / 800, abs=5 * np.std(found) / np.sqrt(300))
    assert bias < -0.005


def test_there_is_none_where_snapshots_do_not_repeat():
    rng = np.random.default_rng(0)
    once = rng.integers(0, 2, (1, 20, 60))
    assert plug_in_entropies(Dataset(once, [[0.0]], "discrete")) is None
    values = rng.normal(size=(1, 20, 3))
    assert plug_in_entropies(Dataset(values, [[0.0]], "continuous")) is None
    both = np.concatenate([rng.integers(0, 2, (1, 20, 2)), np.zeros((1, 20, 2))], axis=-1)
    assert plug_in_entropies(Dataset(both, [[0.0]], "hybrid")) is None
