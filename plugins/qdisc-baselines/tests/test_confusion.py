"""Learning by confusion: a planted border, the exact error, and nothing where nothing is."""

from __future__ import annotations

import numpy as np
from qdisc.testing import run_plugin

from qdisc_baselines.confusion import ConfusionConfig, classifier, confusion, sides


def test_a_planted_border_is_the_maximum(planted):
    """Along a the maximum is beside 4.5; there, and nowhere along b, sides can be told apart."""
    found = run_plugin(confusion, planted)
    value, error = found["confusion"].data, found["confusion_error"].data
    assert set(np.nanargmax(value[1:-1, :, 0], axis=0) + 1) <= {4, 5}
    # m ups of 6: the majority decides; P(m > 3) - P(m < 3) at 0.8 is the exact 1 - 2 x error
    exact = 0.90112 - 0.01696
    assert np.abs(value[4:6, :, 0] - exact).max() < 0.06
    pull = value[:, 1:-1, 1] / error[:, 1:-1, 1]
    assert np.abs(pull).max() < 4.5
    assert found["gradient_norm"].data < 1e-4
    assert (value[[0, -1], :, 0] == 0).all() and (value[:, [0, -1], 1] == 0).all()


def test_nothing_can_be_told(nothing):
    found = run_plugin(confusion, nothing)
    value, error = found["confusion"].data, found["confusion_error"].data
    pull = value[error > 0] / error[error > 0]
    assert np.abs(pull).max() < 5 and abs(pull.mean()) < 1
    assert found["loss"].data >= np.log(63) - 0.01  # naming the setting: no better than chance


def test_the_classifier_is_bayes_of_enough_shots():
    """Two settings, one feature: log-odds are those of the counts, to the penalty."""
    phi = np.array([[-1.0, 1.0], [1.0, 1.0]])
    counts = np.array([[3e6, 1e6], [1e6, 3e6]])
    log_p, norm = classifier(phi, counts, ConfusionConfig(iterations=500))
    np.testing.assert_allclose(np.exp(log_p), [[0.75, 0.25], [0.25, 0.75]], atol=1e-3)
    assert norm < 1e-5


def test_sides_with_exact_probabilities(make):
    """sides() of exact posteriors is 1 - 2 x the exact error of the best decision."""
    p = make.tfim(4, np.linspace(0.3, 1.7, 9))
    log_p = np.log(p / p.sum(axis=0)).T
    value, _ = sides(log_p, p * 1e6)
    for n in range(1, 8):
        left, right = p[:n].mean(axis=0), p[n + 1 :].mean(axis=0)
        assert np.isclose(value[n], 0.5 * np.abs(left - right).sum())  # total variation
    assert (value[[0, -1]] == 0).all()
