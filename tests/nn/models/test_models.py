"""The model plugins: what they build for each kind of data, and what they refuse."""

from __future__ import annotations

from importlib.metadata import entry_points

import jax
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.nn.models import cnn1d_arnn, cnn2d_arnn, transformer
from qdisc.plugin import DataSpec

PLUGINS = {m.model.spec.name: m.model for m in (cnn1d_arnn, cnn2d_arnn, transformer)}
SQUARE = tuple((float(i), float(j)) for i in range(2) for j in range(3))
KINDS = {"discrete": 3, "continuous": 0, "hybrid": 2, "shadow": 2}


def spec_for(data_type, sites=SQUARE, n=6, **more):
    continuous = data_type in ("continuous", "hybrid")
    columns = n if data_type in ("discrete", "continuous") else 2 * n
    if continuous:
        more |= {"location": (1.0,) * n, "scale": (2.0,) * n}
    return DataSpec(
        data_type=data_type, n_sites=n, n_columns=columns, sites=sites,
        local_dimension=KINDS[data_type], **more,
    )  # fmt: skip


def n_weights(module, columns):
    key = jax.random.key(0)
    params = jax.eval_shape(module.init, key, np.zeros((2, columns), np.float32), key)
    return sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.parametrize("name", PLUGINS)
@pytest.mark.parametrize("data_type", KINDS)
def test_build_and_apply(name, data_type):
    plugin, data_spec = PLUGINS[name], spec_for(data_type)
    module = plugin.build(data_spec, plugin.Config(latent_dim=3))
    assert hash(module) == hash(plugin.build(data_spec, plugin.Config(latent_dim=3)))
    batch = np.full((2, data_spec.n_columns), 2.0)
    key = jax.random.key(0)
    (mean, logvar, z, cp), _ = jax.eval_shape(module.init_with_output, key, batch, key)
    assert mean.shape == logvar.shape == z.shape == (2, 3)
    shapes = jax.tree.map(lambda a: a.shape, cp)
    expected = {
        "discrete": (2, 6, 3),
        "continuous": (2, 6, 2),
        "hybrid": ((2, 6, 2), (2, 6, 2)),
        "shadow": (2, 6, 2),
    }
    assert shapes == expected[data_type]


def test_the_2d_model_follows_the_lattice_and_its_boundaries():
    positions = np.array(SQUARE)[::-1]
    data_spec = spec_for("discrete", tuple(map(tuple, positions)), periodic=(False, True))
    encoder = cnn2d_arnn.model.build(data_spec, cnn2d_arnn.Config()).encoder
    assert encoder.lattice_topology == ((5, 4, 3), (2, 1, 0))
    assert encoder.periodic == (False, True)
    assert (encoder.num_conv_layers, encoder.conv_features, encoder.dense_features) == (3, 36, 36)


def test_the_2d_model_refuses_a_chain():
    for sites in (None, tuple((float(i), 0.0) for i in range(6))):
        with pytest.raises(ConfigError, match="cnn2d_arnn needs sites that fill") as error:
            cnn2d_arnn.model.build(spec_for("discrete", sites), cnn2d_arnn.Config())
        assert "cnn1d_arnn" in str(error.value)


@pytest.mark.parametrize("name", PLUGINS)
def test_default_sizes_stay_below_five_million(name):
    sites = tuple((float(i), float(j)) for i in range(6) for j in range(6))
    plugin = PLUGINS[name]
    module = plugin.build(spec_for("discrete", sites, 36), plugin.Config())
    assert n_weights(module, 36) < 5_000_000


def test_registered_under_their_names():
    found = {e.name: e.value for e in entry_points(group="qdisc.models")}
    for name, plugin in PLUGINS.items():
        assert found[name] == f"qdisc.nn.models.{name}:model"
        assert plugin.spec.name == name
