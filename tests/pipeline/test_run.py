"""A run from beginning to end: files in, one file out, the same numbers every time."""

from __future__ import annotations

import numpy as np
import pytest

import qdisc
from qdisc.dataset.hdf5 import write_dataset
from qdisc.pipeline import open_result, run
from qdisc.plugin import AnalysisSpec, Config, ObservableSpec, Provides, Variable
from qdisc.results.diff import diff
from qdisc.results.validate import validate


@pytest.fixture(scope="module")
def folder(lab, tmp_path_factory):
    """A data file, a recipe beside it, and the result of the recipe."""
    folder = tmp_path_factory.mktemp("run")
    write_dataset(lab.line(shots=40), folder / "data.h5")
    (folder / "recipe.toml").write_text(
        'seed = 5\n[data]\npath = "data.h5"\n[model]\nname = "factor"\nlatent_dim = 3\n'
        "[train]\nepochs = 3\nbatch_size = 30\nlearning_rate = 0.01\ngamma = 0.0\n"
        '[analyses]\nrun = ["latent_map", "reconstruction"]\n[analyses.reconstruction]\n'
        "n_samples = 4\n",
        encoding="utf-8",
    )
    run(folder / "recipe.toml", folder / "first.h5", registry=lab.registry())
    return folder


def errors(path):
    return [str(f) for f in validate(path) if f.severity == "ERROR"]


def test_a_recipe(folder):
    result = open_result(folder / "first.h5")
    assert errors(result.path) == []
    assert result.exit_code == 0
    assert result.seed == 5
    assert result.group("/model").attrs["plugin"] == "factor"
    assert result.variable("/analyses/latent_map/mu").shape == (3, 3)
    loss = result.variable("/training/loss").data
    assert loss.shape == (3,)
    terms = result.variable("/training/terms").data
    assert np.allclose(terms[:, :2].sum(1), terms.sum(1) - terms[:, 2], rtol=1e-5)
    attrs = result.group("/training").attrs
    assert attrs["n_compilations"] == 1
    assert attrs["n_parameters"] == 4 * 3 + 3 + (3 + 1) * 16
    assert attrs["stop_reason"] == "finished"


def test_equal_runs_are_equal_and_other_seeds_are_not(folder, lab):
    again = run(folder / "recipe.toml", folder / "again.h5", registry=lab.registry())
    assert diff(folder / "first.h5", again.path) == []
    other = run(folder / "recipe.toml", folder / "other.h5", seed=6, registry=lab.registry())
    lines = diff(folder / "first.h5", other.path)
    assert any("/analyses/latent_map/mu" in line for line in lines)
    assert any("/model/params" in line for line in lines)


def test_the_recipe_in_the_file_repeats_the_run(folder, lab, tmp_path):
    """Everything that was left open is in it, filled in."""
    text = open_result(folder / "first.h5").config_toml
    assert "optimizer" in text
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    again = run(tmp_path / "recipe.toml", registry=lab.registry())
    assert diff(folder / "first.h5", again.path) == []


def test_the_rebuilt_model_is_the_trained_one(folder, lab):
    """Encoding the data with the file's model gives the file's latent map, bit for bit."""
    result = open_result(folder / "first.h5")
    model = result.model(lab.registry())
    data = qdisc.load(folder / "data.h5")
    mean, logvar = model.encode(data.configurations)
    order = result.variable("/analyses/latent_map/order").data
    kept = result.variable("/analyses/latent_map/mu").data
    assert np.array_equal(data.to_theta(data.average(mean[:, order])).astype(kept.dtype), kept)
    kept = result.variable("/analyses/latent_map/logvar").data
    assert np.array_equal(data.to_theta(data.average(logvar[:, order])).astype(kept.dtype), kept)
    assert model.decode(mean, data.configurations).shape == (*data.configurations.shape, 2)


def test_a_data_file_with_overrides(folder, lab, tmp_path):
    changes = {"model.name": "factor", **lab.train, **lab.few, "model.latent_dim": 1}
    result = run(
        folder / "data.h5", tmp_path / "out.h5", overrides=changes, registry=lab.registry(), seed=2
    )
    assert errors(result.path) == []
    assert (result.path, result.seed) == (tmp_path / "out.h5", 2)
    assert result.variable("/analyses/latent_map/mu").shape == (3, 1)
    assert result.group("/dataset").attrs["loader"] == "qdisc_hdf5"


