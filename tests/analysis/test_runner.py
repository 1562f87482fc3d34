from __future__ import annotations

from functools import cache

import flax.linen as nn
import jax
import numpy as np
import pytest

from qdisc.analysis.encode import encode
from qdisc.analysis.model import Model
from qdisc.analysis.runner import run
from qdisc.config import Selection, TrainConfig
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, PluginError
from qdisc.plugin import AnalysisSpec, Config, ObservableSpec, Provides, Registry, Variable
from qdisc.train import fit


class Options(Config):
    level: float = 1.0


BUILT_IN = Selection(skip=tuple(  # what other packages bring takes its time
    found.name for found in Registry().list()
    if found.kind == "analysis" and not found.target.startswith("qdisc.")
))  # fmt: skip
OUT = (Provides("out", ("theta",)),)


def analysis(plugin, body=None, provides=OUT, needs=(), **spec):
    """A plugin made on the spot; `body(ctx, config, key)` returns its outputs."""
    spec = {"needs": ("dataset", *needs), "default": True} | spec

    class Plugin:
        Config = Options

        def run(self, ctx, config, *, key):
            if body is None:
                noise = jax.random.normal(key, ctx.dataset.theta_shape, np.float32)
                return {"out": Variable(np.asarray(noise), ctx.dataset.theta_dims)}
            return body(ctx, config, key)

    Plugin.spec = AnalysisSpec(name=plugin, summary="", provides=provides, **spec)
    return ("analysis", Plugin())


@cache
def standard(sweep, module):
    """One dataset and model for most tests: compiled once."""
    ds = sweep(shots=20)
    return ds, Model(module(), {"params": {}}, ds.spec)


def start(toy, *plugins, ds=None, model=True, module=None, **options):
    if ds is None and module is None:
        ds, shared = standard(toy.sweep, toy.Copy)
        model = shared if model else None
    else:
        ds = ds if ds is not None else toy.sweep(shots=20)
        module = module or toy.Copy()
        model = Model(module, toy.variables, ds.spec) if model else None
    options = {
        "key": jax.random.key(0),
        "registry": Registry(plugins),
        "analyses": BUILT_IN,
    } | options
    return run(ds, model, **options)


def boom(ctx, config, key):
    raise RuntimeError("no convergence")


def test_without_lists_observables_and_default_analyses_run(toy):
    out = start(toy, analysis("extra", default=False), analyses=Selection())
    assert list(out.observables) == [
        "abs_magnetisation", "magnetisation", "nearest_neighbour", "next_nearest_neighbour",
        "structure_factor", "two_point",
    ]  # fmt: skip
    assert [n for n in out.analyses if n in ("latent_map", "reconstruction", "extra")] == [
        "latent_map", "reconstruction",
    ]  # fmt: skip
    assert all(o.ok for o in out) and not out.failures
    m = out.observables["magnetisation"]
    assert m.contract == "1.0" and m.package.startswith("qdisc ") and m.duration_s >= 0
    assert set(m.variables) == {"value", "std_error", "model_value", "model_std_error"}
    assert out.analyses["latent_map"].config["bins"] == 64
    with pytest.raises(ValueError, match="read-only"):
        m.variables["value"].data[0, 0] = 0


def test_a_failing_plugin_costs_only_its_dependants(toy):
    out = start(
        toy, analysis("bad", boom), analysis("after", needs=("analysis:bad/out",)),
        analysis("last", needs=("analysis:after/out",)), analysis("free"),
        analysis("hopes", optional_needs=("analysis:bad/out",)),
    )  # fmt: skip
    bad, after, last = (out.analyses[n] for n in ("bad", "after", "last"))
    assert bad.status == "failed" and bad.message == "analysis bad: RuntimeError: no convergence"
    assert "in boom" in bad.traceback
    assert after.status == "skipped" and "analysis bad is failed" in after.message
    assert last.status == "skipped" and "needs analysis:after/out" in last.message
    assert out.analyses["free"].ok and out.analyses["hopes"].ok
    assert out.analyses["latent_map"].ok and out.failures == (bad,)


def test_strict_raises_the_plugins_own_error(toy):
    with pytest.raises(RuntimeError, match="no convergence"):
        start(toy, analysis("bad", boom), strict=True)


