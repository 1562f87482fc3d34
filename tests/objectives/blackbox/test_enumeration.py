"""Every estimator against full enumeration: 4 latent states, 3 observed states, softmax tables."""

from __future__ import annotations

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.objectives.blackbox import (
    ELBO,
    IWAE,
    VIMCO,
    GenerativeModel,
    InferenceNetwork,
    ScoreELBO,
    SleepPhi,
    WakePhi,
    WakeTheta,
    asleep,
    awake,
    beta_regulariser,
    estimators,
    fit,
    normal_regulariser,
    reweighted_wake_sleep,
    wake_sleep,
    wake_wake,
)

STATES, SEEN = 4, 3


class Table(InferenceNetwork):
    """q(z|x): a table of logits (SEEN, STATES)."""

    def forward(self, weights, data):
        return jax.nn.log_softmax(weights[data[0]])

    def draw(self, params, key, n_samples):
        z = jax.random.categorical(key, params, shape=(n_samples, len(params)))
        return [z.T]

    def log_density(self, params, latents):
        return jnp.take_along_axis(params, latents[0], axis=1)


class Joint(GenerativeModel):
    """p(z) and p(x|z): tables of logits."""

    def forward(self, weights, data, latents):
        return self.table(weights)

    @staticmethod
    def table(weights):
        prior, likelihood = weights
        return jax.nn.log_softmax(prior)[:, None] + jax.nn.log_softmax(likelihood)

    def log_density(self, params, data, latents):
        return params[latents[0], data[0][:, None]]

    def draw(self, weights, key, n_rows):
        flat = jax.random.categorical(key, self.table(weights).ravel(), shape=(n_rows,))
        return [flat % SEEN], [flat[:, None] // SEEN]


@pytest.fixture(scope="module", autouse=True)
def double():
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def nets(double):
    rng = np.random.default_rng(3)
    inference = Table(jnp.asarray(rng.standard_normal((SEEN, STATES))))
    weights = rng.standard_normal(STATES), rng.standard_normal((STATES, SEEN))
    return inference, Joint(tuple(map(jnp.asarray, weights)))


def every(k):
    return jnp.asarray(list(itertools.product(range(STATES), repeat=k)))


def tables(weights, k, x):
    """log p and log q of all z^K for one x, (STATES^K, K), and the probability of each."""
    phi, theta = weights
    z = every(k)
    log_q = jax.nn.log_softmax(phi[x])[z]
    return Joint.table(theta)[z, x], log_q, jnp.exp(log_q.sum(axis=1))


@partial(jax.jit, static_argnums=(1, 2))
def exact_bound(weights, k, x):
    log_p, log_q, chance = tables(weights, k, x)
    return (chance * (jax.nn.logsumexp(log_p - log_q, axis=1) - np.log(k))).sum()


@partial(jax.jit, static_argnums=(0, 2, 3))
def expected_gradient(estimator, weights, k, x):
    fixed = jax.lax.stop_gradient(tables(weights, k, x)[2])

    def mean_loss(weights):
        log_p, log_q, _ = tables(weights, k, x)
        return (fixed * estimator(log_p, log_q)).sum()

    return jax.grad(mean_loss)(weights)


def with_baseline(log_p, log_q):
    return estimators.score_function_elbo(log_p, log_q, jnp.asarray(0.7))


def close(a, b, atol=1e-12):
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_allclose(one, other, atol=atol)


@pytest.mark.parametrize("k", [1, 2, 3])
def test_vimco_and_the_score_function_are_unbiased(nets, k):
    weights = nets[0].weights, nets[1].weights
    for x in (0, 2):
        exact = jax.grad(exact_bound)(weights, k, x)
        minus = jax.tree.map(jnp.negative, exact)
        close(expected_gradient(estimators.vimco, weights, k, x), minus)
        close(expected_gradient(estimators.wake_theta, weights, k, x)[1], minus[1])
        first = jax.tree.map(jnp.negative, jax.grad(exact_bound)(weights, 1, x))
        close(expected_gradient(estimators.score_function_elbo, weights, k, x), first)
        close(expected_gradient(with_baseline, weights, k, x), first)


def test_wake_phi_has_the_known_bias_and_no_other(nets):
    """Mean = - E sum_j w_j grad log q_j, by a separate sum; towards grad KL(p(z|x)||q) with K."""
    weights = nets[0].weights, nets[1].weights
    phi = weights[0]
    x, cosines = 1, []
    posterior = np.asarray(jax.nn.softmax(Joint.table(weights[1])[:, x]))
    onehot, q = np.eye(STATES), np.asarray(jax.nn.softmax(phi[x]))
    exact = q - posterior  # gradient of KL(p||q) in the logits
    for k in (2, 3, 4):
        got = expected_gradient(estimators.wake_phi, weights, k, x)[0]
        ratio = np.exp(Joint.table(weights[1])[:, x]) / q
        z = np.asarray(every(k))
        w = ratio[z] / ratio[z].sum(axis=1, keepdims=True)
        per_draw = (w[..., None] * (onehot[z] - q)).sum(axis=1)
        mean = -(q[z].prod(axis=1)[:, None] * per_draw).sum(axis=0)
        close(got[x], mean)
        assert jnp.abs(got.at[x].set(0)).max() == 0
        cosines.append(float(mean @ exact / np.linalg.norm(mean) / np.linalg.norm(exact)))
    assert cosines[0] < cosines[1] < cosines[2] < 1


def test_sleep_is_unbiased_for_the_joint(nets):
    phi, theta = nets[0].weights, nets[1].weights
    chance = jnp.exp(Joint.table(theta))  # (z, x)

    def cross(phi):
        return -(chance * jax.nn.log_softmax(phi).T).sum()

    def dreams(phi):
        z, x = jnp.indices(chance.shape)
        log_q = jax.nn.log_softmax(phi)[x.ravel(), z.ravel()][:, None]
        return (chance.ravel() * estimators.sleep_phi(log_q)).sum()

    close(jax.grad(dreams)(phi), jax.grad(cross)(phi))
    sampled = jax.jit(jax.grad(lambda w: asleep((w, theta), jax.random.key(0), *nets, 200_000)[0]))(
        phi
    )
    close(sampled, jax.grad(cross)(phi), atol=5 / np.sqrt(200_000))


def test_bounds_climb_to_the_evidence(nets):
    weights = nets[0].weights, nets[1].weights
    for x in (0, 2):
        evidence = jax.nn.logsumexp(Joint.table(weights[1])[:, x])
        levels = [float(exact_bound(weights, k, x)) for k in range(1, 5)]
        assert all(a < b for a, b in itertools.pairwise(levels)) and levels[-1] < evidence
        log_p, log_q, chance = tables(weights, 2, x)
        mean_f = (chance * jnp.exp(estimators.bound(log_p, log_q))).sum()
        assert mean_f == pytest.approx(float(jnp.exp(evidence)), rel=1e-12)


def test_the_exact_posterior_has_no_variance(nets):
    theta = nets[1].weights
    joint = Joint.table(theta)
    exact = Table(joint.T)
    data = [jnp.arange(SEEN)]
    _, aux = awake(estimators.vimco, (exact.weights, theta), jax.random.key(1), exact, nets[1],
                   data, 5)  # fmt: skip
    np.testing.assert_allclose(aux.bound, jax.nn.logsumexp(joint, axis=0), atol=1e-13)
    np.testing.assert_allclose(aux.ess, 5, atol=1e-12)
    np.testing.assert_allclose(estimators.normalised_weights(aux.log_p, aux.log_q), 0.2, atol=1e-13)
    grads = jax.grad(lambda q: estimators.score_function_elbo(aux.log_p, q).sum())(aux.log_q)
    np.testing.assert_allclose(grads, 0, atol=1e-13)  # nothing to learn for q, sample by sample


def test_vimco_varies_less_than_the_score_function(nets):
    """Variance of the gradient in log q's logits at K = 4 samples, by enumeration."""
    phi, theta = nets[0].weights, nets[1].weights

    def spread(estimator):
        log_p, log_q, chance = tables((phi, theta), 4, 0)
        z = every(4)
        signal = jax.grad(lambda q: estimator(log_p, q).sum())(log_q)
        per_draw = (signal[..., None] * (jnp.eye(STATES)[z] - jax.nn.softmax(phi[0]))).sum(axis=1)
        mean = (chance[:, None] * per_draw).sum(axis=0)
        return float((chance[:, None] * (per_draw - mean) ** 2).sum())

    def plain(log_p, log_q):  # the bound L itself as the only signal
        level = estimators.bound(log_p, jax.lax.stop_gradient(log_q))[:, None]
        return -(jax.lax.stop_gradient(level) * log_q).sum(axis=1)

    assert spread(estimators.vimco) < spread(plain)


LOSSES = (estimators.vimco, estimators.iwae, estimators.score_function_elbo, estimators.wake_theta,
          estimators.wake_phi, estimators.reparametrised_elbo)  # fmt: skip


@pytest.mark.parametrize("estimator", LOSSES)
@pytest.mark.parametrize(
    "log_p",
    [
        [[-1.0], [-jnp.inf]],
        [[-jnp.inf, -1.0, -2.0], [-jnp.inf, -jnp.inf, -2.0], [-jnp.inf] * 3,
         [0.0, -800.0, -900.0], [800.0, -800.0, 0.0]],
    ],
)  # fmt: skip
def test_no_weights_give_a_number_that_is_none(estimator, log_p):
    log_p = jnp.asarray(log_p)
    log_q = jnp.full_like(log_p, -1.5)

    @jax.jit
    def both(p, q):
        value, back = jax.vjp(estimator, p, q)
        return value, back(jnp.ones_like(value)), estimators.bound(p, q)

    value, grads, level = both(log_p, log_q)
    assert not jnp.isnan(value).any() and not jnp.isnan(level).any()
    assert all(jnp.isfinite(g).all() for g in grads)
    assert all((np.asarray(g)[~np.isfinite(log_p).any(axis=1)] == 0).all() for g in grads)


def test_levels_of_the_others_do_not_cancel():
    """One weight e^900 times the others: in floats the difference of sums would be 0."""
    log_f = jnp.asarray([[900.0, 1.0, 2.0, 3.0]])
    others = np.log((np.exp([1.0, 2, 3]).sum() + np.exp(2.0)) / 4)
    assert float(estimators.held_out_levels(log_f)[0, 0]) == pytest.approx(others, rel=1e-14)


class Normal(InferenceNetwork):
    """q(z|x) = N(a x, e^2s), reparametrised."""

    def forward(self, weights, data):
        return weights[0] * data[0], jnp.exp(weights[1])

    def draw(self, params, key, n_samples):
        mean, scale = params
        return [mean[:, None] + scale * jax.random.normal(key, (len(mean), n_samples))]

    def log_density(self, params, latents):
        mean, scale = params
        return jax.scipy.stats.norm.logpdf(latents[0], mean[:, None], scale)


class Shift(GenerativeModel):
    """z ~ N(0, 1), x ~ N(z + b, 1): log p(x) = log N(x | b, 2)."""

    def forward(self, weights, data, latents):
        return latents[0] + weights

    def log_density(self, params, data, latents):
        norm = jax.scipy.stats.norm.logpdf
        return norm(latents[0]) + norm(data[0][:, None], params)


def test_reparametrised_bounds_of_a_gaussian_model():
    """The bound at K = 1 in closed form, and IWAE's mean gradient equal to VIMCO's at K = 4."""
    a, s, b, x = 0.3, -0.2, 0.4, 1.1
    inference, model = Normal(jnp.asarray([a, s])), Shift(jnp.asarray(b))
    weights = inference.weights, model.weights
    data = [jnp.full(100_000, x)]
    key = jax.random.key(0)

    def of(estimator, path, k):
        def loss(w):
            return awake(estimator, w, key, inference, model, data, k, path=path)[0]

        return jax.jit(jax.value_and_grad(loss))(weights)

    v = np.exp(2 * s)
    exact = (-0.5 * (np.log(2 * np.pi) + (a * x) ** 2 + v) - 0.5 * (np.log(2 * np.pi)
             + (x - a * x - b) ** 2 + v) + 0.5 * np.log(2 * np.pi * np.e * v))  # fmt: skip
    value, (inf, gen) = of(estimators.reparametrised_elbo, True, 1)
    assert value == pytest.approx(-exact, abs=0.02)
    np.testing.assert_allclose(gen, -(x - a * x - b), atol=0.02)
    np.testing.assert_allclose(inf, [x * (a * x) - x * (x - a * x - b), 2 * v - 1], atol=0.02)
    close(of(estimators.iwae, True, 4)[1], of(estimators.vimco, False, 4)[1], atol=0.02)


@pytest.mark.parametrize("recipe", [reweighted_wake_sleep, lambda *a: [VIMCO(*a)]])
def test_recipes_learn_the_distribution(recipe, nets):
    """x = 0, 1, 2 with chances 1/2, 1/4, 1/4: no bound exceeds minus the entropy 1.0397 nats."""
    data = [jnp.asarray([0, 0, 1, 2] * 8)]
    inference, model = Table(nets[0].weights), Joint(nets[1].weights)
    losses = recipe(inference, model, 8)
    assert fit(losses, data, steps=120, learning_rate=0.05) is losses
    evidence = jax.nn.logsumexp(Joint.table(model.weights), axis=0)[data[0]].mean()
    assert -1.0397 - 0.02 < evidence <= -1.5 * np.log(2) + 1e-9
    assert len(losses[0].loss_history_) == len(losses[0].mean_log_p_) == 120


def test_the_stateful_face(nets):
    inference, model = nets
    data = [jnp.asarray([0, 2])]
    z = inference(data).sample(jax.random.key(0), 6)
    assert inference.log_prob(z).shape == model(data, z).log_prob(data, z).shape == (2, 6)
    x, dreamt = model.sample(jax.random.key(1), 5)
    assert x[0].shape == (5,) and dreamt[0].shape == (5, 1)
    names = [cls.name for cls in (ELBO, ScoreELBO, IWAE, VIMCO, WakeTheta, WakePhi, SleepPhi)]
    assert names == ["elbo", "score_elbo", "iwae", "vimco", "wake_theta", "wake_phi", "sleep_phi"]
    loss = WakePhi(inference, model, 4, reduction="sum")
    value, (inf, gen) = loss.value_and_grad(data)
    assert loss.loss_history_ == [value] and loss.updates == ("inf",)
    assert jnp.abs(inf).max() > 0 and all(jnp.abs(g).max() == 0 for g in gen)
    assert loss(data) != value  # another draw
    for recipe, parts in ((wake_wake, [WakeTheta, WakePhi]), (wake_sleep, [WakeTheta, SleepPhi])):
        assert [type(part) for part in recipe(inference, model)] == parts


def test_regularisers_are_log_densities():
    from scipy import stats

    values = np.array([0.2, 0.5])
    a = 0.3 * (0.3 * 0.7 / 0.01 - 1)
    expected = -2 * stats.beta.logpdf(values, a, a * 0.7 / 0.3).sum()
    assert beta_regulariser(0.3, 0.1, 2.0)(values) == pytest.approx(expected)
    expected = -stats.norm.logpdf(np.log(values), 1.0, 2.0).sum()
    assert normal_regulariser(1.0, 2.0, function=jnp.log)(values) == pytest.approx(expected)
    with pytest.raises(ConfigError, match="no Beta distribution"):
        beta_regulariser(0.5, 0.5)
    with pytest.raises(ConfigError, match="is positive"):
        normal_regulariser(0.0, 0.0)


def test_bad_arguments_are_named(nets):
    with pytest.raises(ConfigError, match="seen no data yet"):
        Table(nets[0].weights).sample(jax.random.key(0))
    with pytest.raises(ConfigError, match="counted from 1"):
        VIMCO(*nets, 0)
    with pytest.raises(ConfigError, match="unknown reduction"):
        VIMCO(*nets, reduction="max")
    with pytest.raises(ConfigError, match="cannot dream"):
        SleepPhi(Normal(jnp.zeros(2)), Shift(jnp.zeros(())))([jnp.zeros(3)])

    class Wrong(Joint):
        def log_density(self, params, data, latents):
            return params[latents[0], data[0][:, None]].sum(axis=1)

    with pytest.raises(ConfigError, match=r"gen_model\.log_density"):
        VIMCO(nets[0], Wrong(nets[1].weights))([jnp.asarray([0, 1])])
