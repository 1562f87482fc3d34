"""Fault 16 of the published library: even kernels, strides and odd widths.

Even kernels lengthened the circular convolution, `strides` was never used, and an odd `d_model`
crashed in the positional code.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError
from qdisc.nn import convolution
from qdisc.nn.core import EncoderCNNcirc1D, Transformer_decoder, Transformer_encoder

X = np.random.default_rng(0).integers(0, 2, (4, 12))


def flat_positions(**fields):
    """Positions behind the convolutions, read off the dense layer's shape."""
    encoder = EncoderCNNcirc1D(2, conv_features=3, **fields)
    params = jax.eval_shape(encoder.init, jax.random.key(0), X)["params"]
    return params["dense"]["kernel"].shape[0] // 3


def check_kernels_keep_the_length():
    for kernel in (1, 2, 3, 4, 5):
        assert flat_positions(kernel_size=kernel) == 12, f"kernel {kernel}"


def check_strides_are_used():
    assert flat_positions(num_conv_layers=1, strides=2) == 6
    assert flat_positions(num_conv_layers=2, strides=2) == 3
    assert flat_positions(num_conv_layers=1, kernel_size=2, strides=5) == 3  # ceil(12 / 5)


def test_even_and_odd_kernels_keep_the_length():
    check_kernels_keep_the_length()


def test_the_check_sees_longer_rings(monkeypatch):
    """The fault: kernel // 2 sites on either side, one too many for an even kernel."""
    monkeypatch.setattr(convolution, "padding", lambda n, k, s, wraps: (k // 2, k // 2))
    with pytest.raises(AssertionError, match="kernel 2"):
        check_kernels_keep_the_length()


def test_strides_are_used():
    check_strides_are_used()


def test_the_check_sees_unused_strides(monkeypatch):
    init = convolution.Convolution.__post_init__

    def without_strides(self):
        object.__setattr__(self, "strides", tuple(1 for _ in self.strides))
        init(self)

    monkeypatch.setattr(convolution.Convolution, "__post_init__", without_strides)
    with pytest.raises(AssertionError):
        check_strides_are_used()


@pytest.mark.parametrize("kernel", [2, 3])
def test_the_ring_has_no_seam(kernel):
    """Rolling the sites rolls the convolution: no site is at an edge."""
    layer = convolution.Convolution(2, (kernel,), (1,), (True,))
    x = jnp.asarray(X, jnp.float32)[..., None]
    variables = layer.init(jax.random.key(0), x)
    y = layer.apply(variables, x)
    rolled = layer.apply(variables, jnp.roll(x, 5, axis=1))
    np.testing.assert_allclose(rolled, jnp.roll(y, 5, axis=1), atol=1e-6)


def test_odd_widths_work():
    encoder = Transformer_encoder(num_heads=3, d_model=9, num_layers=1)
    mean, _ = jax.jit(lambda: encoder.init_with_output(jax.random.key(0), X)[0])()
    decoder = Transformer_decoder(num_heads=1, d_model=7, num_layers=1)
    log_p = jax.jit(lambda: decoder.init_with_output(jax.random.key(0), (mean, X))[0])()
    assert log_p.shape == (4, 12, 2) and np.isfinite(log_p).all()


@pytest.mark.parametrize("module", [Transformer_encoder, Transformer_decoder])
def test_heads_that_do_not_divide_the_width_are_named(module):
    inputs = X if module is Transformer_encoder else (np.ones((4, 2), np.float32), X)
    with pytest.raises(ConfigError, match="cannot share d_model evenly") as error:
        module(num_heads=4, d_model=9).init(jax.random.key(0), inputs)
    assert "d_model=12" in str(error.value)
