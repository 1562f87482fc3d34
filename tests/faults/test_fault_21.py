"""Fault 21 of the published library: maps and samples took minutes.

There every snapshot was encoded although few configurations differ, everything was traced again at
each call, shadows were sampled with twice the steps, and each site cost a full forward pass.
"""

from __future__ import annotations

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.analysis.encode import encode
from qdisc.analysis.model import Model
from qdisc.dataset.dataset import Dataset
from qdisc.nn.arnn import ARNNDense
from qdisc.nn.encoders_cnn import EncoderCNNcirc1D
from qdisc.nn.transformer_decoder import Transformer_decoder
from qdisc.nn.vae import VAEmodel

N = 5
SWEEP = Dataset(
    np.random.default_rng(0).integers(0, 2, (20, 100, N)), [np.arange(20.0)], "discrete"
)
SHADOWS = np.random.default_rng(1).integers(0, 2, (1, 4, 2 * N))
SHADOWS[..., ::2] += 2


def build(decoder, data_type="discrete"):
    module = VAEmodel(EncoderCNNcirc1D(2, 1, 3, 1, 4, 8, data_type=data_type), decoder)
    x = jnp.zeros((1, 2 * N if data_type == "shadow" else N), jnp.uint8)
    x = x.at[:, ::2].set(2) if data_type == "shadow" else x
    key = jax.random.key(0)
    return module, jax.jit(module.init)(key, x, key)


def decoders(data_type="discrete"):
    yield ARNNDense(1, 4, data_type=data_type)
    yield Transformer_decoder(2, 8, 1, data_type=data_type)


def check_rows_encoded(monkeypatch):
    """A sweep of 2000 snapshots of 5 spins is 32 configurations."""
    seen = []
    real = Model.encode

    def counting(self, x):
        seen.append(len(x))
        return real(self, x)

    monkeypatch.setattr(Model, "encode", counting)
    module, variables = build(ARNNDense(1, 4))
    table = encode(module, variables, SWEEP)
    assert sum(seen) == 2**N, f"{sum(seen)} rows encoded"
    return table


def test_a_latent_map_encodes_each_configuration_once(monkeypatch):
    table = check_rows_encoded(monkeypatch)
    assert table.mu.shape == (2**N, 2)
    monkeypatch.undo()
    module, variables = build(ARNNDense(1, 4))
    mean, _ = module.apply(variables, jnp.asarray(SWEEP.samples, jnp.uint8), method="encode")
    every = np.asarray(mean)[:, table.order].reshape(20, 100, 2).mean(1)
    assert np.allclose(SWEEP.average(table.mu), every, atol=1e-5)


def test_encoding_every_snapshot_is_caught(monkeypatch):
    from qdisc.analysis import encode as module

    monkeypatch.setattr(
        module, "latent_table", lambda model, dataset: model.encode(dataset.samples)
    )
    with pytest.raises(AssertionError, match="2000 rows encoded"):
        check_rows_encoded(monkeypatch)


@pytest.mark.parametrize("decoder", decoders(), ids=lambda d: type(d).__name__)
def test_sampling_never_runs_the_whole_decoder(decoder, monkeypatch):
    """Each site costs one cached step; a full pass per site would call the decoder itself."""
    module, variables = build(decoder)

    def full_pass(self, zx):
        raise AssertionError("a full forward pass")

    monkeypatch.setattr(type(decoder), "__call__", full_pass)
    z = np.zeros((3, 2), np.float32)
    drawn = Model(module, variables, SWEEP.spec).sample(z, jax.random.key(0))
    assert drawn.shape == (3, N)
    with pytest.raises(AssertionError, match="a full forward pass"):
        module.apply(variables, jnp.asarray(z), jnp.zeros((3, N), jnp.uint8), method="decode")


@pytest.mark.parametrize("decoder", decoders("shadow"), ids=lambda d: type(d).__name__)
def test_a_shadow_takes_one_step_per_site(decoder):
    """Not one per column: the bases are given."""
    module, variables = build(decoder, "shadow")
    z, bases = jnp.zeros((1, 2), jnp.float32), jnp.full((1, N), 3, jnp.uint8)
    program = jax.make_jaxpr(
        lambda v, z, b: module.apply(v, z, jax.random.key(0), b, method="sample")
    )(variables, z, bases)
    lengths = [int(n) for n in re.findall(r"length=(\d+)", str(program))]
    assert lengths.count(N) == 1
    assert 2 * N not in lengths


def test_nothing_is_traced_again():
    """Two maps and two draws of the same model compile each program once."""
    module, variables = build(ARNNDense(1, 4))
    model = Model(module, variables, SWEEP.spec, chunk=16)
    z = np.zeros((40, 2), np.float32)
    for seed in (0, 1):
        model.encode(SWEEP.configurations)
        model.sample(z, jax.random.key(seed))
        model.decode(z[:32], SWEEP.configurations)
    for program in (model._encode, model._sample, model._decode):
        assert program._cache_size() == 1
