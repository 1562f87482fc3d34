"""Fault 18 of the published library: a mixture that ignores its key and swallows bad input.

There k-means ignored the key, the silhouette was always NaN, an unknown `init_params` was taken,
and one NaN row gave an all-NaN model.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest
from qdisc_phases import GaussianMixture, select_n_components, silhouette
from threadpoolctl import threadpool_limits

from qdisc.errors import ConfigError, DataError

RNG = np.random.default_rng(0)
CLOUD = RNG.uniform(size=(120, 2))  # no clusters: where the fit ends depends on where it starts


@pytest.fixture(autouse=True)
def one_thread():
    with threadpool_limits(1):  # threads only stand in each other's way at this size
        yield


def keys():
    return [jax.random.key(i) for i in range(4)]


def check_the_key_determines_the_fit(fit):
    """Equal keys give equal bits, and not all keys give the same mixture."""
    means = [np.sort(fit(CLOUD, key), axis=0) for key in keys()]
    again = [np.sort(fit(CLOUD, key), axis=0) for key in keys()]
    np.testing.assert_array_equal(means, again)
    assert any(not np.allclose(means[0], other) for other in means[1:])


@pytest.mark.parametrize("init_params", ["kmeans", "k-means++", "random", "random_from_data"])
def test_the_key_determines_the_fit(init_params):
    def fit(X, key):
        return GaussianMixture(6, max_iter=5, init_params=init_params).fit(X, key).means

    check_the_key_determines_the_fit(fit)


def test_the_check_sees_an_ignored_key():
    with pytest.raises(AssertionError):
        check_the_key_determines_the_fit(
            lambda X, key: GaussianMixture(6, max_iter=5).fit(X, 0).means
        )


def test_the_silhouette_is_finite_for_every_number_of_clusters():
    for k, entry in select_n_components(CLOUD, [1, 2, 5], n_init=1).items():
        score = silhouette(CLOUD, entry["model"].predict(CLOUD))
        assert np.isfinite(score) and -1 <= score <= 1, k
    assert silhouette(np.array([[0.0], [0.1], [9.0], [9.1]]), [0, 0, 1, 1]) > 0.98


def test_unknown_starts_are_refused():
    with pytest.raises(ConfigError, match="unknown start of the mixture"):
        GaussianMixture(2, init_params="magic")
    with pytest.raises(ConfigError, match="unknown start of the mixture"):
        select_n_components(CLOUD, [2], init_params="magic")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_row_that_is_not_finite_is_refused(bad):
    broken = CLOUD.copy()
    broken[17, 1] = bad
    with pytest.raises(DataError, match=r"not finite(.|\n)*X\[17, 1\]"):
        GaussianMixture(2).fit(broken, 0)
    with pytest.raises(DataError, match=r"X\[17, 1\]"):
        GaussianMixture(2).fit(CLOUD, 0).predict(broken)
