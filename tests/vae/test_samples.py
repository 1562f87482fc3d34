"""Reconstruction, conditional probabilities and samples, for every kind of data."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.errors import ConfigError, DataError
from qdisc.vae.core import VAETrainer

KEY = jax.random.key(3)
KINDS = ("discrete", "continuous", "hybrid", "shadow")


@pytest.fixture(scope="module")
def trainers(tiny):
    """One trainer of each kind, with parameters as they come: nothing here needs training."""
    out = {}
    for kind in KINDS:
        out[kind] = VAETrainer(tiny.dense(kind), tiny.grid(kind))
        out[kind].init_state(jax.random.key(0))
    return out


def rows(trainer, n=7):
    return trainer.dataset.samples[:: trainer.dataset.n_snapshots // n][:n]


def check_range(kind, drawn, given):
    assert drawn.shape == given.shape
    if kind == "continuous":
        assert drawn.dtype == np.float32 and np.isfinite(drawn).all()
    elif kind == "hybrid":
        assert set(np.unique(drawn[:, :3])) <= {0, 1} and np.isfinite(drawn).all()
    elif kind == "shadow":
        assert drawn.dtype == np.int32
        np.testing.assert_array_equal(drawn[:, ::2], given[:, ::2])
        assert set(np.unique(drawn[:, 1::2])) <= {0, 1}
    else:
        assert drawn.dtype == np.int32 and set(np.unique(drawn)) <= {0, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_reconstructions_are_snapshots(trainers, kind):
    trainer = trainers[kind]
    given = rows(trainer)
    drawn = trainer.reconstruct_sample(given, KEY)
    check_range(kind, drawn, given)
    np.testing.assert_array_equal(drawn, trainer.reconstruct_sample(given, KEY))
    np.testing.assert_array_equal(drawn[:1], trainer.reconstruct_sample(given[0], KEY)[:1])
    many = np.repeat(given, 20, axis=0)
    other = trainer.reconstruct_sample(many, jax.random.key(4))
    assert (other != trainer.reconstruct_sample(many, KEY)).any()


def test_spins_are_two_x_minus_one(trainers):
    """Unsigned codes would wrap around: 2 * 0 - 1 = 255."""
    trainer = trainers["discrete"]
    drawn = trainer.reconstruct_sample(rows(trainer), KEY)
    for codes in (drawn, trainer.get_sample(np.zeros((7, 2)), KEY), trainer.dataset.data):
        assert set(np.unique(2 * codes - 1)) == {-1, 1}


@pytest.mark.parametrize("kind", KINDS)
def test_samples_of_a_latent_vector(trainers, kind):
    trainer = trainers[kind]
    z = np.linspace(-1, 1, 14).reshape(7, 2)
    shadows = rows(trainer) if kind == "shadow" else None
    drawn = trainer.get_sample(z, KEY, shadows)
    check_range(kind, drawn, rows(trainer))
    legacy = trainer.get_sample(
        z[0], jax.random.PRNGKey(3), None if shadows is None else shadows[0]
    )
    assert legacy.shape == (1, drawn.shape[1])


@pytest.mark.parametrize("kind", KINDS)
def test_conditional_probabilities_are_normalised(trainers, kind):
    trainer = trainers[kind]
    given = rows(trainer)
    cp = trainer.get_cp(given)
    codes = cp[0] if kind == "hybrid" else cp
    if kind != "continuous":
        assert codes.shape == (7, 4 if kind == "discrete" else 3, 2)
        np.testing.assert_allclose(np.exp(codes).sum(-1), 1, atol=1e-5)
    if kind in ("continuous", "hybrid"):
        values = cp if kind == "continuous" else cp[1]
        assert values.shape == (7, 3, 2) and np.isfinite(values).all()


def test_conditional_probabilities_are_those_at_the_mean_latent(trainers):
    trainer = trainers["discrete"]
    given, variables = rows(trainer), {"params": trainer.state.params}
    mean, _ = trainer.model.apply(variables, given, method="encode")
    exact = trainer.model.apply(variables, mean, given, method="decode")
    np.testing.assert_allclose(trainer.get_cp(given), exact, atol=1e-5)


def test_samples_follow_the_decoder(trainers):
    """Frequencies of all 16 strings against the product of the conditionals."""
    trainer, n = trainers["discrete"], 4000
    z = np.array([[0.7, -1.2]], np.float32)
    drawn = trainer.get_sample(np.repeat(z, n, axis=0), KEY)
    states = (np.arange(16)[:, None] >> np.arange(3, -1, -1)) & 1
    variables = {"params": trainer.state.params}
    log_cp = trainer.model.apply(variables, np.repeat(z, 16, axis=0), states, method="decode")
    p = np.exp(np.take_along_axis(np.asarray(log_cp), states[..., None], -1).sum((1, 2)))
    assert p.sum() == pytest.approx(1, abs=1e-5)
    seen = np.bincount(drawn @ [8, 4, 2, 1], minlength=16) / n
    assert np.abs(seen - p).max() < 4.5 * np.sqrt(0.25 / n)


def test_shadows_need_bases(trainers):
    trainer = trainers["shadow"]
    z = np.zeros((2, 2), np.float32)
    with pytest.raises(ConfigError, match="sampling shadows needs the bases"):
        trainer.get_sample(z, KEY)
    bases = np.array([[2, 3, 4], [4, 4, 4]])
    drawn = trainer.get_sample(z, KEY, bases)
    np.testing.assert_array_equal(drawn[:, ::2], bases)
    taken = trainer.get_sample(z, KEY, drawn)  # from whole shadows: the same bases
    np.testing.assert_array_equal(taken, drawn)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ([[0, 1, 0]], "rows of 4 columns"),
        ([[-1, 1, 1, -1]], r"pass \(samples \+ 1\) // 2"),
        ([[0, 1, 0, 7]], r"codes are 0..1(.|\n)*input_samples\[0, 3\]"),
        ([[0, 1, 0, 0.5]], "whole codes"),
        ([[0, 1, 0, float("nan")]], "not finite"),
    ],
)
@pytest.mark.parametrize("method", ["get_cp", "reconstruct_sample"])
def test_samples_that_are_none_are_refused(trainers, method, samples, message):
    arguments = (samples, KEY) if method == "reconstruct_sample" else (samples,)
    with pytest.raises(DataError, match=message):
        getattr(trainers["discrete"], method)(*arguments)
