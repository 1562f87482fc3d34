"""A sweep file and its points: which, in which order, under which names; what is refused."""

from __future__ import annotations

import os

import pytest

from qdisc.errors import ConfigError
from qdisc.pipeline.data import recipe_of
from qdisc.sweep.executors import spans
from qdisc.sweep.points import read_sweep


@pytest.fixture(scope="module")
def folder(lab, tmp_path_factory):
    return lab.make(tmp_path_factory.mktemp("points"))


@pytest.fixture
def read(lab, folder):
    return lambda text: read_sweep(lab.write(folder, 'recipe = "recipe.toml"\n' + text))


def test_a_grid_is_every_combination_the_last_key_fastest(read):
    sweep = read("[grid]\ntrain.beta = [0.5, 1]\n'model.latent_dim' = [2, 5]\nseed = [0, 1]\n")
    assert sweep.keys == ("train.beta", "model.latent_dim", "seed")
    assert [tuple(p.settings.values()) for p in sweep.points] == [
        (0.5, 2, 0), (0.5, 2, 1), (0.5, 5, 0), (0.5, 5, 1),
        (1, 2, 0), (1, 2, 1), (1, 5, 0), (1, 5, 1),
    ]  # fmt: skip
    assert [p.index for p in sweep.points] == list(range(8))
    assert sweep.points[3].name == "beta=0.5_latent_dim=5_seed=1"
    assert sweep.retries == 1


def test_zipped_lists_go_together_inside_the_grid(read):
    sweep = read(
        'retries = 0\n[grid]\nseed = [3, 4]\n[zip]\ndata.path = ["a b.h5", "c.h5"]\n'
        'analyses.run = [["latent_map"], []]\n'
    )
    assert [p.name for p in sweep.points] == [
        "seed=3_data=a-b_run=latent_map", "seed=3_data=c_run=none",
        "seed=4_data=a-b_run=latent_map", "seed=4_data=c_run=none",
    ]  # fmt: skip
    assert sweep.retries == 0


def test_longer_lists_change_no_name_and_no_identity(read):
    short = read("[grid]\ntrain.beta = [0.5]\nseed = [1, 2]\n").points
    long = read("[grid]\ntrain.beta = [0.25, 0.5, 1.0]\nseed = [0, 1, 2, 3]\n").points
    known = {p.name: p.identity for p in long}
    assert len(known) == len(set(known.values())) == 12
    assert all(known[p.name] == p.identity for p in short)


def test_another_recipe_is_another_identity(lab, folder, read):
    before = read("[grid]\nseed = [1]\n").points[0].identity
    text = (folder / "recipe.toml").read_text()
    lab.write(folder, text.replace("epochs = 3", "epochs = 4"), "other.toml")
    other = read_sweep(lab.write(folder, 'recipe = "other.toml"\n[grid]\nseed = [1]\n', "s.toml"))
    assert other.points[0].identity != before and other.points[0].name == "seed=1"


def test_equal_and_endless_names_are_told_apart(read):
    sweep = read('[grid]\ndata.path = ["x/a.h5", "y/a.h5", "Y/A.npz"]\n')
    names = [p.name for p in sweep.points]
    assert len({name.casefold() for name in names}) == 3
    assert all(name.startswith(("data=a_", "data=A_")) and len(name) == 15 for name in names)
    one = read(f'[grid]\nmodel.name = ["{"x" * 300}", "b"]\n').points[0].name
    assert len(one) == 100
    twice = read("[grid]\nmodel.alpha = [1, 2]\ntrain.alpha = [0.1]\n").points[0]
    assert twice.name == "model.alpha=1_train.alpha=0.1"


