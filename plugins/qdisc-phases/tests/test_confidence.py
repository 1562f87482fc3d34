"""Confidence: models of several seeds, trained for the test, on spins whose phases are known."""

from __future__ import annotations

import itertools
from dataclasses import replace

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qdisc.analysis.model import Model
from qdisc.analysis.runner import run
from qdisc.config import Selection, TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, TrainingError
from qdisc.plugin import Registry
from qdisc.testing import check_plugin, tiny_datasets, tiny_model
from qdisc.train import fit

from qdisc_phases.confidence import ConfidenceConfig, confidence
from qdisc_phases.consensus import consensus

MODELS, SHOTS, SETTINGS = 3, 200, 12
THETA = np.linspace(0, 1.1, SETTINGS)
OPTIONS = {"models": MODELS, "bootstraps": 3, "max_phases": 3}


class Small(nn.Module):
    """Two latents, dense layers, sites independent given the latents: it compiles in no time."""

    def setup(self):
        self.hidden, self.to_z = nn.Dense(16), nn.Dense(4)
        self.back, self.to_sites = nn.Dense(16), nn.Dense(8)

    def encode(self, batch):
        spins = 2.0 * batch.astype(jnp.float32) - 1
        return jnp.split(self.to_z(nn.tanh(self.hidden(spins))), 2, axis=1)

    def decode(self, z, batch):
        logits = self.to_sites(nn.tanh(self.back(z))).reshape(*batch.shape, 2)
        return nn.log_softmax(logits)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape)
        return mean, logvar, z, self.decode(z, batch)


def spins(ordered):
    """Four spins per snapshot, aligned (up or down at random) or free."""
    rng = np.random.default_rng(0)
    free = rng.integers(0, 2, (SETTINGS, SHOTS, 4))
    up = np.broadcast_to(rng.integers(0, 2, (SETTINGS, SHOTS, 1)), free.shape)
    codes = np.where(ordered[:, None, None], up, free).astype(np.uint8)
    return Dataset(codes, [THETA], "discrete")


@pytest.fixture(scope="module")
def found():
    """(dataset, training, variables) where the spins order below 0.5, and where they never do."""

    def go(ordered):
        data = spins(ordered)
        module = Small()
        config = TrainConfig(epochs=60, batch_size=200, learning_rate=0.01, beta=0.5)
        training = fit(module, data, config, seed=7)
        return data, training, analyse(data, Model(module, training.variables, data.spec), training)

    return {"two": go(THETA < 0.5), "one": go(THETA < 0)}


def analyse(data, model, training, **options):
    outcomes = run(
        data, model, key=jax.random.key(0), training=training, strict=True,
        registry=Registry([("analysis", confidence)]), observables=Selection(run=()),
        analyses=Selection(run=("confidence",), options={"confidence": OPTIONS | options}),
    )  # fmt: skip
    return outcomes.analyses["confidence"].variables


def test_two_phases_with_a_known_border(found):
    _, _, out = found["two"]
    # 7 free settings, 5 ordered ones: the larger phase is 0
    np.testing.assert_array_equal(out["label"].data, (THETA < 0.5).astype(int))
    assert (out["agreement"].data == 1).all() and (out["rand_index"].data == 1).all()
    np.testing.assert_array_equal(out["member_label"].data.T, [out["label"].data] * MODELS)
    assert out["n_phases_each"].data.tolist() == [2] * MODELS
    np.testing.assert_allclose(out["probability"].data.sum(axis=1), 1, atol=1e-5)
    finding = out["label"].attrs["finding"]
    assert "2 phases of 7, 5 settings: 3 of 3 models find as many" in finding
    assert "all models agree on every setting" in finding


def test_one_phase_is_one_phase_for_every_seed(found):
    _, _, out = found["one"]
    assert out["n_phases"].data == 1 and not out["label"].data.any()
    assert (out["agreement"].data == 1).all()
    assert out["n_phases_each"].data.tolist() == [1] * MODELS
    assert out["label"].attrs["finding"].startswith("one phase of 12 settings: 3 of 3")


