"""Fault 17 of the published library: nothing checked that model and data belong together.

Errors surfaced deep inside broadcasting, or not at all: two codes per site and a mean with a log
variance have the same shape.
"""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.dataset.core import Dataset
from qdisc.errors import ConfigError, DataError, QdiscError, TrainingError
from qdisc.nn.core import (
    ARNNDense,
    EncoderCNN2D,
    EncoderCNNcirc1D,
    Transformer_decoder,
    Transformer_encoder,
)
from qdisc.vae import trainer as module
from qdisc.vae.core import VAEmodel, VAETrainer

KEY = jax.random.key(0)
KINDS = ("discrete", "continuous", "hybrid", "shadow")


def dataset(kind, sites=4, states=2):
    rng = np.random.default_rng(0)
    codes = rng.integers(0, states, (2, 9, sites))
    if kind == "discrete":
        codes[0, 0, 0] = states - 1
        return Dataset(codes, [[0.0, 1.0]], kind, states)
    values = rng.normal(size=(2, 9, sites))
    if kind == "continuous":
        return Dataset(values, [[0.0, 1.0]], kind)
    if kind == "hybrid":
        return Dataset(np.concatenate([codes, values], axis=-1), [[0.0, 1.0]], kind)
    bases = rng.integers(2, 5, (2, 9, sites))
    return Dataset(np.stack([bases, codes], -1).reshape(2, 9, 2 * sites), [[0.0, 1.0]], kind)


def dense(kind, states=2):
    return VAEmodel(EncoderCNNcirc1D(1, 1), ARNNDense(1, 2, states, kind))


def check_mismatched_kinds_are_refused(theirs, ours):
    for decoder in (ARNNDense, Transformer_decoder):
        model = VAEmodel(EncoderCNNcirc1D(1, 1), decoder(num_layers=1, data_type=theirs))
        with pytest.raises(TrainingError, match="model and dataset disagree on data_type") as error:
            VAETrainer(model, dataset(ours))
        assert f"decoder {decoder.__name__}" in str(error.value)
        assert f"data_type='{ours}'" in str(error.value)


@pytest.mark.parametrize("ours", KINDS)
@pytest.mark.parametrize("theirs", KINDS)
def test_a_decoder_of_another_kind_is_refused(theirs, ours):
    if theirs != ours:
        check_mismatched_kinds_are_refused(theirs, ours)
    else:
        VAETrainer(dense(ours), dataset(ours))


@pytest.mark.parametrize("kinds", [("discrete", "continuous"), ("continuous", "discrete")])
def test_the_check_sees_a_trainer_that_does_not_look(monkeypatch, kinds):
    """The fault: nothing is checked, and training runs on the wrong likelihood."""
    monkeypatch.setattr(module, "check_agreement", lambda model, dataset: None)
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        check_mismatched_kinds_are_refused(*kinds)


def test_an_encoder_of_another_kind_is_refused():
    model = VAEmodel(
        Transformer_encoder(1, 2, 1, 1, data_type="discrete"),
        Transformer_decoder(1, 2, 1, data_type="shadow"),
    )
    with pytest.raises(TrainingError, match="encoder Transformer_encoder"):
        VAETrainer(model, dataset("shadow"))
    with pytest.raises(ConfigError, match="encoder and decoder disagree on data_type"):
        model.init(KEY, dataset("shadow").samples, KEY)


@pytest.mark.parametrize(("theirs", "ours"), [(2, 3), (3, 2)])
def test_another_number_of_codes_is_refused(theirs, ours):
    with pytest.raises(TrainingError, match="disagree on local_dimension") as error:
        VAETrainer(dense("discrete", theirs), dataset("discrete", states=ours))
    assert f"local_dimension={ours}" in str(error.value)


@pytest.mark.parametrize("sites", [4, 16])
def test_a_lattice_of_another_size_is_refused(sites):
    model = VAEmodel(EncoderCNN2D(1, 1), ARNNDense(1, 2))
    with pytest.raises(TrainingError, match=f"topology has 9 sites, the dataset {sites}"):
        VAETrainer(model, dataset("discrete", sites))
    topology = np.arange(sites).reshape(-1, 4)
    VAETrainer(VAEmodel(EncoderCNN2D(1, 1, lattice_topology=topology), ARNNDense(1, 2)),
               dataset("discrete", sites))  # fmt: skip


def test_parameters_of_another_size_are_named():
    trained = VAETrainer(dense("discrete"), dataset("discrete", 4))
    trained.train(1, 18, KEY)
    other = VAETrainer(dense("discrete"), dataset("discrete", 5))
    other.state = trained.state
    with pytest.raises(DataError, match="parameters were made for 4 sites, the batch has 5"):
        other.train(1, 18, KEY)


def test_a_model_whose_output_has_the_wrong_shape_is_named():
    """A model that says nothing about its data is judged by its shapes, before any step."""
    import flax.linen as nn
    import jax.numpy as jnp

    class Silent(nn.Module):
        @nn.compact
        def __call__(self, batch, key):
            mean = nn.Dense(1)(batch.astype(jnp.float32))
            return mean, mean, mean, jnp.zeros((batch.shape[0], 4, 3))

    with pytest.raises(TrainingError, match="output does not fit discrete data with 4 sites"):
        VAETrainer(Silent(), dataset("discrete")).train(1, 18, KEY)


def test_all_of_these_are_errors_of_qdisc():
    assert issubclass(TrainingError, QdiscError) and issubclass(ConfigError, QdiscError)
