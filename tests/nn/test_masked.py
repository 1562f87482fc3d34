"""The strips of a masked layer against one plain masked product, and their initial spread."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.nn.masked import MaskedDense, lookup, strip_mask, strips


@pytest.mark.parametrize("n", [1, 2, 3, 7, 9])
@pytest.mark.parametrize("exclusive", [False, True])
def test_strips_equal_the_full_masked_product(n, exclusive):
    layer = MaskedDense(4, exclusive)
    x = jax.random.normal(jax.random.key(0), (6, n, 3))
    variables = layer.init(jax.random.key(1), x)
    kernel, bias = layer.apply(variables, method="weights")
    assert kernel.shape == (n, n * 3, 4)
    blocks = np.asarray(kernel).reshape(n, n, 3, 4)
    allowed = np.tri(n, k=-1 if exclusive else 0, dtype=bool)
    assert (np.abs(blocks).max((2, 3)) > 0).tolist() == allowed.tolist()
    full = np.einsum("bjc,ijcf->bif", np.asarray(x), blocks) + np.asarray(bias)
    np.testing.assert_allclose(layer.apply(variables, x), full, atol=1e-6)


def test_strips_cover_all_sites_once():
    for n in range(1, 20):
        runs = strips(n)
        assert [site for begin, end in runs for site in range(begin, end)] == list(range(n))


def test_forbidden_weights_get_no_gradient():
    layer = MaskedDense(2, True)
    x = jnp.ones((3, 5, 2), jnp.float32)
    variables = layer.init(jax.random.key(1), x)
    gradient = jax.grad(lambda v: layer.apply(v, x).sum())(variables)["params"]
    for index, (begin, end) in enumerate(strips(5)):
        mask = np.kron(strip_mask(begin, end, True), np.ones((2, 2), bool))
        assert (np.asarray(gradient[f"kernel_{index}"])[~mask] == 0).all()


@pytest.mark.parametrize("exclusive", [False, True])
def test_unit_inputs_give_unit_outputs_at_every_site(exclusive):
    """The spread of the weights counts the inputs a site really sees (site 0 sees few)."""
    n, channels = 12, 8
    layer = MaskedDense(400, exclusive)
    x = jax.random.normal(jax.random.key(0), (50, n, channels))
    y = np.asarray(layer.apply(layer.init(jax.random.key(1), x), x))
    spread = y.std((0, 2))
    if exclusive:
        assert spread[0] == 0
        spread = spread[1:]
    np.testing.assert_allclose(spread, 1, atol=0.15)


def test_lookup_is_indexing():
    table = jax.random.normal(jax.random.key(0), (5, 3, 4))
    codes = jnp.asarray([[0, 2, 1, 1, 0], [2, 2, 2, 0, 1]], jnp.int32)
    expected = np.asarray(table)[np.arange(5)[None], np.asarray(codes)]
    np.testing.assert_array_equal(lookup(table, codes), expected)
