"""The published face: fresh trainings, held-out scores, silence, refusals."""

from __future__ import annotations

import inspect
import logging

import jax
import matplotlib
import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.sampling import generator
from qdisc.errors import ConfigError, DataError, TrainingError

from qdisc_symbolic import SymbolicRegression, ansatz, auc, random_baseline, shots, spearman

matplotlib.use("Agg")
RNG = np.random.default_rng(0)
T = np.linspace(0.0, 1.5, 8)
SPINS = np.array(np.meshgrid(*[[0, 1]] * 6, indexing="ij")).reshape(6, -1).T


def chain(shots=400):
    """Ising chain of six spins at coupling t, independent of the second axis."""
    s = 2 * SPINS - 1
    energy = (s[:, 1:] * s[:, :-1]).sum(1)
    data = np.empty((8, 3, shots, 6), dtype=np.int64)
    for i, t in enumerate(T):
        p = np.exp(t * energy)
        data[i] = SPINS[RNG.choice(64, size=(3, shots), p=p / p.sum())]
    return Dataset(data, [T, np.arange(3.0)], "discrete", theta_names=("t", "copy"))


DATA = chain()
MASK = np.repeat(T[:, None] > 0.75, 3, axis=1)
BONDS = [0, 5, 9, 12, 14]  # pairs (i, i + 1) in the order of the coefficients


def test_signatures_are_the_published_ones():
    names = list(inspect.signature(SymbolicRegression).parameters)
    assert names == [
        "dataset", "cluster_idx_in", "objective", "type_of_vk", "cluster_idx_out", "search_space",
        "add_constant", "shift_data", "VAE_model", "VAE_params", "mu_cluster", "idx_mu_cluster",
    ]  # fmt: skip
    train = inspect.signature(SymbolicRegression.train_2BC).parameters
    assert [(n, p.default) for n, p in train.items()][2:] == [
        ("dataset_size", 2000), ("L1_reg", 0.0), ("print_info", True), ("max_iter", 500)
    ]  # fmt: skip


def test_the_bonds_of_a_planted_energy_are_found():
    """Outside, spins are random; inside, they feel 0.8 s_i s_{i+1}: the optimum is that energy."""
    rng = np.random.default_rng(0)  # its own: no test may change the numbers of another
    s = 2 * SPINS - 1
    p = np.exp(0.8 * (s[:, 1:] * s[:, :-1]).sum(1))
    pair = [np.full(64, 1 / 64), p / p.sum()]
    data = [[SPINS[rng.choice(64, 4000, p=q)] for _ in range(5)] for q in pair]
    sweep = Dataset(np.array(data), [np.arange(2.0), np.arange(5.0)], "discrete")
    sr = SymbolicRegression(sweep, np.arange(5, 10), "SR1", add_constant=True)
    fit = sr.train_2BC(0, dataset_size=10**6)
    planted = np.zeros(15)
    planted[BONDS] = 0.8
    np.testing.assert_allclose(fit.alpha, planted, atol=0.1)  # four standard errors
    assert fit.converged and sr.evaluation.auc == 1.0
    assert 0.5 < sr.evaluation.balanced_accuracy < sr.evaluation.auc_shots < 1.0
    thin = sr.train_2BC(0, dataset_size=10**6, L1_reg=0.3)
    assert np.flatnonzero(thin.alpha).tolist() == BONDS and (thin.alpha[BONDS] > 0).all()
    groups = sr.reduce_alpha()
    assert [g.distance for g in groups] == [1, 2, 3, 4, 5] and groups[0].n_pairs == 5
    assert groups[0].mean == pytest.approx(thin.alpha[BONDS].mean())
    assert all(g.mean == 0 for g in groups[1:])


def test_delta_follows_the_energy_of_the_chain():
    s = 2.0 * DATA.configurations - 1
    mu = DATA.to_theta(DATA.average((s[:, 1:] * s[:, :-1]).sum(1)))
    sr = SymbolicRegression(DATA, MASK, "SR3", type_of_vk="delta", mu_cluster=mu)
    fit = sr.train_2BC(0)
    assert fit.converged and fit.loss < 0.5
    assert sr.evaluation.auc > 0.99 and sr.evaluation.spearman > 0.9


def test_a_second_training_starts_fresh():
    sr = SymbolicRegression(DATA, MASK, "SR1")
    first = sr.train_2BC(1)
    other = sr.train_2BC(2, L1_reg=1.0)
    assert not np.array_equal(first.alpha, other.alpha)
    again = sr.train_2BC(1)
    np.testing.assert_array_equal(first.alpha, again.alpha)
    assert sr.fit is again


