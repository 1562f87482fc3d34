"""Ranking scores against brute force and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.errors import DataError
from scipy.stats import spearmanr

from qdisc_symbolic.scores import auc, balanced_accuracy, best_threshold, spearman

RNG = np.random.default_rng(0)


def pair_count(scores, labels, weights):
    """P(in > out) + P(equal) / 2 over all weighted pairs."""
    total, won = 0.0, 0.0
    for s, w in zip(scores[labels], weights[labels], strict=True):
        for t, v in zip(scores[~labels], weights[~labels], strict=True):
            won += w * v * (1.0 if s > t else 0.5 if s == t else 0.0)
            total += w * v
    return won / total


def test_auc_counts_pairs_with_ties_and_weights():
    scores = RNG.integers(0, 5, 60).astype(float)
    labels = RNG.random(60) < 0.4
    ones, weights = np.ones(60), RNG.integers(0, 4, 60).astype(float)
    assert auc(scores, labels) == pytest.approx(pair_count(scores, labels, ones), abs=1e-14)
    assert auc(scores, labels, weights) == pytest.approx(
        pair_count(scores, labels, weights), abs=1e-14
    )
    repeated = np.repeat(np.arange(60), weights.astype(int))
    assert auc(scores, labels, weights) == pytest.approx(auc(scores[repeated], labels[repeated]))


def test_auc_of_simple_cases():
    labels = np.array([True, True, False, False])
    assert auc([1, 1, 1, 1], labels) == 0.5
    assert auc([2, 3, 0, 1], labels) == 1.0
    assert auc([0, 1, 2, 3], labels) == 0.0
    assert auc([1, 2, 1, 0], labels) == pytest.approx((2 + 1.5) / 4)


def test_spearman_shares_ranks():
    a, b = RNG.integers(0, 4, 50), RNG.integers(0, 4, 50)
    assert spearman(a, b) == pytest.approx(spearmanr(a, b)[0], abs=1e-12)
    assert spearman([1, 2, 3], [10, 20, 25]) == 1.0
    assert spearman([1, 2, 3], [3, 2, 1]) == -1.0
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_balanced_accuracy_does_not_reward_the_larger_class():
    labels = np.array([True] + [False] * 9)
    assert balanced_accuracy(np.full(10, -1.0), labels) == 0.5
    assert balanced_accuracy(np.zeros(10), labels) == 0.5
    assert balanced_accuracy(np.where(labels, 1.0, -1.0), labels) == 1.0
    threshold = best_threshold([0.0, 1.0, 2.0, 3.0], [False, False, True, True])
    assert threshold == 1.5
    assert best_threshold([1.0, 1.0], [True, False]) == 1.0


def test_refusals():
    with pytest.raises(DataError, match=r"not finite(.|\n)*scores\[1\]"):
        auc([0.0, np.nan], [True, False])
    with pytest.raises(DataError, match="both classes"):
        auc([0.0, 1.0], [True, True])
    with pytest.raises(DataError, match="one label"):
        auc([0.0, 1.0], [True])
    with pytest.raises(DataError, match="same length"):
        spearman([1.0, 2.0], [1.0])
