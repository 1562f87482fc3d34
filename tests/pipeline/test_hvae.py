"""`model.objective = "hvae"`: trained, mapped, saved, rebuilt, and judged on held-out snapshots."""

from __future__ import annotations

import jax
import numpy as np
import pytest

import qdisc
from qdisc.dataset.hdf5 import write_dataset
from qdisc.errors import ConfigError, ResultError
from qdisc.pipeline import open_result, run
from qdisc.results.diff import diff
from qdisc.results.reader import read_tree
from qdisc.results.schema import Group
from qdisc.results.validate import validate
from qdisc.results.writer import write_result

HVAE = {"model.objective": "hvae", "model.hvae.steps": 2, "model.hvae.step_size": 0.1}
MAPS = {"analyses.run": ["latent_map"], "observables.run": []}
HELD = {"train.validation_fraction": 0.2, "train.evidence_samples": 8}


@pytest.fixture(scope="module")
def folder(lab, tmp_path_factory):
    """A recipe for the plain bound, and the result of `--set model.objective=hvae`."""
    folder = tmp_path_factory.mktemp("hvae")
    write_dataset(lab.line(shots=80), folder / "data.h5")
    (folder / "recipe.toml").write_text(
        'seed = 5\n[data]\npath = "data.h5"\n[model]\nname = "factor"\nlatent_dim = 3\n'
        "[train]\nepochs = 3\nbatch_size = 40\nlearning_rate = 0.03\ngamma = 0.5\n"
        "evidence_samples = 8\n"
        '[analyses]\nrun = ["latent_map", "reconstruction"]\n[analyses.reconstruction]\n'
        "n_samples = 4\n[observables]\n"
        'run = ["magnetisation"]\n',
        encoding="utf-8",
    )
    changes = {"model.objective": "hvae", "model.hvae.step_size_per": "latent"}
    run(folder / "recipe.toml", folder / "hvae.h5", overrides=changes, registry=lab.registry())
    return folder


def errors(path):
    return [str(f) for f in validate(path) if f.severity == "ERROR"]


def mapped(result, dataset, values):
    order = result.variable("/analyses/latent_map/order").data
    return dataset.to_theta(dataset.average(values[:, order]))


def test_what_is_stored(folder):
    result = open_result(folder / "hvae.h5")
    assert errors(result.path) == [] and result.exit_code == 0
    assert result.group("/model").attrs["objective"] == "hvae"
    own = result.group("/model/objective").attrs
    assert own["name"] == "hvae" and "steps = 3" in own["config"]
    assert 'latent = "z_final"' in own["config"] and 'tempering = "quadratic"' in own["config"]
    sizes, beta = (result.variable(f"/model/objective/{n}") for n in ("step_size", "beta"))
    assert sizes.dims == ("path_step", "latent") and sizes.shape == (3, 3)
    assert len(np.unique(sizes.data)) == 3  # one per latent was learned
    assert np.abs(sizes.data - 0.05).max() > 1e-4
    assert beta.shape == (4,) and beta.data[-1] == 1 and own["beta0"] == beta.data[0] != 0.3
    raw = result.params()["dynamics"]["step_size"]
    order = result.variable("/analyses/latent_map/order").data
    assert np.allclose(sizes.data[0], 0.5 / (1 + np.exp(-raw[order])), rtol=1e-5)


def test_the_held_out_evidence_is_in_the_file_and_in_the_table(folder):
    result = open_result(folder / "hvae.h5")
    attrs = result.group("/training").attrs
    assert result.has("/training/validation_loss")  # a tenth was kept out, unasked
    assert -6 < attrs["log_evidence"] < -4 * np.log(2) + 0.5
    assert 0 < attrs["log_evidence_std_error"] < 0.5
    assert 1 <= attrs["evidence_ess"] <= 8 == attrs["evidence_samples"]
    assert 10 < attrs["evidence_snapshots"] < 40
    line = f"-log evidence        {-attrs['log_evidence']:.3f}  held out; 8 samples, "
    assert line + f"{attrs['evidence_ess']:.1f} effective" in result.table()
    terms = result.variable("/training/terms").data[-1]
    assert attrs["rate"] == pytest.approx(terms[1])


def test_the_recipe_in_the_file_repeats_the_run(folder, lab, tmp_path):
    text = open_result(folder / "hvae.h5").config_toml
    assert "[model.hvae]" in text
    (tmp_path / "recipe.toml").write_text(text, encoding="utf-8")
    again = run(tmp_path / "recipe.toml", registry=lab.registry())
    assert diff(folder / "hvae.h5", again.path) == []


