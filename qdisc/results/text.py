"""Configurations and descriptions as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import tomli_w

MAX_TRACEBACK = 200_000


def config_text(config: Any) -> str:
    """TOML of a configuration (a struct, a mapping, or TOML already); unset keys are left out."""
    if config is None or isinstance(config, str):
        return config or ""
    return tomli_w.dumps(_without_none(msgspec.to_builtins(config)))


def _without_none(value: Any) -> Any:
    """TOML has no null: a key that is unset is not written, in a list it is the word "none"."""
    if isinstance(value, Mapping):
        return {str(k): _without_none(v) for k, v in value.items() if v is not None}
    if isinstance(value, list | tuple):
        return ["none" if v is None else _without_none(v) for v in value]
    return value


def shorten(text: str, limit: int = MAX_TRACEBACK) -> str:
    """Keep both ends of a long text; the middle is replaced by a line that says so."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n... {len(text) - 2 * half} characters left out ...\n{text[-half:]}"
