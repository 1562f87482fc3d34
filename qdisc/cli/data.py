"""Commands `qdisc load` and `qdisc datasets`: what is in a file, and what can be made."""

from __future__ import annotations

import argparse
from typing import Any

from qdisc.cli.describe import description
from qdisc.cli.output import say, table, warn
from qdisc.cli.paths import output_file
from qdisc.cli.progress import make_progress
from qdisc.errors import ConfigError


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    load = commands.add_parser(
        "load", parents=[common], help="say what a data file is understood to be",
        description="Read a data file, a folder, or the data of a recipe, and print what was "
        "understood; with -o, write it as a dataset file of qdisc.",
    )  # fmt: skip
    load.add_argument("file", metavar="FILE|FOLDER|RECIPE.toml")
    load.add_argument("--loader", metavar="NAME", help="how to read it (default: guessed)")
    load.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides",
                      help="option of the loader (a key of [data] in a recipe)")  # fmt: skip
    load.add_argument("--dry-run", action="store_true", help="print, write nothing")
    load.add_argument("-o", "--out", metavar="OUT.h5", help="write the dataset to this file")
    load.set_defaults(command=load_command)
    datasets = commands.add_parser("datasets", parents=[common], help="datasets of the catalogue")
    datasets.set_defaults(group=datasets)
    choice = datasets.add_subparsers(title="commands", metavar="COMMAND")
    listing = choice.add_parser("list", parents=[common], help="what there is")
    listing.set_defaults(command=list_command)
    make = choice.add_parser("make", parents=[common], help="generate a dataset from its recipe")
    make.add_argument("name", metavar="NAME")
    make.add_argument("-o", "--out", metavar="OUT.h5", help="default: NAME.h5 here")
    make.add_argument("--shots", type=int, metavar="N", help="snapshots per setting")
    make.add_argument("--workers", type=int, metavar="N",
                      help="processes (default: chosen from the work)")  # fmt: skip
    make.add_argument("--quiet", action="store_true", help="log lines instead of a bar")
    make.set_defaults(command=make_command)


def load_command(arguments: argparse.Namespace) -> int:
    """Print what was understood of a data file, and write it if asked to."""
    if arguments.dry_run == bool(arguments.out):
        raise ConfigError(
            "either look at a file, or write it as a dataset", where="qdisc load",
            value=arguments.file,
            hint=f"qdisc load {arguments.file} --dry-run, or -o OUT.h5; qdisc run analyses it",
        )  # fmt: skip
    import qdisc

    file, options = _file_and_options(arguments)
    named = options.pop("loader", None)
    dataset = qdisc.load(file, loader=arguments.loader or named, **options)
    for line in description(dataset):
        say(line)
    if arguments.out:
        from qdisc.dataset.hdf5 import write_dataset

        say(f"written to {write_dataset(dataset, arguments.out)}")
    return 0


def _file_and_options(arguments: argparse.Namespace) -> tuple[Any, dict[str, Any]]:
    """The file, and options of its loader from a recipe and `--set` (`data.` may be there)."""
    from qdisc.config import apply_overrides, parse_override, read_recipe

    pairs = (parse_override(text) for text in arguments.overrides)
    given = {key.removeprefix("data."): value for key, value in pairs}
    if not str(arguments.file).endswith(".toml"):
        return arguments.file, apply_overrides({}, given)
    recipe = read_recipe(arguments.file, {f"data.{key}": value for key, value in given.items()})
    options = dict(recipe.data)
    path = options.pop("path", None)
    if not isinstance(path, str):
        raise ConfigError("the recipe names no data", where="data.path", value=path,
                          hint='[data]\npath = "snapshots.h5"')  # fmt: skip
    return recipe.folder / path, options


def list_command(arguments: argparse.Namespace) -> int:
    """List the catalogue."""
    from qdisc.physics.catalogue import list_datasets

    entries = list_datasets()
    rows = [(e.name, "yes" if e.data else "make", e.card.licence, e.card.title) for e in entries]
    say(table(("name", "data", "licence", "title"), rows))
    return 0


def make_command(arguments: argparse.Namespace) -> int:
    """Generate a dataset and write it; an interrupted command goes on where it stopped."""
    from qdisc.physics.catalogue import find_dataset, make_dataset

    entry = find_dataset(arguments.name)
    out = output_file(arguments.out or f"{entry.name}.h5")
    progress = make_progress(arguments.quiet)
    try:
        dataset = make_dataset(
            arguments.name, out=out, shots=arguments.shots, workers=arguments.workers,
            progress=progress,
        )  # fmt: skip
    finally:
        progress.done()
    warn(repr(dataset))
    if arguments.shots is None and (written := entry.card.content_sha256):
        same = "the one on its card" if dataset.sha256 == written else f"its card says {written}"
        warn(f"checksum of the content: {dataset.sha256}, {same}")
    say(out)
    return 0
