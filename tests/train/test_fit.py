"""A whole training: one compilation, exact repetition, weights that take effect."""

from __future__ import annotations

import dataclasses

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from qdisc.config import TrainConfig
from qdisc.errors import ConfigError, TrainingError
from qdisc.train import feed, setup
from qdisc.train.fit import Epoch
from qdisc.train.loop import fit, init_state, with_dtype
from qdisc.train.optimiser import injected

CONFIG = TrainConfig(epochs=3, batch_size=5, learning_rate=0.05)


def for_epochs(epochs):
    return TrainConfig(epochs=epochs, batch_size=5, learning_rate=0.05)


def test_what_a_fit_is(toy):
    seen, calls = [], []
    run = fit(
        toy.Linear(), toy.repeating(), CONFIG, seed=4, callbacks=[seen.append],
        progress=lambda *args: calls.append(args),
    )  # fmt: skip
    assert run.epochs_run == 3
    assert (run.stop_reason, run.message) == ("finished", "all 3 epochs done")
    assert run.seed == 4
    assert run.config is CONFIG
    assert run.steps.shape == (9, 8)
    assert run.kl.shape == run.logvar.shape == (3, 2)
    assert run.steps.dtype == run.loss.dtype == np.float32
    assert np.allclose(run.loss, run.steps[:, 0].reshape(3, 3).mean(1), rtol=1e-5)
    assert list(run.terms) == ["reconstruction", "kl", "tc"]
    assert np.allclose(run.loss, run.terms["reconstruction"] + run.terms["kl"], rtol=1e-5)
    assert np.allclose(run.terms["kl"], run.kl.sum(1), rtol=1e-5)
    assert (run.terms["tc"] == 0).all()
    assert run.validation_loss is None
    assert run.n_parameters == 2 * (3 * 2 + 2) + 2 * 3 + 3
    assert int(run.state.step) == 9
    assert toy.bits(run.variables["params"]) == toy.bits(run.state.params)
    assert run.active_latents == (run.kl[-1] > 0.05).sum()
    assert [(e.epoch, e.epochs) for e in seen] == [(1, 3), (2, 3), (3, 3)]
    assert isinstance(seen[0], Epoch)
    assert [e.loss for e in seen] == pytest.approx(run.loss.tolist())
    assert {name: e.terms[name] for e in seen[-1:] for name in e.terms} == pytest.approx(
        {name: float(curve[-1]) for name, curve in run.terms.items()}
    )
    assert calls[-1][:2] == (9, 9)
    assert calls[-1][2]["loss"] == pytest.approx(float(run.steps[-1, 0]))
    assert [c[0] for c in calls] == sorted({c[0] for c in calls})


def test_no_epochs_give_the_initial_parameters(toy):
    config = TrainConfig(epochs=0, batch_size=5)
    run = toy.fit(toy.Linear(), toy.repeating(), config, seed=1)
    assert (run.epochs_run, run.loss.shape, run.kl.shape) == (0, (0,), (0, 2))
    assert run.active_latents == 0
    again = toy.fit(toy.Linear(), toy.repeating(), config, seed=1)
    assert toy.bits(run.variables) == toy.bits(again.variables)


