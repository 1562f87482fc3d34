"""Readout errors in the likelihood, against enumeration of all true and measured snapshots."""

from __future__ import annotations

import itertools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.dataset.readout import bit_flip
from qdisc.nn.arnn import ARNNDense
from qdisc.nn.misread import Misread, MisreadSites, misread
from qdisc.nn.sampling import sample_from_conditionals
from qdisc.nn.transformer_decoder import Transformer_decoder
from qdisc.nn.vae import VAEmodel

N = 4
ALL = np.array(list(itertools.product((0, 1), repeat=N)))
CHANNEL = bit_flip([0.03, 0.0, 0.2, 0.1], [0.1, 0.15, 0.0, 0.3]).matrix
GHZ = np.zeros(16)
GHZ[[0, 15]] = 0.5
STATES = {"random": np.random.default_rng(0).dirichlet(np.ones(16)), "GHZ": GHZ}


def joint(p):
    """P(x, y), (16 true, 16 measured): sum_i log C_i(y_i | x_i) + log p(x)."""
    site = CHANNEL[np.arange(N), ALL[:, None, :], ALL[None, :, :]]
    return p[:, None] * site.prod(axis=-1)


def posterior_predictive(p):
    """p(x_i = a | y_<i), (16 measured, N, 2), straight from the joint distribution."""
    both, out = joint(p), np.empty((16, N, 2))
    for k, i in itertools.product(range(16), range(N)):
        same = (ALL[:, :i] == ALL[k, :i]).all(axis=1)
        weight = both[:, same].sum(axis=1)
        shares = [weight[ALL[:, i] == a].sum() for a in (0, 1)]
        # measured bits that cannot occur: any distribution will do
        out[k, i] = np.array(shares) / weight.sum() if weight.sum() else 0.5
    return out


class Table(nn.Module):
    """A decoder that knows its conditionals by heart."""

    conditionals: tuple
    data_type = "discrete"
    local_dimension = 2

    def __call__(self, zx):
        code = zx[1].astype(jnp.int32) @ jnp.array([8, 4, 2, 1])
        with np.errstate(divide="ignore"):
            return jnp.log(jnp.array(self.conditionals))[code]


def table(conditionals):
    return Table(tuple(tuple(map(tuple, row)) for row in conditionals.tolist()))


def log_p(decoder, y, variables=None, z=None):
    z = jnp.zeros((len(y), 1)) if z is None else z
    cp = decoder.apply(variables or {}, (z, jnp.asarray(y)))
    return np.take_along_axis(np.asarray(cp), np.asarray(y)[..., None], axis=-1)[..., 0].sum(-1)


@pytest.mark.parametrize("name", STATES)
def test_every_distribution_of_measured_snapshots_is_modelled_exactly(name):
    """With p(x_i | y_<i) in the network, p(y) = sum_x prod_i C_i(y_i | x_i) p(x) to rounding."""
    decoder = misread(table(posterior_predictive(STATES[name])), CHANNEL)
    assert isinstance(decoder, Misread) and not isinstance(decoder, MisreadSites)
    np.testing.assert_allclose(
        np.exp(log_p(decoder, ALL)), joint(STATES[name]).sum(axis=0), atol=1e-6
    )


def test_the_network_is_no_distribution_of_true_snapshots():
    """What the documentation denies: reading the network with true codes as context gives
    neither p(x) nor, through the channel, p(y); the true code of each single site is exact."""
    inside = posterior_predictive(GHZ)
    as_true = np.take_along_axis(inside, ALL[..., None], axis=-1)[..., 0].prod(axis=-1)
    assert np.abs(as_true - GHZ).max() > 0.05
    measured = joint(GHZ).sum(axis=0)
    assert np.abs(joint(as_true).sum(axis=0) - measured).max() > 0.01
    single = measured @ inside[..., 1]  # sum_y p(y) p(x_i = 1 | y_<i)
    np.testing.assert_allclose(single, GHZ @ ALL, atol=1e-12)


