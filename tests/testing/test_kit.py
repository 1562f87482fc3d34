"""The conformance kit: the built-ins pass it, and each kind of mistake is found by name."""

from __future__ import annotations

import numpy as np
import pytest

from qdisc.dataset.hdf5 import write_dataset
from qdisc.dataset.loaders.npz import save_npz
from qdisc.plugin import (
    AnalysisSpec,
    Config,
    LoaderSpec,
    ModelSpec,
    ObservableSpec,
    Provides,
    Registry,
    Variable,
)
from qdisc.testing import (
    ConformanceError,
    TinyModel,
    check_plugin,
    checks_of,
    run_checks,
    tiny_datasets,
)

OBSERVABLES = (
    "magnetisation", "abs_magnetisation", "nearest_neighbour", "next_nearest_neighbour",
    "two_point", "structure_factor",
)  # fmt: skip
SMALL = {
    "cnn1d_arnn": {"latent_dim": 2, "conv_layers": 1, "conv_features": 2, "dense_features": 3,
                   "decoder_layers": 1, "decoder_features": 3},
    "cnn2d_arnn": {"latent_dim": 2, "conv_layers": 1, "conv_features": 2, "dense_features": 3,
                   "decoder_layers": 1, "decoder_features": 3},
    "transformer": {"latent_dim": 2, "encoder_heads": 1, "encoder_width": 4, "encoder_layers": 1,
                    "decoder_heads": 1, "decoder_width": 4, "decoder_layers": 1},
}  # fmt: skip


def built_in(kind, name):
    return Registry().get(kind, name)


@pytest.mark.parametrize("name", OBSERVABLES)
def test_built_in_observables_pass(name):
    report = check_plugin(built_in("observable", name))
    names = {finding.name for finding in report}
    assert {"loads", "runs[shadow_grid]", "same_key_same_bits", "independent_of_batching",
            "leaves_the_data_alone", "survives_the_file"} <= names  # fmt: skip
    assert all(finding.ok for finding in report)


@pytest.mark.parametrize("name", ["latent_map", "reconstruction"])
def test_built_in_analyses_pass(name):
    check_plugin(built_in("analysis", name))


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_built_in_models_pass(name):
    plugin = built_in("model", name)
    check_plugin(plugin, config=plugin.Config(**SMALL[name]))


def test_built_in_loaders_pass(tmp_path):
    dataset = tiny_datasets()["discrete_grid"]
    write_dataset(dataset, tmp_path / "data.h5")
    save_npz(dataset, tmp_path / "data.npz")
    for name, file in (("qdisc_hdf5", "data.h5"), ("npz", "data.npz")):
        names = {f.name for f in check_plugin(built_in("loader", name), file=tmp_path / file)}
        assert {"knows_its_file", "loads_a_dataset", "survives_damage"} <= names
        without = {f.name for f in check_plugin(built_in("loader", name))}
        assert "refuses_other_files" in without and "knows_its_file" not in without


def test_every_built_in_is_tested_here():
    ours = {
        (found.kind, found.name)
        for found in Registry().list()
        if found.package.startswith("qdisc ")
    }
    tested = {("observable", n) for n in OBSERVABLES} | {("model", n) for n in SMALL}
    tested |= {("analysis", n) for n in ("latent_map", "reconstruction")}
    tested |= {("loader", n) for n in ("qdisc_hdf5", "npz")}
    assert ours <= tested


def test_datasets_of_every_kind_and_layout():
    sets = tiny_datasets()
    assert len(sets) == 14
    for kind in ("discrete", "continuous", "hybrid", "shadow"):
        grid, line, scattered = (sets[f"{kind}_{x}"] for x in ("grid", "line", "scattered"))
        assert grid.theta_shape == (2, 3) and grid.spec.lattice is not None
        assert line.theta_shape == (5,) and line.theta_dims == ("theta_g",)
        assert scattered.theta_dims == ("point",) and scattered.n_points == 5
        assert {grid.data_type, line.data_type, scattered.data_type} == {kind}
    assert sets["levels_line"].local_dimension == 3
    assert 0 in sets["ragged_grid"].shots
    again = tiny_datasets()
    assert all(sets[name].sha256 == again[name].sha256 for name in sets)
    assert sets["discrete_grid"].sha256 != tiny_datasets(seed=1)["discrete_grid"].sha256


