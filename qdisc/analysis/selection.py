"""Which plugins run, with which options; every mistake in the recipe shows before anything runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from qdisc.analysis.order import Node, targets
from qdisc.config import Selection, convert
from qdisc.errors import ConfigError, nearest
from qdisc.plugin.registry import Found, Registry

TABLES = {"observable": "observables", "analysis": "analyses"}


@dataclass(frozen=True)
class Job:
    """One plugin that takes part.

    Attributes:
        found: The plugin and its state.
        config: Its configuration; None for observables and unusable plugins.
        selected: Whether it is meant to run.
        disabled: Whether `skip` takes it out.
    """

    found: Found
    config: Any = None
    selected: bool = True
    disabled: bool = False

    @property
    def node(self) -> Node:
        """Kind and name."""
        return self.found.kind, self.found.name

    @property
    def runs(self) -> bool:
        """Whether it can be started."""
        return self.found.state == "loaded" and not self.disabled

    @property
    def options(self) -> dict[str, Any]:
        """The configuration as plain values."""
        return {} if self.config is None else msgspec.to_builtins(self.config)


def choose(registry: Registry, observables: Selection, analyses: Selection) -> dict[Node, Job]:
    """Plugins of a run.

    Without a list these are all observables and every analysis with `default=True`; a list
    restricts them to the named ones. Plugins that a chosen one requires are added, unless `skip`
    takes them out.

    Raises:
        ConfigError: An unknown plugin (with the nearest name), key or value.
    """
    selections = {"observable": observables, "analysis": analyses}
    for kind, selection in selections.items():
        _check_names(registry, kind, selection)
    jobs: dict[Node, Job] = {}
    wanted: list[Node] = []
    for kind, selection in selections.items():
        for name in registry.names(kind) if selection.run is None else selection.run:
            if name in selection.skip:
                continue
            found = registry.load(kind, name)
            named = selection.run is not None
            if found.state != "loaded":
                jobs[kind, name] = Job(found, selected=named)
            elif named or kind == "observable" or found.obj.spec.default:
                wanted.append((kind, name))
        for name in selection.skip:
            jobs[kind, name] = Job(registry.load(kind, name), selected=False, disabled=True)
    for kind, name in _with_needs(registry, wanted, jobs):
        found = registry.load(kind, name)
        jobs[kind, name] = Job(found, _config(found, selections[kind]))
    return jobs


def _with_needs(registry: Registry, wanted: Iterable[Node], jobs: dict[Node, Job]) -> list[Node]:
    out: dict[Node, None] = {}
    queue = list(wanted)
    while queue:
        node = queue.pop(0)
        if node in out or node in jobs:
            continue
        out[node] = None
        found = registry.load(*node)
        if found.state == "loaded" and node[0] == "analysis":
            for other in sorted(targets(found.obj.spec.needs)):
                if other[0] in TABLES and other[1] in registry.names(other[0]):
                    queue.append(other)
    return list(out)


def _check_names(registry: Registry, kind: str, selection: Selection) -> None:
    known, table = registry.names(kind), TABLES[kind]
    for key in ("run", "skip", "options"):
        for name in getattr(selection, key) or ():
            if name not in known:
                raise ConfigError(
                    f"no {kind} plugin is called {name!r}",
                    where=f"{table}.{name}" if key == "options" else f"{table}.{key}",
                    value=name,
                    hint=nearest(name, known),
                )
    for name, options in selection.options.items() if kind == "observable" else ():
        if options:
            raise ConfigError(
                "an observable has no options", where=f"{table}.{name}", value=dict(options)
            )


def _config(found: Found, selection: Selection) -> Any:
    if found.state != "loaded" or found.kind == "observable":
        return None
    where = f"{TABLES[found.kind]}.{found.name}"
    return convert(selection.options.get(found.name, {}), found.obj.Config, where)
