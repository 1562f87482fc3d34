from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.analysis.chunks import default_chunk
from qdisc.analysis.model import Model
from qdisc.errors import DataError, PluginError


def make(toy, module=None, chunk=None, **options):
    ds = toy.sweep(**options)
    module = module or toy.Magnet(toy.flat)
    return Model(module, toy.variables, ds.spec, chunk=chunk), ds


@pytest.mark.parametrize("chunk", [1, 3, 64, 1000])
def test_nothing_depends_on_the_chunk_size(toy, chunk):
    module = toy.Magnet(tuple(np.arange(1, 17) / 136))
    model, ds = make(toy, module, chunk)
    whole, _ = make(toy, module, 4096)
    x = ds.samples[:70]
    mean, logvar = model.encode(x)
    np.testing.assert_allclose(mean[:, 1], (2.0 * x - 1).mean(axis=1), atol=1e-6)
    np.testing.assert_array_equal(logvar[:, 1], np.float32(-4.0))
    np.testing.assert_allclose(model.decode(mean, x), whole.decode(mean, x), atol=1e-6)
    key = jax.random.key(3)
    np.testing.assert_array_equal(model.sample(mean, key), whole.sample(mean, key))
    for a, b in zip(model.apply(x, key), whole.apply(x, key), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_legacy_and_new_keys_draw_the_same(toy):
    model, _ = make(toy)
    z = np.zeros((20, 2), np.float32)
    new, old = (model.sample(z, k) for k in (jax.random.key(5), jax.random.PRNGKey(5)))
    np.testing.assert_array_equal(new, old)
    assert new.dtype == np.uint8 and 0 < new.mean() < 1


def test_many_rows_and_calls_compile_once(toy):
    traces = []

    class Counting(toy.Magnet):
        def encode(self, batch):
            traces.append(batch.shape)
            return super().encode(batch)

    model, ds = make(toy, Counting(toy.flat), chunk=32)
    for n in (100, 32, 200):
        model.encode(ds.samples[:n])
    assert traces == [(32, 4)]


def test_wrong_columns_are_named_at_the_door(toy):
    model, _ = make(toy)
    with pytest.raises(DataError, match=r"made for 4 columns") as error:
        model.encode(np.zeros((2, 5), int))
    assert "shape (2, 5)" in str(error.value)
    with pytest.raises(DataError, match="no rows"):
        model.encode(np.zeros((0, 4), int))
    with pytest.raises(DataError, match="one latent vector per sample"):
        model.decode(np.zeros((3, 2)), np.zeros((2, 4), int))


def test_a_model_without_methods_says_which_one_is_missing(toy):
    model, ds = make(toy, toy.CallOnly())
    assert not model.can_sample and not model.can_decode
    mean, _ = model.encode(ds.configurations)  # __call__ is enough, its z is ignored
    np.testing.assert_allclose(mean[:, 0], (2.0 * ds.configurations - 1).mean(1), atol=1e-6)
    with pytest.raises(PluginError, match=r"no method sample\(z, key\)"):
        model.sample(np.zeros((1, 1)), jax.random.key(0))
    with pytest.raises(PluginError, match=r"no method decode\(z, batch\)"):
        model.decode(np.zeros((1, 1)), ds.samples[:1])
    assert model.label_probs(ds.configurations) is None


def test_nonsense_samples_are_refused(toy):
    class Bad(toy.Copy):
        def sample(self, z, key, bases=None):
            return (z > 0).astype(jnp.int32) + 1

    model, _ = make(toy, Bad())
    with pytest.raises(PluginError, match="cannot contain"):
        model.sample(np.ones((4, 4)), jax.random.key(0))


def test_foreign_decoder_in_a_vae_is_sampled_site_by_site(toy):
    from qdisc.nn.vae import VAEmodel

    class Half(nn.Module):
        @nn.compact
        def __call__(self, zx):
            _, x = zx
            return jnp.broadcast_to(jnp.log(jnp.array([0.25, 0.75], jnp.float32)), (*x.shape, 2))

    class Encoder(nn.Module):
        @nn.compact
        def __call__(self, x):
            zero = jnp.zeros((x.shape[0], 1), jnp.float32)
            return zero, zero

    model, _ = make(toy, VAEmodel(Encoder(), Half()))
    drawn = model.sample(np.zeros((4000, 1)), jax.random.key(0))
    assert abs(drawn.mean() - 0.75) < 4 * np.sqrt(0.75 * 0.25 / drawn.size)


def test_default_chunks_shrink_with_the_sites():
    assert default_chunk(9) == 1024 and default_chunk(169) == 512 and default_chunk(400) == 64
