"""Checks of what every plugin says about itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec

from qdisc.plugin.registry import Registry


def checks(kind: str, obj: Any) -> Iterator[tuple[str, Callable[[], None]]]:
    """Checks by name."""
    yield "loads", partial(loads, kind, obj)
    yield "describes_itself", partial(describes_itself, kind, obj)
    if kind != "observable":
        yield "config_has_defaults", partial(config_has_defaults, obj)


def loads(kind: str, obj: Any) -> None:
    """The host accepts spec, contract version, parameter names and Config."""
    found = Registry([(kind, obj)]).load(kind, obj.spec.name)
    assert found.state == "loaded", f"{found.state}: {found.reason}"


def describes_itself(kind: str, obj: Any) -> None:
    """The spec is frozen and says in words what the plugin does."""
    spec = obj.spec
    assert spec.summary.strip(), "spec.summary is empty: one sentence for `qdisc plugins list`"
    assert "\n" not in spec.summary, "spec.summary is one line"
    try:
        spec.name = "another"
    except dataclasses.FrozenInstanceError:
        pass
    else:
        raise AssertionError("the spec can be changed; use the frozen classes of qdisc.plugin")
    if kind == "analysis":
        assert spec.provides, "spec.provides is empty: name every output"
        for item in spec.provides:
            assert item.long_name, f"provides {item.name!r}: no long_name"


def config_has_defaults(obj: Any) -> None:
    """`Config()` works: a plugin runs without a table in the recipe."""
    needed = [
        field.name for field in msgspec.structs.fields(obj.Config)
        if field.required
    ]  # fmt: skip
    assert not needed, f"Config fields without a default: {', '.join(needed)}"
    obj.Config()
