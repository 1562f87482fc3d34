"""The estimator against closed forms, in the company of other estimators, and in its refusals."""

from __future__ import annotations

import pickle

import flax.linen as nn
import jax
import numpy as np
import pytest
from scipy import stats
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from qdisc.errors import ConfigError, DataError, TrainingError
from qdisc.estimators import VAE, programs
from qdisc.estimators.observation import nll

SMALL = {"hidden_layer_sizes": (8,), "max_epochs": 3, "random_state": 0}


class Linear(nn.Module):
    """z -> W z + b, with a constant scale if one is given."""

    features: int
    scale: float | None = None

    @nn.compact
    def __call__(self, z):
        mean = nn.Dense(self.features)(z)
        return mean if self.scale is None else (mean, self.scale + 0.0 * mean)


class Same(nn.Module):
    """The rows themselves: with the heads behind it, a linear encoder."""

    def __call__(self, x):
        return x


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(0)
    return rng.standard_normal((300, 1)) * [2.0, -1.0, 0.5] + 0.5 * rng.standard_normal((300, 3))


@pytest.fixture(scope="module")
def linear(rows):
    """A linear encoder and decoder with noise 1/2: probabilistic PCA."""
    model = VAE(Same(), Linear(3, 0.5), latent_dim=1, lr=0.02, weight_decay=0.0, max_epochs=1000,
                batch_size=300, random_state=1)  # fmt: skip
    return model.fit(rows)


def test_its_bound_reaches_the_likelihood_of_probabilistic_pca(linear, rows):
    """max log p(X) with noise s^2: eigenvalues l_i of the covariance, the first latent explained,

    -n/2 [ 3 log 2 pi + log l_1 + 2 log s^2 + 1 + (l_2 + l_3) / s^2 ] per n rows (Tipping, Bishop).
    """
    values = np.linalg.eigvalsh(np.cov(rows.T, bias=True))[::-1]
    s2 = 0.25
    best = -0.5 * (
        3 * np.log(2 * np.pi) + np.log(values[0]) + 2 * np.log(s2) + 1 + values[1:].sum() / s2
    )
    assert (
        best - 0.005 < linear.score(rows) < best + 1e-4
    )  # one latent, quadratic: the score is exact
    along = PCA(1).fit_transform(rows)[:, 0]
    assert abs(np.corrcoef(along, linear.transform(rows)[:, 0])[0, 1]) > 0.9999
    # the posterior N(m, 1/(1 + w^2/s^2)) with w^2 = l_1 - s^2
    variance = s2 / values[0]
    assert np.exp(linear.fc_logvar_["bias"])[0] == pytest.approx(variance, rel=0.1)


def test_the_losses_are_log_likelihoods_with_constants_and_scales():
    rng = np.random.default_rng(1)
    x, mean = rng.standard_normal((2, 5, 3))
    scale = rng.uniform(0.2, 2.0, (5, 3))
    for kind, law in (("normal", stats.norm), ("laplace", stats.laplace)):
        expected = -law.logpdf(x, mean, scale).sum(1)
        np.testing.assert_allclose(nll(kind, (mean, scale), x), expected, rtol=1e-5)
        np.testing.assert_allclose(nll(kind, mean, x), -law.logpdf(x, mean).sum(1), rtol=1e-5)
    ones = (x > 0).astype(float)
    chance = 1 / (1 + np.exp(-mean))
    np.testing.assert_allclose(
        nll("bernoulli", mean, ones), -stats.bernoulli.logpmf(ones, chance).sum(1), rtol=1e-5
    )
    logits = rng.standard_normal((5, 3, 4))
    codes = rng.integers(0, 4, (5, 3))
    log_p = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    expected = -np.take_along_axis(log_p, codes[..., None], -1)[..., 0].sum(1)
    np.testing.assert_allclose(nll("categorical", logits, codes), expected, rtol=1e-5)


def test_training_step_is_pure_and_is_what_the_loss_says(rows):
    model = VAE(beta=0.3, **SMALL)
    state = model.init_state(rows)
    batch = rows[:7].astype(np.float32)
    first, again = model.training_step(state, batch), model.training_step(state, batch)
    assert first == again and set(first) == {"loss", "rec_loss", "kl_loss"}
    assert first["loss"] == pytest.approx(float(first["rec_loss"] + 0.3 * first["kl_loss"]))
    assert model.validation_step(state, batch)["rec_loss"] != first["rec_loss"]  # other noise
    grads = jax.grad(lambda p: model.training_step(state._replace(params=p), batch)["loss"])(
        state.params
    )
    moved = jax.tree.map(lambda p, g: p - 1e-3 * g, state.params, grads)
    assert model.training_step(state._replace(params=moved), batch)["loss"] < first["loss"]


