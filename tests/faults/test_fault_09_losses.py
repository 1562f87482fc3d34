"""Fault 9 of the published library, in the losses: what is no code cost nothing.

There {0, 7}, {-1, 1} and 0.3 were multiplied with a one-hot vector of zeros, and beta = NaN turned
every parameter into NaN without a word.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.errors import ConfigError, DataError
from qdisc.objectives.elbo import Terms, combine
from qdisc.objectives.likelihood import reconstruction_nll
from qdisc.objectives.published import categorical_reconstruction_loss

LOG_CP = jnp.full((1, 4, 2), -math.log(2), jnp.float32)
BAD_TARGETS = [[0, 7, 0, 7], [-1, 1, 1, -1], [0.3, 1.0, 0.0, 1.0], [1, 1, 1, math.nan]]


def check_never_free(loss):
    """A row with a value that is no code has no finite cost, inside jit or not."""
    for row in BAD_TARGETS:
        targets = jnp.asarray([row], jnp.float32)
        for function in (loss, jax.jit(loss)):
            assert not np.any(np.isfinite(function(LOG_CP, targets)))
    good = jnp.asarray([[0, 1, 1, 0]], jnp.float32)
    assert float(loss(LOG_CP, good)[0]) == pytest.approx(4 * math.log(2))


def check_raises(loss):
    for row in BAD_TARGETS:
        try:
            loss(LOG_CP, jnp.asarray([row], jnp.float32))
        except DataError as error:
            assert "not one of the codes 0..1" in str(error)
        else:
            raise AssertionError(f"{row} passed for codes")


def check_weights(add):
    terms = Terms(*(jnp.asarray(1.0, jnp.float32) for _ in range(3)))
    for beta, gamma in [(math.nan, 0.0), (1.0, math.nan), (math.inf, 0.0)]:
        try:
            add(terms, beta, gamma)
        except ConfigError as error:
            assert "not a finite number" in str(error)
        else:
            raise AssertionError(f"beta={beta}, gamma={gamma} accepted")


def one_hot_loss(log_cp, targets):
    return -(jax.nn.one_hot(targets, log_cp.shape[-1]) * log_cp).sum((-1, -2))


def truncating_loss(log_cp, targets):
    codes = targets.astype(jnp.int32)
    return -jnp.take_along_axis(log_cp, codes[..., None], axis=-1)[..., 0].sum(-1)


def test_no_value_outside_the_codes_is_free():
    check_never_free(lambda log_cp, x: reconstruction_nll(log_cp, x, "discrete"))


@pytest.mark.parametrize("loss", [one_hot_loss, truncating_loss])
def test_free_values_are_caught(loss):
    with pytest.raises(AssertionError):
        check_never_free(loss)


def test_the_published_loss_names_the_value():
    check_raises(categorical_reconstruction_loss)


def test_a_published_loss_that_accepts_anything_is_caught():
    with pytest.raises(AssertionError):
        check_raises(lambda log_cp, x: one_hot_loss(log_cp, x).mean())


def test_weights_that_are_no_numbers_are_refused():
    check_weights(combine)


def test_accepting_them_is_caught():
    with pytest.raises(AssertionError):
        check_weights(lambda t, beta, gamma: t.reconstruction + beta * t.kl + gamma * t.tc)