def test_an_epoch_is_all_snapshots_though_batches_do_not_divide_them(toy):
    """At rate 0 the batch means, weighted by their rows, add up to the sum over the data."""

    class Known(toy.Chain):
        def decode(self, z, batch):
            """nll of a row = 1 + its number in binary, exact in single precision."""
            number = batch.astype(jnp.float32) @ jnp.asarray([4.0, 2, 1], jnp.float32)
            cost = (1 + number + 0 * self.w)[:, None, None] / 3
            return jnp.broadcast_to(-cost, (*batch.shape, 2))

    data = toy.plain(toy.repeating())
    for batch in (4, 5, 7, 12):
        config = TrainConfig(epochs=2, batch_size=batch, learning_rate=0.0)
        run = toy.fit(Known(), data, config)
        n_steps = -(-12 // batch)
        sizes = np.array([batch] * (n_steps - 1) + [12 - batch * (n_steps - 1)])
        total = (1 + data.samples.astype(int) @ [4, 2, 1]).sum()
        per_epoch = run.steps[:, 1].reshape(2, n_steps) @ sizes
        assert np.allclose(per_epoch, total, rtol=1e-5)


# -- the same numbers ---------------------------------------------------------------------------


def test_a_seed_fixes_every_bit_and_another_changes_them(toy):
    runs = [toy.fit(toy.Linear(), toy.repeating(), CONFIG, seed=seed) for seed in (2, 2, 3)]
    numbers = [toy.bits((run.variables, run.steps)) for run in runs]
    assert numbers[0] == numbers[1]
    assert numbers[0] != numbers[2]


def test_both_styles_of_keys_and_the_seed_agree(toy):
    data = toy.plain(toy.repeating())
    new = toy.fit(toy.Linear(), data, CONFIG, key=jax.random.key(2))
    old = toy.fit(toy.Linear(), data, CONFIG, key=jax.random.PRNGKey(2))
    seed = toy.fit(toy.Linear(), data, CONFIG, seed=2)
    assert toy.bits(new.steps) == toy.bits(old.steps) == toy.bits(seed.steps)
    assert new.seed is old.seed is None


@pytest.mark.parametrize("stored", ["counts", "rows"])
def test_the_length_of_a_device_call_changes_no_number(toy, stored, monkeypatch):
    data = toy.repeating(copies=4)
    data = data if stored == "counts" else toy.plain(data)
    config = TrainConfig(epochs=3, batch_size=4, learning_rate=0.05, gamma=1.0)
    numbers = {}
    for seconds, capacity in [(1.0, 512), (1e-9, 512), (1e9, 512), (1e9, 5)]:
        monkeypatch.setattr(setup, "_SECONDS", seconds)
        for module in (feed, setup):
            monkeypatch.setattr(module, "CAPACITY", capacity)
        calls = []
        run = toy.fit(toy.Linear(), data, config, progress=lambda *a, c=calls: c.append(a[0]))
        assert run.n_compilations == 1
        numbers[seconds, capacity] = toy.bits((run.variables, run.steps))
        if seconds == 1e-9:
            assert len(calls) > 25  # of 36 steps: nearly one call each
    assert len(set(numbers.values())) == 1


def test_a_fixed_order_repeats_the_same_batches(toy):
    """Without noise and at rate 0, every epoch then shows the same losses, step by step."""

    class Quiet(toy.Chain):
        def decode(self, z, batch):
            cost = batch.astype(jnp.float32).sum(1)[:, None, None] + 0 * self.w
            return jnp.broadcast_to(-cost, (*batch.shape, 2))

    data, config = toy.plain(toy.repeating()), TrainConfig(epochs=4, batch_size=4, learning_rate=0)
    fixed = toy.fit(Quiet(), data, config, reshuffle=False).steps[:, 1].reshape(4, 3)
    assert (fixed == fixed[0]).all()
    fresh = toy.fit(Quiet(), data, config).steps[:, 1].reshape(4, 3)
    assert (fresh != fresh[0]).any()


# -- one compilation ----------------------------------------------------------------------------


def test_going_on_and_other_weights_compile_nothing(toy):
    data = toy.repeating()
    transform = injected(optax.adam)
    first = fit(toy.Linear(), data, CONFIG, optimizer=transform)
    assert first.n_compilations == 1
    other = TrainConfig(epochs=2, batch_size=5, learning_rate=0.3, beta=7.0, schedule="cosine")
    second = fit(toy.Linear(), data, other, state=first.state, program=first.program, seed=1)
    assert second.n_compilations == 1
    assert int(second.state.step) == 15
    assert int(first.state.step) == 9  # the caller's state is not consumed


def test_two_fits_are_one_when_the_state_goes_on(toy):
    """3 + 2 epochs with the same key are 5 epochs, bit for bit: steps count on."""
    data = toy.plain(toy.repeating())
    transform = injected(optax.adam)
    whole = fit(toy.Linear(), data, for_epochs(5), optimizer=transform)
    part = fit(toy.Linear(), data, CONFIG, program=whole.program)
    rest = fit(toy.Linear(), data, for_epochs(2), state=part.state, program=whole.program)
    assert toy.bits(rest.variables) == toy.bits(whole.variables)
    assert toy.bits(np.concatenate([part.steps, rest.steps])) == toy.bits(whole.steps)


# -- weights take effect ------------------------------------------------------------------------


def test_beta_gamma_and_warm_up_weigh_the_terms(toy):
    """Rate 0: the terms stay what they are, and only their weights change the loss."""
    data = toy.repeating()
    losses = {}
    for beta, gamma, warm in [(1.0, 1.0, 0), (3.0, 0.5, 0), (3.0, 0.5, 2 / 3)]:
        config = TrainConfig(
            epochs=3, batch_size=5, learning_rate=0.0, beta=beta, gamma=gamma, kl_warmup=warm
        )
        run = toy.fit(toy.Linear(), data, config)
        losses[beta, warm] = run.steps[:, :4].astype(float)
        assert run.n_compilations == 1
    (a, b, c) = losses.values()
    assert np.array_equal(a[:, 1:], b[:, 1:])
    assert np.allclose(a[:, 0], a[:, 1] + a[:, 2] + a[:, 3], rtol=1e-5)
    assert np.allclose(b[:, 0], b[:, 1] + 3 * b[:, 2] + 0.5 * b[:, 3], rtol=1e-5)
    ramp = 3 * np.minimum(1, np.arange(9) / 6)
    assert np.allclose(c[:, 0], c[:, 1] + ramp * c[:, 2] + 0.5 * c[:, 3], rtol=1e-5)
    assert (a[:, 3] > 0).any()


def test_beta_shrinks_the_rate(toy):
    def rate(beta):
        config = TrainConfig(epochs=60, batch_size=12, learning_rate=0.05, beta=beta)
        return float(toy.fit(toy.Linear(), toy.repeating(), config).kl[-1].sum())

    assert rate(0.01) > 2 * rate(1.0)


def test_alpha_weighs_the_halves_of_hybrid_data(toy):
    """alpha = 1 leaves the parameters that only values reach untouched, and 0 the other way."""

    class Halves(toy.Chain):
        def setup(self):
            self.w = self.param("w", lambda key: jnp.zeros((), jnp.float32))
            self.v = self.param("v", lambda key: jnp.zeros((), jnp.float32))

        def decode(self, z, batch):
            log_p = jax.nn.log_softmax(jnp.stack([-self.w, self.w]))
            gauss = jnp.stack([self.v - 1.0, jnp.zeros_like(self.v)])
            shape = (batch.shape[0], batch.shape[1] // 2, 2)
            return jnp.broadcast_to(log_p, shape), jnp.broadcast_to(gauss, shape)

    data = toy.hybrid()
    moved, losses = {}, {}
    for alpha in (None, 0.25, 0.0, 1.0):
        config = TrainConfig(epochs=1, batch_size=30, learning_rate=0.1, alpha=alpha)
        if alpha in (0.0, 1.0):
            with pytest.warns(UserWarning, match="drops the"):
                run = toy.fit(Halves(), data, config)
        else:
            run = toy.fit(Halves(), data, config)
        moved[alpha] = {k: float(v) != 0 for k, v in run.variables["params"].items()}
        losses[alpha] = float(run.steps[0, 1])
    assert moved == {
        None: {"w": True, "v": True},
        0.25: {"w": True, "v": True},
        0.0: {"w": False, "v": True},
        1.0: {"w": True, "v": False},
    }
    assert losses[None] == pytest.approx(losses[0.0] + losses[1.0], rel=1e-5)
    assert losses[0.25] == pytest.approx(0.75 * losses[0.0] + 0.25 * losses[1.0], rel=1e-5)
    assert losses[1.0] == pytest.approx(3 * np.log(2), rel=1e-5)


# -- precision ----------------------------------------------------------------------------------


class Tight(nn.Module):
    """A posterior so narrow that training has no noise in either precision."""

    dtype: object = jnp.float32

    def setup(self):
        self.w = self.param("w", lambda key: jnp.asarray([[0.3], [-0.2], [0.5]], self.dtype))

    def encode(self, batch):
        mean = (2 * batch.astype(self.dtype) - 1) @ self.w
        return mean, jnp.full_like(mean, -60.0)

    def decode(self, z, batch):
        half = jnp.tanh(z) * jnp.asarray([1.0, 2.0, -1.0], self.dtype)
        return jax.nn.log_softmax(jnp.stack([-half, half], axis=-1), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        return mean, logvar, mean, self.decode(mean, batch)


def test_double_precision_is_double_and_agrees_with_single(toy):
    data, runs = toy.plain(toy.repeating()), {}
    for dtype in ("float32", "float64"):
        config = TrainConfig(epochs=20, batch_size=5, learning_rate=0.02, gamma=1.0, dtype=dtype)
        runs[dtype] = fit(Tight(), data, config, seed=0)
        kinds = {leaf.dtype.name for leaf in jax.tree.leaves(runs[dtype].variables)}
        assert kinds == {dtype}
    assert not jax.config.jax_enable_x64
    single, double = (run.variables["params"]["w"] for run in runs.values())
    assert np.abs(double - np.array([[0.3], [-0.2], [0.5]])).max() > 0.05
    assert np.allclose(single, double, atol=2e-4)
    assert (single.astype(float) != double).any()
    assert np.allclose(runs["float32"].loss, runs["float64"].loss, rtol=1e-4)


def test_the_dtype_reaches_every_module(toy):
    wide = with_dtype(toy.small(), jnp.float64)
    assert wide.encoder.dtype == wide.decoder.dtype == jnp.float64
    assert wide.decoder.features == 4
    linear = toy.Linear()
    assert with_dtype(linear, jnp.float64) is linear  # it has no such field


# -- refusals and stops -------------------------------------------------------------------------


def test_a_model_for_other_data_is_refused(toy):
    with pytest.raises(TrainingError, match="does not fit discrete data with 4 sites") as caught:
        fit(toy.Linear(latents=1), toy.spins(n=4), CONFIG)
    assert "check the decoder's data_type" in str(caught.value)
    assert "(2, 3, 2)" in str(caught.value)


def test_what_is_no_optimizer_is_refused(toy):
    with pytest.raises(ConfigError, match="optax factory"):
        fit(toy.Linear(), toy.repeating(), CONFIG, optimizer="adam")


def test_a_callback_can_stop_and_all_of_them_see_the_epoch(toy):
    seen = []
    run = toy.fit(
        toy.Linear(), toy.repeating(), CONFIG,
        callbacks=[lambda e: e.epoch == 2, lambda e: seen.append(e.epoch)],
    )  # fmt: skip
    assert (run.stop_reason, run.epochs_run, seen) == ("callback", 2, [1, 2])
    assert "after epoch 2" in run.message


def test_state_from_one_row(toy):
    state = init_state(toy.Linear(), toy.repeating(), injected(optax.sgd), jax.random.key(0))
    assert int(state.step) == 0
    assert state.step.dtype == jnp.int32
    assert {leaf.dtype.name for leaf in jax.tree.leaves(state.params)} == {"float32"}
    assert dataclasses.is_dataclass(state)
