"""Products with their own derivative rules: equal to the plain forms in every derivative."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.nn.products import TokenDense, mix, overlaps

PLAIN = {mix: lambda a, b: a @ b, overlaps: lambda a, b: a @ b.swapaxes(-1, -2)}
SHAPES = {mix: ((2, 3, 4, 5), (2, 3, 5, 6)), overlaps: ((2, 3, 4, 6), (2, 3, 5, 6))}


def pair(product):
    keys = jax.random.split(jax.random.key(0), 4)
    shapes = SHAPES[product]
    return [jax.random.normal(k, s) for k, s in zip(keys, (*shapes, *shapes), strict=True)]


@pytest.mark.parametrize("product", [mix, overlaps], ids=["mix", "overlaps"])
def test_value_and_derivatives_of_both_modes_and_second_order(product):
    a, b, da, db = pair(product)
    plain = PLAIN[product]

    def energy(form):
        return lambda a, b: (jnp.tanh(form(a, b)) ** 2).sum()

    def slope(form):  # a gradient inside a function that is differentiated again
        def length(a, b):
            g = jax.grad(energy(form), (0, 1))(a, b)
            return sum((x**2).sum() for x in g)

        return length

    for f, reference in (
        (product, plain),
        (jax.jit(jax.grad(energy(product), (0, 1))), jax.grad(energy(plain), (0, 1))),
        (jax.jit(jax.grad(slope(product), (0, 1))), jax.grad(slope(plain), (0, 1))),
    ):
        for x, y in zip(jax.tree.leaves(f(a, b)), jax.tree.leaves(reference(a, b)), strict=True):
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=2e-5)
    ours = jax.jvp(energy(product), (a, b), (da, db))
    np.testing.assert_allclose(ours, jax.jvp(energy(plain), (a, b), (da, db)), rtol=1e-5)
    batched = jax.vmap(product)(a, b)
    np.testing.assert_allclose(batched, plain(a, b), rtol=1e-5, atol=1e-5)


def test_no_product_of_the_gradient_has_a_transposed_left_factor():
    """What makes it fast: XLA multiplies such pairs of small matrices one element at a time."""
    q, k, v = (jax.random.normal(jax.random.key(i), (2, 4, 16, 8)) for i in range(3))

    def left_transposed(scores, mixed):
        def loss(q, k, v):
            return (mixed(jax.nn.softmax(scores(q, k)), v) ** 2).sum()

        text = jax.jit(jax.grad(loss, (0, 1, 2))).lower(q, k, v).compile().as_text()
        return text.count("lhs_contracting_dims={2}")

    assert left_transposed(overlaps, mix) == 0
    assert left_transposed(PLAIN[overlaps], PLAIN[mix]) == 2


def test_token_dense_is_a_dense_layer():
    x = jax.random.normal(jax.random.key(0), (2, 3, 5))
    ours, peer = TokenDense(4), nn.Dense(4)
    variables = ours.init(jax.random.key(1), x)
    assert jax.tree.all(
        jax.tree.map(lambda a, b: (a == b).all(), variables, peer.init(jax.random.key(1), x))
    )
    for f in (lambda m: m.apply(variables, x),
              lambda m: jax.grad(lambda v: (m.apply(v, x) ** 2).sum())(variables)):  # fmt: skip
        jax.tree.map(
            lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), f(ours), f(peer)
        )