def test_pipeline_search_and_pickle(rows):
    search = GridSearchCV(
        make_pipeline(StandardScaler(), VAE(**SMALL)),
        {"vae__beta": [0.5, 1.0], "vae__lr": [1e-3, 1e-2]}, cv=2,
    ).fit(rows)  # fmt: skip
    assert search.best_params_["vae__lr"] == 1e-2  # three epochs: the faster one is ahead
    best = search.best_estimator_
    assert list(best.get_feature_names_out()) == ["vae0", "vae1"]
    back = pickle.loads(pickle.dumps(best))
    np.testing.assert_array_equal(back.transform(rows), best.transform(rows))
    assert back.score(rows) == best.score(rows)
    np.testing.assert_array_equal(back["vae"].sample(4), best["vae"].sample(4))


def test_equal_networks_share_their_programs(rows):
    model = VAE(**SMALL).fit(rows)
    model.transform(rows)
    before = programs.train._cache_size(), programs.means._cache_size()
    other = clone(model).set_params(lr=0.1, beta=4.0, max_epochs=5).fit(rows[:99])
    other.transform(rows[:5])
    assert before == (programs.train._cache_size(), programs.means._cache_size())


def test_draws_follow_the_posterior_and_belong_to_their_rows(linear, rows):
    noisy = clone(linear).set_params(stochastic_transform=True)
    noisy.__dict__.update(
        {k: v for k, v in vars(linear).items() if k.endswith("_") or k == "_seed"}
    )
    z, mean = noisy.transform(rows), linear.transform(rows)
    turn = np.random.default_rng(0).permutation(300)
    np.testing.assert_array_equal(noisy.transform(rows[turn]), z[turn])
    np.testing.assert_array_equal(noisy.transform(rows[:3]), z[:3])
    scaled = (z - mean) / np.exp(0.5 * linear.fc_logvar_["bias"])
    # the variance is 1 within what the trained head adds and 300 draws allow (5 sigma = 0.41)
    assert abs(scaled.mean()) < 5 / np.sqrt(300) and abs(scaled.var() - 1) < 0.45


@pytest.mark.parametrize("kind", ["laplace", "bernoulli", "categorical"])
def test_every_distribution_learns(kind, rows):
    """Three columns that are functions of one sign: three bits that are one."""
    sign = (np.random.default_rng(2).random((200, 1)) < 0.5).astype(float) * [1, 1, 1]
    model = VAE(default_dist=kind, latent_dim=1, hidden_layer_sizes=(8,), lr=0.03,
                max_epochs=60, random_state=0).fit(sign)  # fmt: skip
    back = model.inverse_transform(model.transform(sign))
    assert np.abs(back - sign).max() < 0.5
    if kind != "laplace":
        # nobody beats log 2 nats per row; independent columns would need three times as many
        assert -1.4 < model.score(sign) < -np.log(2) + 0.02
    drawn = model.sample(500, observation_noise=True)
    if kind != "laplace":
        assert set(np.unique(drawn)) == {0.0, 1.0}
        assert (drawn == drawn[:, :1]).all(axis=1).mean() > 0.7  # 1/4 if they were independent


def test_held_out_rows_are_followed(rows):
    model = VAE(validation_fraction=0.25, **SMALL).fit(rows)
    assert model.n_iter_ == 3 and model.history_["val/loss"].shape == (3,)
    h = model.history_
    np.testing.assert_allclose(h["val/loss"], h["val/rec_loss"] + h["val/kl_loss"], rtol=1e-5)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"latent_dim": 0}, "latent_dim is a whole number >= 1"),
        ({"beta": -1}, "beta is a number >= 0"),
        ({"lr": 0}, "lr is a number > 0"),
        ({"default_dist": "gaussian"}, "unknown distribution"),
        ({"validation_fraction": 1.0}, r"a share lies in \[0, 1\)"),
        ({"hidden_layer_sizes": (0,)}, "tuple of widths"),
        ({"encoder": 3}, "encoder is a flax module"),
        ({"encoder": Same(), "encoder_out_dim": 7}, "the encoder returns one vector per row"),
        ({"decoder": Linear(2)}, "the decoder returns a mean"),
        ({"decoder": Linear(3, 1.0), "default_dist": "bernoulli"}, "logits alone"),
    ],
)
def test_bad_parameters_are_named(change, words, rows):
    with pytest.raises(ConfigError, match=words):
        VAE(**{**SMALL, **change}).fit((rows > 0).astype(float))


def test_bad_values_are_named(rows):
    with pytest.raises(DataError, match=r"bernoulli(.|\n)*X\[\d+, \d\]"):
        VAE(default_dist="bernoulli").fit(rows)
    with pytest.raises(DataError, match="categorical"):
        VAE(default_dist="categorical").fit(rows)
    codes = (rows > 0).astype(int)
    model = VAE(default_dist="categorical", **SMALL).fit(codes)
    with pytest.raises(DataError, match=r"codes 0, 1, \.\.\. that fit has seen"):
        model.transform(codes + 1)
    with pytest.raises(DataError, match="float32 overflows"):
        VAE(**SMALL).fit(rows * 1e200)
    with pytest.raises(TrainingError, match="no longer finite"):
        VAE(**SMALL).fit(rows * 1e30)
    with pytest.raises(DataError, match="latent_dim columns"):
        model.inverse_transform(np.zeros((2, 5)))
    with pytest.raises(ConfigError, match="n_samples counts rows"):
        model.sample(0)
