"""The catalogue: found in every place, described, and regenerated bit for bit."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest

from qdisc.config import read_recipe
from qdisc.dataset.hdf5 import read_dataset
from qdisc.errors import ConfigError, DataError
from qdisc.physics import catalogue
from qdisc.physics.catalogue import (
    datasets_root,
    find_dataset,
    list_datasets,
    make_dataset,
    make_table,
)
from qdisc.physics.make import Axis, MakeConfig, make_config

FULL = pytest.mark.skipif(os.environ.get("QDISC_FULL") != "1", reason="QDISC_FULL=1: minutes")
ROOT = Path(__file__).resolve().parents[2] / "datasets"
SMALL = """
[make]
model = "j1j2"
shape = [2, 2]
shots = 40
seed = 5
[make.grid.h]
start = 0.5
stop = 1.0
num = 2
[make.grid.J2]
start = 0.0
stop = 0.2
num = 3
"""


@pytest.fixture(autouse=True)
def no_environment(monkeypatch):
    monkeypatch.delenv("QDISC_DATASETS", raising=False)


CARD = 'title = "t"\nlicence = "x"\nmade = "y"\n'


def small(folder, recipe=SMALL, card=CARD):
    folder.mkdir(parents=True)
    (folder / "recipe.toml").write_text(recipe)
    (folder / "card.toml").write_text(card)
    return folder


@pytest.mark.parametrize("name", ["j1j2_3x3", "tfim_12"])
def test_shipped_sets_are_small_described_and_have_the_checksum_on_their_card(name):
    entry = find_dataset(name, ROOT)
    assert entry.data is not None
    data = entry.data.read_bytes()
    assert len(data) < 2_000_000
    assert hashlib.sha256(data).hexdigest() == entry.card.sha256
    assert entry.card.licence == "CC0-1.0"
    assert "H = " in entry.card.hamiltonian
    recipe = read_recipe(entry.recipe)
    assert recipe.folder / recipe.data["path"] == entry.data
    dataset = read_dataset(entry.data)
    assert {*dataset.theta_names, "samples"} == set(entry.card.units)
    units = dict(zip(dataset.theta_names, dataset.theta_units, strict=True))
    assert {k: v for k, v in entry.card.units.items() if k != "samples"} == units


QUICK = ("falicov_kimball", "harmonic_chain")
NAMES = [entry.name for entry in list_datasets(ROOT)]


@pytest.mark.parametrize("name", NAMES)
def test_every_card_describes_its_axes_and_says_what_is_made(name):
    entry = find_dataset(name, ROOT)
    table = make_table(entry)
    if "grid" in table:
        maker = make_config(table, name).maker()
        units = dict(zip(maker.theta_names, maker.theta_units, strict=True))
        assert {k: v for k, v in entry.card.units.items() if k != "samples"} == units
    assert entry.card.units["samples"] == "1"
    assert entry.card.conventions and entry.card.hamiltonian and entry.card.description
    # shipped with the checksum of the file, or made and compared with that of the content
    assert (entry.card.file, entry.card.content_sha256).count("") == 1
    assert max(len(line) for line in entry.card.description.splitlines()) <= 100
    assert read_recipe(entry.recipe).data["path"] == f"{name}.h5"


@pytest.mark.parametrize(
    "name",
    [
        n if n in QUICK else pytest.param(n, marks=[pytest.mark.slow, FULL])
        for n in NAMES
        if n not in ("j1j2_3x3", "tfim_12", "aquila_chain")
    ],
)
def test_what_is_made_has_the_checksum_on_its_card(name):
    assert make_dataset(name, root=ROOT).sha256 == find_dataset(name, ROOT).card.content_sha256


@pytest.mark.parametrize("name", ["j1j2_3x3", "tfim_12"])
def test_regeneration_gives_the_shipped_bits(name):
    shipped = read_dataset(find_dataset(name, ROOT).data)
    made = make_dataset(name, root=ROOT)
    np.testing.assert_array_equal(made.theta, shipped.theta)
    np.testing.assert_array_equal(made.configurations, shipped.configurations)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(made.counts, part), getattr(shipped.counts, part))
    assert made.sha256 == shipped.sha256


def test_the_published_sweep_is_what_the_paper_says():
    dataset = read_dataset(find_dataset("j1j2_3x3", ROOT).data)
    assert dataset.theta_names == ("J2", "h")
    np.testing.assert_allclose(dataset.thetas[0], np.linspace(0, 1.5, 21))
    np.testing.assert_allclose(dataset.thetas[1], np.linspace(0.1, 2.0, 20))
    assert dataset.n_snapshots == 420_000
    assert set(dataset.shots) == {1000}
    np.testing.assert_array_equal(dataset.spec.lattice, [[0, 1, 2], [5, 4, 3], [6, 7, 8]])
    assert dataset.periodic == (False, False)
    np.testing.assert_array_equal(dataset.local_states, [-1, 1])
    recipe = read_recipe(ROOT / "j1j2_3x3" / "recipe.toml")
    assert recipe.model["name"] == "cnn2d_arnn"
    # The published epochs and weight of the total correlation; the rest is ours.
    published = {"epochs": 30, "gamma": 5.0}
    assert {key: recipe.train[key] for key in published} == published


def test_the_snapshots_show_the_physics():
    """Neel and striped order at small h: correlators near the classical values, balanced signs."""
    dataset = read_dataset(find_dataset("j1j2_3x3", ROOT).data)
    s = dataset.physical(dataset.configurations)
    nearest = dataset.to_theta(dataset.average(s[:, 0] * s[:, 1]))
    diagonal = dataset.to_theta(dataset.average(s[:, 0] * s[:, 4]))
    assert nearest[0, 0] < -0.95 and diagonal[0, 0] > 0.95
    assert abs(nearest[-1, 0]) < 4 / np.sqrt(1000) and diagonal[-1, 0] < -0.95
    assert abs(nearest[0, -1]) < 0.6
    total = dataset.average(s.mean(axis=1))
    assert np.abs(total).max() < 4.5 / np.sqrt(1000) / np.sqrt(3)


def test_a_small_recipe_with_the_axes_in_its_own_order(tmp_path):
    folder = small(tmp_path / "tiny")
    dataset = make_dataset(folder)
    assert dataset.name == "tiny"
    assert dataset.theta_names == ("h", "J2")
    assert dataset.theta_shape == (2, 3)
    np.testing.assert_array_equal(dataset.theta[1], [0.5, 0.1])
    assert set(dataset.shots) == {40}
    assert dataset.source["seed"] == "5"


def test_fewer_shots_and_a_file(tmp_path):
    folder = small(tmp_path / "tiny")
    out = tmp_path / "out.h5"
    dataset = make_dataset("tiny", out=out, shots=7, root=tmp_path)
    assert set(dataset.shots) == {7}
    assert read_dataset(out).sha256 == dataset.sha256
    with pytest.raises(DataError, match="exists"):
        make_dataset(folder, out=out, shots=7)
    make_dataset(folder, out=str(out), shots=8, overwrite=True)
    assert set(read_dataset(out).shots) == {8}


def test_a_setting_keeps_its_first_snapshots_when_more_are_taken(tmp_path):
    folder = small(tmp_path / "a")

    def table(shots):
        dataset = make_dataset(folder, shots=shots)
        counts = np.zeros((dataset.n_points, 16), int)
        codes = dataset.configurations @ [8, 4, 2, 1]
        counts[dataset.counts.point_of_entry(), codes[dataset.counts.indices]] = dataset.counts.data
        return counts

    few, many = table(20), table(400)
    assert np.all(few <= many)
    assert np.any(few[0] != few[1])


def test_where_the_catalogue_is_looked_for(tmp_path, monkeypatch):
    small(tmp_path / "named" / "one")
    small(tmp_path / "env" / "two")
    small(tmp_path / "here" / "datasets" / "three")
    monkeypatch.chdir(tmp_path)
    assert datasets_root() == ROOT  # beside the checkout
    monkeypatch.chdir(tmp_path / "here")
    assert [e.name for e in list_datasets()] == ["three"]
    monkeypatch.setenv("QDISC_DATASETS", str(tmp_path / "env"))
    assert [e.name for e in list_datasets()] == ["two"]
    assert [e.name for e in list_datasets(tmp_path / "named")] == ["one"]


def test_an_installed_package_without_data_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "site" / "qdisc" / "p" / "c.py"))
    with pytest.raises(ConfigError, match=r"no catalogue of datasets found(.|\n)*QDISC_DATASETS"):
        list_datasets()


def test_an_installed_package_falls_back_to_the_data_that_came_with_it(tmp_path, monkeypatch):
    small(tmp_path / "site" / "qdisc" / "_datasets" / "shipped")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(catalogue, "__file__", str(tmp_path / "site" / "qdisc" / "p" / "c.py"))
    assert [e.name for e in list_datasets()] == ["shipped"]
    small(tmp_path / "datasets" / "own")
    assert [e.name for e in list_datasets()] == ["own"]


def test_places_named_explicitly_must_exist(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"no such folder of datasets\n.*argument `root`"):
        list_datasets(tmp_path / "none")
    monkeypatch.setenv("QDISC_DATASETS", str(tmp_path / "none"))
    with pytest.raises(ConfigError, match="environment variable QDISC_DATASETS"):
        list_datasets()


def test_unknown_names_suggest_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'j1j2_3x3'"):
        make_dataset("j1j2_3x4", root=ROOT)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('model = "j1j2"', 'model = "j1j3"', "did you mean 'j1j2'"),
        ("shape = [2, 2]", "shape = [4]", r"lives in 2 dimension"),
        ("[make.grid.h]", "[make.grid.g]", r"swept over J2, h\n.*\n.*\['g', 'J2'\]"),
        ("shots = 40", "shot = 40", "did you mean 'shots'"),
        ("shots = 40", 'shots = "many"', "wrong type"),
        ("seed = 5", "seed = -1", r"seed is a whole number >= 0\n.*make.seed"),
        ("num = 3", "num = 0", r"num >= 1 values\n.*make.grid"),
        ("[make]", "[mkae]", "does not say how the data are made"),
        ("[make]", "[make", "not a TOML file"),
    ],
)
def test_recipes_that_make_no_sense_are_refused(tmp_path, old, new, message):
    assert old in SMALL
    recipe = SMALL.replace(old, new, 1)
    if new == "[mkae]":
        recipe = "[mkae]\n"
    with pytest.raises(ConfigError, match=message):
        make_dataset(small(tmp_path / "tiny", recipe))


def test_a_card_that_cannot_be_read_is_named(tmp_path):
    small(tmp_path / "tiny", card='title = "t"\nlicense = "x"\n')
    with pytest.raises(ConfigError, match=r"unknown key 'license'\n.*card.toml(.|\n)*licence"):
        list_datasets(tmp_path)


def test_axes_are_the_numbers_one_writes():
    np.testing.assert_array_equal(
        Axis(start=0.1, stop=0.5, num=5).values(), [0.1, 0.2, 0.3, 0.4, 0.5]
    )
    config = MakeConfig(
        model="tfim", shape=(3,), grid={"h": Axis(start=0.0, stop=1.0, num=2)}, shots=3, seed=0
    )
    assert config.maker().lattice.n_sites == 3
