"""Commands `qdisc run` and `qdisc demo`: the whole chain from a file, or from nothing."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from qdisc.cli.output import say, warn
from qdisc.cli.paths import new_folder, output_file
from qdisc.cli.progress import make_progress
from qdisc.errors import ConfigError


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    run = commands.add_parser(
        "run", parents=[common], help="train a model and analyse it",
        description="Run a recipe (.toml) or a dataset of the catalogue, or analyse a data file "
        "with defaults chosen from it.",
    )  # fmt: skip
    run.add_argument(
        "source", metavar="RECIPE.toml|DATA|NAME", nargs="?",
        help="a recipe, a file of data, or a name of `qdisc datasets list`",
    )  # fmt: skip
    run.add_argument("-o", "--out", metavar="OUT.h5",
                     help="result file (default: <name of the source>_result.h5 here)")  # fmt: skip
    run.add_argument("--set", metavar="a.b=1", action="append", default=[], dest="overrides",
                     help="override a key of the recipe, e.g. train.epochs=3")  # fmt: skip
    run.add_argument("--seed", type=_whole, metavar="N", help="the one seed of the run")
    run.add_argument("--loader", metavar="NAME", help="how to read the data (default: guessed)")
    run.add_argument("--from", metavar="RESULT.h5", dest="result",
                     help="repeat the run that made this result")  # fmt: skip
    run.add_argument("--strict", action="store_true", help="stop at the first failing plugin")
    run.add_argument("--no-figures", action="store_true", help="write the result file only")
    run.set_defaults(command=run_command)
    demo = commands.add_parser(
        "demo", parents=[common], help="analyse the shipped J1-J2 snapshots, in a few minutes",
        description="Train a model on the shipped J1-J2 snapshots and draw their phase diagram.",
    )  # fmt: skip
    demo.add_argument("-o", "--out", metavar="FOLDER", default="demo",
                      help="folder for what is written (default: ./demo)")  # fmt: skip
    demo.set_defaults(command=demo_command)
    for command in (run, demo):
        command.add_argument("--resume", action="store_true",
                             help="go on from the checkpoint of an interrupted run")  # fmt: skip
        command.add_argument("--quiet", action="store_true", help="log lines instead of a bar")


def run_command(arguments: argparse.Namespace) -> int:
    """Run a recipe or a data file; everything that can be refused is refused before training."""
    from qdisc.config import parse_override

    source = _source(arguments)
    ending = "again" if arguments.result else "result"
    out = output_file(arguments.out or f"{source.stem}_{ending}.h5", source)
    overrides = dict(parse_override(text) for text in arguments.overrides)
    from qdisc import pipeline
    from qdisc.signals import Signals
    from qdisc.train.devices import join, leads

    join()
    own = {"seed": arguments.seed, "loader": arguments.loader}
    act: Any = pipeline.run
    if arguments.result:
        act = pipeline.repeat
        told = {"seed": own["seed"], "data.loader": own["loader"]}
        overrides, own = overrides | {k: v for k, v in told.items() if v is not None}, {}
    progress = make_progress(arguments.quiet)
    try:
        with Signals() as stop:
            result = act(
                str(source), out=out, overrides=overrides, strict=arguments.strict,
                figures=not arguments.no_figures, progress=progress, resume=arguments.resume,
                workers=None, stop=stop, **own,
            )  # fmt: skip
    finally:
        progress.done()
    return report(result) if leads() else int(result.exit_code)


def _source(arguments: argparse.Namespace) -> Path:
    """What is run: one of the two ways to say it."""
    ways = [way for way in (arguments.source, arguments.result) if way]
    if len(ways) != 1:
        raise ConfigError(
            "one of a source and --from RESULT.h5 is wanted", where="qdisc run", value=ways,
            hint="qdisc run RECIPE.toml, or qdisc run --from RESULT.h5",
        )  # fmt: skip
    return Path(ways[0])


def demo_command(arguments: argparse.Namespace) -> int:
    """Run the demonstration."""
    folder = new_folder(Path(arguments.out))
    from qdisc.pipeline import demo
    from qdisc.signals import Signals

    progress = make_progress(arguments.quiet)
    try:
        with Signals() as stop:
            result = demo(folder, progress=progress, resume=arguments.resume, stop=stop)
    finally:
        progress.done()
    return report(result)


def report(result: Any) -> int:
    """Print the summary of a run to stdout and return its exit code."""
    from qdisc.signals import CODES

    if result.path is not None and sys.stdout.isatty():
        from qdisc.results.reader import open_result_file
        from qdisc.show.table import print_summary

        print_summary(open_result_file(result.path), sys.stdout, getattr(result, "figures", ()))
    else:
        say(result.table())
    if int(result.exit_code) in CODES.values():
        warn(f"interrupted: {result.path} holds what existed; "
             "the same command with --resume goes on")  # fmt: skip
    return int(result.exit_code)


def _whole(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("a seed is a whole number >= 0")
    return value


_whole.__name__ = "whole number"  # argparse names the type by it in its message
