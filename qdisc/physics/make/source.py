"""Datasets that are read, not computed: table `[make]` that names a file of an experiment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from qdisc.config import Config
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.load import file_sha256, load
from qdisc.errors import DataError

ENVIRONMENT = "QDISC_SOURCES"
_FEW_SETTINGS, _FEW_SHOTS = 3, 40


class SourceConfig(Config):
    """How a dataset is made from a file that is not part of the catalogue.

    Attributes:
        file: Name of the file. It is looked for in the dataset's folder, in `places`, and in the
            folders of the environment variable QDISC_SOURCES (separated like those of PATH).
        sha256: Its checksum, hexadecimal: another version of the file is refused.
        origin: Where one gets it.
        places: Folders, relative to the dataset's.
        loader: Which loader reads it; guessed when left out.
        options: Options of the loader.
    """

    file: str
    sha256: str
    origin: str
    places: tuple[str, ...] = ()
    loader: str | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)


def find_source(config: SourceConfig, folder: Path) -> Path:
    """Path of the file.

    Args:
        config: What is looked for.
        folder: The dataset's folder.

    Raises:
        DataError: It is nowhere, or not the file that the recipe was written for.
    """
    named = [place for place in os.environ.get(ENVIRONMENT, "").split(os.pathsep) if place]
    places = [folder, *(folder / place for place in config.places), *map(Path, named)]
    found = next((p / config.file for p in places if (p / config.file).is_file()), None)
    if found is None:
        raise DataError(
            "the file that this dataset is made from is not there", where=config.file,
            value=[os.path.normpath(place) for place in places],
            hint=f"get it ({config.origin}) and put it in one of these folders, or name its "
            f"folder in the environment variable {ENVIRONMENT}",
        )  # fmt: skip
    if (seen := file_sha256(found)) != config.sha256:
        raise DataError(
            "this is another version of the file", where=f"{found}, SHA-256", value=seen,
            hint=f"the recipe is for {config.sha256}; set make.sha256 to use this one",
        )  # fmt: skip
    return found


def read_source(config: SourceConfig, folder: Path, name: str, small: bool = False) -> Dataset:
    """The dataset.

    Args:
        config: The file and how it is read.
        folder: The dataset's folder.
        name: A short name of the data.
        small: A few settings and snapshots only.

    Raises:
        DataError: The file is missing, is another one, or cannot be read.
        PluginError: The loader is not installed.
    """
    options: Mapping[str, Any] = {"name": name, **config.options}
    dataset = load(find_source(config, folder), config.loader, **options)
    return reduced(dataset) if small else dataset


def reduced(dataset: Dataset) -> Dataset:
    """At most 3 values per axis of a grid, or 3 settings, with 40 snapshots of each."""
    shape = dataset.theta_shape
    kept = (np.unique(np.linspace(0, n - 1, _FEW_SETTINGS).round().astype(int)) for n in shape)
    points = np.ravel_multi_index(np.meshgrid(*kept, indexing="ij"), shape).ravel()
    rows = [np.flatnonzero(dataset.point == point) for point in points]
    rows = [row[:: max(1, len(row) // _FEW_SHOTS)][:_FEW_SHOTS] for row in rows]
    return Dataset.from_points(
        np.asarray(dataset.samples)[np.concatenate(rows)],
        np.repeat(np.arange(len(points)), [len(row) for row in rows]),
        dataset.theta[points], data_type=dataset.data_type, theta_names=dataset.theta_names,
        theta_units=dataset.theta_units, sites=dataset.sites, periodic=dataset.periodic,
        local_states=None if dataset.data_type == "shadow" else dataset.local_states,
        name=dataset.name, source=dataset.source,
    )  # fmt: skip
