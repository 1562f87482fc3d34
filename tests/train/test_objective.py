"""The loss of one step against the formula, and its gradient against exact integrals."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from qdisc.config import TrainConfig
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.rows import epoch_order, make_plan, make_tables

BETA, GAMMA = 0.7, 1.3


def hyper(beta=BETA, gamma=GAMMA, hybrid=(1.0, 1.0)):
    beta, gamma, *hybrid = (jnp.float32(v) for v in (beta, gamma, *hybrid))
    return Hyper(beta, gamma, tuple(hybrid))


def setting(toy, dataset, batch_size, seed=0):
    module = toy.Linear()
    key = jax.random.key(seed)
    params = jax.jit(module.init)(key, jnp.asarray(dataset.configurations[:1]), key)["params"]
    plan = make_plan(dataset, TrainConfig(batch_size=batch_size))
    return module, params, plan, make_tables(dataset, "float32")


def evaluate(params, module, plan, tables, order, key):
    """Loss and terms with total correlation."""
    call = jax.jit(
        lambda *a: step_loss(a[0], module, "discrete", plan, True, a[1], a[2], hyper(), a[3])
    )
    return call(params, tables, order, key)


def gradient(params, module, plan, tables, order, key):
    """Loss and gradient with total correlation."""
    call = jax.jit(
        jax.value_and_grad(
            lambda *a: step_loss(a[0], module, "discrete", plan, True, a[1], a[2], hyper(), a[3])[0]
        )
    )
    return call(params, tables, order, key)


def posterior(params, x):
    """Mean and log variance of the toy model, in double precision."""
    params = jax.tree.map(lambda a: np.asarray(a, np.float64), params)
    s = 2.0 * np.asarray(x, np.float64) - 1
    mean = s @ params["mean"]["kernel"] + params["mean"]["bias"]
    return mean, 0.3 * (s @ params["width"]["kernel"] + params["width"]["bias"]) - 1


def nll(params, z, x):
    layer = params["odds"]
    odds = z @ np.asarray(layer["kernel"], np.float64) + np.asarray(layer["bias"])
    return np.logaddexp(0, -odds * (2.0 * x - 1)).sum(-1)


def kl(mean, logvar):
    return 0.5 * (mean**2 + np.exp(logvar) - 1 - logvar)


def log_mixture(z, mean, logvar, weights):
    """log q(z) and log q(z_k) of a mixture, (rows,) and (rows, latents)."""
    log_q = stats.norm(mean[None], np.exp(logvar / 2)[None]).logpdf(z[:, None])
    joint = logsumexp(log_q.sum(-1), b=weights, axis=1)
    each = np.broadcast_to(np.asarray(weights)[..., None], log_q.shape)
    return joint, logsumexp(log_q, b=each, axis=1)


def test_a_step_over_all_snapshots_is_the_formula(toy):
    """Shuffled, one batch: rec + beta KL + gamma TC of the very latents that were drawn."""
    data = toy.plain(toy.repeating())
    module, params, plan, tables = setting(toy, data, 12)
    order = jnp.asarray(np.random.default_rng(0).permutation(12), jnp.int32)
    key = jax.random.key(5)
    loss, step = evaluate(params, module, plan, tables, order, key)

    x = data.configurations[np.asarray(order)]
    noise = jax.random.normal(jax.random.split(key)[1], (12, 2), jnp.float32)
    mean, logvar = posterior(params, x)
    z = mean + np.exp(logvar / 2) * np.asarray(noise, np.float64)
    joint, marginal = log_mixture(z, mean, logvar, np.full(12, 1 / 12))
    rec, rate = nll(params, z, x).mean(), kl(mean, logvar).mean(0)
    tc = (joint - marginal.sum(1)).mean()
    assert float(step.terms.reconstruction) == pytest.approx(rec, rel=1e-5)
    assert np.allclose(step.kl, rate, rtol=1e-5)
    assert float(step.terms.kl) == pytest.approx(rate.sum(), rel=1e-5)
    assert float(step.terms.tc) == pytest.approx(tc, rel=1e-4, abs=1e-5)
    assert np.allclose(step.logvar, logvar.mean(0), rtol=1e-5)
    assert float(loss) == pytest.approx(rec + BETA * rate.sum() + GAMMA * tc, rel=1e-5)


def test_repeating_snapshots_have_the_exact_rate_and_mixture(toy):
    """Plan "all": KL is the count-weighted mean, TC is measured against the whole data set."""
    data = toy.repeating()
    module, params, plan, tables = setting(toy, data, 12)
    assert plan.mode == "all"
    key = jax.random.key(6)
    order = jnp.zeros(0, jnp.int32)
    loss, step = evaluate(params, module, plan, tables, order, key)

    share = np.array([5, 1, 2, 3, 1]) / 12
    mean, logvar = posterior(params, toy.codes)
    assert np.allclose(step.kl, share @ kl(mean, logvar), rtol=1e-5)
    assert np.allclose(step.logvar, share @ logvar, rtol=1e-5)
    own = np.repeat(np.arange(5), [5, 1, 2, 3, 1])  # 12 rows: each snapshot exactly once
    noise = jax.random.normal(jax.random.split(key)[1], (12, 2), jnp.float32)
    z = mean[own] + np.exp(logvar / 2)[own] * np.asarray(noise, np.float64)
    joint, marginal = log_mixture(z, mean, logvar, share)
    tc = (joint - marginal.sum(1)).mean()
    rec = nll(params, z, toy.codes[own]).mean()
    assert float(step.terms.tc) == pytest.approx(tc, rel=1e-4, abs=1e-5)
    expected = rec + BETA * (share @ kl(mean, logvar)).sum() + GAMMA * tc
    assert float(loss) == pytest.approx(expected, rel=1e-5)


def test_configurations_without_snapshots_do_not_count(toy):
    """A configuration of weight zero changes neither the loss nor its gradient."""
    data = toy.repeating()
    module, params, plan, tables = setting(toy, data, 12)
    more = jnp.concatenate([tables.configurations, jnp.asarray([[0, 1, 0]], jnp.uint8)])
    ends = [jnp.append(tables.cumulative, 1.0), jnp.append(tables.weights, 0.0)]
    order, key = jnp.zeros(0, jnp.int32), jax.random.key(7)

    loss, grads = gradient(params, module, plan, tables, order, key)
    with_it, its = gradient(params, module, plan, type(tables)(more, *ends), order, key)
    assert float(with_it) == pytest.approx(float(loss), rel=1e-6)
    for a, b in zip(jax.tree.leaves(grads), jax.tree.leaves(its), strict=True):
        assert np.allclose(a, b, rtol=1e-5, atol=1e-6)


def test_padding_counts_for_nothing(toy):
    """A last batch of 2 rows and 3 of padding is the batch of those 2 rows."""
    data = toy.plain(toy.repeating())
    module, params, plan, tables = setting(toy, data, 5)
    key = jax.random.key(8)
    padded = jnp.asarray([3, 8, -1, -1, -1], jnp.int32)
    value, grads = gradient(params, module, plan, tables, padded, key)

    noise = jax.random.normal(jax.random.split(key)[1], (5, 2), jnp.float32)[:2]
    x = data.configurations[[3, 8]]
    mean, logvar = posterior(params, x)
    z = mean + np.exp(logvar / 2) * np.asarray(noise, np.float64)
    own, other = 1 / 12, 11 / 12  # N = 12, B = 2
    weights = np.array([[own, other], [other, own]])
    joint, marginal = log_mixture(z, mean, logvar, weights)
    expected = nll(params, z, x).mean() + BETA * kl(mean, logvar).sum(1).mean()
    expected += GAMMA * (joint - marginal.sum(1)).mean()
    assert float(value) == pytest.approx(expected, rel=1e-5)

    other = type(tables)(tables.configurations.at[0].set(1), tables.cumulative, tables.weights)
    _, again = gradient(params, module, plan, other, padded, key)  # row 0 stands in for padding
    for a, b in zip(jax.tree.leaves(grads), jax.tree.leaves(again), strict=True):
        assert np.array_equal(a, b)


def exact_gradient(toy, params, share):
    """Gradient of E[nll] + beta KL by Gauss-Hermite quadrature over both latents."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(24)
    weights = weights / weights.sum()
    noise = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    product = np.outer(weights, weights).ravel()
    s = 2.0 * toy.codes - 1

    def loss(p):
        mean = s @ p["mean"]["kernel"] + p["mean"]["bias"]
        logvar = 0.3 * (s @ p["width"]["kernel"] + p["width"]["bias"]) - 1
        z = mean[:, None] + jnp.exp(logvar / 2)[:, None] * noise
        odds = z @ p["odds"]["kernel"] + p["odds"]["bias"]
        rec = jnp.logaddexp(0, -odds * s[:, None]).sum(-1) @ product
        rate = 0.5 * (mean**2 + jnp.exp(logvar) - 1 - logvar).sum(1)
        return share @ (rec + BETA * rate)

    with jax.enable_x64(True):
        wide = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), params)
        return jax.tree.map(np.asarray, jax.jit(jax.grad(loss))(wide))


