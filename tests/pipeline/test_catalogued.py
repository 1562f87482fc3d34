"""`qdisc run` on every dataset of the catalogue, reduced to a taste, and how its data are made."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from qdisc.cli.main import main
from qdisc.dataset.hdf5 import read_dataset, write_dataset
from qdisc.errors import ConfigError, DataError
from qdisc.physics.catalogue import find_dataset, list_datasets, make_table
from qdisc.physics.make import SourceConfig, make_config
from qdisc.physics.make.source import find_source
from qdisc.pipeline import run
from qdisc.pipeline.data import dataset_of, recipe_of

ROOT = Path(__file__).resolve().parents[2] / "datasets"
NAMES = [entry.name for entry in list_datasets(ROOT)]
CNN = {
    "model.conv_layers": 1, "model.conv_features": 4, "model.dense_features": 8,
    "model.decoder_layers": 1, "model.decoder_features": 4,
}  # fmt: skip
TRANSFORMER = {
    "model.encoder_width": 8, "model.encoder_layers": 1, "model.decoder_width": 8,
    "model.decoder_layers": 1, "model.decoder_heads": 2,
}  # fmt: skip
TASTE = {"analyses.reconstruction.n_samples": 4, "train.gamma": 0.0}
KINDS = {"cluster_ising": "shadow", "falicov_kimball": "hybrid", "harmonic_chain": "continuous",
         "phi4_8x8": "continuous"}  # fmt: skip
CHAIN = """
[make]
model = "tfim"
shape = [3]
shots = 5
seed = 1
[make.grid.h]
start = 0.5
stop = 1.0
num = 4
[data]
path = "chain.h5"
"""


def available(name):
    """Skip a set whose file is not part of the project, saying which file is missing."""
    entry = find_dataset(name, ROOT)
    config = make_config(make_table(entry), name)
    if isinstance(config, SourceConfig):
        try:
            find_source(config, entry.folder)
        except DataError as error:
            pytest.skip(str(error))
    return entry


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setenv("QDISC_SMALL", "1")
    monkeypatch.delenv("QDISC_DATASETS", raising=False)


def test_the_catalogue_is_complete():
    wanted = {"j1j2_3x3", "tfim_12", "aquila_chain", *KINDS}
    assert wanted <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_run_works_on_every_dataset_of_the_catalogue(small, tmp_path, monkeypatch, name):
    entry = available(name)
    monkeypatch.chdir(tmp_path)
    table = make_table(entry)
    changes = {**(TRANSFORMER if KINDS.get(name) in ("shadow", "hybrid") else CNN), **TASTE}
    result = run(name, tmp_path / "out.h5", overrides=changes)
    assert result.exit_code == 0
    attrs = result.group("/dataset").attrs
    assert (attrs["name"], attrs["kind"]) == (
        table["options"].get("name", name) if "options" in table else name,
        KINDS.get(name, "discrete"),
    )
    shape = result.variable("/analyses/latent_map/mu_abs").shape
    settings = make_config(table, name)
    if isinstance(settings, SourceConfig):
        assert shape[0] == 3 and attrs["sha256"]
    else:
        assert shape[:-1] == tuple(min(axis.num, 3) for axis in settings.grid.values())
    assert main(["result", "validate", str(tmp_path / "out.h5")]) == 0


@pytest.fixture
def chain(tmp_path, monkeypatch):
    monkeypatch.delenv("QDISC_SMALL", raising=False)
    (tmp_path / "chain.toml").write_text(CHAIN)
    return tmp_path / "chain.toml"


def made(path, changes=None):
    changes = changes or {}
    recipe = recipe_of(path, changes)
    return dataset_of(recipe, anew=any(key.startswith("make") for key in changes))[0]


def test_data_are_made_once_and_kept(chain, monkeypatch):
    file = chain.parent / "chain.h5"
    first = made(chain)
    assert first.n_snapshots == 20 and read_dataset(file).sha256 == first.sha256
    stamp = file.stat().st_mtime_ns
    assert made(chain).sha256 == first.sha256 and file.stat().st_mtime_ns == stamp
    other = made(chain, {"make.shots": 7})  # another dataset: the kept one stays
    assert set(other.shots) == {7} and read_dataset(file).sha256 == first.sha256
    file.unlink()
    monkeypatch.setenv("QDISC_SMALL", "1")
    assert made(chain).n_points == 3 and not file.exists()


def test_names_folders_and_files_are_told_apart(chain, tmp_path, monkeypatch, small):
    monkeypatch.chdir(tmp_path)
    assert recipe_of("tfim_12", {}).make["model"] == "tfim"
    assert recipe_of(ROOT / "tfim_12", {}).train["epochs"] == 1
    assert recipe_of("tfim_12", {"train.epochs": 4}).train["epochs"] == 4
    assert recipe_of(chain, {}).folder == tmp_path
    (tmp_path / "tfim_12").mkdir()  # what is here goes before the catalogue
    assert recipe_of("tfim_12", {}).data["path"] == "tfim_12"
    with pytest.raises(DataError, match="nothing_like_it"):
        run("nothing_like_it", tmp_path / "out.h5")
    with pytest.raises(ConfigError, match=r"unknown key 'shot'(.|\n)*did you mean 'shots'"):
        run(chain, tmp_path / "out.h5", overrides={"make.shot": 3})


SOURCE = """
[make]
file = "lab.h5"
sha256 = "{sha}"
origin = "the laboratory"
places = ["../elsewhere"]
[make.options]
name = "lab"
[data]
path = "made.h5"
"""


@pytest.fixture
def lab_recipe(tmp_path, monkeypatch):
    """A recipe whose data come from a file of a laboratory: 6 settings, 100 shots each."""
    monkeypatch.delenv("QDISC_SMALL", raising=False)
    monkeypatch.delenv("QDISC_SOURCES", raising=False)
    from qdisc.dataset.dataset import Dataset
    from qdisc.dataset.load import file_sha256

    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "set").mkdir()
    rows = np.random.default_rng(0).integers(0, 2, (600, 4))
    rows[:, 1] = 1
    theta = np.repeat(np.arange(6.0), 100)
    dataset = Dataset.from_samples(
        rows, theta, data_type="discrete", theta_names=("t",), theta_units=("us",),
        local_states=(0, 1), sites=np.arange(4.0)[:, None] * 2, source={"metadata": '{"a": 1}'},
    )  # fmt: skip
    file = write_dataset(dataset, tmp_path / "elsewhere" / "lab.h5")
    recipe = tmp_path / "set" / "recipe.toml"
    recipe.write_text(SOURCE.format(sha=file_sha256(file)))
    return recipe, dataset, file


def test_an_experiment_is_read_where_its_file_is(lab_recipe, tmp_path, monkeypatch):
    recipe, dataset, file = lab_recipe
    assert made(recipe).sha256 == dataset.with_source({}).sha256 or made(recipe).n_points == 6
    assert json.loads(made(recipe).source["metadata"]) == {"a": 1}
    (recipe.parent / "made.h5").unlink()
    monkeypatch.setenv("QDISC_SMALL", "1")
    few = made(recipe)
    assert few.theta[:, 0].tolist() == [0.0, 2.0, 5.0] and set(few.shots) == {40}
    assert (few.theta_units, few.name) == (("us",), "lab")
    np.testing.assert_array_equal(few.local_states, [0, 1])
    np.testing.assert_array_equal(few.sites, dataset.sites)
    assert (few.samples[:, 1] == 1).all() and few.source["metadata"] == '{"a": 1}'
    away = tmp_path / "far" / "lab.h5"
    away.parent.mkdir()
    file.rename(away)
    with pytest.raises(DataError, match=r"not there\n.*lab.h5(.|\n)*elsewhere(.|\n)*the labor"):
        made(recipe)
    monkeypatch.setenv("QDISC_SOURCES", str(away.parent))
    assert made(recipe).sha256 == few.sha256
    with pytest.raises(DataError, match=r"another version of the file(.|\n)*make.sha256"):
        made(recipe, {"make.sha256": "0" * 64})
    with pytest.raises(ConfigError, match=r"number of shots of an experiment"):
        from qdisc.physics.make import build

        build(recipe_of(recipe, {}).make, recipe.parent, "lab", shots=3)
