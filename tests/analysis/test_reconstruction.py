from __future__ import annotations

import jax
import numpy as np
import pytest

from qdisc.analysis.agreement import agreement
from qdisc.analysis.context import Resources
from qdisc.analysis.model import Model
from qdisc.analysis.model_samples import default_samples, sample_sweep
from qdisc.analysis.observables.correlators import two_point
from qdisc.analysis.observe import observe
from qdisc.analysis.reconstruction import OBSERVABLES, conditional_means
from qdisc.analysis.runner import run
from qdisc.config import Selection
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError
from qdisc.plugin import Registry, Variable


def resources(ds, module, toy, n=None, chunk=None, seed=0):
    model = Model(module, toy.variables, ds.spec, chunk=chunk)
    return Resources(ds, model, key=jax.random.key(seed), n_samples=n)


def correlated(toy, shots=3000, points=3):
    """Every point has the same strongly correlated joint distribution over 2**4 states."""
    rng = np.random.default_rng(7)
    joint = rng.dirichlet(np.full(16, 0.3))
    rows = toy.states()[rng.choice(16, size=points * shots, p=joint)]
    ds = Dataset.from_samples(rows, np.repeat(np.arange(points), shots), data_type="discrete")
    return ds, tuple(joint), 2.0 * toy.states() - 1


def test_exact_decoder_reproduces_observables_and_probabilities(toy):
    ds, joint, s = correlated(toy)
    parts = resources(ds, toy.Magnet(joint), toy, n=2000)
    sweep = parts.model_samples
    assert sweep.configurations.shape[0] <= 16 and sweep.counts.shots().tolist() == [2000] * 3
    out = observe(two_point, ds, sweep)
    i, j = np.triu_indices(4, 1)
    exact = np.array(joint) @ (s[:, i] * s[:, j])
    for prefix in ("", "model_"):
        deviation = np.abs(out[f"{prefix}value"].data - exact)
        assert (deviation < 4 * out[f"{prefix}std_error"].data + 1e-6).all()
    deviation, z = agreement(out)
    assert 0.5 < z < 1.6


def test_conditionals_average_to_the_marginals_of_the_model(toy):
    ds, joint, _ = correlated(toy, shots=20000)
    parts = resources(ds, toy.Magnet(joint), toy, chunk=4)
    out = conditional_means(parts.model, ds, parts.latent, jax.random.key(0))
    cp, dims, _ = out["cp"]
    assert cp.shape == (3, 4, 2) and dims == ("site", "state")
    np.testing.assert_allclose(cp.sum(axis=-1), 1.0, atol=1e-6)
    marginal = np.array(joint) @ toy.states()
    np.testing.assert_allclose(cp[..., 1], np.broadcast_to(marginal, (3, 4)), atol=0.02)
    p = np.array(joint)
    entropy = -(p[p > 0] * np.log(p[p > 0])).sum()
    np.testing.assert_allclose(out["nll"][0], entropy, atol=0.03)


def test_repetition_changes_only_rounding(toy):
    ds = toy.sweep()
    joint = tuple(np.arange(1, 17) / 136)
    outs = []
    for data, chunk in ((ds, None), (toy.plain(ds), 32)):
        parts = resources(data, toy.Magnet(joint), toy, chunk=chunk)
        outs.append(conditional_means(parts.model, data, parts.latent, jax.random.key(0)))
    for name in outs[0]:
        np.testing.assert_allclose(outs[0][name][0], outs[1][name][0], atol=1e-5)


def test_samples_follow_the_shots_of_their_own_point(toy):
    ds = Dataset.from_counts(
        [{"0001": 3}, {}, {"1110": 2, "1000": 6}], [[0.0], [1.0], [2.0]], theta_names=["h"]
    )
    parts = resources(ds, toy.Copy(), toy, n=800)
    sweep = parts.model_samples
    assert sweep.counts.shots().tolist() == [800, 0, 800]
    mean = sweep.counts.sums(sweep.configurations)[[0, 2]] / 800
    np.testing.assert_array_equal(mean[0], [0, 0, 0, 1])
    assert mean[1][0] == 1.0 and abs(mean[1][1] - 0.25) < 4 * np.sqrt(0.25 * 0.75 / 800)


def test_samples_do_not_depend_on_the_chunk_size_but_on_the_key(toy):
    ds = toy.sweep()
    module = toy.Magnet(tuple(np.arange(1, 17) / 136))
    sweeps = [resources(ds, module, toy, n=50, chunk=c).model_samples for c in (7, 256)]
    for name in ("data", "indices", "indptr"):
        a, b = (getattr(s.counts, name) for s in sweeps)
        np.testing.assert_array_equal(a, b)
    other = resources(ds, module, toy, n=50, seed=1).model_samples
    assert not np.array_equal(other.counts.data, sweeps[0].counts.data)


def test_latents_are_handed_over_in_the_models_order(toy):
    class Second(toy.Copy):  # only the second half of z matters; the table reverses nothing of it
        n = 4

        def encode(self, batch):
            mean, logvar = super().encode(batch)
            scale = np.array([0.1, 1.0, 0.2, 3.0], np.float32)
            return mean * scale, logvar

    ds = toy.sweep(shots=40)
    parts = resources(ds, Second(), toy, n=500)
    assert parts.latent.order.tolist() == [3, 1, 2, 0]
    sweep = parts.model_samples
    known = {tuple(row) for row in ds.configurations.tolist()}
    assert {tuple(row) for row in sweep.configurations.tolist()} <= known


