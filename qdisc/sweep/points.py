"""SWEEP.toml -> the list of its points: the same list, in the same order, on every machine.

recipe   a recipe (.toml), its tables ([recipe.data], [recipe.train]), a data file, or a name of
         the catalogue
[grid]   lists by dotted key, `train.beta = [0.5, 1.0]`: every combination, the last key fastest
[zip]    lists of one length that go together, inside the grid
retries  how often a run that crashed or was killed is started again at once (1)

Paths, those in `data.path` too, are relative to the sweep file.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qdisc.config import Recipe, TrainConfig, apply_overrides, convert
from qdisc.errors import ConfigError, nearest
from qdisc.pipeline.data import recipe_of

_KEYS = ("recipe", "grid", "zip", "retries")
_TABLES = tuple(field.name for field in dataclasses.fields(Recipe) if field.name != "folder")
_LONGEST = 100  # characters of a name, so that every file system takes it


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        index: Place in the list, from 0: what `--index` takes.
        name: Its files' name, from its settings alone; other points do not change it.
        settings: Dotted keys as the sweep file has them.
        overrides: The same as the recipe takes them (paths start from the recipe's folder).
        identity: SHA-256 of recipe and settings.
    """

    index: int
    name: str
    settings: Mapping[str, Any]
    overrides: Mapping[str, Any]
    identity: str


@dataclass(frozen=True)
class Sweep:
    """A sweep file, read.

    Attributes:
        path: The file.
        source: What is run at every point, as `qdisc.run` takes it.
        points: All runs, in order.
        retries: How often a run that crashed or was killed is started again at once.
    """

    path: Path
    source: str | Mapping[str, Any]
    points: tuple[Point, ...]
    retries: int

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are swept, in order."""
        return tuple(self.points[0].settings)


def read_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read a sweep file and check every recipe it leads to.

    Raises:
        ConfigError: Not TOML, an unknown key, a list that is none, a recipe that cannot be.
    """
    path = Path(path)
    tables = _tables(path)
    axes = [*_grid(tables.get("grid", {}), path), *_zip(tables.get("zip", {}), path)]
    if not axes:
        raise ConfigError(
            "the sweep varies nothing", where=str(path), value=sorted(tables),
            hint="[grid]\nseed = [0, 1, 2]",
        )  # fmt: skip
    _once(axes, path)
    source, folder, base = _recipe(tables.get("recipe"), path)
    listed = [dict(itertools.chain(*choice)) for choice in itertools.product(*axes)]
    names = _names(listed)
    points = []
    for index, settings in enumerate(listed):
        overrides = dict(settings)
        if isinstance(settings.get("data.path"), str):
            overrides["data.path"] = _seen_from(folder, path.parent / settings["data.path"])
        _check(source, overrides, f"{path}: point {index}, {names[index]}")
        told = json.dumps([base, settings], sort_keys=True, default=str)
        identity = hashlib.sha256(told.encode()).hexdigest()
        points.append(Point(index, names[index], settings, overrides, identity))
    return Sweep(path, source, tuple(points), _retries(tables.get("retries", 1), path))


Axis = Sequence[Sequence[tuple[str, Any]]]  # the places of an axis: the settings at each


def _tables(path: Path) -> dict[str, Any]:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "the sweep cannot be read", where=str(path), value=error.strerror or str(error)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("the sweep is not TOML", where=str(path), value=str(error)) from error
    for key, value in tables.items():
        if key not in _KEYS:
            near = nearest(key, _KEYS)
            hint = f"[grid] takes what is swept: {key} = [...]" if key in _TABLES else near
            raise ConfigError(f"unknown key {key!r}", where=f"{path}: {key}", value=value,
                              hint=hint)  # fmt: skip
        if key in ("grid", "zip") and not isinstance(value, Mapping):
            raise ConfigError(f"[{key}] is a table of lists", where=f"{path}: {key}", value=value)
    return tables


def _grid(table: Mapping[str, Any], path: Path) -> list[Axis]:
    axes = []
    for key, values in _lists(table, path, "grid"):
        _different(values, f"{path}: grid.{key}")
        axes.append([[(key, value)] for value in values])
    return axes


def _zip(table: Mapping[str, Any], path: Path) -> list[Axis]:
    lists = dict(_lists(table, path, "zip"))
    lengths = {key: len(values) for key, values in lists.items()}
    if len(set(lengths.values())) > 1:
        raise ConfigError("lists that go together have one length", where=f"{path}: zip",
                          value=lengths, hint="or move them to [grid]")  # fmt: skip
    rows = [list(row) for row in zip(*lists.values(), strict=True)]
    _different(rows, f"{path}: zip")
    return [[list(zip(lists, row, strict=True)) for row in rows]] if lists else []


