"""Finds plugins through entry points and checks them, one at a time and only when asked.

Listing reads package metadata only. Loading imports one plugin and checks its signature; a
plugin that cannot be loaded keeps its state and its reason, and costs nobody else anything.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import Distribution, EntryPoint, entry_points
from typing import Any

import msgspec

from qdisc.errors import PluginError, nearest
from qdisc.plugin.protocols import METHODS, SPECS
from qdisc.plugin.spec import CONTRACT

KINDS = ("loader", "model", "observable", "analysis")
GROUPS = {kind: f"qdisc.{'analyse' if kind == 'analysis' else kind}s" for kind in KINDS}


@dataclass(frozen=True)
class Found:
    """A plugin as far as it is known.

    Attributes:
        kind: loader, model, observable or analysis.
        name: Its entry-point name.
        package: Distribution that brings it, with its version.
        target: module:object.
        state: found, loaded, ambiguous, broken, invalid or incompatible.
        reason: Why it is not usable, with what to do.
        obj: The plugin, once loaded.
        traceback: Of the failed import.
    """

    kind: str
    name: str
    package: str
    target: str
    state: str = "found"
    reason: str = ""
    obj: Any = None
    traceback: str = ""


class Registry:
    """All plugins that are installed, by kind and name.

    Args:
        extra: Plugins given directly as (kind, object), for tests and notebooks.
    """

    def __init__(self, extra: Iterable[tuple[str, Any]] = ()) -> None:
        self._entries: dict[tuple[str, str], list[EntryPoint]] = {}
        self._loaded: dict[tuple[str, str], Found] = {}
        self._packages: dict[Distribution, str] = {}
        installed = entry_points()  # once for all kinds: it looks at every installed package
        for kind, group in GROUPS.items():
            for point in installed.select(group=group):
                same = self._entries.setdefault((kind, point.name), [])
                # An editable install can list its metadata twice; two packages are two packages,
                # even when both name the same object.
                seen = [(self._package(p), p.value) for p in same]
                if (self._package(point), point.value) not in seen:
                    same.append(point)
        for kind, obj in extra:
            obj = obj() if isinstance(obj, type) else obj
            name = getattr(getattr(obj, "spec", None), "name", type(obj).__name__)
            found = Found(kind, name, "given directly", f"{type(obj).__module__}:{name}")
            self._entries.pop((kind, name), None)
            self._loaded[kind, name] = _checked(found, obj)

    def names(self, kind: str) -> tuple[str, ...]:
        """Names of all plugins of a kind, sorted."""
        return tuple(sorted({n for k, n in (*self._entries, *self._loaded) if k == kind}))

    def list(self, *, load: bool = False) -> list[Found]:
        """All plugins; without `load` nothing is imported."""
        out = []
        for kind in KINDS:
            for name in self.names(kind):
                out.append(self.load(kind, name) if load else self._look(kind, name))
        return out

    def load(self, kind: str, name: str) -> Found:
        """Import and check one plugin; the outcome is in its state, never an exception."""
        if (kind, name) not in self._loaded:
            found = self._look(kind, name)
            if found.state == "found":
                found = _import(found, self._entries[kind, name][0])
            self._loaded[kind, name] = found
        return self._loaded[kind, name]

    def get(self, kind: str, name: str) -> Any:
        """Return a usable plugin.

        Raises:
            PluginError: It is not installed, or its state says why it cannot be used.
        """
        if name not in self.names(kind):
            raise PluginError(
                f"no {kind} plugin is called {name!r}",
                where=f"entry points {GROUPS[kind]}",
                value=name,
                hint=nearest(name, self.names(kind)),
            )
        found = self.load(kind, name)
        if found.state != "loaded":
            raise PluginError(
                f"the {kind} plugin {name!r} is {found.state}",
                where=found.package,
                value=found.reason,
                hint=f"see `qdisc plugins show {name}`",
            )
        return found.obj

    def _look(self, kind: str, name: str) -> Found:
        if (kind, name) in self._loaded:
            return self._loaded[kind, name]
        points = self._entries[kind, name]
        packages = sorted(self._package(point) for point in points)
        if len(points) > 1:
            return Found(
                kind, name, " and ".join(packages), points[0].value, "ambiguous",
                f"{len(points)} packages offer it: {', '.join(packages)}; uninstall one",
            )  # fmt: skip
        return Found(kind, name, packages[0], points[0].value)

    def _package(self, point: EntryPoint) -> str:
        """Name and version of the distribution; reading them parses its metadata, so once each."""
        if point.dist is None:
            return "unknown"
        if point.dist not in self._packages:
            metadata = point.dist.metadata
            self._packages[point.dist] = f"{metadata['Name']} {metadata['Version']}"
        return self._packages[point.dist]


def _import(found: Found, point: EntryPoint) -> Found:
    try:
        obj = point.load()
        obj = obj() if isinstance(obj, type) else obj
        return _checked(found, obj)
    except (Exception, SystemExit) as error:  # a stranger may raise anything; kept and shown
        return replace(
            found, state="broken", reason=f"{type(error).__name__}: {error}",
            traceback=traceback.format_exc(),
        )  # fmt: skip


def _checked(found: Found, obj: Any) -> Found:
    """Compare a plugin with the contract: spec, version, parameter names, Config."""
    spec: Any = getattr(obj, "spec", None)
    wanted = SPECS[found.kind]
    if not isinstance(spec, wanted):
        return _bad(found, "invalid", f"`spec` must be a {wanted.__name__}, is {type(spec)}")
    if spec.name != found.name:
        return _bad(found, "invalid", f"entry point {found.name!r}, but spec.name={spec.name!r}")
    problem = _contract_problem(spec.contract, found.package)
    if problem:
        return _bad(found, "incompatible", problem)
    for method, names in METHODS[found.kind].items():
        problem = _signature_problem(obj, method, names)
        if problem:
            return _bad(found, "invalid", problem)
    if found.kind != "observable":
        config = getattr(obj, "Config", None)
        if not (isinstance(config, type) and issubclass(config, msgspec.Struct)):
            return _bad(found, "invalid", "`Config` must be a subclass of qdisc.plugin.Config")
    return replace(found, state="loaded", obj=obj)


def _bad(found: Found, state: str, reason: str) -> Found:
    return replace(found, state=state, reason=reason)


def _contract_problem(version: str, package: str) -> str:
    try:
        major, minor = (int(part) for part in version.split("."))
    except (ValueError, AttributeError):
        return f"contract {version!r} is not of the form 'major.minor'"
    host_major, host_minor = (int(part) for part in CONTRACT.split("."))
    if major == host_major and minor <= host_minor:
        return ""
    newer = (major, minor) > (host_major, host_minor)
    upgrade = "qdisc" if newer else package.split(" ")[0]
    return f"written for contract {version}, this qdisc has {CONTRACT}; upgrade {upgrade}"


def _signature_problem(obj: Any, method: str, names: tuple[str, ...]) -> str:
    # The __call__ of a plain function takes *args; the function itself has the names.
    function = obj if method == "__call__" else getattr(obj, method, None)
    if not callable(function):
        return f"`{method}` is missing"
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return f"`{method}` has no readable signature"
    if tuple(signature.parameters) != names:
        return f"`{method}{signature}` must take exactly ({', '.join(names)})"
    return ""
