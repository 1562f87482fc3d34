"""Read whatever file a physicist has: choose the loader, run it, note where the data come from."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from qdisc.config import convert
from qdisc.dataset.dataset import Dataset
from qdisc.dataset.places import in_file
from qdisc.errors import DataError, PluginError, QdiscError
from qdisc.plugin import Registry


def load(path: str | os.PathLike[str], loader: str | None = None, **config: Any) -> Dataset:
    """Read a dataset from a file, or from a folder of files.

    Args:
        path: The file or folder.
        loader: Name of a loader (`qdisc plugins list`); by default the one that recognises it.
        **config: Options of that loader, e.g. `data_type="discrete"`.

    Returns:
        The Dataset; its `source` names the loader, the file and the file's SHA-256 (of a folder,
        that of the list of its files and their SHA-256, if the loader gives it). A loader may say
        there what it did: `dropped` (how many snapshots and why), `notes` (choices, one a line),
        `levels` (what each code is, with commas), `metadata` (JSON).

    Raises:
        DataError: The file is missing, empty, recognised by no loader or by several, or wrong.
        ConfigError: The loader has no such option.
        PluginError: The loader is not installed or cannot be used.
    """
    return load_with(Registry(), path, loader, config)


def load_with(
    registry: Registry,
    path: str | os.PathLike[str],
    loader: str | None = None,
    config: dict[str, Any] | None = None,
) -> Dataset:
    """`load` with the plugins of a given registry."""
    path = Path(path)
    folder = _is_folder(path)
    name = loader if loader is not None else guess_loader(registry, path)
    plugin = registry.get("loader", name)
    if folder != plugin.spec.folders:
        raise DataError(
            "this is a folder, not a file" if folder else "this is a file, not a folder",
            where=str(path), value=f"loader {name}",
            hint="name one file in it, or leave out the loader" if folder else "leave it out",
        )  # fmt: skip
    options = convert(config or {}, plugin.Config, f"data ({name})")
    try:
        dataset = plugin.load(path=path, config=options)
    except DataError as error:
        raise in_file(error, path) from error
    except QdiscError:
        raise
    except Exception as error:  # a stranger's loader may raise anything; it is named
        raise DataError(
            f"the loader {name!r} failed: {type(error).__name__}: {error}",
            where=str(path),
            hint=f"is it a file for {name!r}? If so, tell the authors of the loader",
        ) from error
    if not isinstance(dataset, Dataset):
        raise PluginError(
            "a loader returns a Dataset", where=f"loader {name}", value=type(dataset).__name__
        )
    note = {"loader": name, "path": path.name or path.resolve().name}
    checksum = {} if folder else {"sha256": file_sha256(path)}
    return dataset.with_source({**dataset.source, **note, **checksum})


def guess_loader(registry: Registry, path: Path) -> str:
    """Name of the one loader that recognises the file or folder.

    Raises:
        DataError: None does (all are listed with what they read), or several do.
    """
    claims: list[str] = []
    refusals: list[DataError] = []
    notes: list[str] = []
    for name in registry.names("loader"):
        found = registry.load("loader", name)
        if found.state != "loaded":
            notes.append(f"{name} is {found.state}: {found.reason}")
            continue
        if found.obj.spec.folders != path.is_dir():
            continue
        try:
            claimed = bool(found.obj.guess(path=path))
        except DataError as error:  # its kind of file, but damaged or refused
            refusals.append(error)
            continue
        except Exception as error:  # one bad loader must not hide the others
            notes.append(f"{name} failed to look at it: {type(error).__name__}: {error}")
            continue
        if claimed:
            claims.append(name)
        notes.append(f"{name} reads {found.obj.spec.summary}")
    if len(claims) == 1:
        return claims[0]
    if claims:
        raise DataError(
            "several loaders recognise this file", where=str(path), value=", ".join(claims),
            hint=f"choose one, e.g. loader={claims[0]!r}",
        )  # fmt: skip
    if refusals:
        raise in_file(refusals[0], path)
    if path.is_dir():
        raise DataError("this is a folder, not a file", where=str(path), hint="name one file in it")
    raise DataError(
        "no installed loader recognises this file",
        where=str(path),
        hint="\n         ".join(["name one with loader=...", *notes]),
    )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _is_folder(path: Path) -> bool:
    """Whether the path is a folder; a file must be there, regular, not empty and readable."""
    where = str(path)
    try:
        if path.is_dir():
            return True
        if not path.exists():
            raise DataError("there is no such file", where=where, hint="check the path")
        if not path.is_file():
            raise DataError("this is not a regular file", where=where)
        if path.stat().st_size == 0:
            raise DataError("the file is empty", where=where, value="0 bytes")
        with path.open("rb"):
            pass
    except OSError as error:
        raise DataError(
            "the file cannot be read", where=where, value=error.strerror or str(error)
        ) from error
    return False