def test_paths_start_from_the_sweep_file(lab, folder, monkeypatch):
    (folder / "sub").mkdir(exist_ok=True)
    text = 'recipe = "../recipe.toml"\n[grid]\ndata.path = ["near.h5", "/far.h5"]\n'
    sweep = read_sweep(lab.write(folder / "sub", text))
    near, far = (recipe_of(sweep.source, p.overrides) for p in sweep.points)
    assert os.path.normpath(near.folder / near.data["path"]) == str(folder / "sub" / "near.h5")
    assert str(far.folder / far.data["path"]) == "/far.h5"
    inline = '[recipe.data]\npath = "near.h5"\n[recipe.train]\nepochs = 1\n[grid]\nseed = [0]\n'
    sweep = read_sweep(lab.write(folder / "sub", inline, "inline.toml"))
    recipe = recipe_of(sweep.source, sweep.points[0].overrides)
    assert recipe.data["path"] == str(folder / "sub" / "near.h5")
    assert recipe.train == {"epochs": 1} and recipe.seed == 0
    monkeypatch.chdir(folder)
    again = read_sweep("sub/inline.toml")
    assert again.points[0].identity == sweep.points[0].identity


def test_a_dataset_of_the_catalogue_or_a_file_is_a_recipe_too(lab, folder):
    for name, kind in (("tfim_12", "make"), ("line.h5", "data")):
        sweep = read_sweep(lab.write(folder, f'recipe = "{name}"\n[grid]\nseed = [0]\n', "c.toml"))
        assert getattr(recipe_of(sweep.source, sweep.points[0].overrides), kind)


@pytest.mark.parametrize(
    "text, words",
    [
        ("seed = [0]\n", ("unknown key 'seed'", "sweep.toml: seed", "[grid] takes", "[0]")),
        ("retrys = 2\n[grid]\nseed=[0]", ("unknown key 'retrys'", "did you mean 'retries'?")),
        ("retries = -1\n[grid]\nseed=[0]", ("whole number >= 0", "value: -1")),
        ("", ("the sweep varies nothing", "[grid]")),
        ("grid = 3\n", ("[grid] is a table of lists", "value: 3")),
        ("[grid]\nseed = 3\n", ("a list of values", "grid.seed", "value: 3", "seed = [3]")),
        ("[grid]\nseed = []\n", ("a list of values", "grid.seed")),
        ("[grid]\nseed = [1, 2, 1]\n", ("twice", "grid.seed", "value: 1")),
        ("[grid]\nbeta = [1]\n", ("no recipe has a key 'beta'", "did you mean 'train.beta'?")),
        ("[grid]\ntrian.beta = [1]\n", ("'trian.beta'", "did you mean 'train.beta'?")),
        ("[grid]\ntrain.betta = [1]\n", ("unknown key 'betta'", "did you mean 'beta'?")),
        ("[grid]\ntrain.beta = [1, 'x']\n", ("wrong type", "beta=x: train.beta", "'x'")),
        ("[grid]\ntrain.epochs = [1, -1]\n", ("no meaning", "point 1, epochs=-1")),
        ("[zip]\nseed = [1, 2]\ntrain.beta = [1]\n", ("one length", "'seed': 2, 'train.beta': 1")),
        ("[grid]\nseed = [1]\n[zip]\nseed = [1]\n", ("swept twice", "seed")),
        ("[grid\n", ("the sweep is not TOML", "sweep.toml")),
    ],
)
def test_what_is_refused(read, text, words):
    with pytest.raises(ConfigError) as error:
        read(text)
    for word in words:
        assert word in str(error.value), str(error.value)


def test_a_sweep_without_a_recipe_is_refused(lab, folder):
    for text, words in (
        ("[grid]\nseed = [0]\n", "names no recipe"),
        ('recipe = "no.toml"\n[grid]\nseed = [0]\n', "the recipe cannot be read"),
        ("[recipe.trian]\n[grid]\nseed = [0]\n", "did you mean 'train'?"),
    ):
        with pytest.raises(ConfigError, match="(?s)" + words.replace("?", r"\?")):
            read_sweep(lab.write(folder, text))
    with pytest.raises(ConfigError, match="cannot be read"):
        read_sweep(folder / "nowhere.toml")


def test_spans():
    assert spans([0]) == "0"
    assert spans([0, 1, 2, 5, 7, 8]) == "0-2,5,7-8"
