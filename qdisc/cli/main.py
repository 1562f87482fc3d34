"""The command `qdisc`: parsing, dispatch, and what every error looks like.

Results go to stdout, messages to stderr. Exit codes: 0 done, 1 a bug or a check that found
something, 2 a mistake in the input, 3 a selected plugin failed, 130 interrupted (143: by SIGTERM).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence

import qdisc
from qdisc.cli import data, plugins, result, run, sweep
from qdisc.cli.compiled import keep_compiled
from qdisc.cli.output import warn
from qdisc.errors import QdiscError

OK, BUG, MISTAKE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the whole command line."""
    common = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    common.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser = argparse.ArgumentParser(
        prog="qdisc",
        description="Discover phases of matter from raw measurement snapshots.",
        epilog="Start with `qdisc demo`; then `qdisc load FILE --dry-run` and `qdisc run FILE`.",
        parents=[common],
    )
    parser.add_argument("--version", action="version", version=f"qdisc {qdisc.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in (run, sweep, data, plugins, result):
        module.add_commands(commands, common)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Args:
        argv: Arguments without the program's name; default `sys.argv[1:]`.
    """
    parser = build_parser()
    try:
        arguments = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has printed its message, or --help, or --version
        return stop.code if isinstance(stop.code, int) else MISTAKE
    if not hasattr(arguments, "command"):
        (getattr(arguments, "group", None) or parser).print_help()
        return OK
    debug = getattr(arguments, "debug", False)
    keep_compiled()
    try:
        code = arguments.command(arguments)
        sys.stdout.flush()
        return code
    except QdiscError as error:
        _show(f"error: {error}", debug)
        return error.exit_code
    except KeyboardInterrupt:
        _show("interrupted", debug)
        return INTERRUPTED
    except BrokenPipeError:  # `qdisc ... | head`: the reader left; keep Python from saying more
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE_CLOSED
    except Exception as error:
        hint = "" if debug else "; add --debug for the traceback to report"
        _show(f"error: this is a bug in qdisc or a plugin{hint}\n  {_words(error)}", debug)
        return BUG


def _show(text: str, debug: bool) -> None:
    if debug:
        sys.stderr.write(traceback.format_exc())
    warn(text)


def _words(error: Exception) -> str:
    first = (str(error).strip() or "no message").splitlines()[0]
    return f"{type(error).__name__}: {first}"
