"""Recipes and overrides: a key nobody declared is an error that names the nearest one."""

from __future__ import annotations

from typing import Literal

import msgspec
import pytest

from qdisc.config import (
    Config,
    TrainConfig,
    apply_overrides,
    convert,
    parse_override,
    parse_recipe,
    read_recipe,
)
from qdisc.errors import ConfigError


def _refused(match, function, *seen):
    with pytest.raises(ConfigError, match=match) as caught:
        function()
    for part in seen:
        assert part in str(caught.value), str(caught.value)


def test_unknown_key_names_the_nearest():
    _refused(
        "unknown key 'learning_rat'", lambda: convert({"learning_rat": 1e-3}, TrainConfig, "train"),
        "where: train.learning_rat", "value: 0.001", "did you mean 'learning_rate'?",
    )  # fmt: skip
    _refused(
        "unknown key", lambda: convert({"qqq": 1}, TrainConfig, "train"), "known: alpha, batch_size"
    )


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"epochs": "3"}, "epochs"), ({"epochs": 2.5}, "epochs"), ({"epochs": True}, "epochs"),
        ({"beta": "1"}, "beta"), ({"optimizer": "adamm"}, "optimizer"), ({"rows": []}, "rows"),
        ({"epochs": None}, "epochs"),
    ],
)  # fmt: skip
def test_wrong_types(values, key):
    _refused(
        "wrong type", lambda: convert(values, TrainConfig, "train"),
        f"where: train.{key}", f"value: {values[key]!r}",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("epochs", -1), ("batch_size", 0), ("learning_rate", float("nan")), ("beta", -1.0),
        ("gamma", float("inf")), ("alpha", 1.5), ("rows", 0), ("kl_warmup", -1.0),
        ("validation_fraction", 1.0), ("patience", 0), ("beta", float("nan")),
    ],
)  # fmt: skip
def test_numbers_without_meaning(key, value):
    _refused(
        f"train.{key} has no meaning", lambda: TrainConfig(**{key: value}), f"value: {value!r}"
    )
    _refused(f"train.{key}", lambda: convert({key: value}, TrainConfig, "train"))


def test_patience_needs_validation():
    _refused("snapshots to validate on", lambda: TrainConfig(patience=3), "validation_fraction")
    assert TrainConfig(patience=3, validation_fraction=0.1).patience == 3


def test_a_whole_number_is_a_rate():
    assert convert({"learning_rate": 0, "beta": 2}, TrainConfig, "train").beta == 2.0


def test_configs_are_frozen_and_strict():
    class Mine(Config):
        shots: int = 3
        names: tuple[str, ...] = ()

    assert convert({"names": ["a", "b"]}, Mine, "mine").names == ("a", "b")
    with pytest.raises(AttributeError):
        Mine().shots = 4
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"shot": 3}, Mine)
    _refused("wrong type", lambda: convert({"names": ["a", 1]}, Mine, "mine"), "where: mine.names")


def test_a_word_that_is_none_of_a_few_is_told_them():
    class Mine(Config):
        loss: Literal["drop", "mask"] = "drop"
        values: Literal["codes"] | None = None

    _refused(
        "wrong type", lambda: convert({"loss": "x"}, Mine, "m"), "try:   one of 'drop', 'mask'"
    )
    _refused("wrong type", lambda: convert({"values": "x"}, Mine, "m"), "try:   one of 'codes'")


def test_overrides_leave_the_original():
    tables = {"train": {"epochs": 3}, "seed": 1}
    out = apply_overrides(tables, {"train.epochs": 5, "analyses.clusters.k": 4, "seed": 2})
    assert out == {"train": {"epochs": 5}, "seed": 2, "analyses": {"clusters": {"k": 4}}}
    assert tables == {"train": {"epochs": 3}, "seed": 1}
    nested = {"analyses": {"clusters": {"k": 1}}}
    apply_overrides(nested, {"analyses.clusters.k": 2})
    assert nested == {"analyses": {"clusters": {"k": 1}}}
    _refused("not a table", lambda: apply_overrides(tables, {"seed.x": 1}), "where: seed")


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("train.epochs=3", "train.epochs", 3), ("a=1e-3", "a", 1e-3), ("a=true", "a", True),
        ("a=cosine", "a", "cosine"), ('a="3"', "a", "3"), ("a=[1, 2]", "a", [1, 2]),
        ("a=x=y", "a", "x=y"), (" a = b ", "a", "b"), ("a=", "a", ""),
    ],
)  # fmt: skip
def test_parse_override(text, key, value):
    assert parse_override(text) == (key, value)


@pytest.mark.parametrize("text", ["train.epochs", "=3", ""])
def test_not_an_override(text):
    _refused("KEY=VALUE", lambda: parse_override(text), "--set")


def test_recipe(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text(
        'seed = 7\n[data]\npath = "a.h5"\n[train]\nepochs = 2\n'
        '[analyses]\nrun = ["latent_map"]\n[analyses.clusters]\nk = 3\n'
    )
    recipe = read_recipe(path, {"train.epochs": 9})
    assert recipe.seed == 7 and recipe.train == {"epochs": 9} and recipe.folder == tmp_path
    assert recipe.analyses.run == ("latent_map",) and recipe.analyses.options["clusters"]["k"] == 3
    assert recipe.observables.run is None and recipe.observables.skip == ()


@pytest.mark.parametrize(
    ("tables", "match", "seen"),
    [
        ({"trian": {}}, "unknown table", "did you mean 'train'?"),
        ({"seed": -1}, "seed", "-1"),
        ({"seed": True}, "seed", "True"),
        ({"train": 3}, "is a table", "where: train"),
        ({"analyses": {"run": "latent_map"}}, "list of names", "analyses.run"),
        ({"analyses": {"skip": [1]}}, "list of names", "analyses.skip"),
        ({"analyses": {"clusters": 3}}, "unknown key 'clusters'", "[analyses.<plugin>]"),
    ],
)
def test_recipes_that_are_wrong(tables, match, seen):
    _refused(match, lambda: parse_recipe(tables), seen)


def test_recipes_that_cannot_be_read(tmp_path):
    _refused("cannot be read", lambda: read_recipe(tmp_path / "no.toml"), "no.toml", "No such file")
    bad = tmp_path / "bad.toml"
    bad.write_text("[train\n")
    _refused("not TOML", lambda: read_recipe(bad), "bad.toml", "line 1")
    bad.write_bytes(b"\xff\xfe")
    _refused("not TOML", lambda: read_recipe(bad))
