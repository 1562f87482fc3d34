from __future__ import annotations

import inspect
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from qdisc.errors import DataError
from qdisc.objectives import published
from qdisc.objectives.published import (
    TC_term,
    categorical_reconstruction_loss,
    gaussian_negloglik,
    kl_standard_normal,
    log_normal_pdf,
)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("TC_term", "mean logvar z"),
        ("log_normal_pdf", "mu logvar sample"),
        ("kl_standard_normal", "mean logvar"),
        ("gaussian_negloglik", "recon_mean recon_logvar targets eps"),
        ("categorical_reconstruction_loss", "log_cp_i targets"),
    ],
)
def test_parameter_names(name, parameters):
    signature = inspect.signature(getattr(published, name))
    assert list(signature.parameters) == parameters.split()
    defaults = {"eps": 1e-08} if name == "gaussian_negloglik" else {}
    found = {k: p.default for k, p in signature.parameters.items() if p.default is not p.empty}
    assert found == defaults


def test_values_are_batch_means_summed_over_sites_and_latents(x64):
    mean, logvar = jnp.asarray([[1.0, 0.0], [0.0, 0.0]]), jnp.zeros((2, 2))
    assert float(kl_standard_normal(mean, logvar)) == pytest.approx(0.25)
    targets = jnp.asarray([[0.0, 2.0], [1.0, -1.0]])
    expected = -stats.norm(np.asarray(mean), 1.0).logpdf(targets).sum(1).mean()
    assert float(gaussian_negloglik(mean, logvar, targets)) == pytest.approx(expected, abs=1e-7)
    assert float(gaussian_negloglik(mean, logvar, targets, 0.0)) == pytest.approx(expected)
    assert log_normal_pdf(mean, logvar, targets).shape == (2, 2)
    log_cp = jnp.log(jnp.asarray([[[0.25, 0.75], [0.5, 0.5]]] * 2))
    nll = -(math.log(0.25) + math.log(0.75) + 2 * math.log(0.5)) / 2
    codes = jnp.asarray([[0, 1], [1, 0]])
    assert float(categorical_reconstruction_loss(log_cp, codes)) == pytest.approx(nll)
    assert float(categorical_reconstruction_loss(log_cp, codes.astype(float))) == pytest.approx(nll)


def test_total_correlation_takes_the_batch_for_the_data_set(x64):
    n = 16
    mean = 10.0 * jnp.stack([jnp.roll(jnp.arange(float(n)), k) for k in range(3)], axis=1)
    value = TC_term(mean, jnp.full((n, 3), -9.0), mean)
    assert float(value) == pytest.approx(2 * math.log(n), abs=1e-9)
    assert float(TC_term(mean[:1], jnp.zeros((1, 3)), mean[:1])) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("bad", [2, 7, -1, 0.3, math.nan])
def test_a_target_that_is_no_code_is_named(bad):
    log_cp = jnp.full((2, 3, 2), -math.log(2), jnp.float32)
    targets = np.zeros((2, 3), np.float32 if isinstance(bad, float) else np.int32)
    targets[1, 2] = bad
    with pytest.raises(DataError, match=r"not one of the codes 0\.\.1") as caught:
        categorical_reconstruction_loss(log_cp, jnp.asarray(targets))
    assert "targets[1, 2]" in str(caught.value)
    assert str(bad)[:3] in str(caught.value)
    compiled = jax.jit(categorical_reconstruction_loss)
    assert np.isnan(compiled(log_cp, jnp.asarray(targets)))


def test_shapes_that_do_not_match_are_refused():
    loss = inspect.unwrap(categorical_reconstruction_loss)
    with pytest.raises(DataError, match="same sites") as caught:
        loss(jnp.zeros((2, 3, 2)), jnp.zeros((2, 4)))
    assert "(2, 4)" in str(caught.value)