def built(kind="discrete", decoder=None, channel=CHANNEL):
    decoder = decoder or ARNNDense(num_layers=2, features=6, data_type=kind)
    wrapped = misread(decoder, channel)
    columns = 2 * N if kind in ("shadow", "hybrid") else N
    rows = np.zeros((1, columns), np.float32 if kind == "hybrid" else np.int32)
    rows[:, : columns if kind == "shadow" else 0] = 2
    variables = wrapped.init(jax.random.key(1), (jnp.ones((1, 2)), jnp.asarray(rows)))
    louder = jax.tree.map(lambda a: 3 * a + 0.2, variables)
    return wrapped, louder


@pytest.mark.parametrize(
    "decoder", [None, Transformer_decoder(num_heads=2, d_model=8, num_layers=1)]
)
def test_measured_snapshots_are_normalised_and_no_surer_than_the_detector(decoder):
    wrapped, variables = built(decoder=decoder)
    z = jnp.broadcast_to(jnp.array([0.7, -1.0]), (16, 2))
    cp = np.exp(np.asarray(wrapped.apply(variables, (z, jnp.asarray(ALL)))))
    np.testing.assert_allclose(cp.sum(axis=-1), 1, atol=1e-6)
    assert np.exp(log_p(wrapped, ALL, variables, z)).sum() == pytest.approx(1, abs=1e-5)
    one, zero = CHANNEL[:, 0, 1], CHANNEL[:, 1, 0]
    assert (cp[..., 1] >= one - 1e-6).all() and (cp[..., 0] >= zero - 1e-6).all()
    true = np.exp(wrapped.apply(variables, (z, jnp.asarray(ALL)), method="true_conditionals"))
    np.testing.assert_allclose(np.einsum("rsa,sab->rsb", true, CHANNEL), cp, atol=1e-6)


@pytest.mark.parametrize("kind", ["discrete", "shadow", "hybrid"])
def test_snapshots_drawn_are_those_of_the_likelihood(kind):
    """The cached sampler and the slow one draw the same; frequencies are the enumerated ones."""
    wrapped, variables = built(kind)
    rows = 20_000
    z = jnp.broadcast_to(jnp.array([0.7, -1.0]), (rows, 2))
    bases = jnp.broadcast_to(jnp.array([2, 3, 4, 3]), (rows, N)) if kind == "shadow" else None
    model = VAEmodel(None, wrapped)
    inner = {"params": {"decoder": variables["params"]}}
    keys = jax.random.split(jax.random.key(3), rows)
    drawn = np.asarray(model.apply(inner, z, keys, bases, method="sample"))
    few = slice(200)
    slow = sample_from_conditionals(
        lambda z, x: wrapped.apply(variables, (z, x)), z[few], keys[few], data_type=kind,
        n_sites=N, bases=None if bases is None else bases[few],
    )  # fmt: skip
    np.testing.assert_allclose(drawn[few], slow, rtol=1e-5, atol=1e-4)
    if kind == "hybrid":
        return  # densities have no table of outcomes
    codes = drawn if kind == "discrete" else drawn[:, 1::2]
    every = ALL
    if kind == "shadow":
        every = np.stack([np.tile([2, 3, 4, 3], (16, 1)), ALL], axis=2).reshape(16, 2 * N)
    cp = np.asarray(wrapped.apply(variables, (z[:16], jnp.asarray(every))))
    p = np.exp(np.take_along_axis(cp, ALL[..., None], axis=-1)[..., 0].sum(-1))
    seen = np.bincount(codes @ [8, 4, 2, 1], minlength=16) / rows
    assert np.all(np.abs(seen - p) < 4.5 * np.sqrt(p * (1 - p) / rows) + 1e-9)


def test_perfect_readout_changes_nothing():
    decoder = ARNNDense(num_layers=2, features=6)
    wrapped, variables = built(decoder=decoder, channel=np.eye(2))
    z = jnp.ones((16, 2))
    plain = decoder.apply({"params": variables["params"]["decoder"]}, (z, jnp.asarray(ALL)))
    np.testing.assert_allclose(wrapped.apply(variables, (z, jnp.asarray(ALL))), plain, atol=1e-6)
    slope = jax.grad(lambda v: wrapped.apply(v, (z, jnp.asarray(ALL)))[..., 0].sum())(variables)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(slope))
