"""The L1 path: where it begins, what cross-validation sees, which point is chosen."""

from __future__ import annotations

import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError

from qdisc_symbolic import SymbolicRegression, ansatz
from qdisc_symbolic.problems import Classify, Follow
from qdisc_symbolic.shots import parts, split

SPINS = np.array(np.meshgrid(*[[0, 1]] * 6, indexing="ij")).reshape(6, -1).T
S = 2.0 * SPINS - 1
BONDS = [0, 5, 9, 12, 14]  # pairs (i, i + 1) in the order of the coefficients


@pytest.fixture(scope="module")
def chain():
    """Ten settings of free spins, then ten of an Ising chain with coupling 0.6, 600 shots each."""
    rng = np.random.default_rng(0)
    p = np.exp(0.6 * (S[:, 1:] * S[:, :-1]).sum(1))
    laws = [np.full(64, 1 / 64), p / p.sum()]
    codes = [[SPINS[rng.choice(64, 600, p=law)] for _ in range(10)] for law in laws]
    return Dataset(np.array(codes).reshape(20, 600, 6), [np.arange(20.0)], "discrete")


def test_the_planted_bonds_come_first_and_are_chosen(chain):
    sr = SymbolicRegression(chain, np.arange(10, 20), "SR1")
    path = sr.l1_path(0)
    assert np.flatnonzero(sr.alpha).tolist() == BONDS and (sr.alpha[BONDS] > 0).all()
    assert sr.fit is path.fits[path.chosen] and sr.path is path
    assert path.converged and path.cv_auc[path.chosen] == 1.0
    assert (np.diff(path.l1) < 0).all() and path.alpha.shape == (13, 15)
    assert np.allclose(path.l1[:-1] / path.l1[1:], np.sqrt(2))
    assert (np.diff(path.cv_loss)[: path.best] < 0).all() and (path.cv_loss_error > 0).all()


def test_each_point_is_the_fit_at_its_weight(chain):
    sr = SymbolicRegression(chain, np.arange(10, 20), "SR1")
    path = sr.l1_path(0)
    for n in (0, 5, 12):  # a warm start changes nothing
        alone = sr.train_2BC(0, dataset_size=10**9, L1_reg=path.l1[n])
        np.testing.assert_allclose(alone.alpha, path.alpha[n], atol=1e-7)
        assert sr.evaluation.auc == path.auc[n]


def test_the_path_begins_where_the_first_coefficient_enters():
    rng = np.random.default_rng(1)
    phi = ansatz.features(S)
    classify = Classify(lambda rows: phi[rows], rng.random(64), rng.random(64))
    follow = Follow([rng.normal(size=(9, 15))], [rng.normal(size=9)])
    for problem in (classify, follow):
        above, below = (problem.fit(problem.strongest * share) for share in (1.001, 0.98))
        assert not above.alpha.any() and np.count_nonzero(below.alpha) == 1
        assert problem.loss(below) < problem.loss(above)
        assert problem.loss(below) < below.loss  # without the L1 term


def test_parts_deal_every_shot_once(chain):
    train = split(chain, 0).train
    dealt = parts(train, 5, np.random.default_rng(0))
    assert abs(sum(dealt) - train).max() == 0
    sizes = np.array([part.sum() for part in dealt])
    assert abs(sizes / train.sum() - 0.2).max() < 0.02


def test_cross_validation_judges_on_shots_that_a_fit_has_not_seen():
    """Fair coins, 66 coefficients, few shots: perfect on their own shots, nothing on others."""
    codes = np.random.default_rng(2).integers(0, 2, (16, 40, 12))
    data = Dataset(codes, [np.arange(16.0)], "discrete")
    sr = SymbolicRegression(data, np.arange(8), "SR1")
    path = sr.l1_path(0)
    own = split(data, 0).train
    mean = np.asarray(own @ ansatz.evaluate(path.alpha[-1], 0.0, sr._x)) / own.sum(axis=1)
    assert mean[:8].min() > mean[8:].max()
    assert path.cv_auc[-1] < 0.75 and path.cv_loss[-1] > np.log(2)


def test_numbers_without_meaning(chain):
    sr = SymbolicRegression(chain, np.arange(10, 20), "SR1")
    with pytest.raises(ConfigError, match=r"at least 2(.|\n)*folds"):
        sr.l1_path(0, folds=1)
    with pytest.raises(ConfigError, match=r"at least 1(.|\n)*points"):
        sr.l1_path(0, points=0)
