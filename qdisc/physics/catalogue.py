"""The catalogue of datasets: one folder each, with a recipe, a card and perhaps the data.

`recipe.toml` says in `[make]` how the data are generated (and in its other tables how they are
analysed), `card.toml` what they are: title, units, licence, checksum.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from qdisc.config import Config, convert
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, nearest
from qdisc.physics.make import build, make_config

ENVIRONMENT = "QDISC_DATASETS"


class Card(Config):
    """What a dataset is (`card.toml`).

    Attributes:
        title: One line.
        licence: SPDX identifier.
        made: How the data came about.
        description: What one sees in the data, a few lines.
        hamiltonian: The model, in words and formulas.
        units: Unit of each theta axis and of the samples.
        conventions: Meaning of columns and codes.
        citation: What to cite.
        file: Name of the data file beside the card, if it is shipped.
        sha256: Its checksum, hexadecimal.
        content_sha256: Checksum of what is made (`Dataset.sha256`), for sets that are not shipped.
            Another processor may round a number differently, which changes it.
    """

    title: str
    licence: str
    made: str
    description: str = ""
    hamiltonian: str = ""
    units: dict[str, str] = msgspec.field(default_factory=dict)
    conventions: str = ""
    citation: str = ""
    file: str = ""
    sha256: str = ""
    content_sha256: str = ""


@dataclass(frozen=True)
class Entry:
    """One dataset of the catalogue.

    Attributes:
        name: Name of its folder.
        folder: Where it is.
        card: What it is.
    """

    name: str
    folder: Path
    card: Card

    @property
    def recipe(self) -> Path:
        """Path of `recipe.toml`."""
        return self.folder / "recipe.toml"

    @property
    def data(self) -> Path | None:
        """Path of the data when they are there; otherwise `make_dataset` builds them."""
        path = self.folder / self.card.file
        return path if self.card.file and path.is_file() else None


def datasets_root(root: str | os.PathLike[str] | None = None) -> Path:
    """Find the folder that holds the catalogue.

    The first that exists of: `root`; the environment variable QDISC_DATASETS; ./datasets; the
    `datasets` folder beside a source checkout; the sets that come with an installed package. A
    place that was named explicitly must exist.

    Raises:
        ConfigError: None of them exists.
    """
    named = [("argument `root`", root), (f"environment variable {ENVIRONMENT}", _environment())]
    for where, place in named:
        if place is not None:
            if Path(place).is_dir():
                return Path(place)
            raise ConfigError("no such folder of datasets", where=where, value=str(place))
    package = Path(__file__).resolve().parents[1]
    for place in (Path("datasets"), package.parent / "datasets", package / "_datasets"):
        if any(place.glob("*/card.toml")):
            return place
    raise ConfigError(
        "no catalogue of datasets found",
        where=str(Path("datasets").resolve()),
        hint=f"name the folder, or set {ENVIRONMENT}, or run where ./datasets is",
    )


def list_datasets(root: str | os.PathLike[str] | None = None) -> tuple[Entry, ...]:
    """Entries of the catalogue, by name.

    Raises:
        ConfigError: There is no catalogue, or a card cannot be read.
    """
    cards = sorted(datasets_root(root).glob("*/card.toml"))
    return tuple(_entry(card.parent) for card in cards)


def find_dataset(name: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> Entry:
    """The entry of a name, or of a folder that holds `card.toml`.

    Raises:
        ConfigError: There is none (the nearest name is suggested).
    """
    if (Path(name) / "card.toml").is_file():
        return _entry(Path(name))
    entries = {entry.name: entry for entry in list_datasets(root)}
    if str(name) not in entries:
        raise ConfigError(
            "no such dataset",
            where=str(datasets_root(root)),
            value=str(name),
            hint=nearest(str(name), entries),
        )
    return entries[str(name)]


def make_dataset(
    name: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    shots: int | None = None,
    root: str | os.PathLike[str] | None = None,
    *,
    overwrite: bool = False,
    small: bool = False,
    workers: int | None = 1,
    progress: Any = None,
) -> Dataset:
    """Make a dataset as its recipe says; the seed in the recipe makes it the same every time.

    Args:
        name: Name in the catalogue, or the dataset's folder.
        out: HDF5 file to write as well.
        shots: Snapshots per setting instead of the recipe's; fewer are the first of the same.
        root: Folder of the catalogue (see `datasets_root`).
        overwrite: Replace `out` when it exists.
        small: A few settings and snapshots only, to try things out.
        workers: Processes; None chooses, see `qdisc.physics.make.build`.
        progress: An object with stage(name, total) and advance(n).

    Raises:
        ConfigError: The dataset is unknown, or its recipe has no usable `[make]`.
        DataError: `out` exists or cannot be written; a file to read is missing or damaged.
    """
    entry = find_dataset(name, root)
    return build(
        make_table(entry), entry.folder, entry.name, out=out, shots=shots, overwrite=overwrite,
        small=small, workers=workers, progress=progress,
    )  # fmt: skip


def make_table(entry: Entry) -> dict[str, Any]:
    """Table `[make]` of a dataset's recipe.

    Raises:
        ConfigError: There is none, or it makes no sense.
    """
    table = _toml(entry.recipe).get("make")
    if not isinstance(table, Mapping):
        raise ConfigError(
            "the recipe does not say how the data are made", where=f"{entry.recipe}: [make]"
        )
    make_config(table, f"{entry.recipe}: make")  # its messages name the file
    return dict(table)


def _entry(folder: Path) -> Entry:
    folder = folder.resolve()
    card = folder / "card.toml"
    return Entry(folder.name, folder, convert(_toml(card), Card, str(card)))


def _environment() -> str | None:
    return os.environ.get(ENVIRONMENT) or None


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            "this file cannot be read", where=str(path), value=error.strerror or str(error)
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError("not a TOML file", where=str(path), value=str(error)) from error
