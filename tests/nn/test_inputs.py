"""Batches, latent vectors and fields that do not fit are named, at init and at apply."""

from __future__ import annotations

import inspect

import jax
import numpy as np
import pytest

from qdisc.errors import ConfigError, DataError
from qdisc.nn import core, sites
from qdisc.nn.core import (
    ARNNDense,
    EncoderCNN2D,
    EncoderCNNcirc1D,
    Transformer_decoder,
    Transformer_encoder,
    VAEmodel,
)

KEY = jax.random.key(0)
X = np.array([[0, 1, 1, 0], [1, 1, 0, 0]])
Z = np.ones((2, 3), np.float32)


def shapes(module, *args):
    return jax.eval_shape(module.init_with_output, KEY, *args)


@pytest.mark.parametrize("encoder", (EncoderCNNcirc1D(3), Transformer_encoder(latent_dim=3)))
def test_encoders_want_two_axes(encoder):
    for bad in (X[0], X[None]):
        with pytest.raises(DataError, match="a batch has two axes"):
            shapes(encoder, bad)


@pytest.mark.parametrize("decoder", (ARNNDense(), Transformer_decoder()))
def test_decoders_want_one_latent_vector_per_sample(decoder):
    with pytest.raises(DataError, match="5 latent vectors for 2 samples"):
        shapes(decoder, (np.ones((5, 3)), X))
    with pytest.raises(DataError, match="latent variables have two axes"):
        shapes(decoder, (np.ones(3), X))
    with pytest.raises(DataError, match="latent variables have two axes"):
        shapes(decoder, (np.ones((2, 0)), X))
    with pytest.raises(DataError, match="a batch has two axes"):
        shapes(decoder, (Z, X[0]))


@pytest.mark.parametrize(
    "module",
    (
        ARNNDense(1, 4),
        Transformer_decoder(1, 4, 1),
        EncoderCNNcirc1D(3, 1),
        Transformer_encoder(1, 4, 1, 3),
    ),
)
def test_another_number_of_sites_is_named_at_apply(module):
    wide = np.ones((2, 6), int)
    decodes = isinstance(module, ARNNDense | Transformer_decoder)
    variables = jax.jit(module.init)(KEY, (Z, X) if decodes else X)
    with pytest.raises(DataError, match="made for 4 sites, the batch has 6"):
        module.apply(variables, (Z, wide) if decodes else wide)
    if decodes:
        with pytest.raises(DataError, match="made for 3 latent variables, z has 2"):
            module.apply(variables, (Z[:, :2], X))


@pytest.mark.parametrize("data_type", ("hybrid", "shadow"))
def test_two_columns_per_site(data_type):
    odd = np.full((2, 5), 2.0)
    for module in (ARNNDense(data_type=data_type), Transformer_decoder(data_type=data_type)):
        with pytest.raises(DataError, match="two columns per site"):
            shapes(module, (Z, odd))
    with pytest.raises(DataError, match="two columns per site"):
        shapes(EncoderCNNcirc1D(3, data_type=data_type), odd)


@pytest.mark.parametrize("decoder", (ARNNDense, Transformer_decoder))
def test_fields_without_meaning_are_named(decoder):
    for fields, message in (
        ({"data_type": "discreet"}, "did you mean 'discrete'"),
        ({"local_dimension": 1}, "at least two local states"),
        ({"data_type": "shadow", "local_dimension": 3}, "two outcomes"),
        ({"num_layers": 0}, "at least 1"),
        ({"data_type": "continuous", "location": (0.0,)}, "one number per continuous site"),
        ({"data_type": "continuous", "scale": (1.0, 0.0, 1.0, 1.0)}, "a scale is positive"),
        ({"dtype": "float65"}, "unknown dtype"),
        ({"dtype": "int32"}, "a floating dtype"),
    ):
        with pytest.raises(ConfigError, match=message):
            shapes(decoder(**fields), (Z, X))


