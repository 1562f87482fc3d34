"""Commands `qdisc result info | validate | diff | plot`: a result file, without retraining."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from qdisc.cli.output import say, warn
from qdisc.cli.paths import output_file, writable_folder
from qdisc.errors import ConfigError


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    group = commands.add_parser("result", parents=[common], help="look at a result file")
    group.set_defaults(group=group)
    choice = group.add_subparsers(title="commands", metavar="COMMAND")
    info = choice.add_parser("info", parents=[common], help="summary and content")
    info.add_argument("file", metavar="RESULT.h5")
    info.set_defaults(command=info_command)
    validate = choice.add_parser("validate", parents=[common], help="check it against the format")
    validate.add_argument("file", metavar="RESULT.h5")
    validate.set_defaults(command=validate_command)
    diff = choice.add_parser("diff", parents=[common], help="compare two, /provenance aside")
    diff.add_argument("first", metavar="A.h5")
    diff.add_argument("second", metavar="B.h5")
    diff.set_defaults(command=diff_command)
    plot = choice.add_parser("plot", parents=[common], help="draw its figures")
    plot.add_argument("file", metavar="RESULT.h5")
    plot.add_argument(
        "-o", "--out", metavar="FOLDER|FILE", default=".",
        help="folder, or with --what a .png, .pdf or .svg (default: here)",
    )  # fmt: skip
    plot.add_argument("--what", metavar="NAME",
                      help="latent_map, training, snapshots, an observable or an analysis "
                      "(default: all)")  # fmt: skip
    plot.add_argument("--format", choices=("png", "pdf", "svg"), default="png")
    plot.add_argument(
        "--pair", type=int, nargs=2, metavar=("X", "Y"), default=(0, 1),
        help="which theta axes are horizontal and vertical (default: 0 1)",
    )  # fmt: skip
    plot.add_argument("--at", type=float, nargs="+", metavar="VALUE",
                      help="values of the other thetas")  # fmt: skip
    plot.set_defaults(command=plot_command)


def info_command(arguments: argparse.Namespace) -> int:
    """Print the summary of a result, and what it holds."""
    from qdisc.results.reader import open_result_file
    from qdisc.show.table import print_summary

    result = open_result_file(arguments.file)
    print_summary(result, sys.stdout)
    say()
    say(f"schema {result.attrs.get('qdisc_schema')}, seed {result.seed}")
    for kind, names in (("observables", result.observables), ("analyses", result.analyses)):
        words = (f"{n} ({result.status(n)})" if result.status(n) != "ok" else n for n in names)
        say(f"{kind}: {', '.join(words) or 'none'}")
    return 0


def validate_command(arguments: argparse.Namespace) -> int:
    """Print the rules that a file breaks; exit 1 on any ERROR."""
    from qdisc.results.validate import validate

    findings = validate(arguments.file)
    for finding in findings:
        say(finding)
    errors = sum(finding.severity == "ERROR" for finding in findings)
    if not findings:
        warn(f"{arguments.file}: a valid result")
    return 1 if errors else 0


def diff_command(arguments: argparse.Namespace) -> int:
    """Print what differs between two results; exit 1 on any difference."""
    from qdisc.results.diff import diff

    lines = diff(arguments.first, arguments.second)
    for line in lines:
        say(line)
    if not lines:
        warn("no difference outside /provenance")
    return 1 if lines else 0


def plot_command(arguments: argparse.Namespace) -> int:
    """Draw figures from a result file and print where they are."""
    from qdisc.results.reader import open_result_file
    from qdisc.show.figures import draw_all, plot
    from qdisc.show.style import save

    out, ending = Path(arguments.out), arguments.format
    named = out.suffix.lower() in (".png", ".pdf", ".svg")
    if arguments.what is None:
        if named:
            raise ConfigError(
                "all figures do not fit into one file", where="-o", value=str(out),
                hint="name a folder, or one figure with --what",
            )  # fmt: skip
        if arguments.at is not None or tuple(arguments.pair) != (0, 1):
            raise ConfigError("--pair and --at belong to one figure", where="--what",
                              value=None, hint="name the figure with --what")  # fmt: skip
        folder = writable_folder(out, f"-o {out}")
        result = open_result_file(arguments.file)
        written = draw_all(result, folder, result.path.stem, ending=ending)
    else:
        result = open_result_file(arguments.file)
        figure = plot(result, arguments.what, pair=tuple(arguments.pair), at=arguments.at)
        stem = f"{result.path.stem}_{arguments.what}.{ending}"
        path = output_file(out if named else writable_folder(out, f"-o {out}") / stem)
        written = [save(figure, path)]
    for path in written:
        say(path)
    return 0