def test_shadows_are_measured_in_the_bases_of_the_shot(toy):
    class Shadow(toy.Copy):
        def encode(self, batch):
            return super().encode(batch[:, 1::2])

        def sample(self, z, key, bases):
            import jax.numpy as jnp

            outcomes = (z > 0).astype(jnp.int32)
            return jnp.stack([bases.astype(jnp.int32), outcomes], -1).reshape(z.shape[0], -1)

    rng = np.random.default_rng(0)
    rows = np.empty((100, 6), int)
    rows[:, 0::2], rows[:, 1::2] = rng.integers(2, 5, (100, 3)), rng.integers(0, 2, (100, 3))
    ds = Dataset.from_samples(rows, np.repeat([0.0, 1.0], 50), data_type="shadow")
    sweep = resources(ds, Shadow(), toy, n=200).model_samples
    known = {tuple(row) for row in rows.tolist()}
    assert {tuple(row) for row in sweep.configurations.tolist()} <= known


def test_continuous_data_give_means_and_variances(toy):
    import flax.linen as nn
    import jax.numpy as jnp

    class Gauss(nn.Module):
        def encode(self, batch):
            m = batch.mean(axis=1, keepdims=True)
            return m, jnp.zeros_like(m)

        def decode(self, z, batch):
            mean = jnp.full_like(batch, 2.0)
            return jnp.stack([mean, jnp.full_like(batch, np.log(0.25))], axis=-1)

        def __call__(self, batch, key):
            mean, logvar = self.encode(batch)
            return mean, logvar, mean, self.decode(mean, batch)

    rng = np.random.default_rng(0)
    x = rng.normal(2.0, 0.5, (3000, 3))
    ds = Dataset.from_samples(x, np.repeat([0.0, 1.0, 2.0], 1000), data_type="continuous")
    out = run(ds, Model(Gauss(), toy.variables, ds.spec), key=jax.random.key(0))
    variables = out.analyses["reconstruction"].variables
    assert "cp" not in variables and variables["mean"].shape == (3, 3)
    np.testing.assert_allclose(variables["mean"].data, 2.0)
    np.testing.assert_allclose(variables["logvar"].data, np.log(0.25), rtol=1e-6)
    entropy = 3 * 0.5 * np.log(2 * np.pi * np.e * 0.25)
    np.testing.assert_allclose(variables["nll"].data, entropy, atol=4 * np.sqrt(1.5 / 1000))
    m = out.observables["magnetisation"].variables
    assert (np.abs(m["model_value"].data - 2.0) < 4 * m["model_std_error"].data).all()
    assert out.observables["magnetisation"].status == "ok" and not out.failures


def test_copying_model_agrees_with_the_data_in_the_whole_report(toy):
    ds = toy.sweep(shots=400, sites=[(0, 0), (0, 1), (1, 0), (1, 1)])
    model = Model(toy.Copy(), toy.variables, ds.spec)
    options = Selection(options={"reconstruction": {"n_samples": 400, "examples": 3}})
    out = run(ds, model, key=jax.random.key(0), analyses=options)
    assert {o.status for o in out} == {"ok"} and len(list(out)) >= 8  # more where more is installed
    variables = out.analyses["reconstruction"].variables
    assert variables["observable"].attrs["flag_meanings"].split() == list(OBSERVABLES)
    assert (variables["z_score"].data < 1.3).all() and (variables["deviation"].data < 0.2).all()
    assert variables["deviation"].data[0] < 0.05
    assert variables["example"].shape == (3, 2, 3, 4)
    assert set(np.unique(variables["example"].data)) <= {0.0, 1.0}
    assert out.analyses["reconstruction"].config == {"n_samples": 400, "examples": 3}
    p_up = variables["cp"].data[..., 1].mean(axis=-1)
    np.testing.assert_allclose(
        2 * p_up - 1, out.observables["magnetisation"].variables["value"].data, atol=1e-5
    )


def test_a_model_that_is_only_called_is_reconstructed_without_samples(toy):
    ds = toy.sweep()
    out = run(ds, Model(toy.CallOnly(), toy.variables, ds.spec), key=jax.random.key(0))
    reconstruction = out.analyses["reconstruction"]
    assert reconstruction.status == "ok"
    np.testing.assert_allclose(reconstruction.variables["nll"].data, 4 * np.log(2), rtol=1e-6)
    assert np.isnan(reconstruction.variables["z_score"].data).all()
    assert set(out.observables["magnetisation"].variables) == {"value", "std_error"}


def test_agreement_numbers():
    def outputs(model, error):
        data = {"value": [0.0, 1.0, 2.0], "std_error": [error] * 3,
                "model_value": model, "model_std_error": [error] * 3}  # fmt: skip
        return {k: Variable(np.array(v), ("point",)) for k, v in data.items()}

    deviation, z = agreement(outputs([0.5, 1.5, 2.5], 0.5 / np.sqrt(2)))
    assert deviation == pytest.approx(0.25) and z == pytest.approx(1.0)
    deviation, z = agreement(outputs([0.0, np.nan, 1.0], np.nan))
    assert deviation == pytest.approx(0.25) and np.isnan(z)


def test_number_of_samples(toy):
    ds = toy.sweep(shots=100)
    assert default_samples(ds) == 400 and default_samples(toy.sweep(shots=1)) == 32
    assert default_samples(toy.sweep(shots=1000)) == 1000
    parts = resources(ds, toy.Copy(), toy)
    for bad in (0, 2.5, True):
        with pytest.raises(ConfigError, match="n_samples"):
            sample_sweep(parts.model, ds, parts.latent, bad, jax.random.key(0))
    with pytest.raises(ConfigError, match=r"reconstruction\.n_samples"):
        run(ds, parts.model, key=jax.random.key(0), registry=Registry(),
            analyses=Selection(options={"reconstruction": {"n_samples": 0}}))  # fmt: skip
