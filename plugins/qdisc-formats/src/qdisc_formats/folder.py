"""Loader of folders: one file per setting, merged into one sweep.

    path = "runs"
    pattern = "L={L:int}/delta={delta:float:MHz}/samples_*.json"
    files = "bloqade"                       # the loader of the files; default: guessed from each
    options = {atom_loss = "third_state"}   # its options

A field {name}, {name:float}, {name:int} or {name:float:unit} of the pattern is a number of the path
(the unit behind a second colon is not part of the path), * is anything but a slash. A name that the
pattern reads in two ways is refused. What the files say about themselves (a theta of their own,
numbers in their metadata) counts as well.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from qdisc import Dataset
from qdisc.dataset.load import load_with
from qdisc.dataset.places import in_file
from qdisc.errors import ConfigError, DataError, QdiscError
from qdisc.plugin import LoaderSpec, Registry

from qdisc_formats.folder_merge import Part, merged
from qdisc_formats.name_pattern import Pattern, natural
from qdisc_formats.options import SweepConfig
from qdisc_formats.report import Report

_MOST_FILES = 100_000


class FolderConfig(SweepConfig):
    """Options of the loader of folders.

    Attributes:
        pattern: Path of the files in the folder, with fields for the numbers in it; default "*",
            all files of the folder itself.
        files: Name of the loader that reads each file; default the one that recognises it.
        options: Options of that loader, the same for all files.
    """

    pattern: str = "*"
    files: str | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)


class FolderLoader:
    """Reads a folder of files as one sweep."""

    spec = LoaderSpec(
        name="folder",
        summary="a folder of files, one or more settings each; theta from their names by `pattern`",
        version="1.0.0",
        site_order="as the loader of the files says",
        folders=True,
    )
    Config = FolderConfig

    def guess(self, path: Path) -> bool:
        """True for folders."""
        return Path(path).is_dir()

    def load(self, path: Path, config: FolderConfig) -> Dataset:
        """Return the Dataset.

        Raises:
            DataError: No file matches, a file that cannot be read, files that are not one sweep.
            ConfigError: A pattern that is none.
        """
        path = Path(path)
        pattern = Pattern(config.pattern)
        found, others = _matching(path, pattern)
        if not found:
            there = others or [f"{entry.name}/" for entry in sorted(path.iterdir())]
            raise DataError("this is a folder, and no file in it matches the pattern",
                            where=str(path), value=config.pattern,
                            hint=f"there are {', '.join(there[:5]) or 'no files'}")  # fmt: skip
        report = Report("snapshots")
        if others:
            report.note(f"files that the pattern leaves out: {', '.join(others[:5])}"
                        + (" ..." if len(others) > 5 else ""))  # fmt: skip
        registry = Registry()
        parts = [Part(n, f, _read(registry, path / n, config)) for n, f in found]
        return merged(parts, pattern.units, config, report, path)


loader = FolderLoader()


def _matching(
    folder: Path, pattern: Pattern
) -> tuple[list[tuple[str, dict[str, float]]], list[str]]:
    """Files that match with their numbers, and names of others at the same depth; 2 before 10."""
    found, others = [], []
    for name in _files(folder, pattern.depth):
        numbers = pattern.match(name)
        if numbers is None:
            others.append(name)
        else:
            found.append((name, numbers))
    return sorted(found, key=lambda pair: natural(pair[0])), sorted(others, key=natural)


def _files(folder: Path, depth: int) -> Iterator[str]:
    """Paths of files `depth` folders down; hidden ones and links to folders are left out."""
    seen = 0
    stack = [(folder, "", 0)]
    while stack:
        place, prefix, level = stack.pop()
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError("the folder cannot be read", where=str(place),
                            value=error.strerror or str(error)) from error  # fmt: skip
        for entry in entries:
            seen += 1
            if seen > _MOST_FILES:
                raise DataError("more files than are read", where=str(folder),
                                value=f"more than {_MOST_FILES}")  # fmt: skip
            if entry.name.startswith("."):
                continue
            if entry.is_dir(follow_symlinks=False):
                if level < depth:
                    stack.append((place / entry.name, f"{prefix}{entry.name}/", level + 1))
            elif level == depth and entry.is_file():
                yield f"{prefix}{entry.name}"


def _read(registry: Registry, path: Path, config: FolderConfig) -> Dataset:
    try:
        return load_with(registry, path, config.files, config.options)
    except ConfigError as error:
        raise ConfigError(
            f"the options of the files: {error.what}", where=f"data.options ({error.where})",
            hint=error.hint or 'files = "..." names their loader, options = {...} its options',
        ) from error  # fmt: skip
    except DataError as error:
        also = "; keys of a folder's files stand in a table: options = {key = ...}"
        raise in_file(error, path, also) from error
    except QdiscError as error:
        raise DataError(f"a file of the folder cannot be read: {error.what}", where=str(path),
                        hint='files = "..." names the loader') from error  # fmt: skip