@pytest.mark.parametrize(
    ("stored", "batch", "mode"),
    [("counts", 5, "all"), ("counts", 4, "drawn"), ("rows", 4, "shuffled"), ("rows", 5, "last")],
)
def test_all_plans_have_the_gradient_of_the_population(toy, stored, batch, mode):
    """Averaged over 3000 steps it is the exact one within 5 standard errors, parameter by one."""
    data = toy.repeating() if stored == "counts" else toy.plain(toy.repeating())
    module, params, plan, tables = setting(toy, data, batch)
    assert plan.mode == ("shuffled" if mode == "last" else mode)
    keys = jax.random.split(jax.random.key(9), 3000)
    orders = np.zeros((len(keys), 0), np.int32)
    if plan.mode == "shuffled":
        # "last" is the batch that holds two rows and padding
        epochs = [epoch_order(plan, jax.random.key(10), e) for e in range(len(keys))]
        orders = np.stack([epoch[-1] for epoch in epochs])
        assert ((orders >= 0).sum(1) == (2 if mode == "last" else 4)).all()

    @jax.jit
    def gradients(keys, orders):
        def one(key, order):
            args = (module, "discrete", plan, False, tables, order, hyper(), key)
            return jax.grad(lambda p: step_loss(p, *args)[0])(params)

        return jax.vmap(one)(keys, orders)

    seen = jax.tree.leaves(gradients(keys, jnp.asarray(orders)))
    exact = jax.tree.leaves(exact_gradient(toy, params, np.array([5, 1, 2, 3, 1]) / 12))
    for sample, expected in zip(seen, exact, strict=True):
        sample = np.asarray(sample, np.float64)
        error = sample.std(0) / np.sqrt(len(keys))
        assert (np.abs(sample.mean(0) - expected) < 5 * error + 1e-6).all()
        assert (error < 0.05).all()  # else the comparison would be worth nothing