def test_an_existing_result_is_replaced(folder, lab, tmp_path):
    out = tmp_path / "out.h5"
    out.write_bytes(b"old")
    result = lab.quick(lab.line(), out=out)
    assert errors(result.path) == []
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".h5"] == ["out.h5"]


# -- plugins that fail, plugins that come along ---------------------------------------------------


class Crash:
    """An observable that cannot be computed."""

    spec = ObservableSpec(name="crash", summary="divides by zero")

    def __call__(self, snapshots, data_spec):
        raise ZeroDivisionError("nobody can divide by zero")


class Extra:
    """An observable that uses random numbers of its own, to disturb the others if it could."""

    spec = ObservableSpec(name="aaa_extra", summary="first of all")

    def __call__(self, snapshots, data_spec):
        np.random.default_rng().normal(size=10)
        return snapshots[:, 0] * 2.0


class Noise:
    """An analysis with a default run, first in order."""

    spec = AnalysisSpec(
        name="aaa_noise", summary="noise", needs=("dataset",), default=True,
        provides=(Provides("x", ("aaa_n",), long_name="noise"),),
    )  # fmt: skip

    class Config(Config):
        """None."""

    def run(self, ctx, config, *, key):
        import jax

        values = np.asarray(jax.random.normal(key, (3,), np.float32))
        return {"x": Variable(values, ("aaa_n",), long_name="noise")}


def test_a_crashing_observable_costs_the_run_nothing_else(lab):
    result = lab.quick(lab.line(), plugins=[("observable", Crash())])
    assert errors(result.path) == []
    assert result.exit_code == 3
    group = result.group("/observables/crash")
    assert group.attrs["status"] == "failed"
    assert "nobody can divide by zero" in group.attrs["message"]
    assert "crash" in group.attrs["message"]
    tracebacks = result.group("/provenance/tracebacks").attrs
    assert "ZeroDivisionError" in tracebacks["crash"]
    calm = lab.quick(lab.line())
    lines = diff(calm.path, result.path)
    assert [line for line in lines if "crash" not in line] == []


def test_strict_raises_it_and_writes_no_result(lab, tmp_path):
    """The training is not lost: with another selection, the run goes on from its checkpoint."""
    with pytest.raises(ZeroDivisionError, match="nobody can divide by zero"):
        lab.quick(
            lab.line(), out=tmp_path / "out.h5", plugins=[("observable", Crash())], strict=True
        )
    assert [path.name for path in tmp_path.iterdir()] == ["out.checkpoint.h5"]


def test_another_plugin_changes_nobodys_numbers(lab):
    alone = lab.quick(lab.line())
    crowd = lab.quick(lab.line(), plugins=[("observable", Extra()), ("analysis", Noise())])
    lines = diff(alone.path, crowd.path)
    assert [line for line in lines if "aaa_" not in line] == []
    assert any("/observables/aaa_extra: only in the second" in line for line in lines)
    assert any("/analyses/aaa_noise: only in the second" in line for line in lines)


def test_a_training_that_breaks_is_saved_and_counted(lab):
    """A learning rate out of this world: the parameters of before, exit code 3."""
    result = lab.quick(
        lab.line(), set={"train.learning_rate": 3e38, "train.optimizer": "sgd", "train.epochs": 5}
    )
    assert errors(result.path) == []
    assert result.exit_code == 3
    attrs = result.group("/training").attrs
    assert attrs["stop_reason"] == "not_finite"
    assert "not finite at epoch" in attrs["message"]
    assert result.status("latent_map") == "ok"
    assert np.isfinite(result.variable("/analyses/latent_map/mu").data).all()


def test_progress_is_told_what_happens(lab):
    stages, steps = [], []

    class Progress:
        def stage(self, name, total=None):
            stages.append((name, total))

        def advance(self, n=1, **info):
            steps.append((n, info))

        def message(self, text):
            raise AssertionError(text)

    lab.quick(lab.line(shots=20), progress=Progress())
    assert [name for name, _ in stages] == ["compiling", "training", "analysing"]
    assert dict(stages)["training"] == 8  # 2 epochs of ceil(60 / 16) steps
    assert sum(n for n, info in steps if "loss" in info) == 8
