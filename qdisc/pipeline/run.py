"""The doors to the chain: a recipe or data file, a dataset in memory, the demonstration."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from qdisc.config import apply_overrides, parse_recipe
from qdisc.dataset.dataset import Dataset
from qdisc.errors import ConfigError, ResultError
from qdisc.pipeline.chain import chain
from qdisc.pipeline.data import dataset_of, recipe_of
from qdisc.pipeline.result import Result
from qdisc.plugin.registry import Registry
from qdisc.results import provenance
from qdisc.train.loop import Stop


def run(
    source: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    seed: int | None = None,
    loader: str | None = None,
    strict: bool = False,
    figures: bool = False,
    progress: Any = None,
    registry: Registry | None = None,
    command: str | None = None,
    workers: int | None = 1,
    resume: bool = False,
    stop: Stop | None = None,
) -> Result:
    """Run a recipe, or analyse a data file with defaults chosen from it.

    Args:
        source: A recipe (.toml) or its tables as a dict, a file that a loader reads, or the name
            of a dataset of the catalogue: its recipe. With QDISC_SMALL=1 in the environment,
            recipes of the catalogue are reduced to a taste.
        out: Result file; a temporary one, gone with the process, if left out.
        overrides: Dotted keys of the recipe, {"train.epochs": 3}.
        seed: The one seed of the run.
        loader: Name of the loader; guessed from the content if left out.
        strict: Raise at the first failing plugin.
        figures: Draw the figures beside `out`.
        progress: An object with stage(name, total), advance(n, **info), message(text).
        registry: Installed plugins.
        command: Command line to note in the file.
        workers: Processes that make data which are not there yet; None chooses.
        resume: Go on from the checkpoint beside `out` that an interrupted run left, bit by bit as
            if nothing had happened.
        stop: Asked now and then; words (what interrupts) end the run: a checkpoint and what exists
            of the result are written.

    Raises:
        QdiscError: What, where, the value, what to try; before any training where possible.
    """
    target = _target(out)
    changes = dict(overrides or {})
    if seed is not None:
        changes["seed"] = seed
    if loader is not None:
        changes["data.loader"] = loader
    recipe = recipe_of(source, changes)
    anew = any(key == "make" or key.startswith("make.") for key in changes)
    dataset, table = dataset_of(recipe, anew=anew, workers=workers, progress=progress)
    if progress is not None:
        for line in reported(dataset):
            progress.message(line)
    return chain(
        dataset, recipe, target, data_table=table, registry=registry, strict=strict,
        figures=figures, progress=progress, command=command, checkpoint=out is not None,
        resume=resume, stop=stop,
    )  # fmt: skip


def discover(
    dataset: Dataset,
    seed: int = 0,
    out: str | os.PathLike[str] | None = None,
    *,
    strict: bool = False,
    figures: bool = False,
    progress: Any = None,
    registry: Registry | None = None,
    resume: bool = False,
    stop: Stop | None = None,
    **overrides: Any,
) -> Result:
    """Find the phases in a dataset: the whole chain in one call.

    Args:
        dataset: The snapshots.
        seed: The one seed of the run.
        out: Result file; a temporary one, gone with the process, if left out.
        strict: Raise at the first failing plugin.
        figures: Draw the figures beside `out`.
        progress: An object with stage, advance and message.
        registry: Installed plugins.
        resume: Go on from the checkpoint that an interrupted run left beside `out`.
        stop: Asked now and then; words (what interrupts) end the run.
        **overrides: Dotted keys of a recipe: `**{"train.epochs": 3}`.

    Raises:
        QdiscError: What, where, the value, what to try; before any training where possible.
    """
    if not isinstance(dataset, Dataset):
        raise ConfigError(
            "discover takes a Dataset", where="dataset", value=type(dataset).__name__,
            hint="qdisc.load(path), Dataset(...), Dataset.from_samples(...)",
        )  # fmt: skip
    recipe = parse_recipe(apply_overrides({}, {**overrides, "seed": seed}))
    if recipe.data or recipe.make:
        given = {"data": dict(recipe.data), "make": dict(recipe.make)}
        raise ConfigError(
            "discover takes its data from the Dataset", where="data", value=given,
            hint="qdisc.run(path) reads a file",
        )  # fmt: skip
    return chain(
        dataset, recipe, _target(out), data_table={}, strict=strict,
        figures=figures, progress=progress, registry=registry, checkpoint=out is not None,
        resume=resume, stop=stop,
    )  # fmt: skip


def repeat(
    result: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    overrides: Mapping[str, Any] | None = None,
    strict: bool = False,
    figures: bool = False,
    progress: Any = None,
    registry: Registry | None = None,
    command: str | None = None,
    workers: int | None = 1,
    resume: bool = False,
    stop: Stop | None = None,
) -> Result:
    """Run what a result file says it came from: same recipe, same seed, same data.

    With the same versions on the same machine the new file differs in nothing but provenance
    (`qdisc result diff` is empty).

    Args:
        result: A result file.
        out: The new one.
        overrides: Dotted keys; `data.path` where the data lie now.
        strict: Raise at the first failing plugin.
        figures: Draw the figures beside `out`.
        progress: An object with stage, advance and message.
        registry: Installed plugins.
        command: Command line to note in the file.
        workers: Processes that make data which are not there yet; None chooses.
        resume: Go on from the checkpoint beside `out`.
        stop: Asked now and then; words (what interrupts) end the run.

    Raises:
        ConfigError: The result came from data in memory, and no file is named.
        ResultError: The data are not those of the result.
    """
    old, target = Result(result), _target(out)
    tables = apply_overrides(tomllib.loads(old.config_toml), overrides or {})
    recipe = parse_recipe(tables)
    if not recipe.data.get("path"):
        raise ConfigError(
            "the result was made from data in memory", where=str(result),
            hint="qdisc.save them, and name the file: --set data.path=FILE",
        )  # fmt: skip
    dataset, table = dataset_of(recipe, workers=workers, progress=progress)
    was = old.group("/dataset").attrs.get("sha256")
    if was != dataset.sha256:
        raise ResultError(
            "the data are not those of the result", where=str(table["path"]),
            value=f"sha256 {dataset.sha256[:16]}..., {str(was)[:16]}... in {old.path}",
            hint="name the file with --set data.path=FILE, or run the recipe anew",
        )  # fmt: skip
    if progress is not None:
        for line in provenance.other_versions(old.group("/provenance/environment").attrs):
            progress.message(f"{line}: numbers may differ in their last digits")
    return chain(
        dataset, recipe, target, data_table=table, registry=registry, strict=strict,
        figures=figures, progress=progress, command=command, checkpoint=out is not None,
        resume=resume, stop=stop,
    )  # fmt: skip


def demo(
    folder: str | os.PathLike[str],
    *,
    progress: Any = None,
    seed: int = 0,
    resume: bool = False,
    stop: Stop | None = None,
) -> Result:
    """Run the shipped J1-J2 recipe and write `demo.h5` and its figures into `folder`."""
    from qdisc.physics.catalogue import find_dataset

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    entry = find_dataset("j1j2_3x3")
    return run(
        entry.recipe, folder / "demo.h5", seed=seed, figures=True, progress=progress,
        resume=resume, stop=stop,
    )  # fmt: skip


def reported(dataset: Dataset) -> list[str]:
    """What the loader says it did: snapshots dropped and why, choices it made; often nothing."""
    source = dataset.source
    dropped = [f"dropped {source['dropped']}"] if source.get("dropped") else []
    lines = [*dropped, *source.get("notes", "").splitlines()]
    return [f"{source.get('path', 'data')}: {line}" for line in lines]


def _target(out: str | os.PathLike[str] | None) -> Path:
    """Check that the result can be written before hours are spent on it."""
    if out is None:
        folder = tempfile.TemporaryDirectory(prefix="qdisc-")
        path = Path(folder.name) / "result.h5"
        _KEPT.append(folder)
        return path
    path = Path(out)
    if not path.parent.is_dir():
        raise ResultError(
            "the output folder does not exist", where=str(path.parent), value=str(path),
            hint=f"mkdir -p {path.parent}",
        )  # fmt: skip
    if path.is_dir():
        raise ResultError("the output is a folder, a file is wanted", where=str(path))
    if not os.access(path.parent, os.W_OK):
        raise ResultError("the output folder cannot be written", where=str(path.parent))
    return path


_KEPT: list[tempfile.TemporaryDirectory] = []  # removed when the process ends
