"""A model that brings its own bound: same rows, same total correlation, its own two terms."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.config import TrainConfig
from qdisc.nn.hvae import HVAE
from qdisc.train.objective import Hyper, step_loss
from qdisc.train.rows import epoch_order, make_plan, make_tables

HYPER = Hyper(jnp.float32(0.7), jnp.float32(1.3), (jnp.float32(1.0), jnp.float32(1.0)))


def setting(toy, stored, batch):
    data = toy.repeating() if stored == "counts" else toy.plain(toy.repeating())
    plan = make_plan(data, TrainConfig(batch_size=batch))
    order = epoch_order(plan, jax.random.key(3), 0)[-1]  # shuffled: with padding
    return plan, make_tables(data, "float32"), jnp.asarray(order)


def steps(module, params, plan, tables, order, keys):
    """Loss and terms with total correlation for many keys."""
    return jax.jit(
        jax.vmap(
            lambda key: step_loss(params, module, "discrete", plan, True, tables, order, HYPER, key)
        )
    )(keys)


@pytest.mark.parametrize(("stored", "batch"), [("counts", 5), ("counts", 4), ("rows", 5)])
def test_without_steps_only_the_rate_is_sampled(toy, stored, batch):
    """Plans all, drawn and shuffled: likelihood and TC of the plain model; E rate = KL."""
    plan, tables, order = setting(toy, stored, batch)
    assert (
        plan.mode
        == {("counts", 5): "all", ("counts", 4): "drawn", ("rows", 5): "shuffled"}[stored, batch]
    )
    plain, module = toy.Linear(), HVAE(toy.Linear(), steps=0, data_type="discrete")
    x = tables.configurations[:1]
    params = jax.jit(plain.init)(jax.random.key(0), x, jax.random.key(1))["params"]
    keys = jax.random.split(jax.random.key(2), 4000)
    loss, ours = steps(module, {"vae": params}, plan, tables, order, keys)
    _, theirs = steps(plain, params, plan, tables, order, keys)
    for name in ("reconstruction", "tc"):
        a, b = (getattr(s.terms, name) for s in (ours, theirs))
        assert np.allclose(a, b, rtol=1e-5, atol=1e-5), name
    assert np.allclose(ours.kl, theirs.kl) and np.allclose(ours.logvar, theirs.logvar)
    error = ours.terms.kl.std() / np.sqrt(len(keys))
    assert abs(float(ours.terms.kl.mean() - theirs.terms.kl.mean())) < 4 * float(error)
    total = ours.terms.reconstruction + 0.7 * ours.terms.kl + 1.3 * ours.terms.tc
    assert np.allclose(loss, total, rtol=1e-5)


def test_the_terms_are_one_sample_of_the_bound(toy):
    """Shuffled, one batch: reconstruction + rate = -mean(log pbar - log qbar), the same noise."""
    data = toy.plain(toy.repeating())
    module = HVAE(toy.Linear(), 3, 0.3, 0.5, data_type="discrete")
    plan, tables = make_plan(data, TrainConfig(batch_size=12)), make_tables(data, "float32")
    order, key = jnp.arange(12, dtype=jnp.int32), jax.random.key(4)
    params = module.init(key, data.samples[:1], key)["params"]
    _, step = steps(module, params, plan, tables, order, key[None])
    bound, out = jax.jit(
        lambda p: module.apply(
            {"params": p}, data.samples, jax.random.split(key)[1],
            method="hamiltonian_elbo", return_outputs=True,
        )
    )(params)  # fmt: skip
    assert float(step.terms.reconstruction[0] + step.terms.kl[0]) == pytest.approx(
        -float(bound), rel=1e-5
    )
    assert np.abs(out.phase_space.z_final - out.phase_space.z_init).max() > 0.1


def test_all_plans_expect_the_same_loss(toy):
    """All configurations, drawn rows, shuffled batches: one population, within 4 errors."""
    module = HVAE(toy.Linear(), 2, 0.3, 0.5, data_type="discrete")
    params = module.init(jax.random.key(0), toy.codes[:1], jax.random.key(0))["params"]
    keys = jax.random.split(jax.random.key(5), 6000)
    found = []
    for stored, batch in (("counts", 12), ("counts", 4), ("rows", 12)):
        plan, tables, order = setting(toy, stored, batch)
        _, step = steps(module, params, plan, tables, order, keys)
        bound = np.asarray(step.terms.reconstruction + step.terms.kl, np.float64)
        found.append((bound.mean(), bound.std() / np.sqrt(len(keys))))
    for mean, error in found[1:]:
        assert abs(mean - found[0][0]) < 4 * np.hypot(error, found[0][1])


@pytest.mark.parametrize("kind", ["values", "hybrid"])
def test_a_fit_of_values(toy, kind):
    """Real decoders, validation and early stopping: it trains, in one compilation."""
    data = getattr(toy, kind)()
    data_type = {"values": "continuous"}.get(kind, kind)
    module = HVAE(toy.small(data_type), 2, 0.05)
    config = TrainConfig(
        epochs=8, batch_size=16, learning_rate=0.02, validation_fraction=0.2, patience=8
    )
    run = toy.fit(module, data, config, seed=0)
    assert run.stop_reason == "finished" and run.n_compilations == 1
    assert run.loss[-1] < run.loss[0] and run.validation_loss[-1] < run.validation_loss[0]
    assert 0 < run.held_out.n_snapshots < data.n_snapshots / 2
    learned = run.variables["params"]["dynamics"]
    start = np.log(0.05 / 0.5) - np.log1p(-0.05 / 0.5)
    assert abs(float(learned["step_size"]) - start) > 1e-3


def test_a_path_that_flies_apart_is_said(toy):
    """Steps far beyond the stable length: the fit stops, and says what to do."""
    data = toy.values()
    module = HVAE(
        toy.small("continuous"), 40, 60.0, learn_step_size=False, tempering="null", beta0=1.0
    )
    run = toy.fit(module, data, TrainConfig(epochs=1, batch_size=16), seed=0)
    assert run.stop_reason == "not_finite"
    assert "not finite at epoch 1, batch 1" in run.message
    assert "a smaller step_size of the path" in run.message
