"""Evidence of held-out snapshots against the exact p(x) = int p(x|z) p(z) dz."""

from __future__ import annotations

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qdisc.analysis import evidence as module
from qdisc.analysis.evidence import held_out_evidence
from qdisc.analysis.model import Model
from qdisc.dataset.counts import CountMatrix
from qdisc.dataset.dataset import Dataset
from qdisc.errors import PluginError, TrainingError

KEY = jax.random.key(0)
CODES = np.array([[0, 0, 0], [0, 1, 1], [1, 0, 0], [1, 1, 1]], np.uint8)
SHOTS = np.array([7, 1, 2, 10])


class Tilt(nn.Module):
    """Spins with log odds 2 z; q(z|x) is not the posterior, on purpose."""

    broken: bool = False

    def encode(self, batch):
        mean = 0.4 * (2.0 * batch.astype(jnp.float32) - 1).sum(1, keepdims=True)
        return mean, jnp.full_like(mean, -0.2)

    def decode(self, z, batch):
        odds = jnp.broadcast_to(2.0 * z, batch.shape)
        odds = jnp.where(self.broken & (batch[:, :1] > 0), jnp.nan, odds)
        return jax.nn.log_softmax(jnp.stack([0 * odds, odds], -1), axis=-1)

    def __call__(self, batch, key):
        mean, logvar = self.encode(batch)
        z = mean + jnp.exp(0.5 * logvar) * jax.random.normal(key, mean.shape, jnp.float32)
        return mean, logvar, z, self.decode(z, batch)


class Own(Tilt):
    """The same with weights of its own, a key for the whole batch."""

    def log_weights(self, batch, key, n_samples):
        mean, logvar = self.encode(batch)
        noise = jax.random.normal(key, (n_samples, *mean.shape), jnp.float32)
        z = (mean + jnp.exp(0.5 * logvar) * noise)[..., 0].T
        log_q = -0.5 * (jnp.log(2 * jnp.pi) + logvar + noise[..., 0].T ** 2)
        sign = 2.0 * batch.astype(jnp.float32) - 1
        log_x = jax.nn.log_sigmoid(2.0 * z[..., None] * sign[:, None]).sum(-1)
        return log_x - 0.5 * (jnp.log(2 * jnp.pi) + z**2), log_q


def dataset():
    counts = CountMatrix.from_pairs(np.zeros(4, int), np.arange(4), SHOTS, 1, 4)
    return Dataset.from_configurations(CODES, counts, [[0.0]], data_type="discrete")


def exact():
    """log p(x) by Gauss-Hermite quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    odds = 2 * nodes[:, None, None] * (2.0 * CODES - 1)
    return np.log(weights / weights.sum() @ np.exp(-np.logaddexp(0, -odds).sum(-1)))


@pytest.mark.parametrize("kind", [Tilt, Own])
def test_the_evidence_is_exact_with_many_samples(kind):
    """Models without weights of their own, and with; each snapshot counts as often as it was."""
    data = dataset()
    model = Model(kind(), {"params": {}}, data.spec)
    log_p, ess = model.evidence(CODES, KEY, 20_000)
    assert np.allclose(log_p, exact(), atol=0.01)
    assert ((ess > 2_000) & (ess < 20_000)).all()
    found = held_out_evidence(model, data, 20_000, KEY)
    mean = SHOTS @ exact() / 20
    assert found.log_evidence == pytest.approx(mean, abs=0.01)
    assert found.std_error == pytest.approx(np.sqrt(SHOTS @ (exact() - mean) ** 2) / 20, abs=0.005)
    assert (found.n_samples, found.n_snapshots) == (20_000, 20)
    again = Model(kind(), {"params": {}}, data.spec, chunk=2).evidence(CODES, KEY, 20_000)
    assert np.allclose(again[0], log_p, atol=1e-5)


def test_few_samples_are_a_lower_bound():
    """E log_p grows with the samples: one sample is the plain bound, about (1/ess - 1/n)/2 low."""
    model = Model(Tilt(), {"params": {}}, dataset().spec)
    rows = np.repeat(CODES, 500, axis=0)
    means = [model.evidence(rows, KEY, n)[0].reshape(4, 500).mean(1) for n in (1, 4, 64)]
    assert (means[0] < means[1]).all() and (means[1] < means[2]).all()
    assert (means[2] < exact() + 0.02).all() and np.allclose(means[2], exact(), atol=0.05)


def test_of_many_snapshots_some_are_drawn(monkeypatch):
    monkeypatch.setattr(module, "ROWS", 2)
    model = Model(Tilt(), {"params": {}}, dataset().spec)
    found = held_out_evidence(model, dataset(), 500, KEY)
    # marks at 5 and 15 of 20 snapshots: the first and the last configuration
    assert found.log_evidence == pytest.approx(exact()[[0, 3]].mean(), abs=0.05)
    assert found.n_snapshots == 2


def test_what_cannot_be_told():
    class Bare(nn.Module):
        def __call__(self, batch, key):
            return None

    data = dataset()
    model = Model(Bare(), {"params": {}}, data.spec)
    assert held_out_evidence(model, data, 8, KEY) is None
    with pytest.raises(PluginError, match="log_weights"):
        model.evidence(CODES, KEY, 8)
    broken = Model(Tilt(broken=True), {"params": {}}, data.spec)
    assert held_out_evidence(broken, data, 0, KEY) is None
    with pytest.raises(TrainingError, match=r"not finite(.|\n)*configuration 2"):
        held_out_evidence(broken, data, 8, KEY)