def test_the_rebuilt_model_is_the_trained_one(folder, lab):
    """Its posterior is the latent map's; its samples are those of the path."""
    result = open_result(folder / "hvae.h5")
    model, data = result.model(lab.registry()), qdisc.load(folder / "data.h5")
    assert type(model.module).__name__ == "HVAE" and model.module.step_size_per == "latent"
    x = data.configurations
    mean, logvar = model.encode(x)
    for name, values in (("mu", mean), ("logvar", logvar)):
        kept = result.variable(f"/analyses/latent_map/{name}").data
        assert np.allclose(mapped(result, data, values), kept, atol=1e-5)
    drawn = model.draw(np.repeat(x[:4], 3000, axis=0), jax.random.key(0)).reshape(4, 3000, -1)
    assert np.allclose(drawn.mean(1), mean[:4], atol=0.1)
    assert np.allclose(drawn.var(1), np.exp(logvar[:4]), rtol=0.15)
    assert model.decode(model.centre(x, mean), x).shape == (*x.shape, 2)
    assert model.sample(drawn[:, 0], jax.random.key(1)).shape == x[:4].shape


def test_an_unknown_objective_of_a_file(folder, lab, tmp_path):
    tree = read_tree(folder / "hvae.h5")
    own = tree.groups["model"].groups["objective"]
    own = Group({**own.attrs, "name": "future"}, own.variables)
    path = write_result(tmp_path / "future.h5", tree.with_group("/model/objective", own))
    with pytest.raises(ResultError, match=r"unknown objective(.|\n)*future(.|\n)*newer version"):
        open_result(path).model(lab.registry())


@pytest.mark.parametrize("kind", ["continuous", "hybrid", "shadow"])
def test_every_kind_of_data(lab, kind):
    """With the encoder's mean on the map, chosen in the recipe and kept in the file."""
    changes = {**HVAE, **MAPS, **HELD, "model.hvae.latent": "encoder_mean"}
    if kind == "hybrid":
        changes["train.alpha"] = 0.4
    data = lab.line(kind, shots=30)
    result = lab.quick(data, set=changes, strict=True)
    own = result.group("/model/objective").attrs
    assert errors(result.path) == [] and 'latent = "encoder_mean"' in own["config"]
    model = result.model(lab.registry())
    mean, _ = model._call(model.variables, data.configurations, method="encode")
    kept = result.variable("/analyses/latent_map/mu").data
    assert np.allclose(mapped(result, data, np.asarray(mean)), kept, atol=1e-5)
    assert np.abs(model.centre(data.configurations, None) - mean).max() > 1e-3
    assert model.module.alpha == own.get("alpha") == (0.4 if kind == "hybrid" else None)
    assert np.isfinite(result.group("/training").attrs["log_evidence"])


def test_the_plain_bound_has_an_evidence_too(lab):
    """Where snapshots are held out; without them nothing is said, and no objective is stored."""
    result = lab.quick(lab.line(shots=80), set={**MAPS, **HELD})
    attrs = result.group("/training").attrs
    assert -6 < attrs["log_evidence"] < -4 * np.log(2) + 0.5 and "-log evidence" in result.table()
    assert not result.has("/model/objective")
    silent = {**HELD, "train.evidence_samples": 0}
    for changes in ({}, silent):
        attrs = lab.quick(lab.line(), set={**MAPS, **changes}).group("/training").attrs
        assert "log_evidence" not in attrs


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model.hvae.step": 3}, r"unknown key 'step'(.|\n)*model\.hvae\.step(.|\n)*'steps'"),
        ({"model.hvae.beta0": 1.5}, r"in \(0, 1\](.|\n)*1\.5"),
        ({"model.hvae.steps": -1}, "whole number >= 0"),
        ({"model.hvae.tempering": "quadratc"}, "quadratc"),
        ({"model.hvae.step_size": [0.1, 0.1, 0.1]}, r"shape \(3,\) for 2 steps of 2 latents"),
    ],
)
def test_bad_options_are_named(lab, changes, message):
    with pytest.raises(ConfigError, match=message):
        lab.quick(lab.line(), set={**HVAE, **changes})


def test_a_stopped_force_is_a_warning(lab):
    changes = {**HVAE, **MAPS, "model.hvae.grad_method": "autodiff_stop", "train.epochs": 1}
    with pytest.warns(UserWarning, match=r"wrong gradients: .*66 % at 0\.15"):
        result = lab.quick(lab.line(), set=changes)
    assert result.exit_code == 0
    result.model(lab.registry())  # reading it again warns nobody


def test_a_chosen_objective_may_leave_the_table_of_another(lab):
    """`--set model.objective=elbo` on a recipe with [model.hvae]: the same run without it."""
    result = lab.quick(lab.line(), set={**HVAE, **MAPS, "model.objective": "elbo"})
    assert not result.has("/model/objective") and "hvae" not in result.config_toml
