"""The data of a run: read from the file that the recipe names, or made when it is not there yet."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from qdisc.config import Recipe, apply_overrides, parse_recipe, read_recipe
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import load
from qdisc.errors import ConfigError

SMALL = "QDISC_SMALL"  # set to 1: reduced size, for continuous integration


def is_small() -> bool:
    """Whether runs of the catalogue are reduced to a taste: one epoch, few settings."""
    return os.environ.get(SMALL) == "1"


def recipe_of(
    source: str | os.PathLike[str] | Mapping[str, Any], changes: Mapping[str, Any]
) -> Recipe:
    """The recipe of a run.

    Args:
        source: A recipe (.toml), a data file, a dataset of the catalogue (name or folder), or the
            tables of a recipe.
        changes: Dotted keys that are set.
    """
    if isinstance(source, Mapping):
        return parse_recipe(apply_overrides(source, changes))
    path = _catalogued(Path(source))
    if path.suffix != ".toml":
        return parse_recipe(apply_overrides({"data": {"path": str(path)}}, changes))
    recipe = read_recipe(path, changes)
    if recipe.make and is_small() and "train.epochs" not in changes:
        recipe = replace(recipe, train={**recipe.train, "epochs": 1})
    return recipe


def dataset_of(
    recipe: Recipe, *, anew: bool = False, workers: int | None = 1, progress: Any = None
) -> tuple[Dataset, dict[str, Any]]:
    """The snapshots, and table `[data]` as it is stored with the result.

    A recipe with a table `[make]` makes its data when the file is not there. They are written
    where `data.path` says, so that it happens once, unless the folder cannot be written or only
    a taste is made (QDISC_SMALL=1).

    Args:
        recipe: The recipe.
        anew: Make the data and write nothing: the caller changed how they are made.
        workers: Processes for that.
        progress: An object with stage and advance.

    Raises:
        ConfigError: The recipe names no data.
        DataError: The file cannot be read.
    """
    options = dict(recipe.data)
    path = options.pop("path", None)
    if not isinstance(path, str):
        raise ConfigError(
            "the recipe names no data", where="data.path", value=path,
            hint='[data]\npath = "snapshots.h5"',
        )  # fmt: skip
    loader = options.pop("loader", None)
    file = recipe.folder / path
    if recipe.make and (anew or not file.exists()):
        dataset = _made(recipe, file, anew, workers, progress)
        return dataset, {"path": str(file), "loader": loader or "", **options}
    dataset = load(file, loader, **options)
    if recipe.make and is_small():
        from qdisc.physics.make import reduced

        dataset = reduced(dataset)
    table = {"path": str(file), "loader": dataset.source.get("loader", loader or ""), **options}
    return dataset, table


def _made(recipe: Recipe, file: Path, anew: bool, workers: int | None, progress: Any) -> Dataset:
    from qdisc.physics.make import build

    folder = file.parent
    keep = not anew and not is_small() and folder.is_dir() and os.access(folder, os.W_OK)
    return build(
        recipe.make, recipe.folder, file.stem, out=file if keep else None, small=is_small(),
        workers=workers, progress=progress,
    )  # fmt: skip


def _catalogued(source: Path) -> Path:
    """The recipe of a dataset of the catalogue; anything else as it is."""
    if (source / "card.toml").is_file():
        return source / "recipe.toml"
    if source.exists() or len(source.parts) != 1 or source.suffix:
        return source
    from qdisc.physics.catalogue import datasets_root

    try:
        found = datasets_root() / source / "recipe.toml"
    except ConfigError:  # no catalogue at all: what was meant is a file, and it is missing
        return source
    return found if found.is_file() else source