def _different(values: list[Any], place: str) -> None:
    for number, value in enumerate(values):
        if value in values[:number]:
            raise ConfigError("a value is there twice", where=place, value=value)


def _lists(table: Mapping[str, Any], path: Path, where: str) -> Iterator[tuple[str, list[Any]]]:
    """Dotted key and list of every leaf; `train.beta` is the same with and without quotes."""
    for key, values in _leaves(table):
        place = f"{path}: {where}.{key}"
        if not isinstance(values, list) or not values:
            raise ConfigError("a list of values is wanted", where=place, value=values,
                              hint=f"{key} = [{_toml(values)}]")  # fmt: skip
        _known(key, values, place)
        yield key, values


def _leaves(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{before}{key}.")
        else:
            yield before + key, value


def _known(key: str, values: list[Any], place: str) -> None:
    table, _, rest = key.partition(".")
    if table not in _TABLES or bool(rest) == (table == "seed"):
        known = (*(f"{name}.{rest or '...'}" for name in _TABLES if name != "seed"), "seed")
        found = [f"train.{key}"] if key in TrainConfig.__struct_fields__ else known
        raise ConfigError(f"no recipe has a key {key!r}", where=place, value=values,
                          hint=nearest(key, found))  # fmt: skip
    if table == "train" and rest not in TrainConfig.__struct_fields__:
        raise ConfigError(f"unknown key {rest!r}", where=place, value=values,
                          hint=nearest(rest, TrainConfig.__struct_fields__))  # fmt: skip


def _once(axes: Sequence[Axis], path: Path) -> None:
    keys = [key for axis in axes for key, _ in axis[0]]
    for key in keys:
        if keys.count(key) > 1:
            raise ConfigError("a key is swept twice", where=f"{path}: {key}", value=keys,
                              hint="name it in [grid] or in [zip]")  # fmt: skip


def _retries(value: Any, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ConfigError("retries is a whole number >= 0", where=f"{path}: retries", value=value)
    return value


def _recipe(given: Any, path: Path) -> tuple[str | Mapping[str, Any], Path, Any]:
    """What is run, the folder its paths start from, and its content for the identity."""
    if isinstance(given, Mapping):
        tables = dict(given)
        data = given.get("data")
        if isinstance(data, Mapping) and isinstance(data.get("path"), str):
            tables = apply_overrides(tables, {"data.path": str(path.parent / data["path"])})
        return tables, Path(), given
    if not isinstance(given, str):
        raise ConfigError(
            "the sweep names no recipe", where=f"{path}: recipe", value=given,
            hint='recipe = "recipe.toml", or its tables: [recipe.data], [recipe.train]',
        )  # fmt: skip
    beside = path.parent / given
    is_file = beside.exists() or Path(given).suffix or len(Path(given).parts) > 1
    source = str(beside) if is_file else given
    folder = recipe_of(source, {}).folder
    if not source.endswith(".toml"):
        return source, folder, given
    return source, folder, tomllib.loads(Path(source).read_text(encoding="utf-8"))


def _seen_from(folder: Path, file: Path) -> str:
    """A path as a recipe in `folder` has to write it."""
    if file.is_absolute() or folder == Path():
        return str(file)
    return os.path.relpath(file, folder)


def _check(source: Any, overrides: Mapping[str, Any], where: str) -> None:
    try:
        convert(recipe_of(source, overrides).train, TrainConfig, "train")
    except ConfigError as error:
        place = f"{where}: {error.where}" if error.where else where
        raise ConfigError(str(error).partition("\n")[0], where=place, value=dict(overrides),
                          hint=error.hint) from error  # fmt: skip


def _names(listed: Sequence[Mapping[str, Any]]) -> list[str]:
    """Readable and different: `beta=0.5_seed=1`; what would be too long or equal gets a number."""
    lasts = [key.rpartition(".")[2] for key in listed[0]]
    short = {
        key: "data" if key == "data.path" else last if lasts.count(last) == 1 else key
        for key, last in zip(listed[0], lasts, strict=True)
    }
    names = [
        "_".join(f"{short[key]}={_word(key, value)}" for key, value in settings.items())
        for settings in listed
    ]
    folded = [name.casefold() for name in names]  # some file systems do not tell A from a
    return [
        name if len(name) <= _LONGEST and folded.count(name.casefold()) == 1
        else f"{name[: _LONGEST - 9]}_{_digest(settings)}"
        for name, settings in zip(names, listed, strict=True)
    ]  # fmt: skip


def _digest(settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(settings, default=str).encode()).hexdigest()[:8]


def _word(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return "+".join(_word("", part) for part in value) or "none"
    text = Path(value).stem if key == "data.path" else str(value)
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", text) or "none"


def _toml(value: Any) -> str:
    return json.dumps(value, default=str) if value != [] else "..."