@pytest.mark.parametrize(
    ("selection", "where"),
    [
        ({"analyses": Selection(run=("latent_mop",))}, "analyses.run"),
        ({"analyses": Selection(skip=("latent_mop",))}, "analyses.skip"),
        ({"analyses": Selection(options={"latent_mop": {}})}, "analyses.latent_mop"),
    ],
)
def test_unknown_names_stop_before_anything_runs(toy, selection, where):
    calls = []
    with pytest.raises(ConfigError, match="did you mean 'latent_map'") as error:
        start(toy, progress=lambda *a: calls.append(a), **selection)
    assert where in str(error.value) and not calls


def test_options_are_strict_and_kept(toy):
    chosen = Selection(run=("free",), options={"free": {"level": 2.0}})
    out = start(toy, analysis("free"), analyses=chosen)
    assert list(out.analyses) == ["free"] and out.analyses["free"].config == {"level": 2.0}
    bad = Selection(options={"free": {"levle": 2.0}})
    with pytest.raises(ConfigError, match="did you mean 'level'"):
        start(toy, analysis("free"), analyses=bad)
    with pytest.raises(ConfigError, match="observable has no options"):
        start(toy, observables=Selection(options={"magnetisation": {"a": 1}}))


def test_skip_disables_and_lists_pull_in_what_they_need(toy):
    plugins = (analysis("one", default=False), analysis("two", needs=("analysis:one/out",)))
    out = start(toy, *plugins, analyses=Selection(run=("two",)),
                observables=Selection(run=(), skip=("two_point",)))  # fmt: skip
    assert {n: o.status for n, o in out.analyses.items()} == {"one": "ok", "two": "ok"}
    assert {n: o.status for n, o in out.observables.items()} == {"two_point": "disabled"}
    out = start(toy, *plugins, analyses=Selection(run=("two",), skip=("one",)))
    assert out.analyses["two"].status == "skipped" and "one is disabled" in out.analyses[
        "two"].message  # fmt: skip
    assert not out.failures


def test_missing_parts_and_unsuited_data_are_reasons_not_failures(toy):
    out = start(toy, model=False)
    assert out.analyses["latent_map"].message == "needs latent, and this run has none"
    assert set(out.observables["magnetisation"].variables) == {"value", "std_error"}
    plugins = (
        analysis("shadows_only", data_kinds=("shadow",)), analysis("plane", theta_dims=(2,)),
        analysis("lonely", needs=("analysis:absent/x",)), analysis("trained", needs=("training",)),
    )  # fmt: skip
    out = start(toy, *plugins, ds=toy.sweep(grid=(4,), shots=5))
    messages = {n: o.message for n, o in out.analyses.items() if o.status == "skipped"}
    assert messages["shadows_only"] == "not made for discrete data, only shadow"
    assert messages["plane"] == "not made for 1 theta axes, only 2"
    assert messages["lonely"] == "needs analysis:absent/x; no analysis absent is installed"
    assert messages["trained"] == "needs training, and this run has none"
    assert not out.failures


def test_one_point_is_no_sweep_but_has_a_map(toy):
    out = start(toy, analysis("boundary", theta_dims=(1, 2)), ds=toy.sweep(grid=(1,)))
    assert out.analyses["boundary"].message == "needs a sweep; the data have one setting"
    assert out.analyses["latent_map"].ok and out.analyses["reconstruction"].ok
    two_sites = Dataset([[[0, 1], [1, 1]]], [[0.5]], "discrete")
    out = start(toy, ds=two_sites)
    assert out.observables["next_nearest_neighbour"].status == "skipped"
    assert not out.failures


@pytest.mark.parametrize(
    ("shots", "options"),
    [(1, {"grid": (3,)}), (1, {"grid": (2, 2, 2)}), (1, {"scattered": True}), (5, {"grid": (3,)})],
)
def test_every_shape_of_sweep_runs(toy, shots, options):
    ds = toy.sweep(shots=shots, **options)
    out = start(toy, ds=ds)
    assert all(o.ok or o.status == "disabled" for o in out), [o.message for o in out]
    value = out.observables["magnetisation"].variables
    assert value["value"].dims == ds.theta_dims and value["value"].shape == ds.theta_shape
    assert np.isnan(value["std_error"].data).all() == (shots == 1)


