"""Known readout errors in a recipe: trained with, stored, rebuilt, and refused where senseless."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.config import parse_recipe
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import write_dataset
from qdisc.dataset.readout import bit_flip, with_readout
from qdisc.errors import ConfigError
from qdisc.nn.hvae import HVAE
from qdisc.nn.misread import MisreadSites
from qdisc.pipeline import discover, open_result, run
from qdisc.pipeline.recipe import resolve
from qdisc.plugin.registry import Registry

SITES, P = 4, 0.1
CHANGES = {
    "model.name": "cnn1d_arnn", "model.latent_dim": 1, "model.conv_layers": 1,
    "model.conv_features": 4, "model.dense_features": 8, "model.decoder_layers": 1,
    "model.decoder_features": 4, "train.epochs": 60, "train.batch_size": 200,
    "train.gamma": 0.0, "train.learning_rate": 0.02, "train.beta": 1.0,
    "analyses.run": ["latent_map"], "observables.run": [],
}  # fmt: skip


def flipped():
    """Two settings, 0111 and 0111 again, seen by a detector that errs."""
    codes = np.tile([0, 1, 1, 1], (1000, 1))
    clean = Dataset.from_samples(codes, np.repeat([0.0, 1.0], 500), data_type="discrete")
    return with_readout(clean, bit_flip(P, P), 3)


def test_a_recipe_with_readout_errors(tmp_path):
    """The network finds the true codes, though one measured code in ten is wrong."""
    data = flipped()
    write_dataset(data, tmp_path / "data.h5")
    (tmp_path / "recipe.toml").write_text(
        '[data]\npath = "data.h5"\n[model.readout]\np_0_to_1 = 0.1\np_1_to_0 = [0.1, 0.1, 0.1, 0.1]'
    )
    result = run(tmp_path / "recipe.toml", tmp_path / "out.h5", overrides=CHANGES)
    table = result.group("/provenance").attrs["config.toml"]
    assert "[model.readout]\np_0_to_1 = 0.1\n" in table
    model = open_result(tmp_path / "out.h5").model()
    decoder = model.module.decoder
    assert isinstance(decoder, MisreadSites) and np.shape(decoder.channel) == (4, 2, 2)
    x = data.configurations
    z = np.zeros((len(x), 1), np.float32)
    measured = np.exp(model.decode(z, x))
    assert measured.min() > P - 1e-6  # no surer than the detector
    inner = {"params": model.variables["params"]["decoder"]}
    true = np.exp(decoder.apply(inner, (z, x), method="true_conditionals"))
    weight = np.bincount(data.counts.indices, data.counts.data, len(x))
    mean = (weight[:, None] * true[..., 1]).sum(0) / weight.sum()
    np.testing.assert_allclose(mean, [0, 1, 1, 1], atol=0.05)
    drawn = model.sample(np.zeros((4000, 1), np.float32), jax.random.key(0))
    np.testing.assert_allclose(drawn.mean(0), [P, 1 - P, 1 - P, 1 - P], atol=0.05)


def test_a_hamiltonian_vae_behind_a_detector():
    tables = {"model": {"objective": "hvae", "readout": {"p_0_to_1": 0.05}}}
    settings = resolve(parse_recipe(tables), flipped(), Registry())
    assert isinstance(settings.module, HVAE)
    np.testing.assert_allclose(settings.module.vae.decoder.channel, [[[0.95, 0.05], [0, 1]]])


@pytest.mark.parametrize(
    ("readout", "match"),
    [
        ({"p_0_to_1": 1.2}, "distribution over observed codes"),
        ({"p_0_to_1": [0.1, 0.1], "p_1_to_0": [0.1] * 3}, "one probability per site"),
        ({"p_0_to_1": [0.1, 0.1]}, "one readout error per site\n.*\n.*2 probabilities, 4 sites"),
        ({"p01": 0.1}, "unknown key 'p01'(.|\n)*p_0_to_1"),
        (0.1, "readout errors are a table"),
    ],
)
def test_what_is_no_readout_error(tmp_path, readout, match):
    with pytest.raises(ConfigError, match=match):
        discover(flipped(), 0, tmp_path / "out.h5", **{"model.readout": readout})


def test_data_that_are_not_read_out_in_two_codes(tmp_path, lab):
    values = Dataset.from_samples(np.ones((4, 2)), np.zeros(4), data_type="continuous")
    three = Dataset.from_samples(np.array([[0, 1], [2, 1]]), np.zeros(2), data_type="discrete")
    for data in (values, three):
        with pytest.raises(ConfigError, match="sites with two codes"):
            discover(data, 0, tmp_path / "out.h5", **{"model.readout.p_0_to_1": 0.1})
    with pytest.raises(ConfigError, match="need a model of an encoder and a decoder"):
        discover(lab.line(), 0, tmp_path / "out.h5", registry=lab.registry(),
                 **{"model.name": "factor", "model.readout.p_0_to_1": 0.1})  # fmt: skip
