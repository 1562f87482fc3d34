"""Command `qdisc plugins check`: the conformance kit on what is installed."""

from __future__ import annotations

import argparse
import textwrap
import time
from pathlib import Path
from typing import Any

from qdisc.cli.output import say
from qdisc.errors import ConfigError, PluginError, nearest
from qdisc.plugin.registry import KINDS, Found, Registry

_OURS = "qdisc "  # the package of the built-in plugins


def add_command(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the command."""
    check = commands.add_parser(
        "check", parents=[common], help="run the conformance checks",
        description="Run the checks of the plugin contract, on tiny datasets of every kind. "
        "Without names: every installed plugin that is not built in. Exit code 1: one failed.",
    )  # fmt: skip
    check.add_argument("names", metavar="NAME", nargs="*", help="plugins (default: see above)")
    check.add_argument("--kind", choices=KINDS)
    check.add_argument("--package", metavar="PACKAGE", help="only the plugins of a package")
    check.add_argument("--all", action="store_true", help="the built-in ones, too")
    check.add_argument("--file", metavar="FILE", type=Path, help="a file that loader NAME reads")
    check.add_argument("-v", "--verbose", action="store_true", help="show every check")
    check.set_defaults(command=check_command)


def check_command(arguments: argparse.Namespace) -> int:
    """Check plugins, a line each; under it what failed."""
    chosen = _chosen(arguments)
    if not chosen:
        say("no plugins are installed beside the built-in ones; --all checks those")
        return 0
    wide = max(len(f"{one.kind} {one.name}") for one in chosen)
    registry, good = Registry(), 0
    for one in chosen:
        good += _report(registry.load(one.kind, one.name), wide, arguments)
    if arguments.file is None and any(one.kind == "loader" for one in chosen):
        say("loaders read nothing here; `qdisc plugins check LOADER --file FILE` checks reading")
    failed = len(chosen) - good
    say(f"{len(chosen)} plugin{'s' * (len(chosen) > 1)}: {good} ok, {failed} failed")
    return 1 if failed else 0


def _chosen(arguments: argparse.Namespace) -> list[Found]:
    """The plugins that the arguments mean; a name or package that is not there is an error."""
    installed = [f for f in Registry().list() if arguments.kind in (None, f.kind)]
    if arguments.package:
        packages = {name for f in installed for name in _packages(f)}
        if arguments.package not in packages:
            raise PluginError(
                "no such package has plugins", where="--package", value=arguments.package,
                hint=nearest(arguments.package, packages),
            )  # fmt: skip
        installed = [f for f in installed if arguments.package in _packages(f)]
    for name in arguments.names:
        if name not in {f.name for f in installed}:
            raise PluginError(
                f"no {arguments.kind or ''} plugin is called {name!r}".replace("  ", " "),
                where="qdisc plugins", value=name,
                hint=nearest(name, {f.name for f in installed}),
            )  # fmt: skip
    if arguments.names:
        installed = [f for f in installed if f.name in arguments.names]
    elif not (arguments.all or arguments.package):
        installed = [f for f in installed if not f.package.startswith(_OURS)]
    if arguments.file is not None:
        installed = [f for f in installed if f.kind == "loader"]
        if len(installed) != 1:
            raise ConfigError(
                "--file goes with the name of one loader", where="--file",
                value=str(arguments.file), hint="qdisc plugins check NAME --file FILE",
            )  # fmt: skip
        if not arguments.file.is_file():
            raise ConfigError("no such file", where="--file", value=str(arguments.file))
    return installed


def _packages(found: Found) -> list[str]:
    return [words.rpartition(" ")[0] for words in found.package.split(" and ")]


def _report(found: Found, wide: int, arguments: argparse.Namespace) -> bool:
    """Run the checks of one plugin and print what came out."""
    start = time.perf_counter()
    name = f"{found.kind} {found.name}".ljust(wide)
    if found.state != "loaded":
        say(f"FAIL  {name}  {found.package}: {found.state}")
        say(_indented(found.reason))
        return False
    from qdisc.testing import run_checks

    findings = run_checks(found.obj, file=arguments.file)
    bad = [one for one in findings if not one.ok]
    count = f"{len(findings)} checks" if not bad else f"{len(bad)} of {len(findings)} checks failed"
    seconds = time.perf_counter() - start
    say(f"{'FAIL' if bad else 'ok  '}  {name}  {found.package}: {count}, {seconds:.1f} s")
    for one in findings if arguments.verbose else bad:
        say(f"      {'FAIL' if not one.ok else 'ok  '} {one.name}")
        if one.message:
            say(_indented(one.message, 11))
    return not bad


def _indented(text: str, by: int = 6) -> str:
    return textwrap.indent(text.rstrip(), " " * by)
