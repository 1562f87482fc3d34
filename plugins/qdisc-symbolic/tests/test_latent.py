"""SR2 and SR3-cp with a model: an encoder that embeds integers, a decoder with derivatives."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.nn.core import ARNNDense, Transformer_encoder
from qdisc.vae.core import VAEmodel

from qdisc_symbolic import SymbolicRegression
from qdisc_symbolic.latent import Latent

RNG = np.random.default_rng(0)
CODES = (RNG.random((5, 4, 60, 4)) < np.linspace(0.2, 0.8, 5)[:, None, None, None]).astype(int)
DATA = Dataset(CODES, [np.arange(5.0), np.arange(4.0)], "discrete")
MASK = np.repeat(np.arange(5)[:, None] > 2, 4, axis=1)


@pytest.fixture(scope="module")
def model():
    module = VAEmodel(
        encoder=Transformer_encoder(num_heads=2, d_model=4, num_layers=1, latent_dim=2),
        decoder=ARNNDense(num_layers=2, features=6),
    )
    x = jnp.asarray(DATA.configurations)
    variables = jax.jit(module.init)(jax.random.key(0), x, jax.random.key(1))
    return module, variables["params"]


def test_the_response_is_the_derivative_of_the_decoder(model):
    latent = Latent(*model, DATA, 1)
    u = latent.response()
    assert u.shape == DATA.configurations.shape
    x, step = jnp.asarray(DATA.configurations), 1e-2
    z = jnp.asarray(latent._model.encode(DATA.configurations)[0])
    decode = jax.jit(lambda z: model[0].apply({"params": model[1]}, z, x, method="decode"))
    up, down = (decode(z.at[:, 1].add(s * step))[..., 0] for s in (1, -1))
    np.testing.assert_allclose(u, -np.asarray(up - down) / (2 * step), atol=2e-3)
    assert np.abs(u).max() > 1e-2


def test_the_map_is_the_mean_of_the_absolute_latent(model):
    latent = Latent(*model, DATA, 0)
    mu = latent.mu(DATA.configurations)
    np.testing.assert_allclose(latent.map(), DATA.average(np.abs(mu)), rtol=1e-5)


@pytest.mark.parametrize("objective, kind", [("SR2", None), ("SR3", "cp"), ("SR3", "delta")])
def test_objectives_that_need_the_model_train(model, objective, kind):
    sr = SymbolicRegression(
        DATA, MASK, objective, kind, VAE_model=model[0], VAE_params=model[1], idx_mu_cluster=0
    )
    fit = sr.train_2BC(jax.random.key(2))
    assert fit.converged and np.abs(fit.alpha).max() > 0
    assert 0 <= fit.loss < 2.0  # better than a formula that knows nothing
    assert 0 <= sr.evaluation.auc <= 1 and np.isfinite(sr.evaluation.spearman)


def test_refusals(model):
    with pytest.raises(ConfigError, match="no such latent"):
        Latent(*model, DATA, 2)
    with pytest.raises(ConfigError, match="needs its parameters"):
        Latent(model[0], None, DATA, 0)