# -- mistakes --------------------------------------------------------------------------------------


class Spins:
    """Sum of the physical values: a faultless observable to spoil."""

    spec = ObservableSpec(
        name="total", summary="sum over sites", long_name="total", data_kinds=("discrete",)
    )

    def __call__(self, snapshots, data_spec):
        return snapshots.sum(axis=1)


class Centred(Spins):
    def __call__(self, snapshots, data_spec):
        total = snapshots.sum(axis=1)
        return total - total.mean()


class Random(Spins):
    def __call__(self, snapshots, data_spec):
        return np.random.default_rng().random(len(snapshots))


class OneNumber(Spins):
    def __call__(self, snapshots, data_spec):
        return snapshots.sum()


class Overwriting(Spins):
    def __call__(self, snapshots, data_spec):
        snapshots[:] = 0
        return snapshots.sum(axis=1)


class Boastful(Spins):
    spec = ObservableSpec(name="total", summary="sum", data_kinds=("discrete", "shadow"))

    def applies(self, data_spec):
        return "" if data_spec.data_type == "discrete" else "not for shadows after all"


class Mute(Spins):
    spec = ObservableSpec(name="total", summary=" ", data_kinds=("discrete",))


class Misnamed(Spins):
    def __call__(self, data, data_spec):
        return data.sum(axis=1)


@pytest.mark.parametrize(
    ("plugin", "check", "message"),
    [
        (Centred, "independent_of_batching", "another value when it comes alone"),
        (Random, "same_key_same_bits", "the numbers differ"),
        (OneNumber, "runs[discrete_grid]", "observable total(.|\n)*one value per snapshot"),
        (Overwriting, "runs[discrete_grid]", "read-only"),
        (Boastful, "runs_somewhere", "names shadow, but it never ran"),
        (Mute, "describes_itself", "summary is empty"),
        (Misnamed, "loads", r"must take exactly \(snapshots, data_spec\)"),
    ],
)
def test_mistakes_of_observables(plugin, check, message):
    check_plugin(Spins())
    checks = {c.name: c for c in checks_of(plugin)}
    with pytest.raises(Exception, match=message):
        checks[check]()
    assert check in {finding.name for finding in run_checks(plugin) if not finding.ok}


class Counting:
    """Number of shots, as an analysis: faultless."""

    spec = AnalysisSpec(
        name="counting", summary="shots per setting", needs=("dataset",),
        provides=(Provides("shots", ("theta",), "int64", long_name="number of shots"),),
    )  # fmt: skip

    class Config(Config):
        factor: int = 1

    def run(self, ctx, config, *, key):
        dataset = ctx.dataset
        shots = config.factor * dataset.to_theta(dataset.shots)
        return {"shots": Variable(shots, dataset.theta_dims)}


class NoDefault(Counting):
    class Config(Config):
        factor: int

    def run(self, ctx, config, *, key):
        return super().run(ctx, config, key=key)


class WrongAxes(Counting):
    def run(self, ctx, config, *, key):
        return {"shots": Variable(ctx.dataset.shots, ("point",))}


class Greedy(Counting):
    def run(self, ctx, config, *, key):
        return {"shots": Variable(ctx.model.variables, ())}


class Restless(Counting):
    def run(self, ctx, config, *, key):
        out = super().run(ctx, config, key=key)["shots"]
        return {"shots": Variable(out.data + np.random.default_rng().integers(1000), out.dims)}


@pytest.mark.parametrize(
    ("plugin", "check", "message"),
    [
        (NoDefault, "config_has_defaults", "without a default: factor"),
        (WrongAxes, "runs[discrete_grid]", "analysis counting/shots(.|\n)*wrong dimensions|wrong"),
        (Greedy, "runs[discrete_grid]", r"plugin counting(.|\n)*add \"model\" to `needs`"),
        (Restless, "same_key_same_bits", "the numbers differ"),
    ],
)
def test_mistakes_of_analyses(plugin, check, message):
    checks = {c.name: c for c in checks_of(plugin)}
    with pytest.raises(Exception, match=message):
        checks[check]()


