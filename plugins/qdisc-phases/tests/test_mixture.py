"""Gaussian mixtures: planted clusters, keys, and refusals that name the entry."""

from __future__ import annotations

import jax
import numpy as np
import pytest
from qdisc.errors import ConfigError, DataError, TrainingError

from qdisc_phases import GaussianMixture, select_n_components, silhouette

CENTRES = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 5.0]])
TRUTH = np.repeat(np.arange(3), 60)
X = CENTRES[TRUTH] + 0.3 * np.random.default_rng(0).normal(size=(180, 2))


def test_planted_clusters_are_found():
    mixture = GaussianMixture(3).fit(X, 0)
    labels = mixture.predict(X)
    pairs = set(zip(labels.tolist(), TRUTH.tolist(), strict=True))
    assert len(pairs) == 3
    order = [labels[k == TRUTH][0] for k in range(3)]
    np.testing.assert_allclose(mixture.means[order], CENTRES, atol=0.15)
    np.testing.assert_allclose(mixture.weights, 1 / 3, atol=1e-6)
    np.testing.assert_allclose(mixture.predict_proba(X).sum(1), 1.0, rtol=1e-12)
    assert mixture.converged and 1 <= mixture.n_iter <= 100


def test_one_gaussian_has_closed_forms():
    mixture = GaussianMixture(1, reg_covar=0.0).fit(X, 0)
    covariance = np.cov(X.T, bias=True)
    loglik = -0.5 * (2 * np.log(2 * np.pi) + np.linalg.slogdet(covariance)[1] + 2)
    assert mixture.score(X) == pytest.approx(loglik, rel=1e-10)
    assert mixture.aic(X) == pytest.approx(-2 * 180 * loglik + 2 * 5, rel=1e-10)
    assert mixture.bic(X) == pytest.approx(-2 * 180 * loglik + 5 * np.log(180), rel=1e-10)


def test_three_components_by_bic_and_finite_silhouette():
    models = select_n_components(X, range(1, 6), n_init=2)
    assert list(models) == [1, 2, 3, 4, 5]
    assert set(models[3]["metrics"]) == {"bic", "aic", "avg_log_likelihood"}
    assert min(models, key=lambda k: models[k]["metrics"]["bic"]) == 3
    scores = [silhouette(X, models[k]["model"].predict(X)) for k in models]
    assert scores[0] == 0.0 and np.isfinite(scores).all() and max(scores) == scores[2] > 0.8


def test_starts_of_one_k_do_not_depend_on_the_others():
    alone = select_n_components(X, [4], n_init=2)[4]["model"]
    among = select_n_components(X, [2, 4], n_init=2)[4]["model"]
    np.testing.assert_array_equal(alone.means, among.means)


@pytest.mark.parametrize("key", [3, jax.random.key(3), jax.random.PRNGKey(3)], ids=str)
def test_every_kind_of_key_repeats(key):
    first = GaussianMixture(3, init_params="random").fit(X, key)
    again = GaussianMixture(3, init_params="random").fit(X, key)
    np.testing.assert_array_equal(first.means, again.means)


def test_legacy_and_new_keys_agree():
    new = GaussianMixture(3).fit(X, jax.random.key(5))
    old = GaussianMixture(3).fit(X, jax.random.PRNGKey(5))
    np.testing.assert_array_equal(new.means, old.means)


def test_refusals():
    with pytest.raises(DataError, match=r"X\[7, 1\]"):
        GaussianMixture(2).fit(np.where(np.arange(360).reshape(180, 2) == 15, np.nan, X), 0)
    with pytest.raises(DataError, match="too few rows: 4"):
        GaussianMixture(4).fit(X[:3], 0)
    with pytest.raises(ConfigError, match="did you mean 'kmeans'"):
        GaussianMixture(2, init_params="kmean")
    with pytest.raises(ConfigError, match="n_components"):
        GaussianMixture(0)
    with pytest.raises(ConfigError, match="not a random key"):
        GaussianMixture(2).fit(X, "seed")
    with pytest.raises(TrainingError, match="not fitted"):
        GaussianMixture(2).predict(X)
    with pytest.raises(DataError, match="another number of features"):
        GaussianMixture(2).fit(X, 0).predict(X[:, :1])
    with pytest.raises(DataError, match="one label per row"):
        silhouette(X, [0, 1])
