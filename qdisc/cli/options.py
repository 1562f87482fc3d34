"""A plugin's options in words: from the fields of its Config and their documentation."""

from __future__ import annotations

import inspect
import re
from typing import Any

import msgspec

_ENTRY = re.compile(r"(\w+)(?: \([^)]*\))?:\s*(.*)")


def options(config: type) -> list[str]:
    """One line per option: name, type, default, meaning.

    Args:
        config: A msgspec Struct whose docstring has a Google-style `Attributes:` section.
    """
    meaning = documented(config)
    lines = []
    for field in msgspec.structs.fields(config):
        kind = getattr(field.type, "__name__", None)
        kind = str(field.type).replace("typing.", "") if kind in (None, "Union") else kind
        if str(field.type).startswith(("typing.", "tuple[", "list[", "dict[")):
            kind = str(field.type).replace("typing.", "")
        words = meaning.get(field.name, "")
        lines.append(
            f"  {field.name}: {kind} = {_default(field)}" + (f"  {words}" if words else "")
        )
    return lines


def documented(config: type) -> dict[str, str]:
    """Name -> meaning, from the `Attributes:` sections of a class and its bases."""
    out: dict[str, str] = {}
    for cls in reversed(config.__mro__):
        doc = cls.__dict__.get("__doc__") or ""
        _, _, section = inspect.cleandoc(doc).partition("Attributes:\n")
        name = ""
        for line in section.splitlines():
            if line.strip() and not line.startswith(" "):
                break
            entry = _ENTRY.match(line.strip())
            if entry and len(line) - len(line.lstrip()) <= 4:
                name = entry[1]
                out[name] = entry[2]
            elif name and line.strip():
                out[name] += " " + line.strip()
    return out


def _default(field: Any) -> str:
    if field.default is not msgspec.NODEFAULT:
        return repr(field.default)
    if field.default_factory is not msgspec.NODEFAULT:
        return repr(field.default_factory())
    return "(required)"
