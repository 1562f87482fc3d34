"""The convolution against flax.linen.Conv: values, gradients, lengths."""

from __future__ import annotations

import flax.linen as nn
import jax
import numpy as np
import pytest

from qdisc.nn import convolution
from qdisc.nn.convolution import Convolution

CASES = [
    ((9,), (3,), (1,), (True,)),
    ((9,), (4,), (1,), (True,)),
    ((9,), (2,), (2,), (True,)),
    ((8,), (5,), (3,), (False,)),
    ((3, 3), (2, 2), (1, 1), (False, False)),
    ((4, 5), (3, 2), (2, 1), (False, False)),
    ((4, 4), (2, 3), (1, 2), (True, True)),
]


@pytest.mark.parametrize("form", ["gathered taps", "tap by tap", "xla"])
@pytest.mark.parametrize(("lattice", "kernel", "strides", "periodic"), CASES)
def test_equals_flax_conv(monkeypatch, form, lattice, kernel, strides, periodic):
    monkeypatch.setattr(convolution, "GATHER_LIMIT", 10**6 if form == "gathered taps" else 0)
    if form == "xla":
        monkeypatch.setattr(convolution, "by_taps", convolution.by_xla)
    ours = Convolution(4, kernel, strides, periodic)
    mode = "CIRCULAR" if periodic[0] else "SAME"
    peer = nn.Conv(4, kernel, strides, padding=mode)
    x = jax.random.normal(jax.random.key(0), (3, *lattice, 2))
    variables = ours.init(jax.random.key(1), x)
    assert jax.tree.map(np.shape, variables) == jax.tree.map(
        np.shape, peer.init(jax.random.key(1), x)
    )
    values = [jax.jit(module.apply)(variables, x) for module in (ours, peer)]
    expected = values[1]
    assert expected.shape[1:-1] == tuple(-(-n // s) for n, s in zip(lattice, strides, strict=True))
    np.testing.assert_allclose(values[0], expected, atol=1e-5)

    def gradients(module):
        loss = jax.grad(lambda v, x: (module.apply(v, x) ** 2).sum(), (0, 1))
        return jax.jit(loss)(variables, x)

    for a, b in zip(
        jax.tree.leaves(gradients(ours)), jax.tree.leaves(gradients(peer)), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_mixed_boundaries_shift_along_the_periodic_direction():
    layer = Convolution(2, (2, 2), (1, 1), (True, False))
    x = jax.random.normal(jax.random.key(0), (1, 4, 3, 1))
    variables = layer.init(jax.random.key(1), x)
    y = np.asarray(layer.apply(variables, x))
    rolled = np.asarray(layer.apply(variables, np.roll(x, 1, axis=1)))
    np.testing.assert_allclose(rolled, np.roll(y, 1, axis=1), atol=1e-6)
    shifted = np.asarray(layer.apply(variables, np.roll(x, 1, axis=2)))
    assert np.abs(shifted - np.roll(y, 1, axis=2)).max() > 1e-2