def test_the_first_member_is_the_model_of_the_run(found):
    _, training, out = found["two"]
    assert out["seed"].data.tolist() == [7, 8, 9]
    assert out["loss"].data[0] == training.loss[-1]
    assert len(set(out["loss"].data)) == MODELS  # the others are others
    active = training.kl[-1] > 0.05
    assert out["active_latents"].data[0] == active.sum() >= 1
    assert (np.diff(out["rate"].data, axis=1) <= 0).all()


def test_members_are_what_fit_gives_for_their_seed(found):
    data, training, out = found["two"]
    module = Small()
    alone = fit(module, data, training.config, seed=8)
    np.testing.assert_allclose(out["loss"].data[1], alone.loss[-1], rtol=1e-3)


# -- the vote, by hand --------------------------------------------------------------------------


def test_names_of_groups_do_not_matter():
    label = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2])
    members = [np.array(names)[label] for names in itertools.permutations(range(3))]
    found = consensus(members)
    np.testing.assert_array_equal(found.label, label)
    assert (found.agreement == 1).all() and (found.rand == 1).all() and found.count == 3
    for member, order in zip(members, found.order, strict=True):
        np.testing.assert_array_equal(order[found.label], member)


def test_the_majority_decides_each_setting():
    truth = np.repeat([0, 1], [6, 5])
    members = [truth.copy() for _ in range(5)]
    for m, wrong in enumerate([(0,), (1,), (2,), (0,), ()]):
        members[m][list(wrong)] = 1
    found = consensus(members)
    np.testing.assert_array_equal(found.label, truth)
    np.testing.assert_allclose(found.agreement[:4], [3 / 5, 4 / 5, 4 / 5, 1])
    assert found.rand[4] == 1 > found.rand[0]


def test_a_group_that_few_find_agrees_with_nobody():
    two, three = np.repeat([0, 1], [6, 4]), np.repeat([0, 2, 1], [4, 2, 4])
    found = consensus([two, two, three])
    assert found.count == 2
    np.testing.assert_array_equal(found.members[2], np.repeat([0, 2, 1], [4, 2, 4]))
    np.testing.assert_allclose(found.agreement, np.repeat([1, 2 / 3, 1], [4, 2, 4]))


def test_fewer_phases_win_a_tie():
    found = consensus([np.repeat([0, 1], [5, 3]), np.zeros(8, int)])
    assert found.count == 1 and not found.label.any()
    np.testing.assert_allclose(found.agreement, np.repeat([1, 0.5], [5, 3]))


# -- what cannot be done --------------------------------------------------------------------------


def test_models_that_diverge_are_named(found):
    data, training, _ = found["one"]
    module = Small()
    bad = TrainConfig(epochs=1, batch_size=200, learning_rate=1e30, on_divergence="stop",
                      optimizer="sgd")  # fmt: skip
    broken = replace(training, config=bad, stop_reason="not_finite", message="loss is nan")
    model = Model(module, training.variables, data.spec)
    with pytest.raises(TrainingError, match="fewer than two models have finite numbers"):
        analyse(data, model, broken, models=2)


def test_without_a_training_it_is_skipped():
    data = tiny_datasets()["discrete_line"]
    outcomes = run(
        data, tiny_model(data), key=jax.random.key(0), observables=Selection(run=()),
        registry=Registry([("analysis", confidence)]), analyses=Selection(run=("confidence",)),
    )  # fmt: skip
    outcome = outcomes.analyses["confidence"]
    assert outcome.status == "skipped" and "needs training" in outcome.message


def test_conformance():
    check_plugin(confidence, config=ConfidenceConfig(models=2, bootstraps=2, max_phases=2))


def test_it_runs_only_when_asked_for():
    assert not confidence.spec.default


@pytest.mark.parametrize("key, value", [("models", 1), ("n_phases", 0)])
def test_options_without_meaning(key, value):
    with pytest.raises(ConfigError, match=f"analyses.confidence.{key}"):
        ConfidenceConfig(**{key: value})