def test_new_and_legacy_keys_agree():
    sr = SymbolicRegression(DATA, MASK, "SR1")
    new = sr.train_2BC(jax.random.key(3)).alpha
    np.testing.assert_array_equal(new, sr.train_2BC(jax.random.PRNGKey(3)).alpha)


def test_predictions_and_figure():
    sr = SymbolicRegression(DATA, np.where(MASK), "SR1", add_constant=True)
    sr.train_2BC(0)
    assert sr.constant != 0
    f = sr.compute_prediction(DATA.configurations)
    s = 2.0 * DATA.configurations - 1
    np.testing.assert_allclose(f, (s @ sr.matrix * s).sum(1) / 2 + sr.constant, rtol=1e-10)
    over_theta = sr.compute_prediction()
    assert over_theta.shape == (8, 3)
    np.testing.assert_allclose(over_theta.reshape(-1), DATA.average(f), rtol=1e-10)
    figure = sr.plot_alpha()
    assert figure.axes[0].images[0].get_array().shape == (6, 6)


def test_information_goes_to_the_log_and_nothing_is_printed(capsys, caplog):
    sr = SymbolicRegression(DATA, MASK, "SR1")
    with caplog.at_level(logging.INFO, logger="qdisc_symbolic"):
        sr.train_2BC(0, print_info=False)
        assert not caplog.records
        sr.train_2BC(0)
    assert "held-out AUC" in caplog.text and "random coefficients" in caplog.text
    assert capsys.readouterr() == ("", "")


def test_an_interrupted_fit_says_so(caplog):
    sr = SymbolicRegression(DATA, MASK, "SR1")
    assert not sr.train_2BC(0, max_iter=1).converged
    assert "has not converged" in caplog.text


def test_the_baseline_needs_a_reference_for_ranks():
    base = random_baseline(DATA, MASK, n=50)
    assert base.aucs.shape == (50,) and 0.5 <= base.auc <= 1 and np.isnan(base.spearman)
    ranked = random_baseline(DATA, MASK, n=50, reference=np.repeat(T[:, None], 3, axis=1))
    assert ranked.auc == base.auc and 0 < ranked.spearman < 1


def test_the_baseline_scores_as_training_does():
    counts = shots.split(DATA, 4).held_out
    table = ansatz.correlators(2.0 * DATA.configurations - 1, shots.shares(counts))
    reference = np.repeat(T, 3)
    base = random_baseline(DATA, MASK, n=5, key=4, reference=reference)
    for k, alpha in enumerate(generator(4, 2).standard_normal((5, 15))):
        area = auc(table @ alpha, MASK.reshape(-1))
        assert base.aucs[k] == pytest.approx(max(area, 1 - area), abs=1e-12)
        rank = abs(spearman(table @ alpha, reference))
        assert base.spearmans[k] == pytest.approx(rank, abs=1e-12)


def test_refusals():
    with pytest.raises(ConfigError, match=r"unknown objective(.|\n)*did you mean 'SR"):
        SymbolicRegression(DATA, MASK, "SR")
    with pytest.raises(ConfigError, match="unknown type_of_vk"):
        SymbolicRegression(DATA, MASK, "SR3")
    with pytest.raises(ConfigError, match="unknown search_space"):
        SymbolicRegression(DATA, MASK, "SR1", search_space="3_body")
    with pytest.raises(ConfigError, match="SR2 needs the trained model"):
        SymbolicRegression(DATA, MASK, "SR2")
    with pytest.raises(ConfigError, match="SR3 follows a map"):
        SymbolicRegression(DATA, MASK, "SR3", "delta")
    with pytest.raises(DataError, match="both inside and outside"):
        SymbolicRegression(DATA, MASK, "SR1", cluster_idx_out=np.ones((8, 3), dtype=bool))
    with pytest.raises(DataError, match="nothing to tell the cluster from"):
        SymbolicRegression(DATA, np.ones((8, 3), dtype=bool), "SR1")
    shadow = Dataset(RNG.choice([2, 3, 4], (2, 5, 4)) * [1, 0, 1, 0], [[0.0, 1.0]], "shadow")
    with pytest.raises(DataError, match="basis codes are not spins"):
        SymbolicRegression(shadow, [0], "SR1")
    sr = SymbolicRegression(DATA, MASK, "SR1")
    with pytest.raises(TrainingError, match="no coefficients yet"):
        sr.compute_prediction()
    with pytest.raises(ConfigError, match="L1_reg"):
        sr.train_2BC(0, L1_reg=-1.0)
    with pytest.raises(ConfigError, match="dataset_size"):
        sr.train_2BC(0, dataset_size=0)