def test_circles_are_invalid_and_name_the_way(toy):
    plugins = (
        analysis("a", needs=("analysis:b/out",)), analysis("b", needs=("analysis:a/out",)),
        analysis("c", needs=("analysis:b/out",)),
    )  # fmt: skip
    out = start(toy, *plugins)
    assert out.analyses["a"].status == "invalid" and "a -> b -> a" in out.analyses["a"].message
    assert out.analyses["c"].status == "skipped" and out.analyses["latent_map"].ok
    assert {o.name for o in out.failures} == {"a", "b"}


def variable(dims=None, dtype=np.float32, units="1", shape=None):
    def body(ctx, config, key):
        shape_ = ctx.dataset.theta_shape if shape is None else shape
        return {"out": Variable(np.zeros(shape_, dtype), dims or ctx.dataset.theta_dims, units)}

    return body


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (lambda c, o, k: {}, "an output is missing"),
        (lambda c, o, k: None, "returns a mapping"),
        (lambda c, o, k: {"out": np.zeros(3)}, "must be a Variable"),
        (lambda c, o, k: {"outt": variable()(c, o, k)["out"]}, "did you mean 'out'"),
        (variable(dims=("theta_t1", "theta_t0"), shape=(2, 3)), "wrong dimensions"),
        (variable(dtype=np.int32), "wrong dtype"),
        (variable(units="nat"), "wrong units"),
        (variable(shape=(2, 3)), "length 2 here and 3 in the dataset"),
    ],
)
def test_outputs_must_be_what_the_spec_promises(toy, body, message):
    out = start(toy, analysis("wrong", body)).analyses["wrong"]
    assert out.status == "failed" and message in out.message and "wrong" in out.message
    assert not out.variables


def test_a_dimension_has_one_length_in_a_run(toy):
    def body(ctx, config, key):
        return {"out": Variable(np.zeros(3, np.float32), ("bin",))}

    clash = analysis("zz_clash", body, provides=(Provides("out", ("bin",)),))
    out = start(toy, clash).analyses["zz_clash"]
    assert "dimension 'bin' has length 3 here and 64 in analysis latent_map" in out.message


def test_same_key_same_bits_whoever_else_is_installed(toy):
    alone = start(toy, analysis("free"))
    again = start(toy, analysis("free"))

    class Lonely:
        spec = ObservableSpec(name="aa_first", summary="")

        def __call__(self, snapshots, data_spec):
            return snapshots[:, 0]

    crowd = start(toy, analysis("free"), analysis("another"), ("observable", Lonely()))
    other = start(toy, analysis("free"), key=jax.random.key(1))
    for outcome in alone:
        group = "observables" if outcome.kind == "observable" else "analyses"
        for run_ in (again, crowd):
            same = getattr(run_, group)[outcome.name]
            for name, item in outcome.variables.items():
                np.testing.assert_array_equal(item.data, same.variables[name].data)
    noise = [o.analyses["free"].variables["out"].data for o in (alone, other)]
    assert not np.array_equal(*noise)
    assert not np.array_equal(noise[0], crowd.analyses["another"].variables["out"].data)
    legacy = start(toy, analysis("free"), key=jax.random.PRNGKey(0))
    np.testing.assert_array_equal(legacy.analyses["free"].variables["out"].data, noise[0])


def test_context_holds_what_was_asked_for_and_nothing_else(toy):
    def probe(action):
        def body(ctx, config, key):
            action(ctx)
            return variable()(ctx, config, key)

        return body

    def message(action, **spec):
        out = start(toy, analysis("probe", probe(action), **spec)).analyses["probe"]
        return out.status, out.message

    status, text = message(lambda c: c.model)
    assert status == "failed" and "'model', which its spec does not name" in text
    assert 'add "model"' in text and "plugin probe" in text
    assert "'latent', which" in message(lambda c: c.latent)[1]
    assert "'model', which" in message(lambda c: c.model_samples)[1]
    assert "no 'file' in a context" in message(lambda c: c.file)[1]
    assert "read-only" in message(lambda c: setattr(c, "dataset", None))[1]
    assert "observable:two_point" in message(lambda c: c.observables["two_point"])[1]
    one = {"needs": ("analysis:latent_map/mu", "observable:magnetisation")}

    def allowed(c):
        assert c.analyses["latent_map"]["mu"].dims[-1] == "latent"
        assert c.observables["magnetisation"]["value"].dims == c.dataset.theta_dims
        assert list(c.observables) == ["magnetisation"] and not hasattr(c, "model")

    assert message(allowed, **one) == ("ok", "")
    text = message(lambda c: c.analyses["latent_map"]["kl"], **one)[1]
    assert "analysis:latent_map/kl" in text
    assert "an unknown need" in message(lambda c: None, needs=("modle",))[1]