def test_a_configuration_is_passed_on():
    report = check_plugin(Counting(), config=Counting.Config(factor=3))
    assert all(finding.ok for finding in report)


class Tiny:
    """A model plugin without parameters: faultless."""

    spec = ModelSpec(name="tiny", summary="independent sites", data_kinds=("discrete",))

    class Config(Config):
        latent_dim: int = 2

    def build(self, data_spec, config):
        from qdisc.errors import ConfigError

        if data_spec.data_type != "discrete":
            raise ConfigError("model tiny is for discrete data", where="model.name")
        return self.module("discrete", data_spec.local_dimension)

    module = TinyModel


class Peeping(TinyModel):
    def decode(self, z, batch):
        import jax

        shown = jax.nn.one_hot(batch, self.local_dimension)
        return jax.nn.log_softmax(5 * shown[:, ::-1], axis=-1)


class Unnormalised(TinyModel):
    def decode(self, z, batch):
        return super().decode(z, batch) + 1


class Mixing(TinyModel):
    def encode(self, batch):
        mean, logvar = super().encode(batch)
        return mean - mean[:1], logvar


class Short(TinyModel):
    def decode(self, z, batch):
        return super().decode(z, batch)[:, 1:]


@pytest.mark.parametrize(
    ("module", "check", "message"),
    [
        (Peeping, "sites_see_only_earlier_ones", "sees later sites"),
        (Unnormalised, "probabilities_sum_to_one", "the sum is 2.7"),
        (Mixing, "rows_are_independent", "neighbours matter"),
        (Short, "builds[discrete_grid]", r"cp \[\(3, 3, 2\)\], not \[\(3, 4, 2\)\]"),
    ],
)
def test_mistakes_of_models(module, check, message):
    plugin = type("Spoilt", (Tiny,), {"module": module})()
    checks = {c.name: c for c in checks_of(plugin)}
    with pytest.raises(AssertionError, match=message):
        checks[check]()


def test_the_tiny_model_is_a_model():
    check_plugin(Tiny)


class Anything:
    """A loader that takes every file."""

    spec = LoaderSpec(name="anything", summary="reads everything")

    class Config(Config):
        pass

    def guess(self, path):
        return True

    def load(self, path, config):
        return path.read_bytes()


def test_mistakes_of_loaders(tmp_path):
    file = tmp_path / "a.dat"
    file.write_bytes(b"1")
    failed = {f.name: f.message for f in run_checks(Anything(), file=file) if not f.ok}
    assert "guess('empty.dat') is True" in failed["refuses_other_files"]
    assert "load gave bytes, not a qdisc.Dataset" in failed["loads_a_dataset"]


# -- the report ------------------------------------------------------------------------------------


def test_failures_are_raised_together_with_their_reasons():
    with pytest.raises(ConformanceError, match="observable total") as caught:
        check_plugin(Centred())
    text = str(caught.value)
    assert "1 of " in text and "independent_of_batching: a snapshot has another value" in text
    assert isinstance(caught.value, AssertionError)


def test_expected_failures_are_allowed_as_long_as_they_fail():
    reason = {"independent_of_batching": "centred on purpose"}
    report = check_plugin(Centred(), expected_failures=reason)
    (finding,) = [f for f in report if f.name == "independent_of_batching"]
    assert finding.ok and "fails as expected: centred on purpose" in str(finding)
    with pytest.raises(ConformanceError, match=r"passes, but is expected to fail \(centred"):
        check_plugin(Spins(), expected_failures=reason)
    with pytest.raises(ConformanceError, match=r"no such check; did you mean 'same_key_same_bits'"):
        check_plugin(Spins(), expected_failures={"same_key_same_bit": "x"})


def test_what_is_no_plugin_is_said():
    with pytest.raises(ConformanceError, match="a plugin has a `spec`"):
        check_plugin(object())


@pytest.mark.parametrize("check", checks_of(Spins), ids=str)
def test_checks_can_be_parametrised(check):
    check()
