"""Parameters as flat names, and keys from seeds."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.errors import ConfigError, ResultError
from qdisc.train.keys import key_of, typed
from qdisc.train.names import count, flatten, unflatten

TREE = {"encoder": {"Dense_0": {"kernel": np.ones((2, 3)), "bias": np.zeros(3)}}, "a": np.ones(())}


def test_there_and_back():
    flat = flatten(TREE)
    assert list(flat) == ["a", "encoder/Dense_0/bias", "encoder/Dense_0/kernel"]
    assert count(TREE) == 10
    again = unflatten(flat)
    assert again.keys() == TREE.keys()
    assert again["encoder"]["Dense_0"]["kernel"] is flat["encoder/Dense_0/kernel"]


@pytest.mark.parametrize("name", ["a/b", ""])
def test_a_name_that_would_be_a_path_is_refused(name):
    with pytest.raises(ResultError, match="cannot hold '/'"):
        flatten({name: np.ones(1)})


def bits(key):
    return jax.random.key_data(key).tolist()


def test_a_seed_is_the_key_of_jax():
    for seed in (0, 1, 2**31, 2**32 - 1):
        assert bits(key_of(seed)) == bits(jax.random.key(np.uint32(seed)))
    assert bits(key_of(7)) == bits(jax.random.key(7)) == bits(typed(jax.random.PRNGKey(7)))


def test_every_bit_of_a_seed_counts_whatever_the_precision():
    seeds = [5, 2**32 + 5, 2**33 + 5, 2**64 + 5, 2**200 + 5]
    keys = [bits(key_of(seed)) for seed in seeds]
    assert len({tuple(key) for key in keys}) == len(seeds)
    with jax.enable_x64(True):
        assert [bits(key_of(seed)) for seed in seeds] == keys


def test_a_negative_seed_is_refused():
    with pytest.raises(ConfigError, match="whole number >= 0"):
        key_of(-1)
