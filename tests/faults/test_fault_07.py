"""Fault 7 of the published library: the transformer decoder had two outcomes whatever the data.

With local dimension 3 a target of 2 then cost nothing. Here uniform logits cost log 3 for every
target, and a third outcome has a probability of its own.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.nn import transformer_decoder
from qdisc.nn.core import ARNNDense, Transformer_decoder
from qdisc.objectives.likelihood import categorical_nll

X = np.array([[0, 1, 2, 2], [2, 2, 2, 2], [1, 0, 1, 0]])
Z = jnp.ones((3, 2), jnp.float32)


def check_every_target_costs_log_three(decoder):
    module = decoder(num_layers=1, local_dimension=3)
    variables = jax.jit(module.init)(jax.random.key(0), (Z, X))
    zeros = jax.tree.map(jnp.zeros_like, variables)  # uniform logits
    log_cp = jax.jit(module.apply)(zeros, (Z, X))
    assert log_cp.shape == (3, 4, 3)
    cost = np.asarray(categorical_nll(log_cp, jnp.asarray(X, jnp.int32)))
    np.testing.assert_allclose(cost, 4 * np.log(3), rtol=1e-6)
    learned = jax.jit(module.apply)(variables, (Z, X))
    np.testing.assert_allclose(np.exp(learned).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("decoder", [ARNNDense, Transformer_decoder])
def test_three_local_states_cost_log_three(decoder):
    check_every_target_costs_log_three(decoder)


class TwoOutcomes(Transformer_decoder):
    """The fault: a head of two outcomes."""

    def __call__(self, zx):
        log_cp = super().__call__(zx)
        return transformer_decoder.heads.log_probabilities(log_cp[..., :2])


def test_the_check_sees_the_fault():
    with pytest.raises(AssertionError):
        check_every_target_costs_log_three(TwoOutcomes)


def published_cost(log_cp, targets):
    """The published loss: a one-hot target outside the outcomes is all zeros and costs nothing."""
    return -(jax.nn.one_hot(targets, log_cp.shape[-1]) * log_cp).sum((1, 2))


def test_two_outcomes_made_the_third_state_free():
    """Why it matters: a snapshot of twos cost 0 nats instead of 4 log 3."""
    module = TwoOutcomes(num_layers=1, local_dimension=3)
    variables = jax.jit(module.init)(jax.random.key(0), (Z, X))
    cost = published_cost(module.apply(variables, (Z, X)), X)
    assert cost[1] == 0