def test_inputs_cannot_be_spoiled(toy):
    def spoil(ctx, config, key):
        ctx.analyses["latent_map"]["mu"].data[:] = 0
        return {}

    plugin = analysis("spoil", spoil, needs=("analysis:latent_map/mu",))
    ds = toy.sweep(shots=20)
    before = ds.configurations.copy()
    out = start(toy, plugin, ds=ds)
    assert "read-only" in out.analyses["spoil"].message
    np.testing.assert_array_equal(ds.configurations, before)


def test_a_model_that_cannot_be_sampled_leaves_the_data_side_alone(toy):
    class Bad(toy.Copy):
        def sample(self, z, key, bases=None):
            raise RuntimeError("no sampler today")

    out = start(toy, module=Bad())
    m = out.observables["magnetisation"]
    assert m.ok and set(m.variables) == {"value", "std_error"}
    assert "no model values: RuntimeError: no sampler today" in m.message
    assert out.analyses["reconstruction"].status == "failed" and out.analyses["latent_map"].ok
    with pytest.raises(RuntimeError, match="no sampler today"):
        start(toy, module=Bad(), strict=True)


def test_an_ensemble_is_the_run_with_other_seeds(toy):
    class Line(nn.Module):
        def setup(self):
            self.to_z, self.odds = nn.Dense(2), nn.Dense(8)

        def encode(self, batch):
            mean = self.to_z(2.0 * batch.astype(np.float32) - 1)
            return mean, 0 * mean - 1

        def __call__(self, batch, key):
            mean, logvar = self.encode(batch)
            z = mean + jax.random.normal(key, mean.shape, np.float32)
            return mean, logvar, z, nn.log_softmax(self.odds(z).reshape(*batch.shape, 2))

    data, config = toy.sweep(), TrainConfig(epochs=2, batch_size=50)
    training = fit(Line(), data, config, seed=3)
    seen = []

    def body(ctx, config, key):
        seen.extend(ctx.ensemble([4, 3]))
        return variable()(ctx, config, key)

    def go(*needs, **options):
        plugin = analysis("many", body, needs=needs)
        model = Model(Line(), training.variables, data.spec)
        return run(data, model, key=jax.random.key(0), registry=Registry([plugin]),
                   training=training, **options).analyses["many"]  # fmt: skip

    assert go("model", "training", "latent", strict=True).ok
    other, own = seen
    np.testing.assert_array_equal(own.latent.mu, encode(Line(), training.variables, data).mu)
    assert own.training is training and other.training.seed == 4
    alone = fit(Line(), data, config, seed=4)
    mine, theirs = (encode(Line(), f.variables, data).mu for f in (alone, training))
    np.testing.assert_allclose(other.latent.mu, mine, atol=1e-4)
    assert np.abs(other.latent.mu - theirs).max() > 0.1
    with pytest.raises(PluginError, match="'training', which its spec does not name"):
        go("model", strict=True)
    with pytest.raises(PluginError, match="read-only"):
        other.dataset = None


def test_unusable_plugins_count_only_when_selected(toy):
    class Old:
        spec = AnalysisSpec(name="old", summary="", contract="2.0", default=True)
        Config = Options

        def run(self, ctx, config, *, key):
            raise AssertionError

    plugins = (("analysis", Old()),)
    out = start(toy, *plugins)
    old = out.analyses["old"]
    assert old.status == "incompatible" and "upgrade qdisc" in old.message and not out.failures
    chosen = {"analyses": Selection(run=("old",))}
    assert start(toy, *plugins, **chosen).failures[0].name == "old"
    with pytest.raises(PluginError, match="'old' is incompatible"):
        start(toy, *plugins, strict=True, **chosen)


def test_progress_names_every_plugin_in_order(toy):
    seen = []
    start(toy, progress=lambda *a: seen.append(a), observables=Selection(run=("magnetisation",)),
          analyses=Selection(run=("latent_map",)))  # fmt: skip
    assert seen == [
        ("model_samples", 0, 2), ("magnetisation", 0, 2), ("latent_map", 1, 2), ("", 2, 2),
    ]  # fmt: skip
