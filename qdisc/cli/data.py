"""Commands `qdisc load` and `qdisc datasets`: what is in a file, and what can be made."""

from __future__ import annotations

import argparse
from typing import Any

from qdisc.cli.describe import description
from qdisc.cli.output import say, table, warn
from qdisc.cli.paths import output_file
from qdisc.errors import ConfigError


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    load = commands.add_parser(
        "load", parents=[common], help="say what a data file is understood to be",
        description="Read a data file and print what was understood; nothing is written.",
    )  # fmt: skip
    load.add_argument("file", metavar="FILE")
    load.add_argument("--loader", metavar="NAME", help="how to read it (default: guessed)")
    load.add_argument("--set", metavar="KEY=VALUE", action="append", default=[], dest="overrides",
                      help="option of the loader (a key of [data] in a recipe)")  # fmt: skip
    load.add_argument("--dry-run", action="store_true", help="print and stop (needed for now)")
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
    make.set_defaults(command=make_command)


def load_command(arguments: argparse.Namespace) -> int:
    """Print what was understood of a data file."""
    if not arguments.dry_run:
        raise ConfigError(
            "`qdisc load` only looks at a file", where="qdisc load", value=arguments.file,
            hint=f"qdisc load {arguments.file} --dry-run, or qdisc run {arguments.file}",
        )  # fmt: skip
    import qdisc

    options = _options(arguments.overrides)
    named = options.pop("loader", None)
    dataset = qdisc.load(arguments.file, loader=arguments.loader or named, **options)
    for line in description(dataset):
        say(line)
    return 0


def _options(overrides: list[str]) -> dict[str, Any]:
    """Options of the loader from `--set`; `data.` before a key may be there."""
    from qdisc.config import apply_overrides, parse_override

    pairs = (parse_override(text) for text in overrides)
    return apply_overrides({}, {key.removeprefix("data."): value for key, value in pairs})


def list_command(arguments: argparse.Namespace) -> int:
    """List the catalogue."""
    from qdisc.physics.catalogue import list_datasets

    entries = list_datasets()
    rows = [(e.name, "yes" if e.data else "make", e.card.licence, e.card.title) for e in entries]
    say(table(("name", "data", "licence", "title"), rows))
    return 0


def make_command(arguments: argparse.Namespace) -> int:
    """Generate a dataset and write it."""
    from qdisc.physics.catalogue import find_dataset, make_dataset

    entry = find_dataset(arguments.name)
    out = output_file(arguments.out or f"{entry.name}.h5")
    warn(f"making {entry.name} ...")
    dataset = make_dataset(arguments.name, out=out, shots=arguments.shots)
    warn(repr(dataset))
    say(out)
    return 0