def test_a_model_without_encode_gives_the_same_gradient(toy):
    """Only `__call__`: rows are drawn and encoded; the expected gradient is the same."""
    data = toy.repeating()
    module, params, plan, tables = setting(toy, data, 6)

    class CallOnly:
        def apply(self, variables, batch, key):
            return module.apply(variables, batch, key)

    keys = jax.random.split(jax.random.key(11), 3000)

    @jax.jit
    def gradients(keys):
        def one(key):
            order = jnp.zeros(0, jnp.int32)
            args = (CallOnly(), "discrete", plan, False, tables, order, hyper(), key)
            return jax.grad(lambda p: step_loss(p, *args)[0])(params)

        return jax.vmap(one)(keys)

    exact = jax.tree.leaves(exact_gradient(toy, params, np.array([5, 1, 2, 3, 1]) / 12))
    for sample, expected in zip(jax.tree.leaves(gradients(keys)), exact, strict=True):
        error = np.asarray(sample).std(0) / np.sqrt(len(keys))
        assert (np.abs(np.asarray(sample).mean(0) - expected) < 5 * error + 1e-6).all()


def test_total_correlation_of_repeating_data_is_right_on_average(toy):
    """Against the exact mixture, integrated over z by quadrature."""
    data = toy.repeating()
    module, params, plan, tables = setting(toy, data, 12)
    keys = jax.random.split(jax.random.key(12), 2000)

    @jax.jit
    def total(keys):
        def one(key):
            order = jnp.zeros(0, jnp.int32)
            args = (params, module, "discrete", plan, True, tables, order, hyper(), key)
            return step_loss(*args)[1].terms.tc

        return jax.vmap(one)(keys)

    nodes, weights = np.polynomial.hermite_e.hermegauss(40)
    weights = weights / weights.sum()
    noise = np.stack(np.meshgrid(nodes, nodes, indexing="ij"), -1).reshape(-1, 2)
    share = np.array([5, 1, 2, 3, 1]) / 12
    mean, logvar = posterior(params, toy.codes)
    z = (mean[:, None] + np.exp(logvar / 2)[:, None] * noise).reshape(-1, 2)
    joint, marginal = log_mixture(z, mean, logvar, share)
    expected = np.outer(share, np.outer(weights, weights)).ravel() @ (joint - marginal.sum(1))
    seen = np.asarray(total(keys), np.float64)
    assert abs(seen.mean() - expected) < 5 * seen.std() / np.sqrt(len(keys)) + 1e-6
    assert expected > 0.01
