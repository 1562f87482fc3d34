"""From table `[make]` of a recipe to a dataset, in memory or in a file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from qdisc.config import convert
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.hdf5 import check_target, write_dataset
from qdisc.errors import ConfigError
from qdisc.physics.make.config import MakeConfig
from qdisc.physics.make.generate import journal_of, make_snapshots
from qdisc.physics.make.source import SourceConfig, read_source


def build(
    table: Mapping[str, Any],
    folder: Path,
    name: str,
    *,
    out: str | os.PathLike[str] | None = None,
    shots: int | None = None,
    overwrite: bool = False,
    small: bool = False,
    workers: int | None = 1,
    progress: Any = None,
) -> Dataset:
    """Make a dataset: computed from a model, or read from the file of an experiment.

    With `out`, finished settings are kept in the folder `<out>.parts` every few seconds: an
    interrupted generation goes on from there when it is started again.

    Args:
        table: Table `[make]`: keys of `MakeConfig`, or with `file` those of `SourceConfig`.
        folder: Folder of the recipe.
        name: A short name of the data.
        out: HDF5 file to write as well.
        shots: Snapshots per setting instead of the table's; fewer are the first of the same.
        overwrite: Replace `out` when it exists.
        small: A few settings and snapshots only, to try things out.
        workers: Processes; None chooses from the work and the machine. A script that asks for
            more than one needs Python's usual `if __name__ == "__main__":`.
        progress: An object with stage(name, total) and advance(n).

    Raises:
        ConfigError: The table makes no sense.
        DataError: `out` exists or cannot be written; a file to read is missing or damaged.
    """
    target = None if out is None else check_target(out, overwrite)  # what is in the way, now
    config = make_config(table, "make")
    if isinstance(config, SourceConfig):
        if shots is not None:
            raise ConfigError(
                "the number of shots of an experiment is given", where="shots", value=shots
            )
        dataset = read_source(config, folder, name, small)
        if target is not None:
            write_dataset(dataset, target, overwrite=overwrite)
        return dataset
    if shots is not None:
        config = msgspec.structs.replace(config, shots=shots)
    config = config.reduced() if small else config
    parts = None if target is None else target.with_name(f"{target.name}.parts")
    dataset = make_snapshots(config, name, workers=workers, parts=parts, progress=progress)
    if target is not None and parts is not None:
        write_dataset(dataset, target, overwrite=overwrite)
        journal_of(config, parts).remove()
    return dataset


def make_config(table: Mapping[str, Any], where: str) -> MakeConfig | SourceConfig:
    """Table `[make]`, checked.

    Raises:
        ConfigError: An unknown key or a value without meaning.
    """
    return convert(table, SourceConfig if "file" in table else MakeConfig, where)
