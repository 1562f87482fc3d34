"""The shipped J1-J2 snapshots, their phases by exact diagonalisation and by trained models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from qdisc.dataset.load import load
from qdisc.physics.catalogue import find_dataset
from threadpoolctl import threadpool_limits

# h where the exact Fisher information about h is largest, for each J2 of the sweep
RIDGE = (
    1.375, 1.275, 1.175, 1.125, 1.025, 0.925, 0.825, 0.675, 0.575, 0.425, 0.125, 0.375, 0.475,
    0.525, 0.625, 0.675, 0.725, 0.725, 0.775, 0.825, 0.875,
)  # fmt: skip
POLARISED, NEEL, STRIPED = 0, 1, 2


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # threads only stand in each other's way at these sizes
        yield


@pytest.fixture(scope="session")
def j1j2():
    """21 x 20 settings of (J2, h), 1000 shots each."""
    return load(find_dataset("j1j2_3x3").data)


@pytest.fixture(scope="session")
def phases(j1j2):
    """Exact phase of every setting: polarised above the ridge, else Neel for J2 < 0.75, striped."""
    j2, h = j1j2.theta.T
    return np.where(h > np.repeat(RIDGE, 20), POLARISED, np.where(j2 < 0.75, NEEL, STRIPED))


@pytest.fixture(scope="session")
def demo():
    """Of seeds 0 to 4 of the demo: `label` (5, points) of the analysis clusters, numbered like
    `phases`, and `rate` (5, points), the mean KL of the latents in nats.
    """
    return dict(np.load(Path(__file__).parent / "data" / "j1j2_demo.npz"))
