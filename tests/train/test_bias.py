"""A total correlation that comes out negative was rewarded; the user hears of it."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.train.rows import Plan
from qdisc.train.setup import NEGATIVE_TC, warn_of_bias

BATCHES = Plan("shuffled", 125, 2880, 360_000, 125)


def test_a_negative_estimate_from_batches_is_said_with_what_to_try():
    with pytest.warns(UserWarning, match=r"-1\.80 nat.*125 of 360000.*train\.gamma = 0"):
        warn_of_bias(BATCHES, TrainConfig(gamma=5.0), np.array([0.1, -1.8]))


@pytest.mark.parametrize(
    ("plan", "gamma", "tc"),
    [
        (BATCHES, 0.0, [-1.8]),
        (BATCHES, 5.0, [-1.8, NEGATIVE_TC / 2]),
        (BATCHES, 5.0, []),
        (Plan("all", 125, 10, 360_000, 125), 5.0, [-1.8]),
    ],
)
def test_otherwise_nothing_is_said(plan, gamma, tc):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_bias(plan, TrainConfig(gamma=gamma), np.array(tc))
