"""Errors that tell a user what happened, where, the value seen, and what to try.

Every error that qdisc raises on purpose derives from `QdiscError`; the command line prints its
message without a traceback and exits with its `exit_code`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_UNSET = object()


class QdiscError(Exception):
    """Base of all errors raised on purpose.

    Args:
        what: What went wrong, one sentence.
        where: The place: a file, a key, an index, a plugin.
        value: The offending value as it was seen (shortened for display).
        hint: What to try next.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        value: object = _UNSET,
        hint: str | None = None,
    ) -> None:
        self.what, self.where, self.hint = what, where, hint
        lines = [what]
        if where is not None:
            lines.append(f"  where: {where}")
        if value is not _UNSET:
            lines.append(f"  value: {_short(value)}")
        if hint is not None:
            lines.append(f"  try:   {hint}")
        super().__init__("\n".join(lines))


class DataError(QdiscError, ValueError):
    """A dataset, or the file it comes from, is not what it says it is."""


class ConfigError(QdiscError, ValueError):
    """A recipe, an override or an argument is not understood."""


class PluginError(QdiscError):
    """A plugin is missing, ambiguous, broken or breaks the contract."""


class TrainingError(QdiscError):
    """Training cannot start or cannot go on."""


class ResultError(QdiscError):
    """A result file cannot be written, or is not a valid result."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word closest to `name`, or lists them all."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    return "known: " + ", ".join(known) if known else "nothing is known here"


def _short(value: object, limit: int = 200) -> str:
    text = repr(value)
    return text if len(text) <= limit else text[: limit - 3] + "..."
