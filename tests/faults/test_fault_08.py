"""Fault 8 of the published library: the 2-D encoder was wired to 3x3 lattices.

Data of 16 sites ran silently with sites 9 to 15 ignored.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import DataError
from qdisc.nn import encoders_cnn
from qdisc.nn.core import EncoderCNN2D

X = np.random.default_rng(0).integers(0, 2, (1, 16))
FOUR = np.arange(16).reshape(4, 4)


def check_every_site_matters():
    encoder = EncoderCNN2D(3, 2, conv_features=8, lattice_topology=FOUR)
    variables = jax.jit(encoder.init)(jax.random.key(0), X)
    flipped = np.concatenate([X, X ^ np.eye(16, dtype=int)])
    mean, _ = jax.jit(encoder.apply)(variables, flipped)
    changed = np.abs(np.asarray(mean[1:] - mean[:1])).max(1) > 0
    assert changed.all(), f"sites without effect: {np.flatnonzero(~changed)}"


def test_every_site_of_a_4x4_lattice_matters():
    check_every_site_matters()


def test_the_check_sees_the_fault(monkeypatch):
    """The fault: whatever the topology, the first nine sites are put on a 3x3 snake."""

    def wired(features, topology, where):
        snake = np.asarray(encoders_cnn.SNAKE_3X3)
        return features[:, snake.reshape(-1)].reshape(features.shape[0], 3, 3, -1)

    monkeypatch.setattr(encoders_cnn, "place_on_lattice", wired)
    with pytest.raises(AssertionError, match=r"sites without effect: \[ 9 10 11 12 13 14 15\]"):
        check_every_site_matters()


def test_the_default_lattice_refuses_sixteen_sites():
    with pytest.raises(DataError, match="the batch has 16 sites, the lattice topology 9") as error:
        EncoderCNN2D(3).init(jax.random.key(0), X)
    assert "lattice_topology" in str(error.value)


def test_the_snake_puts_sites_where_they_are():
    """Site 3 of the snake is the right neighbour of the second row's centre, site 4."""
    encoder = EncoderCNN2D(2, 1, kernel_size=(1, 1), conv_features=1, dense_features=4)
    row = EncoderCNN2D(
        2, 1, (1, 1), conv_features=1, dense_features=4, lattice_topology=np.arange(9).reshape(3, 3)
    )
    x = jnp.asarray([[0, 0, 0, 1, 0, 0, 0, 0, 0]], jnp.int32)
    variables = encoder.init(jax.random.key(0), x)
    snake_order = x[:, np.asarray(encoders_cnn.SNAKE_3X3).reshape(-1)]
    for a, b in zip(encoder.apply(variables, x), row.apply(variables, snake_order), strict=True):
        np.testing.assert_array_equal(a, b)