def test_encoder_sizes_are_checked():
    for encoder in (EncoderCNNcirc1D(0), EncoderCNNcirc1D(2, kernel_size=0)):
        with pytest.raises(ConfigError, match="a size is at least 1"):
            shapes(encoder, X)
    with pytest.raises(ConfigError, match="2 entries"):
        shapes(EncoderCNN2D(2, kernel_size=(2, 2, 2), lattice_topology=[[0, 1], [2, 3]]), X)


@pytest.mark.parametrize("topology", ([[0, 1], [1, 2]], [0, 1, 2], [[0, 1], [2]], [[1, 2], [3, 4]]))
def test_a_topology_holds_each_site_once(topology):
    with pytest.raises(ConfigError, match="holds each site index"):
        EncoderCNN2D(2, lattice_topology=topology)


def test_an_array_topology_keeps_the_module_hashable():
    encoder = EncoderCNN2D(2, lattice_topology=np.arange(4).reshape(2, 2))
    assert hash(encoder) == hash(EncoderCNN2D(2, lattice_topology=((0, 1), (2, 3))))


def test_encoder_and_decoder_must_agree():
    pair = VAEmodel(Transformer_encoder(), ARNNDense(data_type="continuous"))
    with pytest.raises(ConfigError, match="disagree on data_type"):
        shapes(pair, X, KEY)
    pair = VAEmodel(Transformer_encoder(local_dimension=3), ARNNDense(local_dimension=2))
    with pytest.raises(ConfigError, match="disagree on local_dimension"):
        shapes(pair, X, KEY)
    # encoders written as published say nothing about the data and fit every decoder
    shapes(VAEmodel(EncoderCNNcirc1D(2), ARNNDense(local_dimension=3)), X, KEY)


@pytest.mark.parametrize("data_type", ("discrete", "continuous", "hybrid", "shadow"))
def test_split_and_join_are_inverse(data_type):
    rng = np.random.default_rng(0)
    x = {
        "discrete": X,
        "continuous": rng.normal(size=(2, 4)).astype(np.float32),
        "hybrid": np.concatenate([X, rng.normal(size=(2, 4))], 1).astype(np.float32),
        "shadow": np.array([[2, 0, 3, 1], [4, 1, 2, 1]]),
    }[data_type]
    np.testing.assert_array_equal(sites.join(sites.split(x, data_type), data_type), x)


def test_a_shadow_site_shows_its_outcome_in_the_channel_of_its_basis():
    batch = sites.split(np.array([[2, 0, 4, 1]]), "shadow")
    np.testing.assert_array_equal(sites.site_features(batch, 2), [[[-1, 0, 0], [0, 0, 1]]])


def test_published_constructors():
    published = {
        "EncoderCNNcirc1D": "latent_dim, num_conv_layers=2, kernel_size=3, strides=1, "
        "conv_features=16, dense_features=64",
        "EncoderCNN2D": "latent_dim, num_conv_layers=2, kernel_size=(2, 2), strides=(1, 1), "
        "conv_features=16, dense_features=64, "
        "lattice_topology=((0, 1, 2), (5, 4, 3), (6, 7, 8))",
        "Transformer_encoder": "num_heads=2, d_model=8, num_layers=3, latent_dim=5, "
        "data_type='discrete', local_dimension=2",
        "ARNNDense": "num_layers=3, features=36, local_dimension=2, data_type='discrete'",
        "Transformer_decoder": "num_heads=4, d_model=32, num_layers=3, data_type='discrete', "
        "local_dimension=2",
    }
    for name, wanted in published.items():
        parameters = inspect.signature(getattr(core, name)).parameters.values()
        # our own fields are keyword only; flax adds parent and name
        positional = [
            f"{p.name}" + ("" if p.default is p.empty else f"={p.default!r}")
            for p in parameters
            if p.kind is p.POSITIONAL_OR_KEYWORD and p.name not in ("parent", "name")
        ]
        assert ", ".join(positional) == wanted
