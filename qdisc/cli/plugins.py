"""Commands `qdisc plugins list | show | new`: what is installed, and the start of a new one."""

from __future__ import annotations

import argparse
from typing import Any

from qdisc.cli import plugins_check
from qdisc.cli.output import say, table
from qdisc.errors import PluginError, nearest
from qdisc.plugin.registry import KINDS

_BAD = ("ambiguous", "broken", "invalid", "incompatible")


def add_commands(commands: Any, common: argparse.ArgumentParser) -> None:
    """Declare the commands of this module."""
    plugins = commands.add_parser("plugins", parents=[common], help="what is installed")
    plugins.set_defaults(group=plugins)
    choice = plugins.add_subparsers(title="commands", metavar="COMMAND")
    listing = choice.add_parser("list", parents=[common], help="names and packages")
    listing.add_argument("--load", action="store_true", help="import each one and check it")
    listing.set_defaults(command=list_command)
    show = choice.add_parser("show", parents=[common], help="options, citation and state of one")
    show.add_argument("name", metavar="NAME")
    show.add_argument("--kind", choices=KINDS)
    show.set_defaults(command=show_command)
    plugins_check.add_command(choice, common)
    new = choice.add_parser(
        "new", parents=[common], help="write the package of a new plugin",
        description="Write an installable package with one plugin and its tests, to start from.",
    )  # fmt: skip
    new.add_argument("name", metavar="NAME", help="name of the plugin, e.g. string_order")
    new.add_argument("--kind", choices=KINDS, required=True)
    new.add_argument("-o", "--out", metavar="FOLDER", default=".",
                     help="folder that gets the package's folder (default: here)")  # fmt: skip
    new.set_defaults(command=new_command)


def list_command(arguments: argparse.Namespace) -> int:
    """List all plugins; without --load only package metadata is read."""
    from qdisc.plugin import Registry

    found = Registry().list(load=arguments.load)
    rows = [(f.kind, f.name, f.package, f.state) for f in found]
    say(table(("kind", "name", "package", "state"), rows))
    for one in found:
        if one.state in _BAD:
            say(f"{one.name} is {one.state}: {one.reason}")
    return 0


def show_command(arguments: argparse.Namespace) -> int:
    """Print all that is known about a plugin."""
    for n, found in enumerate(_load(arguments.name, arguments.kind)):
        if n:
            say()
        for line in card(found):
            say(line)
    return 0


def new_command(arguments: argparse.Namespace) -> int:
    """Write a package and say what to do with it."""
    from qdisc.plugin.scaffold import write_package

    made = write_package(arguments.name, arguments.kind, arguments.out)
    plugin, tests, *_ = made.files
    say(f"wrote {made.folder}")
    say(f"  {plugin}  the {arguments.kind}: an example to replace")
    say(f"  {tests}  its tests")
    say("next")
    say(f"  pip install -e {made.folder}")
    say(f"  python -m pytest {made.folder}")
    say(f"  qdisc plugins check {arguments.name}")
    return 0


def card(found: Any) -> list[str]:
    """Lines that describe a plugin: spec, options with defaults and meaning, state."""
    rows = [
        ("name", found.name), ("kind", found.kind), ("package", found.package),
        ("object", found.target), ("state", found.state),
    ]  # fmt: skip
    if found.reason:
        rows.append(("reason", found.reason))
    spec = getattr(found.obj, "spec", None)
    for name in getattr(spec, "__dataclass_fields__", ()):
        value = getattr(spec, name)
        if name == "provides":
            rows += [("provides", f"{p.name}({', '.join(p.dims)}) [{p.units}] {p.long_name}")
                     for p in value]  # fmt: skip
        elif name != "name" and value not in ("", (), None):
            text = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
            rows.append((name.replace("_", " "), text))
    out = [f"{name + ':':<16}{value}" for name, value in rows]
    config = getattr(found.obj, "Config", None) if found.kind != "observable" else None
    if config is not None:
        from qdisc.cli.options import options

        lines = options(config)
        out += ["options:" if lines else "options:        none", *lines]
    return out + (["", found.traceback.rstrip()] if found.traceback else [])


def _load(name: str, kind: str | None) -> list[Any]:
    from qdisc.plugin import Registry

    registry = Registry()
    kinds = [k for k in KINDS if kind in (None, k) and name in registry.names(k)]
    if not kinds:
        known = {n for k in KINDS if kind in (None, k) for n in registry.names(k)}
        raise PluginError(
            f"no {kind or ''} plugin is called {name!r}".replace("  ", " "),
            where="qdisc plugins", value=name, hint=nearest(name, known),
        )  # fmt: skip
    return [registry.load(k, name) for k in kinds]
